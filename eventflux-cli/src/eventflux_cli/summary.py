"""What a run has done: the closing table, and the figures behind the live line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from eventflux import EventFluxAppRuntime, Metrics

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Figures of a run. Events in: from sources; out: to sinks."""

    app: str
    seconds: float
    events_in: int
    events_out: int
    errors: int
    events_per_second: float
    streams: Mapping[str, int]


def summarize(app: str, metrics: Metrics, seconds: float) -> RunSummary:
    """The figures up to now."""
    counts = metrics.connectors
    events_in = sum(each.events for name, each in counts.items() if name.startswith("source/"))
    events_out = sum(each.events for name, each in counts.items() if name.startswith("sink/"))
    return RunSummary(
        app=app,
        seconds=round(seconds, 3),
        events_in=events_in,
        events_out=events_out,
        errors=sum(each.failed for each in counts.values()) + sum(metrics.failures.values()),
        events_per_second=round(events_in / seconds, 1) if seconds > 0 else 0.0,
        streams=dict(metrics.streams),
    )


def show_json(summaries: list[RunSummary]) -> str:
    """One document."""
    return json.dumps([asdict(summary) for summary in summaries] if len(summaries) != 1 else asdict(summaries[0]))


def show_plain(summary: RunSummary) -> str:
    """Lines of text."""
    width = max((len(name) for name in summary.streams), default=6)
    lines = [
        f"{summary.app}: {summary.events_in:,} events in, {summary.events_out:,} out, {summary.errors:,} errors, "
        f"{summary.seconds:.2f} s, {summary.events_per_second:,.0f} events/s"
    ]
    lines += [f"  {name:<{width}}  {rows:>12,}" for name, rows in summary.streams.items()]
    return "\n".join(lines)


def show_rich(summary: RunSummary, console: Console) -> None:
    """A table."""
    from rich.table import Table  # noqa: PLC0415 - only on a terminal

    table = Table(title=summary.app, title_justify="left")
    table.add_column("stream")
    table.add_column("events", justify="right")
    table.add_column("events/s", justify="right")
    for name, count in summary.streams.items():
        table.add_row(name, f"{count:,}", f"{count / summary.seconds:,.0f}" if summary.seconds else "")
    rows = f"{summary.events_in:,} events in, {summary.events_out:,} out, {summary.errors:,} errors"
    table.caption = f"{rows} in {summary.seconds:.2f} s"
    console.print(table)


def runtimes_summary(runtimes: list[EventFluxAppRuntime], seconds: float) -> list[RunSummary]:
    """One summary an app."""
    return [summarize(runtime.name, runtime.metrics(), seconds) for runtime in runtimes]
