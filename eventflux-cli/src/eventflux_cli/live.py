"""The live view: streams with counts and rates, buffers with depths and latencies, sources and sinks, memory."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from eventflux import EventFluxAppRuntime, Metrics


class LiveView:
    """Shows apps on a console until `stop`.

    Args:
        runtimes: The apps.
        console: A terminal.
    """

    def __init__(self, runtimes: Sequence[EventFluxAppRuntime], console: Console) -> None:
        self.runtimes = list(runtimes)
        self._before: dict[str, tuple[float, dict[str, int]]] = {}
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def start(self) -> None:
        """Begin."""
        self._live.start()

    def stop(self) -> None:
        """Leave the last picture where it is."""
        self._live.stop()

    def update(self) -> None:
        """Draw the present figures."""
        pictures = [self.picture(runtime.metrics(), time.monotonic()) for runtime in self.runtimes]
        self._live.update(Group(*pictures), refresh=True)

    def picture(self, metrics: Metrics, now: float) -> RenderableType:
        """One app."""
        then, before = self._before.get(metrics.app, (now, {}))
        seconds = now - then
        self._before[metrics.app] = (now, dict(metrics.streams))
        failures = sum(metrics.failures.values())
        head = Text(f"{metrics.app} ", style="bold")
        head.append(metrics.state, style="green" if metrics.state == "running" else "yellow")
        head.append(f"  {metrics.memory_bytes / 1e6:,.1f} MB  ")
        head.append(f"{failures:,} failures", style="red" if failures else "dim")
        streams = Table(box=None, pad_edge=False)
        for name in ("stream", "events", "events/s", "buffer", "p50", "p99", "dropped"):
            streams.add_column(name, justify="left" if name == "stream" else "right")
        for name, count in metrics.streams.items():
            rate = (count - before.get(name, count)) / seconds if seconds > 0 else 0.0
            figures = metrics.async_streams.get(name)
            if figures is None:
                buffer = ("", "", "", "")
            else:
                latency = figures.consume_latency
                buffer = (
                    f"{figures.queue_depth:,}/{figures.queue_capacity:,}",
                    f"{latency.p50_us:,.0f} us",
                    f"{latency.p99_us:,.0f} us",
                    f"{figures.events_dropped:,}",
                )
            streams.add_row(name, f"{count:,}", f"{rate:,.0f}", *buffer)
        parts: list[RenderableType] = [head, streams]
        if metrics.connectors:
            connectors = Table(box=None, pad_edge=False)
            for name in ("source, sink", "events", "failed", "connection"):
                connectors.add_column(name, justify="right" if name in {"events", "failed"} else "left")
            for name, counts in metrics.connectors.items():
                connectors.add_row(name, f"{counts.events:,}", f"{counts.failed:,}", counts.state)
            parts.append(connectors)
        return Group(*parts)
