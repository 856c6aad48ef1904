"""Memory: bytes a retained event, and a long run that must not grow. Each figure comes from a process of its own.

python -m benchmarks.memory retained N
python -m benchmarks.memory soak WORKLOAD N
"""

import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import inputs
from benchmarks.workloads import QUERIES, WORKLOADS, Workload
from eventflux import EventBatch, EventFluxManager

ROWS_A_CALL = 10_000


def resident_bytes() -> int:
    """What the kernel counts as this process's resident memory."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmRSS")


def _pieces(columns: inputs.Columns, n: int) -> Iterator[tuple[inputs.Columns, Any]]:
    for lower in range(0, n, ROWS_A_CALL):
        piece = {name: column[lower : lower + ROWS_A_CALL] for name, column in columns.items()}
        yield piece, piece.pop("ts")


def retained(n: int) -> dict[str, Any]:
    """Resident bytes of one event of 4 attributes in a length window that holds all of them."""
    outputs = 0

    def count(events: EventBatch) -> None:
        nonlocal outputs
        outputs += len(events)

    manager = EventFluxManager()
    runtime = manager.create_eventflux_app_runtime((QUERIES / "state.sql").read_text(encoding="utf-8"))
    runtime.add_callback("Out", count)
    runtime.start()
    handler = runtime.input_handler("Trade")
    columns = inputs.trades(n)
    gc.collect()
    before = resident_bytes()
    for piece, ts in _pieces(columns, n):
        handler.send_columns(piece, ts)
    gc.collect()
    grown = resident_bytes() - before
    runtime.shutdown()
    return {"events": n, "outputs": outputs, "bytes_per_event": grown / n}


def soak(workload: Workload, n: int, *, block: int = 1_000_000) -> dict[str, Any]:
    """Send n events, the same block again and again with later times; resident memory must stay level."""
    outputs = 0

    def count(events: EventBatch) -> None:
        nonlocal outputs
        outputs += len(events)

    manager = EventFluxManager()
    runtime = manager.create_eventflux_app_runtime(workload.app("sql"))
    runtime.add_callback("Out", count)
    runtime.start()
    assert workload.stream is not None
    handler = runtime.input_handler(workload.stream)
    columns = inputs.INPUTS[workload.source](block, **({} if workload.rate is None else {"rate": workload.rate}))
    span = int(columns["ts"][-1] - columns["ts"][0]) + 1
    pieces = list(_pieces(columns, block))
    samples = []
    started = time.perf_counter()
    for round_number in range(n // block):
        for piece, ts in pieces:
            handler.send_columns(piece, ts + round_number * span)
        samples.append(resident_bytes())
    seconds = time.perf_counter() - started
    runtime.shutdown()
    # The first tenth fills windows, pools and caches.
    settled = samples[max(1, len(samples) // 10) :] or samples
    return {
        "events": n,
        "outputs": outputs,
        "events_per_second": n / seconds,
        "resident_mb_settled": settled[0] / 1e6,
        "resident_mb_end": settled[-1] / 1e6,
        "growth_bytes_per_event": (settled[-1] - settled[0]) / max(1, (len(settled) - 1) * block),
    }


def main(arguments: list[str]) -> int:
    match arguments:
        case ["retained", n]:
            print(json.dumps(retained(int(n))))
        case ["soak", name, n]:
            print(json.dumps(soak(WORKLOADS[name], int(n))))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
