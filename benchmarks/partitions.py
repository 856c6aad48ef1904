"""A million keys with a small aggregate each: memory, and the rate of a partition beside the rate of GROUP BY.

python -m benchmarks.partitions run partition|group KEYS EVENTS
"""

import gc
import json
import sys
import time
from typing import Any, Final, Literal

import numpy as np

from benchmarks.memory import resident_bytes
from eventflux import EventBatch, EventFluxManager

Form = Literal["partition", "group"]
ROWS_A_CALL: Final = 10_000
START: Final = 1_700_000_000_000
STREAM: Final = "SET 'app.playback' = true; CREATE STREAM S (id BIGINT, price DOUBLE);"
APPS: Final[dict[str, str]] = {
    "partition": f"{STREAM} PARTITION WITH (id OF S) BEGIN INSERT INTO Out "
    "SELECT id, SUM(price) AS total, COUNT(*) AS n FROM S; END;",
    "group": f"{STREAM} INSERT INTO Out SELECT id, SUM(price) AS total, COUNT(*) AS n FROM S GROUP BY id;",
}


def run(form: Form, keys: int, events: int) -> dict[str, Any]:
    """Rates while the keys are new and when all are known, the memory that they took, whether rows are right."""
    outputs = 0
    last: EventBatch | None = None

    def take(batch: EventBatch) -> None:
        nonlocal outputs, last
        outputs += len(batch)
        last = batch

    manager = EventFluxManager()
    runtime = manager.create_eventflux_app_runtime(APPS[form])
    runtime.add_callback("Out", take)
    runtime.start()
    handler = runtime.input_handler("S")
    generator = np.random.default_rng(11)
    first = generator.permutation(keys).astype(np.int64)
    rest = generator.integers(0, keys, events, dtype=np.int64)
    prices = np.ones(max(keys, events))
    ts = START + np.arange(keys + events, dtype=np.int64) // 100

    def send(ids: Any, from_row: int) -> float:
        started = time.perf_counter()
        for lower in range(0, len(ids), ROWS_A_CALL):
            piece = ids[lower : lower + ROWS_A_CALL]
            at = from_row + lower
            handler.send_columns({"id": piece, "price": prices[: len(piece)]}, ts[at : at + len(piece)])
        return time.perf_counter() - started

    send(first[:1000], 0)  # what an app needs by itself
    gc.collect()
    before = resident_bytes()
    creating = send(first[1000:], 1000)
    grown = resident_bytes() - before
    known = send(rest, keys)
    seen = np.bincount(rest, minlength=keys) + 1
    right = outputs == keys + events
    if last is not None:
        ids, counts = last.columns["id"], last.columns["n"]
        ends = dict(zip(ids, counts, strict=True))
        right = right and all(count == seen[key] for key, count in ends.items())
    held = {node.operator: node.memory_bytes for node in runtime.metrics().operators if node.memory_bytes}
    runtime.shutdown()
    manager.shutdown()
    return {
        "form": form,
        "keys": keys,
        "events": events,
        "right": bool(right),
        "new_keys_per_second": (keys - 1000) / creating,
        "events_per_second": events / known,
        "resident_mb": grown / 1e6,
        "engine_mb": sum(held.values()) / 1e6,
    }


def main(arguments: list[str]) -> int:
    match arguments:
        case ["run", ("partition" | "group") as form, keys, events]:
            print(json.dumps(run(form, int(keys), int(events))))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
