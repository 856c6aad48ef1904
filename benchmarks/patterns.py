"""Partial matches of g: what an event costs beside a hundred or a million that wait, and what one that waits costs.

python -m benchmarks.patterns waiting N
python -m benchmarks.patterns soak N
"""

import json
import sys
import time
from typing import Any, Final

import numpy as np

from benchmarks.memory import resident_bytes
from eventflux import EventBatch, EventFluxManager

ROWS_A_CALL: Final = 10_000
EVENTS: Final = 2_000_000
# What the page store keeps of an A: timestamp, link, validity, id and price.
ROW_BYTES: Final = 32
APP: Final = """
    @app:playback
    define stream S (id long, price double, is_b bool);
    define stream A (id long, price double);
    define stream B (id long, price double);
    from S[is_b == false] select id, price insert into A;
    from S[is_b == true] select id, price insert into B;
    from every e1=A -> e2=B[id == e1.id and price > e1.price] within 10 sec
    select e1.id as id, e1.price as p1, e2.price as p2 insert into Out;
"""
START: Final = 1_700_000_000_000


class Run:
    """g behind one stream, so that a call holds rows of both."""

    def __init__(self) -> None:
        self.outputs = 0
        self._manager = EventFluxManager()
        self.runtime = self._manager.create_eventflux_app_runtime(APP)
        self.runtime.add_callback("Out", self._count)
        self.runtime.start()
        self._handler = self.runtime.input_handler("S")

    def _count(self, events: EventBatch) -> None:
        self.outputs += len(events)

    def send(self, ids: Any, prices: Any, is_b: Any, ts: Any) -> float:
        """Seconds that the rows took."""
        started = time.perf_counter()
        for lower in range(0, len(ids), ROWS_A_CALL):
            piece = slice(lower, lower + ROWS_A_CALL)
            self._handler.send_columns({"id": ids[piece], "price": prices[piece], "is_b": is_b[piece]}, ts[piece])
        return time.perf_counter() - started

    @property
    def waiting(self) -> int:
        return sum(node.rows_held for node in self.runtime.metrics().operators if node.operator == "pattern")

    @property
    def memory(self) -> int:
        return sum(node.memory_bytes for node in self.runtime.metrics().operators if node.operator == "pattern")

    def close(self) -> None:
        self._manager.shutdown()


def waiting(n: int) -> dict[str, Any]:
    """Nanoseconds an event while n matches wait, and bytes of each beside its row."""
    run = Run()
    empty = run.memory
    run.send(np.arange(n, dtype=np.int64), np.ones(n), np.zeros(n, bool), np.full(n, START))
    bytes_each = (run.memory - empty) / n
    # Each A is a new match, each B ends the oldest one: as many wait at the end.
    ids = np.empty(EVENTS, dtype=np.int64)
    ids[0::2] = np.arange(n, n + EVENTS // 2)
    ids[1::2] = np.arange(EVENTS // 2)
    is_b = np.arange(EVENTS) % 2 == 1
    seconds = run.send(ids, 1.0 + is_b, is_b, np.full(EVENTS, START + 1))
    found = run.waiting
    outputs = run.outputs
    run.send(np.zeros(1, np.int64), np.ones(1), np.ones(1, bool), np.full(1, START + 20_000))
    left, after = run.waiting, run.memory
    run.close()
    return {
        "waiting": n,
        "right": outputs == EVENTS // 2 and found == n and left == 0,
        "ns_per_event": seconds / EVENTS * 1e9,
        "bytes_per_match": bytes_each - ROW_BYTES,
        "bytes_after_expiry": after,
    }


def soak(n: int) -> dict[str, Any]:
    """Resident memory along n events at 1,000 a second: level, since what is out of WITHIN goes at once."""
    run = Run()
    block = 1_000_000
    generator = np.random.default_rng(7)
    ids, prices = generator.integers(0, 10_000, block), generator.uniform(1, 1000, block)
    is_b, ts = generator.random(block) < 0.5, START + np.arange(block)
    samples = []
    for number in range(n // block):
        run.send(ids, prices, is_b, ts + number * block)
        samples.append(resident_bytes())
    waiting_now = run.waiting
    run.close()
    return {
        "events": n,
        "outputs": run.outputs,
        "waiting": waiting_now,
        "resident_mb_first": samples[0] / 1e6,
        "resident_mb_end": samples[-1] / 1e6,
        "growth_bytes_per_event": (samples[-1] - samples[0]) / max(1, (len(samples) - 1) * block),
    }


def main(arguments: list[str]) -> int:
    match arguments:
        case ["waiting", n]:
            print(json.dumps(waiting(int(n))))
        case ["soak", n]:
            print(json.dumps(soak(int(n))))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
