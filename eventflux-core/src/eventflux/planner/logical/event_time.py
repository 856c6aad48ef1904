"""Event time: which streams bring times of their own, and which relations and queries go by which of them.

A *time domain* is a clock. Domain 0 is the app's. Every other belongs to a set of watermarked streams: what reads rows
of these streams goes by the least of their watermarks. Rows enter a domain through ports: from outside into a
watermarked stream, or from a stream of a smaller domain into a copy of it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import NO_SPAN, Span


class LatePolicy(enum.IntEnum):
    """What becomes of a row that is older than the watermark; the engine's numbers."""

    DROP = 0
    STREAM = 1
    ACCEPT = 2
    ERROR = 3


LATE_POLICIES: Final = {
    "drop": LatePolicy.DROP,
    "log": LatePolicy.DROP,
    "stream": LatePolicy.STREAM,
    "accept": LatePolicy.ACCEPT,
    "process": LatePolicy.ACCEPT,
    "error": LatePolicy.ERROR,
    "fail": LatePolicy.ERROR,
}
"""Spellings of the policies."""


@record(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How the rows of a stream bring their time.

    Attributes:
        stream: Its name.
        column: Position of the LONG attribute that is a row's time, in milliseconds.
        delay_ms: How far behind the newest row the watermark stays.
        idle_ms: After so long a silence by the engine's clock the stream holds no other back; None: never.
        late: What becomes of rows that are older than the watermark.
        late_stream: Where they go with `LatePolicy.STREAM`.
        implied: By a window function over a stream without a watermark. What gets event time anyway has none.
        span: In the text.
    """

    stream: str
    column: int
    delay_ms: int = 0
    idle_ms: int | None = None
    late: LatePolicy = LatePolicy.DROP
    late_stream: str | None = None
    implied: bool = False
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class TimePort:
    """A way into a domain: rows of `source`, of another domain, or from outside, are released into `stream`."""

    source: str | None
    stream: str


@record(frozen=True, slots=True, kw_only=True)
class TimeDomain:
    """A clock that runs along the rows of some watermarked streams.

    Attributes:
        number: From 1.
        watermark: Of the one stream that it belongs to; None: it merges rows of other domains.
        bases: Names of the streams that it belongs to.
        ports: One from outside, or any number from other domains, in the order of equal times.
        late: Of rows that come too late for the merge because their stream was silent.
    """

    number: int
    watermark: Watermark | None
    bases: tuple[str, ...]
    ports: tuple[TimePort, ...]
    late: LatePolicy = LatePolicy.DROP


@record(frozen=True, slots=True, kw_only=True)
class TimedStream:
    """A stream that no text can name: rows of the stream `copy_of` in another domain, or rows on their way into one."""

    name: str
    schema: Schema
    copy_of: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class EventTime:
    """The time domains of an app.

    Attributes:
        domains: In the order in which they feed each other.
        relations: Stream, window or aggregation -> number of its domain; those that are missing go by the app's clock.
        partitions: The same of partitions.
        streams: What the domains need beside the streams of the text.
    """

    domains: tuple[TimeDomain, ...] = ()
    relations: Mapping[str, int] = field(default_factory=dict)
    partitions: Mapping[str, int] = field(default_factory=dict)
    streams: tuple[TimedStream, ...] = ()


def explain_domain(domain: TimeDomain) -> str:
    """A domain as text."""
    of = ", ".join(domain.bases)
    if domain.watermark is None:
        lines = [f"event time of {of}"]
        lines += [f"  {port.source} as {port.stream}" for port in domain.ports]
        return "\n".join(lines)
    mark = domain.watermark
    text = f"event time of {of}: column {mark.column}, watermark {mark.delay_ms} ms behind"
    if mark.idle_ms is not None:
        text += f", idle after {mark.idle_ms} ms"
    late = mark.late.name.lower() if mark.late_stream is None else f"into {mark.late_stream}"
    return f"{text}, late rows: {late}"
