"""Apps from their start to their end: signals, limits, changes of their texts."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from eventflux import Config, EventFluxAppRuntime, EventFluxError, StateError
from eventflux.configuration.check import integer
from eventflux.observability.endpoint import Endpoint
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.progress import Progress
from eventflux_cli.terminal import say

if TYPE_CHECKING:
    from rich.console import Console

logger = logging.getLogger("eventflux.cli")

_POLL_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 0.3
_GRACE_SECONDS: Final = 2.0


class Running:
    """The apps of one `run`.

    Args:
        runtimes: The apps, made and not started.
        config: For the time that a stop may take.
        limit: Stop when so many events have come in.
        duration: Stop after so many seconds.
        until_idle: Stop when nothing has happened for so many seconds.
        stats_every: Say what has been done every so many seconds.
        is_live: Show the live view.
        console: Where to show progress, or None.
    """

    def __init__(
        self,
        runtimes: Sequence[EventFluxAppRuntime],
        config: Config,
        *,
        limit: int | None,
        duration: float | None,
        until_idle: float | None,
        stats_every: float | None,
        is_live: bool,
        console: Console | None,
    ) -> None:
        self.runtimes = list(runtimes)
        self.endpoint: Endpoint | None = None
        self._timeout = (integer(config, "runtime.shutdown_timeout") or 0) / 1000
        self._limit = limit
        self._duration = duration
        self._until_idle = until_idle
        self._stats_every = stats_every
        self._is_live = is_live
        self._console = console
        self._stop = threading.Event()
        self._signals = 0
        self._asked: list[Callable[[], None]] = []
        self._watched: dict[int, Path] = {}
        self._seen: dict[Path, int] = {}
        self._remake: Callable[[Path], EventFluxAppRuntime] | None = None
        self._idle: tuple[float, int] = (time.monotonic(), -1)
        self._stats: tuple[float, int] = (time.monotonic(), 0)

    def watch(self, files: Sequence[Path], remake: Callable[[Path], EventFluxAppRuntime]) -> None:
        """Go on with new texts when files change; their apps are the first ones, in that order."""
        self._watched = dict(enumerate(files))
        self._seen = {file: _changed(file) for file in files}
        self._remake = remake

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Handle signals while the block runs.

        INT, TERM: the first asks for a clean end, the second ends the process at once. HUP opens log files anew,
        USR1 saves the state, USR2 writes plans, figures and the stacks of all threads to the log.
        """
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGINT: self._on_end,
            signal.SIGTERM: self._on_end,
        }
        for name, act in (("SIGHUP", _reopen_logs), ("SIGUSR1", self._persist), ("SIGUSR2", self._dump)):
            number = getattr(signal, name, None)
            if number is not None:
                handlers[number] = self._asking(act)
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def start(self) -> None:
        """Start all; those that were started are stopped again if one can't."""
        for runtime in self.runtimes:
            runtime.start()

    def wait(self, started: float) -> None:
        """Until the input of all ends, an app fails, a limit is reached, or a signal comes."""
        with Progress(self.runtimes, self._console, is_live=self._is_live) as progress:
            while not self._is_over(started, progress):
                while self._asked:
                    self._asked.pop(0)()
                if self._remake is not None:
                    self._look_for_changes(progress)
                progress.update()
                self._tell_stats(progress)
                self._pause()

    def stop(self) -> None:
        """Stop all: sources first, then what is under way runs out, state is saved, sinks are flushed.

        When that takes longer than `runtime.shutdown_timeout`, what is left is logged, and the process ends.
        """
        watchdog = threading.Timer(self._timeout + _GRACE_SECONDS, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            for runtime in self.runtimes:
                runtime.shutdown(timeout=self._timeout)
        finally:
            watchdog.cancel()

    # ---- ends

    def _is_over(self, started: float, progress: Progress) -> bool:
        if self._stop.is_set() or any(runtime.state == "failed" for runtime in self.runtimes):
            return True
        if any(runtime.sources for runtime in self.runtimes) and all(
            runtime.wait_finished(0) for runtime in self.runtimes
        ):
            return True
        if self._duration is not None and time.monotonic() - started >= self._duration:
            return True
        if self._limit is not None and progress.events_in >= self._limit:
            return True
        return self._until_idle is not None and self._is_idle(self._until_idle)

    def _is_idle(self, seconds: float) -> bool:
        rows = sum(sum(runtime.metrics().streams.values()) for runtime in self.runtimes)
        if rows != self._idle[1]:
            self._idle = (time.monotonic(), rows)
        return time.monotonic() - self._idle[0] >= seconds

    def _pause(self) -> None:
        if len(self.runtimes) == 1 and self.runtimes[0].sources and self._until_idle is None:
            # Wakes up as soon as the input has ended.
            self.runtimes[0].wait_finished(_POLL_SECONDS)
        else:
            self._stop.wait(_POLL_SECONDS)

    def _give_up(self) -> None:
        for runtime in self.runtimes:
            metrics = runtime.metrics()
            left = {name: figures.queue_depth for name, figures in metrics.async_streams.items() if figures.queue_depth}
            logger.error("app %r could not be drained in time: rows left in buffers: %s", runtime.name, left or "none")
        sys.stdout.flush()
        os._exit(ExitCode.RUNTIME)

    # ---- signals

    def _on_end(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1:
            os._exit(ExitCode.FORCED)
        self._stop.set()

    def _asking(self, act: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            self._asked.append(act)

        return handle

    def _persist(self) -> None:
        for runtime in self.runtimes:
            try:
                logger.info("app %r: revision %s", runtime.name, runtime.persist(), extra={"app": runtime.name})
            except EventFluxError as error:
                logger.error("app %r: %s", runtime.name, error.message, extra={"app": runtime.name})  # noqa: TRY400

    def _dump(self) -> None:
        for runtime in self.runtimes:
            logger.warning("app %r: plan\n%s", runtime.name, runtime.explain(), extra={"app": runtime.name})
            logger.warning("app %r: figures\n%s", runtime.name, runtime.metrics(), extra={"app": runtime.name})
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 - the only way to the stacks of others
            stack = "".join(traceback.format_stack(frame))
            logger.warning("thread %s\n%s", names.get(ident, ident), stack)

    # ---- changes

    def _look_for_changes(self, progress: Progress) -> None:
        for index, file in self._watched.items():
            now = _changed(file)
            if now == self._seen[file]:
                continue
            self._seen[file] = now
            self._replace(index, file)
            progress.replaced(self.runtimes)
            if self.endpoint is not None:
                self.endpoint.runtimes = tuple(self.runtimes)

    def _replace(self, index: int, file: Path) -> None:
        """Go on with the new text and the old state, where that fits; a text that is wrong leaves the app as it is."""
        assert self._remake is not None
        old = self.runtimes[index]
        state = old.snapshot()
        text = old.source_text
        old.close()
        try:
            new = self._remake(file)
            self._start_with(new, state)
            say(f"{file}: changed, goes on")
        except EventFluxError as error:
            say(f"{error}\n{file}: changed, but wrong: goes on as before")
            new = self._remake_text(text, file)
            self._start_with(new, state)
        self.runtimes[index] = new

    def _remake_text(self, text: str, file: Path) -> EventFluxAppRuntime:
        """The app of a former text: written beside, since an app without a name is called like its file."""
        assert self._remake is not None
        before = file.with_name(f".{file.stem}.before")
        before.mkdir(exist_ok=True)
        copy = before / file.name
        copy.write_text(text, "utf-8")
        try:
            return self._remake(copy)
        finally:
            copy.unlink()
            before.rmdir()

    def _start_with(self, runtime: EventFluxAppRuntime, state: bytes) -> None:
        try:
            runtime.restore(state)
        except StateError as error:
            say(f"the state does not fit the new text and is left out: {error.message}")
        try:
            runtime.start()
        except EventFluxError:
            runtime.close()
            raise

    def _tell_stats(self, progress: Progress) -> None:
        if self._stats_every is None:
            return
        now, (then, before) = time.monotonic(), self._stats
        if now - then < self._stats_every:
            return
        events = progress.events_in
        self._stats = (now, events)
        for runtime in self.runtimes:
            metrics = runtime.metrics()
            rows = ", ".join(f"{name} {count:,}" for name, count in metrics.streams.items())
            say(
                f"{runtime.name}: {events:,} in, {(events - before) / (now - then):,.0f}/s; {rows}; "
                f"{metrics.memory_bytes / 1e6:,.1f} MB; {sum(metrics.failures.values())} failures"
            )


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _reopen_logs() -> None:
    for handler in logging.getLogger().handlers:
        reopen = getattr(handler, "reopenIfNeeded", None)
        if reopen is not None:
            reopen()
