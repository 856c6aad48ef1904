"""The checksum of a workload's output: independent of the order of rows, not of which values stand together in a row.

A row: x = 0; for each value x = x * 0x9E3779B97F4A7C15 + q(value); x ^= x >> 32; x *= 0xD6E8FEB86659FD93; x ^= x >>
32, modulo 2^64. q of a double v is floor(v * 1024 + 0.5), of an integer itself, of a string the number after its
first letter, of null 2^63 - 1. A workload: the sum over its rows, modulo 2^64.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
FINISH = 0xD6E8FEB86659FD93
NULL = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Result:
    """What a run must have emitted."""

    outputs: int
    checksum: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _quantity(value: object) -> int:
    match value:
        case None:
            return NULL
        case str():
            return int(value[1:])
        case float():
            return math.floor(value * 1024 + 0.5)
        case int():
            return value
    raise TypeError(f"no checksum of {value!r}")


def row_checksum(row: Sequence[object]) -> int:
    """The checksum of one row."""
    x = 0
    for value in row:
        x = (x * STEP + _quantity(value)) & MASK
    x ^= x >> 32
    x = x * FINISH & MASK
    return x ^ x >> 32


def result_of_rows(found: Iterable[Sequence[object]]) -> Result:
    """Count and checksum of rows."""
    outputs = total = 0
    for row in found:
        outputs += 1
        total += row_checksum(row)
    return Result(outputs, f"{total & MASK:016x}")


def result_of_columns(columns: Sequence[Any]) -> Result:
    """Count and checksum of rows without nulls given as columns: the same number, a hundred times as fast."""
    arrays = [np.asarray(column) for column in columns]
    x = np.zeros(len(arrays[0]) if arrays else 0, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for array in arrays:
            if array.dtype.kind == "f":
                quantity = np.floor(array * 1024 + 0.5).astype(np.int64)
            elif array.dtype.kind in "OUST":
                quantity = np.array([int(str(text)[1:]) for text in array.tolist()], dtype=np.int64)
            else:
                quantity = array.astype(np.int64)
            x = x * np.uint64(STEP) + quantity.view(np.uint64)
        x ^= x >> np.uint64(32)
        x *= np.uint64(FINISH)
        x ^= x >> np.uint64(32)
        return Result(len(x), f"{int(x.sum(dtype=np.uint64)):016x}")
