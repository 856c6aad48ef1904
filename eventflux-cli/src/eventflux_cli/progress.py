"""The live line of a run: how far files have been read, and the rate."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from eventflux import EventFluxAppRuntime

if TYPE_CHECKING:
    from rich.console import Console

    from eventflux_cli.live import LiveView


class Progress:
    """Shows progress on a console; without one it only counts.

    Args:
        runtimes: The apps.
        console: Where to show, or None.
        is_live: Show all figures instead of one line.
    """

    def __init__(self, runtimes: list[EventFluxAppRuntime], console: Console | None, *, is_live: bool = False) -> None:
        self._runtimes = runtimes
        self._console = console
        self._is_live = is_live
        self._live: LiveView | None = None
        self._display: Any = None
        self._task: Any = None
        self._last = (time.monotonic(), 0)

    @property
    def events_in(self) -> int:
        """Events that sources have delivered so far."""
        return sum(source.feed.events for runtime in self._runtimes for source in runtime.sources)

    def __enter__(self) -> Self:
        if self._console is not None and self._is_live:
            from eventflux_cli.live import LiveView  # noqa: PLC0415 - only on a terminal

            self._live = LiveView(self._runtimes, self._console)
            self._live.start()
        elif self._console is not None:
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - only on a terminal
            from rich.progress import Progress as Bars  # noqa: PLC0415

            self._display = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[events]:,} events  {task.fields[rate]:,.0f}/s"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._display.start()
            self._task = self._display.add_task("running", total=self._total(), events=0, rate=0.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display is not None:
            self._display.stop()
        if self._live is not None:
            self._live.update()
            self._live.stop()

    def replaced(self, runtimes: list[EventFluxAppRuntime]) -> None:
        """Other apps run from now on."""
        self._runtimes = runtimes
        if self._live is not None:
            self._live.runtimes = list(runtimes)

    def update(self) -> None:
        """Show where things stand."""
        if self._live is not None:
            self._live.update()
            return
        if self._display is None:
            return
        now, events = time.monotonic(), self.events_in
        then, before = self._last
        if now > then:
            rate = (events - before) / (now - then)
            self._last = (now, events)
            self._display.update(self._task, completed=self._read(), events=events, rate=rate)

    def _total(self) -> int | None:
        sizes = [getattr(source.source, "size_bytes", None) for each in self._runtimes for source in each.sources]
        known = [size for size in sizes if isinstance(size, int)]
        return sum(known) if known and len(known) == len(sizes) else None

    def _read(self) -> int:
        reads = (getattr(source.source, "read_bytes", 0) for each in self._runtimes for source in each.sources)
        return sum(read for read in reads if isinstance(read, int))
