"""`eventflux run`: start apps, run them until their input ends or a signal comes, say what they did."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Final

from eventflux import (
    EventBatch,
    EventFluxAppRuntime,
    EventFluxManager,
    FilePersistenceStore,
    RuntimeFailure,
    SqlitePersistenceStore,
)
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.progress import Progress
from eventflux_cli.settings import apps_of, load_settings, load_variables, open_manager
from eventflux_cli.summary import runtimes_summary, show_json, show_plain, show_rich
from eventflux_cli.terminal import console, say

_POLL_SECONDS: Final = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("apps", nargs="*", metavar="APP", help="file with an app, in SQL or EventFluxQL")
    parser.add_argument("--playback", action="store_true", help="let event time drive the clock")
    parser.add_argument("--limit", type=int, metavar="N", help="stop when N events have come in")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="stop after so long")
    parser.add_argument(
        "--print", action="append", default=[], metavar="STREAM", help="print a stream's events (repeatable)"
    )
    parser.add_argument("--log-all", action="store_true", help="print every stream that a query inserts into")
    store = parser.add_mutually_exclusive_group()
    store.add_argument("--persistence-dir", metavar="DIR", help="keep the state in files there")
    store.add_argument("--sqlite", metavar="DB", help="keep the state in an SQLite database")
    parser.add_argument("--production", action="store_true", help="refuse secrets that are written out")
    parser.add_argument("--no-restore", action="store_true", help="begin with empty state")
    parser.add_argument("--no-summary", action="store_true", help="do not say at the end what was done")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the summary")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    with ExitStack() as stack:
        config = load_settings(options)
        manager = stack.enter_context(open_manager(options, config))
        _set_store(manager, options, stack)
        variables = load_variables(options.define)
        runtimes = [
            manager.create_eventflux_app_runtime(app, playback=True if options.playback else None, variables=variables)
            for app in apps_of(options, config)
        ]
        for runtime in runtimes:
            runtime.on_exception(_tell)
            _print_streams(runtime, options)
        return _until_done(runtimes, options)


def _set_store(manager: EventFluxManager, options: argparse.Namespace, stack: ExitStack) -> None:
    store: FilePersistenceStore | SqlitePersistenceStore
    if options.persistence_dir:
        store = FilePersistenceStore(options.persistence_dir)
    elif options.sqlite:
        store = SqlitePersistenceStore(options.sqlite)
    else:
        return
    stack.callback(store.close)
    manager.set_persistence_store(store)


def _tell(failure: RuntimeFailure) -> None:
    logging.getLogger("eventflux.cli").warning("%s", failure)


def _print_streams(runtime: EventFluxAppRuntime, options: argparse.Namespace) -> None:
    wanted = list(options.print)
    if options.log_all:
        wanted += [name for name in runtime.streams if name not in wanted]
    for name in wanted:
        runtime.add_callback(name, _printer(name))


def _printer(name: str) -> Callable[[EventBatch], None]:
    def show(events: EventBatch) -> None:
        lines = [f"{name} {event.timestamp} {list(event.data)!r}" for event in events]
        print("\n".join(lines), flush=True)

    return show


class _Stop:
    """Signals and limits. The first signal asks for a clean end, the second ends the process at once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._signals = 0

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1:
            os._exit(ExitCode.FORCED)
        self.event.set()


def _until_done(runtimes: list[EventFluxAppRuntime], options: argparse.Namespace) -> ExitCode:
    stop = _Stop()
    previous = {number: signal.signal(number, stop.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    started = time.monotonic()
    out = console(options.color) if options.format == "text" and not options.quiet else None
    try:
        for runtime in runtimes:
            runtime.start()
        with Progress(runtimes, out) as progress:
            _wait(runtimes, options, stop, progress, started)
        failed = any(runtime.state == "failed" for runtime in runtimes)
        for runtime in runtimes:
            runtime.shutdown()
        seconds = time.monotonic() - started
        _summarize(runtimes, options, seconds, out)
    except BrokenPipeError:
        # The reader of the output is gone: that is its way to say that it has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.SUCCESS
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return ExitCode.RUNTIME if failed else ExitCode.SUCCESS


def _wait(
    runtimes: list[EventFluxAppRuntime], options: argparse.Namespace, stop: _Stop, progress: Progress, started: float
) -> None:
    has_sources = any(runtime.sources for runtime in runtimes)
    while not stop.event.is_set():
        if has_sources and all(runtime.wait_finished(0) for runtime in runtimes):
            return
        if any(runtime.state == "failed" for runtime in runtimes):
            return
        if options.duration is not None and time.monotonic() - started >= options.duration:
            return
        if options.limit is not None and progress.events_in >= options.limit:
            return
        progress.update()
        if has_sources:
            runtimes[0].wait_finished(_POLL_SECONDS if len(runtimes) == 1 else 0)
            if len(runtimes) > 1:
                stop.event.wait(_POLL_SECONDS)
        else:
            stop.event.wait(_POLL_SECONDS)


def _summarize(runtimes: list[EventFluxAppRuntime], options: argparse.Namespace, seconds: float, out: object) -> None:
    if options.no_summary or options.quiet:
        return
    summaries = runtimes_summary(runtimes, seconds)
    if options.format == "json":
        say(show_json(summaries))
        return
    for summary in summaries:
        if out is None:
            say(show_plain(summary))
        else:
            show_rich(summary, out)  # type: ignore[arg-type]
