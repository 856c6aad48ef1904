"""Polars and DuckDB on one thread, from an Arrow table in memory to an Arrow table, the whole input at once.

They answer a, b, c, d and f as a batch engine would: in one query over everything. Where an engine has no exact equal
of a workload (Polars on sliding windows over equal timestamps), it is left out rather than compared on another
answer.

    python -m benchmarks.baselines.batch_engines ENGINE WORKLOAD N    # a server: a line in, the seconds of one run out
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from typing_extensions import Self

from benchmarks import inputs
from benchmarks.checksum import Result, result_of_columns
from benchmarks.workloads import WORKLOADS, Workload

DUCKDB = {
    "a": "SELECT symbol, price * volume AS value FROM trades WHERE price > 500.0",
    "b": "SELECT avg(price) OVER (ORDER BY row ROWS 999 PRECEDING) AS avg_price FROM trades",
    "c": """
        SELECT symbol, sum(volume)::BIGINT AS total, avg(price) AS avg_price, count(*) AS n, min(price) AS low,
               max(price) AS high
        FROM trades WHERE ts // 1000 < (SELECT max(ts) // 1000 FROM trades) GROUP BY ts // 1000, symbol""",
    # Ten rows share a millisecond: the frame starts at the first row of the oldest millisecond that has not left.
    "d": """
        SELECT symbol, sum(volume) OVER w::BIGINT AS total, avg(price) OVER w AS avg_price, count(*) OVER w AS n
        FROM trades
        WINDOW w AS (PARTITION BY symbol ORDER BY row RANGE BETWEEN (row % 10 + 99990) PRECEDING AND CURRENT ROW)""",
    "f": """
        SELECT symbol, name, price * factor AS value FROM trades JOIN products ON products.id = trades.account""",
}


def duckdb_run(workload: Workload, n: int) -> Callable[[], Any]:
    import duckdb
    import numpy as np
    import pyarrow as pa

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("SET preserve_insertion_order = false")
    columns = inputs.trades(n, **({} if workload.rate is None else {"rate": workload.rate}))
    connection.register("trades", pa.table({"row": np.arange(n, dtype=np.int64), **columns}))
    if workload.has_table:
        connection.register("loaded", pa.table(inputs.products()))
        connection.execute("CREATE TABLE products AS SELECT * FROM loaded")
    query = DUCKDB[workload.name]
    return lambda: connection.sql(query).to_arrow_table()


def polars_run(workload: Workload, n: int) -> Callable[[], Any]:
    import polars as pl

    columns = inputs.trades(n, **({} if workload.rate is None else {"rate": workload.rate}))
    trades = pl.DataFrame(columns)
    match workload.name:
        case "a":
            query = trades.lazy().filter(pl.col("price") > 500.0)
            query = query.select("symbol", value=pl.col("price") * pl.col("volume"))
        case "c":
            second = pl.col("ts") // 1000
            query = trades.lazy().with_columns(second=second).filter(pl.col("second") < second.max())
            query = query.group_by("second", "symbol").agg(
                total=pl.col("volume").sum(),
                avg_price=pl.col("price").mean(),
                n=pl.len().cast(pl.Int64),
                low=pl.col("price").min(),
                high=pl.col("price").max(),
            )
            query = query.drop("second")
        case "f":
            products = pl.DataFrame(inputs.products())
            query = trades.lazy().join(products.lazy(), left_on="account", right_on="id")
            query = query.select("symbol", "name", value=pl.col("price") * pl.col("factor"))
        case other:
            raise ValueError(f"Polars has no exact equal of workload {other}")
    return lambda: query.collect().to_arrow()


ENGINES = {"duckdb": duckdb_run, "polars": polars_run}


def result_of_table(table: Any) -> Result:
    return result_of_columns([column.to_numpy() for column in table.columns])


class BatchEngine:
    """One workload on one engine, in a process of its own: the number of threads is fixed when Polars is imported."""

    def __init__(self, engine: str, workload: Workload, n: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.baselines.batch_engines", engine, workload.name, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def _ask(self, request: str) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError(f"the batch engine stopped with status {self.process.wait()}")
        return answer

    def verify(self) -> Result:
        outputs, checksum = self._ask("verify")
        return Result(int(outputs), checksum)

    def run(self) -> float:
        return float(self._ask("run")[0])


def serve(engine: str, workload: str, n: int) -> None:
    run = ENGINES[engine](WORKLOADS[workload], n)
    for line in sys.stdin:
        started = time.perf_counter()
        table = run()
        seconds = time.perf_counter() - started
        if line.strip() == "verify":
            found = result_of_table(table)
            print(found.outputs, found.checksum, flush=True)
        else:
            print(seconds, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
