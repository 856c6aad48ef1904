"""Events for measurements: columns of random values by a schema, the same for the same seed; or rows of a file."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eventflux import AttributeType, EventFluxError, Schema
from eventflux_cli.records import read_records

_CODES: Final = {AttributeType.INT: "i", AttributeType.LONG: "q", AttributeType.FLOAT: "f", AttributeType.DOUBLE: "d"}
_WORDS: Final = 100
_FIRST_TIMESTAMP: Final = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Columns by attribute, and their timestamps."""

    columns: dict[str, Any]
    timestamps: array[int]

    def __len__(self) -> int:
        return len(self.timestamps)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Row by row."""
        return zip(*self.columns.values(), strict=True)


def random_batches(schema: Schema, events: int, size: int, seed: int) -> list[Batch]:
    """Events one millisecond apart: numbers from 0 to 1000, and one of a hundred words for each text."""
    source = random.Random(seed)
    words = [f"{'abcdefghij'[index % 10]}{index:03}" for index in range(_WORDS)]
    return [
        Batch(
            {attribute.name: _column(attribute.type, min(size, events - start), source, words) for attribute in schema},
            array("q", range(_FIRST_TIMESTAMP + start, _FIRST_TIMESTAMP + min(start + size, events))),
        )
        for start in range(0, events, size)
    ]


def _column(kind: AttributeType, count: int, source: random.Random, words: list[str]) -> Any:
    match kind:
        case AttributeType.STRING | AttributeType.OBJECT:
            return source.choices(words, k=count)
        case AttributeType.BOOL:
            return [source.random() < 0.5 for _ in range(count)]
        case AttributeType.INT | AttributeType.LONG:
            return array(_CODES[kind], (source.randrange(1001) for _ in range(count)))
        case _:
            return array(_CODES[kind], (source.random() * 1000 for _ in range(count)))


def recorded_batches(path: Path, stream: str, schema: Schema, events: int, size: int) -> list[Batch]:
    """The rows of a file, again and again until there are enough; time goes on from one round to the next.

    Raises:
        EventFluxError: The file has no rows, or can't be read.
    """
    records = sorted(read_records(path, stream, schema, None), key=lambda record: record[0])
    if not records:
        raise EventFluxError(f"{path} has no events")
    span = records[-1][0] - records[0][0] + 1
    names = [attribute.name for attribute in schema]
    batches: list[Batch] = []
    for start in range(0, events, size):
        chosen = [
            (records[index % len(records)], index // len(records)) for index in range(start, min(start + size, events))
        ]
        columns: list[list[Any]] = [list(column) for column in zip(*(record[1] for record, _ in chosen), strict=True)]
        timestamps = array("q", (record[0] + turn * span for record, turn in chosen))
        batches.append(Batch(dict(zip(names, columns, strict=True)), timestamps))
    return batches
