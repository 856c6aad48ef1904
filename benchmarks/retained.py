"""Whether what an event costs stays flat in what is retained: windows, groups, hash joins, indexed tables.

Each shape is filled with n events, then events are sent that keep it full: each brings one, and each answers one.
Keys come in a fixed random order, so that neighbours in time are none in memory. Nanoseconds are of processor time, the
best of some rounds. Two to four times from a thousand to a million is what the caches of the machine cost.

python -m benchmarks.retained [--shapes join,length] [--most 10000000]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.measure import Table
from eventflux import EventBatch, EventFluxManager

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
MOST: Final = 1_000_000
ROWS_A_CALL: Final = 10_000
ROUND: Final = 100_000
ROUNDS: Final = 6
START: Final = 1_700_000_000_000
STREAM: Final = "define stream S (id long, v double);"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Something that retains events.

    Attributes:
        title: What it is.
        app: The text for n retained events.
        retains: Rows that its operators hold then, of n; None: groups, which are no rows.
        streams: Where events go, in turn.
        fills: The stream that fills it, where it is another one.
    """

    title: str
    app: Callable[[int], str]
    retains: Callable[[int], int] | None = None
    streams: tuple[str, ...] = ("S",)
    fills: str | None = None


def _table(annotations: str, query: str) -> Callable[[int], str]:
    return lambda _: (
        f"@app:playback {STREAM} define stream Load (id long, v double); {annotations} "
        f"define table T (id long, v double); from Load insert into T; {query}"
    )


SHAPES: Final = {
    "time": Shape(
        title="time window, running average",
        app=lambda n: f"@app:playback {STREAM} from S#window.time({n}) select avg(v) as v insert into Out;",
        retains=lambda n: n,
    ),
    "length": Shape(
        title="length window, running average",
        app=lambda n: f"@app:playback {STREAM} from S#window.length({n}) select avg(v) as v insert into Out;",
        retains=lambda n: n,
    ),
    "group": Shape(
        title="group by, a sum of each of n keys",
        app=lambda _: f"@app:playback {STREAM} from S select id, sum(v) as v group by id insert into Out;",
    ),
    "sliding": Shape(
        title="group by n keys over a length window",
        app=lambda n: (
            f"@app:playback {STREAM} from S#window.length({n}) select id, sum(v) as v group by id insert into Out;"
        ),
        retains=lambda n: n,
    ),
    "join": Shape(
        title="hash join of two length windows",
        app=lambda n: (
            f"@app:playback define stream L (id long, v double); define stream R (id long, v double); "
            f"from L#window.length({n // 2}) as l join R#window.length({n // 2}) as r on l.id == r.id "
            f"select l.id as id, l.v as lv, r.v as rv insert into Out;"
        ),
        retains=lambda n: n,
        streams=("L", "R"),
    ),
    "join-time": Shape(
        title="hash join of two time windows",
        app=lambda n: (
            f"@app:playback define stream L (id long, v double); define stream R (id long, v double); "
            f"from L#window.time({n}) as l join R#window.time({n}) as r on l.id == r.id "
            f"select l.id as id, l.v as lv, r.v as rv insert into Out;"
        ),
        retains=lambda n: n,
        streams=("L", "R"),
    ),
    "key": Shape(
        title="table, look-up by primary key",
        app=_table("@primaryKey('id')", "from S join T on S.id == T.id select S.id as id, T.v as v insert into Out;"),
        retains=lambda n: n,
        fills="Load",
    ),
    "index": Shape(
        title="table, look-up by index",
        app=_table("@index('id')", "from S join T on S.id == T.id select S.id as id, T.v as v insert into Out;"),
        retains=lambda n: n,
        fills="Load",
    ),
    "update": Shape(
        title="table, update by primary key",
        app=_table("@primaryKey('id')", "from S update T set T.v = v on T.id == id; from S select id insert into Out;"),
        retains=lambda n: n,
        fills="Load",
    ),
}


class Run:
    """A fresh app of one shape, and the events that have been sent."""

    def __init__(self, shape: Shape, n: int) -> None:
        self.outputs = 0
        self._sent = 0
        # Of each stream as many keys as it retains, each once a cycle: a full window holds each key once.
        keys = n // len(shape.streams)
        streams = (*shape.streams, "Load")
        self._order = {stream: np.random.default_rng(seed).permutation(keys) for seed, stream in enumerate(streams)}
        self._manager = EventFluxManager()
        self.runtime = self._manager.create_eventflux_app_runtime(shape.app(n))
        self.runtime.add_callback("Out", self._count)
        self.runtime.start()

    def _count(self, events: EventBatch) -> None:
        self.outputs += len(events)

    def _calls(self, streams: tuple[str, ...], count: int) -> Iterator[dict[str, Any]]:
        """Calls of the next events, a millisecond apart, of the streams in turn."""
        for lower in range(0, count, ROWS_A_CALL):
            at = np.arange(self._sent, self._sent + min(ROWS_A_CALL, count - lower))
            self._sent += len(at)
            call = {}
            for number, stream in enumerate(streams):
                mine = at[at % len(streams) == number]
                order = self._order[stream]
                columns = {"id": order[mine // len(streams) % len(order)], "v": np.ones(len(mine))}
                call[stream] = (columns, START + mine)
            yield call

    def send(self, streams: tuple[str, ...], count: int) -> float:
        """Seconds of processor time that the next events took."""
        calls = list(self._calls(streams, count))
        started = time.process_time()
        for call in calls:
            if len(call) == 1:
                ((stream, (columns, ts)),) = call.items()
                self.runtime.input_handler(stream).send_columns(columns, ts)
            else:
                self.runtime.send_merged(call)
        return time.process_time() - started

    @property
    def held(self) -> int:
        return max(operator.rows_held for operator in self.runtime.metrics().operators)

    def close(self) -> None:
        self._manager.shutdown()


def cost(shape: Shape, n: int) -> tuple[float, bool]:
    """Nanoseconds an event beside n retained ones, and whether outputs and what is retained are right."""
    run = Run(shape, n)
    run.send((shape.fills,) if shape.fills is not None else shape.streams, n)
    before = run.outputs
    seconds = min(run.send(shape.streams, ROUND) for _ in range(ROUNDS))
    right = run.outputs - before == ROUND * ROUNDS and (shape.retains is None or run.held == shape.retains(n))
    run.close()
    return seconds / ROUND * 1e9, right


def measure(names: list[str], most: int) -> Table:
    sizes = [n for n in SIZES if n <= most]
    table = Table(["retained events", *(f"{n:,}" for n in sizes), "last / first"])
    for name in names:
        shape = SHAPES[name]
        costs, right = [], True
        for n in sizes:
            found, is_right = cost(shape, n)
            costs.append(found)
            right = right and is_right
        verdict = f"{costs[-1] / costs[0]:.1f}" if right else "WRONG"
        table.add(
            [shape.title, *(f"{each:.0f} ns" for each in costs), verdict],
            shape=name,
            ns_per_event=dict(zip(sizes, costs, strict=True)),
            right=right,
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="names, separated by commas (default %(default)s)")
    parser.add_argument(
        "--most", type=int, default=MOST, help="largest number of retained events (default %(default)s)"
    )
    options = parser.parse_args()
    names = options.shapes.split(",")
    unknown = [name for name in names if name not in SHAPES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    table = measure(names, options.most)
    print(table.text())
    return 0 if all(record["right"] for record in table.records) else 1


if __name__ == "__main__":
    sys.exit(main())
