"""The bare loops of limits.c, compiled at run time and called with numpy arrays."""

import ctypes
import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cache, inputs
from benchmarks.checksum import Result, result_of_columns
from benchmarks.workloads import Workload

SOURCE = Path(__file__).with_name("limits.c")
TEXT, LONG, DOUBLE = np.dtype([("length", "<u4"), ("text", "S12")]), np.dtype(np.int64), np.dtype(np.float64)
OUTPUTS: dict[str, tuple[np.dtype[Any], ...]] = {
    "a": (TEXT, DOUBLE),
    "b": (DOUBLE,),
    "c": (TEXT, LONG, DOUBLE, LONG, DOUBLE, DOUBLE),
    "d": (TEXT, LONG, DOUBLE, LONG),
    "e": (LONG, DOUBLE, DOUBLE),
    "f": (TEXT, TEXT, DOUBLE),
    "g": (LONG, DOUBLE, DOUBLE),
    "h": (DOUBLE, DOUBLE, DOUBLE),
    "i": (LONG, DOUBLE, DOUBLE),
    "j": (TEXT, LONG, DOUBLE, LONG),
}


def _library() -> ctypes.CDLL:
    path = cache.FOLDER / "limits.so"
    if not path.exists() or path.stat().st_mtime < SOURCE.stat().st_mtime:
        cache.FOLDER.mkdir(parents=True, exist_ok=True)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        subprocess.run(
            [*compiler, "-std=c11", "-O3", "-Wall", "-shared", "-fPIC", str(SOURCE), "-o", str(path)], check=True
        )
    return ctypes.CDLL(str(path))


def _texts(names: Any) -> Any:
    """ASCII strings of up to 12 bytes as the loops have them."""
    texts = np.zeros(len(names), dtype=TEXT)
    texts["text"] = names.astype("S12")
    texts["length"] = np.char.str_len(names)
    return texts


class Limit:
    """One workload as a bare loop over arrays that stand in memory."""

    def __init__(self, workload: Workload, n: int) -> None:
        columns = inputs.INPUTS[workload.source](n, **({"rate": workload.rate} if workload.rate else {}))
        ts, price = columns["ts"], columns.get("price")
        symbol = _texts(columns["symbol"]) if "symbol" in columns else None
        volume, key = columns.get("volume"), columns.get("id")
        capacity: list[Any] = []
        match workload.name:
            case "a":
                given = [symbol, price, volume]
            case "b" | "h":
                given = [price]
            case "c" | "d":
                given = [ts, symbol, price, volume]
            case "e":
                given = [ts, (columns["stream"] == "Payments").astype(np.uint8), key, columns["amount"]]
                capacity = [ctypes.c_int64(2 * n)]
            case "f":
                table = inputs.products()
                given = [symbol, price, columns["account"]]
                capacity = [ctypes.c_int64(len(table["id"])), table["id"], _texts(table["name"]), table["factor"]]
            case "g":
                given = [ts, (columns["stream"] == "B").astype(np.uint8), key, price]
            case "i":
                given = [ts, key, price]
            case "j":
                given = [ts, symbol, price, volume]
                capacity = [ctypes.c_int64(n)]
            case other:
                raise ValueError(f"no bare loop for workload {other}")
        rows = 2 * n if workload.name == "e" else n
        # Written to once, so that the first run does not pay for the pages.
        self.outputs = [np.zeros(rows, dtype=kind) for kind in OUTPUTS[workload.name]]
        self.arrays = [*given, *capacity, *self.outputs]
        self.function = getattr(_library(), f"limit_{workload.name}")
        self.function.restype = ctypes.c_int64
        self.n = n

    def _call(self) -> int:
        pointers = [
            array.ctypes.data_as(ctypes.c_void_p) if isinstance(array, np.ndarray) else array for array in self.arrays
        ]
        found: int = self.function(ctypes.c_int64(self.n), *pointers)
        if found < 0:
            raise MemoryError
        return found

    def verify(self) -> Result:
        found = self._call()
        columns = [output[:found] for output in self.outputs]
        return result_of_columns([column["text"].astype(str) if column.dtype == TEXT else column for column in columns])

    def run(self) -> float:
        """Seconds of one run."""
        started = time.perf_counter()
        self._call()
        return time.perf_counter() - started
