"""Interleaved pairs and their report."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

PAIRS = 5


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of subject and baseline, run in turn."""

    subject: tuple[float, ...]
    baseline: tuple[float, ...]
    subject_events: int
    baseline_events: int

    @property
    def subject_rate(self) -> float:
        return self.subject_events / statistics.median(self.subject)

    @property
    def baseline_rate(self) -> float:
        return self.baseline_events / statistics.median(self.baseline)

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self.subject_rate / self.baseline_rate

    @property
    def best_ratio_of_baseline(self) -> float:
        """Median of the subject over the best run of the baseline: what goals are held against."""
        return self.subject_rate / (self.baseline_events / min(self.baseline))

    @property
    def spread(self) -> tuple[float, float]:
        """Lowest and highest ratio of neighbours."""
        scale = self.subject_events / self.baseline_events
        ratios = [theirs / ours * scale for ours, theirs in zip(self.subject, self.baseline, strict=True)]
        return min(ratios), max(ratios)


def interleave(
    subject: Callable[[], float],
    baseline: Callable[[], float],
    *,
    subject_events: int,
    baseline_events: int,
    pairs: int = PAIRS,
    least_seconds: float = 0.5,
) -> Pairs:
    """Subject, baseline, subject, …; a side that is faster than `least_seconds` is repeated within its turn."""

    def repeated(run: Callable[[], float]) -> Callable[[], float]:
        times = max(1, min(50, math.ceil(least_seconds / max(run(), 1e-9))))
        return lambda: statistics.median(run() for _ in range(times))

    ours, theirs = repeated(subject), repeated(baseline)
    taken = [(ours(), theirs()) for _ in range(pairs)]
    return Pairs(tuple(own for own, _ in taken), tuple(other for _, other in taken), subject_events, baseline_events)


def rate_text(events_per_second: float) -> str:
    return f"{events_per_second / 1e6:.3g} M/s" if events_per_second >= 1e5 else f"{events_per_second / 1e3:.3g} k/s"


@dataclass(slots=True)
class Table:
    """Rows of text under a header, aligned; `records` keep the figures for --json."""

    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row: Sequence[str], **record: Any) -> None:
        self.rows.append(row)
        self.records.append(record)

    def text(self) -> str:
        widths = [max(len(line[place]) for line in [self.header, *self.rows]) for place in range(len(self.header))]
        lines = [self.header, ["-" * width for width in widths], *self.rows]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
