"""Inputs of the workloads: the same columns on every machine.

Each column has a bit stream of its own (the raw output of numpy's PCG64, which is fixed), so the first k rows of a
longer input are the k rows of a shorter one. Prices and factors are multiples of 1/64: sums of them are exact in a
double in any order, and engines that add in different orders agree to the last bit.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]

START_MS = 1_700_000_000_000
SEED = 20_240_229
ACCOUNTS = 125_000
PRODUCTS = 100_000


def _uniform(stream: int, n: int, below: int) -> npt.NDArray[np.int64]:
    """n integers in [0, below): the high 32 bits of the column's stream, scaled by multiply and shift."""
    bits = np.random.PCG64(np.random.SeedSequence([SEED, stream])).random_raw(n)
    high = bits >> np.uint64(32)
    return ((high * np.uint64(below)) >> np.uint64(32)).astype(np.int64)


def _times(n: int, rate: int) -> npt.NDArray[np.int64]:
    return START_MS + np.arange(n, dtype=np.int64) * 1000 // rate


def _prices(stream: int, n: int) -> npt.NDArray[np.float64]:
    """Prices in [1, 1000), in steps of 1/64."""
    return (64 + _uniform(stream, n, 64 * 999)) / 64.0


def _names(prefix: str, digits: int, numbers: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.str_]:
    return np.array([f"{prefix}{number:0{digits}}" for number in range(count)])[numbers]


def trades(n: int, rate: int = 10_000) -> Columns:
    """Stream Trade: 1,000 symbols, 125,000 accounts."""
    return {
        "ts": _times(n, rate),
        "symbol": _names("S", 4, _uniform(1, n, 1000), 1000),
        "price": _prices(2, n),
        "volume": 1 + _uniform(3, n, 1000),
        "account": _uniform(4, n, ACCOUNTS),
    }


def orders(n: int, rate: int = 10_000) -> Columns:
    """Streams Orders and Payments, half each: 5,000 ids."""
    return {
        "ts": _times(n, rate),
        "stream": np.array(["Orders", "Payments"])[_uniform(11, n, 2)],
        "id": _uniform(12, n, 5000),
        "amount": _prices(13, n),
    }


def ab(n: int, rate: int = 1000) -> Columns:
    """Streams A and B, half each: 10,000 ids."""
    return {
        "ts": _times(n, rate),
        "stream": np.array(["A", "B"])[_uniform(21, n, 2)],
        "id": _uniform(22, n, 10_000),
        "price": _prices(23, n),
    }


def ticks(n: int, rate: int = 10_000) -> Columns:
    """Stream Tick: 10,000 ids."""
    return {"ts": _times(n, rate), "id": _uniform(31, n, 10_000), "price": _prices(32, n)}


def products(n: int = PRODUCTS) -> Columns:
    """Table Product: ids 0 to n-1, each once."""
    ids = np.arange(n, dtype=np.int64)
    return {"id": ids, "name": _names("P", 6, ids, n), "factor": (32 + _uniform(41, n, 64)) / 64.0}


INPUTS = {"trades": trades, "orders": orders, "ab": ab, "ticks": ticks, "products": products}


def rows(columns: Columns) -> list[tuple[Any, ...]]:
    """The columns as tuples of Python values."""
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


def write_csv(columns: Columns, path: Path) -> None:
    """One line a row under a header of names."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(",".join(columns) + "\n")
        out.writelines(",".join(map(str, row)) + "\n" for row in rows(columns))


def write_json_lines(columns: Columns, path: Path) -> None:
    """One compact object a line."""
    names = list(columns)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows(columns):
            out.write(json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":")) + "\n")
