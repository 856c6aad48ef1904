"""Latency of one `send` to its callback, open loop: counted from the moment an event was due, not from its send.

One thread sends rows at a fixed rate and spins in between. Beside it, the lateness of a loop that does nothing at the
same rate: only what comes on top is the engine's.
"""

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.goals import LATENCY_P50_US, LATENCY_TAIL_ABOVE_EMPTY_US
from benchmarks.measure import Table
from benchmarks.subject import prepare
from benchmarks.workloads import WORKLOADS, Workload
from eventflux import EventFluxManager

WARM_UP_SECONDS = 2.5
RATES = {"a": 10_000, "d": 10_000, "g": 1_000, "i": 10_000}


def percentiles(latencies: list[int]) -> dict[str, float]:
    """Microseconds at p50, p99, p99.9 and the maximum."""
    ordered = sorted(latencies)
    if not ordered:
        return dict.fromkeys(("p50", "p99", "p99.9", "max"), float("nan"))
    last = len(ordered) - 1
    places = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: ordered[min(last, int(len(ordered) * share))] / 1e3 for name, share in places.items()}


def _open_loop(events: int, rate: int, act: Callable[[int], None], due_cell: list[int]) -> None:
    interval = 1_000_000_000 // rate
    clock = time.perf_counter_ns
    start = clock() + 1_000_000
    for number in range(events):
        due = start + number * interval
        while clock() < due:
            pass
        due_cell[0] = due
        act(number)


def empty_loop(rate: int, seconds: float) -> dict[str, float]:
    """How late this machine is by itself."""
    late: list[int] = []
    due = [0]
    _open_loop(int(rate * seconds), rate, lambda _: late.append(time.perf_counter_ns() - due[0]), due)
    return percentiles(late)


def engine_loop(workload: Workload, rate: int, seconds: float, *, checkpoints: bool) -> dict[str, float]:
    warm = int(rate * WARM_UP_SECONDS)
    events = warm + int(rate * seconds)
    calls = prepare(workload, events, "row")
    manager = EventFluxManager()
    if checkpoints:
        from eventflux import InMemoryPersistenceStore  # absent where checkpoints are

        manager.set_persistence_store(InMemoryPersistenceStore())
    runtime = manager.create_eventflux_app_runtime(workload.app("sql"))
    taken: list[int] = []
    due = [0]

    def callback(arrived: Any) -> None:
        now = time.perf_counter_ns()
        taken.extend([now - due[0]] * len(arrived))

    runtime.add_callback("Out", callback)
    runtime.start()
    handlers = {stream: runtime.input_handler(stream).send for stream in {call.stream for call in calls}}
    steps = [(handlers[call.stream], call.data, call.timestamps) for call in calls]
    stopping = threading.Event()

    def keep_checkpoints() -> None:
        while not stopping.wait(1.0):
            runtime.persist()

    writer = threading.Thread(target=keep_checkpoints, name="benchmark-checkpoints")
    if checkpoints:
        writer.start()

    def act(number: int) -> None:
        if number == warm:
            taken.clear()
        send, row, timestamp = steps[number]
        send(row, timestamp)

    gc.collect()
    _open_loop(events, rate, act, due)
    stopping.set()
    if checkpoints:
        writer.join()
    runtime.shutdown()
    manager.shutdown()
    return percentiles(taken)


def measure(names: list[str], *, seconds: float, checkpoints: bool) -> Table:
    table = Table(["workload", "rate", "what", "p50 us", "p99 us", "p99.9 us", "max us", "verdict"])
    for name in names:
        rate = RATES[name]
        empty = empty_loop(rate, seconds)
        variants = [("engine", False)] + ([("engine, a checkpoint a second", True)] if checkpoints else [])
        _add(table, name, rate, "empty loop", empty, "")
        for what, with_checkpoints in variants:
            found = engine_loop(WORKLOADS[name], rate, seconds, checkpoints=with_checkpoints)
            _add(table, name, rate, what, found, _verdict(found, empty))
    return table


def _verdict(found: dict[str, float], empty: dict[str, float]) -> str:
    middle = found["p50"]
    tail = max(found[name] - empty[name] for name in ("p99", "p99.9"))
    if middle <= LATENCY_P50_US[1] and tail <= LATENCY_TAIL_ABOVE_EMPTY_US[1]:
        return "goal"
    return "floor" if middle <= LATENCY_P50_US[0] and tail <= LATENCY_TAIL_ABOVE_EMPTY_US[0] else "BELOW"


def _add(table: Table, name: str, rate: int, what: str, found: dict[str, float], verdict: str) -> None:
    row = [name, f"{rate}/s", what, *(f"{value:.1f}" for value in found.values()), verdict]
    table.add(row, workload=name, what=what, rate=rate, **found)
