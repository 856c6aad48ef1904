"""JSON lines, file to file, as one would write it without an engine; each run is a process of its own.

python -m benchmarks.baselines.file_loops (msgspec|polars) (k|k-wide) INPUT OUTPUT
"""

import sys
from pathlib import Path


def msgspec_loop(workload: str, source: str, target: str) -> None:
    """A decoder of one Struct, a dict of groups, orjson."""
    import msgspec
    import orjson

    class Trade(msgspec.Struct):
        ts: int
        symbol: str
        price: float
        volume: int
        account: int

    decode = msgspec.json.Decoder(Trade).decode
    with Path(source).open("rb") as lines, Path(target).open("wb") as out:
        if workload == "k-wide":
            for line in lines:
                trade = decode(line)
                if trade.price > 500.0:
                    out.write(orjson.dumps({"symbol": trade.symbol, "value": trade.price * trade.volume}) + b"\n")
            return
        groups: dict[str, list[float]] = {}
        second = None
        for line in lines:
            trade = decode(line)
            if not trade.price > 500.0:
                continue
            if trade.ts // 1000 != second:
                for symbol, (total, amount, count) in groups.items():
                    row = {"symbol": symbol, "total": total, "avg_price": amount / count, "n": count}
                    out.write(orjson.dumps(row) + b"\n")
                groups, second = {}, trade.ts // 1000
            group = groups.get(trade.symbol)
            if group is None:
                groups[trade.symbol] = [trade.volume, trade.price, 1]
            else:
                group[0] += trade.volume
                group[1] += trade.price
                group[2] += 1


def polars_files(workload: str, source: str, target: str) -> None:
    """The whole file at once."""
    import polars as pl

    trades = pl.read_ndjson(source).filter(pl.col("price") > 500.0)
    if workload == "k-wide":
        trades.select("symbol", value=pl.col("price") * pl.col("volume")).write_ndjson(target)
        return
    last = trades["ts"].max() // 1000  # the second still open at the end is not written
    grouped = (
        trades.with_columns(second=pl.col("ts") // 1000)
        .filter(pl.col("second") != last)
        .group_by("second", "symbol")
        .agg(total=pl.col("volume").sum(), avg_price=pl.col("price").mean(), n=pl.len())
    )
    grouped.drop("second").write_ndjson(target)


LOOPS = {"msgspec": msgspec_loop, "polars": polars_files}


if __name__ == "__main__":
    LOOPS[sys.argv[1]](sys.argv[2], sys.argv[3], sys.argv[4])
