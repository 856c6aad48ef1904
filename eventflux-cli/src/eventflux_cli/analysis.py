"""An app run over recorded events, to see what each operator did and how long it took."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventflux import ConfigError, EventFluxAppRuntime
from eventflux_cli.records import read_records

_BATCH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFigures:
    """What one operator did.

    Attributes:
        operator: Its name, the query's before it.
        kind: What it is.
        rows_in: Rows that it took.
        rows_out: Rows that it gave.
        calls: How often it was called.
        rows_held: Rows that it holds at the end.
        milliseconds: What its calls took.
    """

    operator: str
    kind: str
    rows_in: int
    rows_out: int
    calls: int
    rows_held: int
    milliseconds: float


def analyse(
    runtime: EventFluxAppRuntime, inputs: Sequence[tuple[str, Path]], timestamp_field: str | None
) -> list[OperatorFigures]:
    """Send recorded events, in the order of their times.

    Args:
        runtime: In playback, not started; it is started here.
        inputs: Streams, and files with their events.
        timestamp_field: Where a row has its time; None: as `read_records` guesses.

    Returns:
        The operators in the order of the plan.

    Raises:
        EventDataError: A row does not fit its stream.
    """
    runtime.set_statistics_level("detail")
    runtime.start()
    streams = [
        _of_stream(runtime, stream, number, file, timestamp_field) for number, (stream, file) in enumerate(inputs)
    ]
    waiting: tuple[str, list[tuple[Any, ...]], list[int]] | None = None
    for timestamp, number, row in heapq.merge(*streams, key=lambda entry: entry[:2]):
        stream = inputs[number][0]
        if waiting is not None and (waiting[0] != stream or len(waiting[1]) == _BATCH):
            _send(runtime, *waiting)
            waiting = None
        if waiting is None:
            waiting = stream, [], []
        waiting[1].append(row)
        waiting[2].append(timestamp)
    if waiting is not None:
        _send(runtime, *waiting)
    return [
        OperatorFigures(
            operator=node.name,
            kind=node.operator,
            rows_in=node.rows_in,
            rows_out=node.rows_out,
            calls=node.calls,
            rows_held=node.rows_held,
            milliseconds=round(node.busy_ns / 1e6, 3),
        )
        for node in runtime.metrics().operators
    ]


def inputs_of(texts: Sequence[str], runtime: EventFluxAppRuntime) -> list[tuple[str, Path]]:
    """`STREAM=FILE` options; FILE alone is of the app's only stream that no query writes into.

    Raises:
        ConfigError: There are several such streams.
    """
    found: list[tuple[str, Path]] = []
    for text in texts:
        stream, separator, file = text.partition("=")
        if not separator:
            stream, file = _only_input(runtime, text), text
        found.append((stream, Path(file)))
    return found


def _only_input(runtime: EventFluxAppRuntime, file: str) -> str:
    written = set(_targets(runtime))
    names = [name for name in runtime.streams if name not in written]
    if len(names) != 1:
        raise ConfigError(
            f"--analyze {file!r}: it is not plain whose events these are",
            key="--analyze",
            hint=f"--analyze STREAM=FILE, with one of: {', '.join(names) or 'no stream'}",
        )
    return names[0]


def _targets(runtime: EventFluxAppRuntime) -> Iterator[str]:
    """Streams that a query writes into, as the logical plan tells."""
    for line in runtime.explain().splitlines():
        if line == "rewritten plan":
            return
        verb, into, target = line.strip().partition(" into ")
        if into and verb.startswith("insert "):
            yield target.split()[0]


def _of_stream(
    runtime: EventFluxAppRuntime, stream: str, number: int, file: Path, timestamp_field: str | None
) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
    schema = runtime.input_handler(stream).definition
    for timestamp, row in read_records(file, stream, schema, timestamp_field):
        yield timestamp, number, row


def _send(runtime: EventFluxAppRuntime, stream: str, rows: list[tuple[Any, ...]], timestamps: list[int]) -> None:
    runtime.input_handler(stream).send_many(rows, timestamps)
