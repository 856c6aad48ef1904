"""`eventflux run`: start apps, run them until their input ends or a signal comes, say what they did."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from eventflux import (
    Config,
    ConfigError,
    ConnectionUnavailableError,
    EventBatch,
    EventFluxAppRuntime,
    EventFluxManager,
    RuntimeFailure,
    StateError,
    __version__,
    load_config,
)
from eventflux.configuration.check import flag, is_given, text
from eventflux.observability.endpoint import Endpoint, endpoint_settings
from eventflux_cli import logs
from eventflux_cli.durations import seconds_of
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.limits import with_memory_limit
from eventflux_cli.moments import moment
from eventflux_cli.running import Running
from eventflux_cli.settings import apps_of, load_settings, load_variables, open_manager
from eventflux_cli.stores import add_store_options, with_store
from eventflux_cli.summary import runtimes_summary, show_json, show_plain, show_rich
from eventflux_cli.terminal import console, say


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("apps", nargs="*", metavar="APP", help="file with an app, in SQL or EventFluxQL")
    parser.add_argument("--playback", action="store_true", help="let event time drive the clock")
    parser.add_argument("--limit", type=int, metavar="N", help="stop when N events have come in")
    parser.add_argument("--duration", metavar="T", help="stop after so long: 10s, 5 min, or seconds")
    parser.add_argument("--until-idle", metavar="T", help="stop when nothing has happened for so long")
    parser.add_argument(
        "--print", action="append", default=[], metavar="STREAM", help="print a stream's events (repeatable)"
    )
    parser.add_argument("--why", action="store_true", help="print the events behind each match below its row")
    parser.add_argument("--log-all", action="store_true", help="print the events of every stream")
    add_store_options(parser)
    restore = parser.add_mutually_exclusive_group()
    restore.add_argument("--no-restore", action="store_true", help="begin with empty state")
    restore.add_argument("--restore", metavar="REV|TIME", help="begin with a revision, or the last one up to a time")
    parser.add_argument("--production", action="store_true", help="refuse secrets that are written out")
    parser.add_argument("--http-port", metavar="N|off", help="of metrics and probes (default 9090)")
    parser.add_argument("--watch", action="store_true", help="when the file changes, go on with the new text")
    parser.add_argument(
        "--live", action="store_true", help="on a terminal: streams, rates, buffers, latencies as they are"
    )
    parser.add_argument("--show-stats", metavar="T", help="say every so often what has been done")
    parser.add_argument("--no-summary", action="store_true", help="do not say at the end what was done")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the summary")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    with ExitStack() as stack:
        config = _settings(options)
        manager = stack.enter_context(open_manager(options, config))
        if flag(config, "observability.tracing.enabled"):
            _trace(manager, config, stack)
        apps = apps_of(options, config)
        if len(apps) > 1 and text(config, "application.name") is not None:
            raise ConfigError("application.name names one app, and several are to run", key="application.name")
        runtimes = [_made(manager, app, options) for app in apps]
        names = _named(runtimes, apps)
        if len(names) > 1:
            say(f"eventflux run: one process runs one app; these are {', '.join(sorted(names))}")
            return ExitCode.USAGE
        logs.set_up(
            config,
            level=options.log_level,
            form=options.log_format,
            app=runtimes[0].name if len(runtimes) == 1 else None,
            default_level="warning" if options.quiet else "info",
        )
        running = Running(
            runtimes,
            config,
            limit=options.limit,
            duration=seconds_of(options.duration),
            until_idle=seconds_of(options.until_idle),
            stats_every=seconds_of(options.show_stats),
            is_live=options.live,
            console=console(options.color) if options.format == "text" and not options.quiet else None,
        )
        if options.watch:
            running.watch([app for app in apps if isinstance(app, Path)], lambda app: _made(manager, app, options))
        return _run(running, config, options, stack)


def _trace(manager: EventFluxManager, config: Config, stack: ExitStack) -> None:
    from eventflux.observability.tracing import configured_tracing  # noqa: PLC0415 - brings OpenTelemetry along

    end = configured_tracing(manager, config)
    if end is not None:
        stack.callback(end)


def _settings(options: argparse.Namespace) -> Config:
    config = with_memory_limit(with_store(options, load_settings(options)))
    overrides: list[str] = []
    if options.no_restore or options.restore:
        overrides.append("persistence.auto_restore=false")
    if options.http_port == "off":
        overrides.append("observability.http.enabled=false")
    elif options.http_port is not None:
        if not options.http_port.isdecimal():
            raise ConfigError(
                f"--http-port {options.http_port!r}: expected a port, or off", key="observability.http.port"
            )
        overrides.append(f"observability.http.port={options.http_port}")
    return load_config(overrides=overrides, environ={}).over(config) if overrides else config


def _made(manager: EventFluxManager, app: str | Path, options: argparse.Namespace) -> EventFluxAppRuntime:
    runtime = manager.create_eventflux_app_runtime(
        app,
        playback=True if options.playback else None,
        variables=load_variables(options.define),
        explain_matches=options.why,
    )
    runtime.on_exception(_tell)
    _print_streams(runtime, options)
    if options.restore:
        runtime.restore_revision(_revision(runtime, options.restore))
    return runtime


def _revision(runtime: EventFluxAppRuntime, wanted: str) -> str:
    """A revision of that name, else the last one that was saved up to that time."""
    known = runtime.revisions()
    if wanted in known:
        return wanted
    try:
        latest = moment(wanted)
    except ConfigError:
        latest = None
    if latest is None:
        return wanted
    earlier = [revision for revision in known if int(revision.partition("_")[0]) <= latest]
    if not earlier:
        raise StateError(f"app {runtime.name!r} has no revision up to {wanted}")
    return earlier[-1]


def _named(runtimes: list[EventFluxAppRuntime], apps: list[str | Path]) -> set[str]:
    """The names that apps have of their own; the others are called like their files."""
    return {
        runtime.name
        for runtime, app in zip(runtimes, apps, strict=True)
        if not isinstance(app, Path) or runtime.name != app.stem
    }


def _run(running: Running, config: Config, options: argparse.Namespace, stack: ExitStack) -> ExitCode:
    endpoint = _endpoint(running.runtimes, config)
    if endpoint is not None:
        running.endpoint = endpoint
        stack.callback(endpoint.close)
    started = time.monotonic()
    try:
        with running.signals():
            running.start()
            if not options.quiet:
                say(_banner(running.runtimes, config, endpoint))
            running.wait(started)
            failed = any(runtime.state == "failed" for runtime in running.runtimes)
            running.stop()
        _summarize(running.runtimes, options, time.monotonic() - started)
    except BrokenPipeError:
        # The reader of the output is gone: that is its way to say that it has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.SUCCESS
    return ExitCode.RUNTIME if failed else ExitCode.SUCCESS


def _endpoint(runtimes: list[EventFluxAppRuntime], config: Config) -> Endpoint | None:
    """Metrics and probes. A port that nobody asked for may be taken; one that was asked for may not."""
    if is_given(config, "observability.http.enabled") and not flag(config, "observability.http.enabled"):
        return None
    try:
        return Endpoint(runtimes, endpoint_settings(config))
    except ConnectionUnavailableError as error:
        if is_given(config, "observability.http.port") or is_given(config, "observability.http.enabled"):
            raise
        logs.logger.warning("%s: there are no metrics and no probes", error.message)
        return None


def _banner(runtimes: list[EventFluxAppRuntime], config: Config, endpoint: Endpoint | None) -> str:
    lines: list[str] = []
    for runtime in runtimes:
        parts = [f"eventflux {__version__}: {runtime.name}"]
        sources = ", ".join(f"{source.stream} ({source.type_name})" for source in runtime.sources)
        sinks = ", ".join(f"{sink.stream} ({sink.type_name})" for sink in runtime.sinks)
        parts += [f"from {sources}"] if sources else []
        parts += [f"to {sinks}"] if sinks else []
        kind = text(config, "persistence.type")
        if kind is not None and kind != "none":
            restored = runtime.restored_revision
            parts.append(f"state: {kind}, {f'revision {restored} restored' if restored else 'nothing restored'}")
        if endpoint is not None:
            parts.append(f"http://{endpoint.settings.host}:{endpoint.port}/metrics")
        lines.append("; ".join(parts))
    return "\n".join(lines)


def _tell(failure: RuntimeFailure) -> None:
    fields = {"app": failure.app, **({"stream": failure.stream} if failure.stream else {})}
    logs.logger.warning("%s", failure, extra=fields)


def _print_streams(runtime: EventFluxAppRuntime, options: argparse.Namespace) -> None:
    wanted = list(options.print)
    if options.log_all or (options.why and not wanted):
        wanted += [name for name in runtime.streams if name not in wanted]
    for name in wanted:
        runtime.add_callback(name, _printer(name, runtime if options.why else None))


def _printer(name: str, explains: EventFluxAppRuntime | None) -> Callable[[EventBatch], None]:
    def show(events: EventBatch) -> None:
        lines: list[str] = []
        for event in events:
            lines.append(f"{name} {event.timestamp} {list(event.data)!r}")
            why = None if explains is None else explains.explain_match(event)
            lines += [] if why is None else [f"  {captured}" for captured in why.events]
        print("\n".join(lines), flush=True)

    return show


def _summarize(runtimes: list[EventFluxAppRuntime], options: argparse.Namespace, seconds: float) -> None:
    if options.no_summary or options.quiet:
        return
    summaries = runtimes_summary(runtimes, seconds)
    if options.format == "json":
        say(show_json(summaries))
        return
    out = console(options.color)
    for summary in summaries:
        if out is None:
            say(show_plain(summary))
        else:
            show_rich(summary, out)
