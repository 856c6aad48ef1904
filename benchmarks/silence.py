"""Results that time alone makes due: how long after their deadline they come, with a million keys that wait.

A key an event, at an even rate, then silence. Each key's deadline passes by itself; the delay of its row is the moment
of the callback less the moment at which its event was sent less the period. On the wall clock.

python -m benchmarks.silence run FORM KEYS SECONDS
"""

import gc
import json
import sys
import time
from typing import Any, Final

import numpy as np

from benchmarks.memory import resident_bytes
from eventflux import EventBatch, EventFluxManager

ROWS_A_CALL: Final = 1000
SILENCE: Final = 2
"""Seconds between the last event and the first deadline: then all keys wait."""
STREAM: Final = "define stream S (k string, sent long);"
"""`sent`: microseconds of the process's clock. The engine stamps whole milliseconds: a row may seem up to one early."""
FORMS: Final[dict[str, str]] = {
    "session": "from S#window.session({period} sec, k) select k, sent insert expired events into Out;",
    "time window": "from S#window.time({period} sec) select k, sent insert expired events into Out;",
    "absent pattern": "from every e1=S -> not Answer[k == e1.k] for {period} sec"
    " select e1.k as k, e1.sent as sent insert into Out;",
    "absent pattern, partitioned": "partition with (k of S, k of Answer) begin"
    " from every e1=S -> not Answer for {period} sec select e1.k as k, e1.sent as sent insert into Out; end;",
    "time batch, partitioned": "partition with (k of S) begin from S#window.timeBatch({period} sec) select k, sent"
    " insert into Out; end;",
    "rate limit, partitioned": "partition with (k of S) begin from S select k, sent output last every {period} sec"
    " insert into Out; end;",
}


def app(form: str, period: int) -> str:
    return f"{STREAM} define stream Answer (k string); {FORMS[form].format(period=period)}"


class Taken:
    """The rows that came, and when."""

    def __init__(self, period: int) -> None:
        self.rows = 0
        self.delays: list[Any] = []
        self._period_ms = period * 1000

    def __call__(self, events: EventBatch) -> None:
        now = time.perf_counter() * 1000
        self.rows += len(events)
        self.delays.append(now - self._period_ms - np.asarray(events.columns["sent"]) / 1000)


def run(form: str, keys: int, seconds: int) -> dict[str, Any]:
    """Milliseconds between deadlines and callbacks, of one row a key."""
    period = seconds + SILENCE
    taken = Taken(period)
    manager = EventFluxManager()
    runtime = manager.create_eventflux_app_runtime(app(form, period))
    runtime.add_callback("Out", taken)
    runtime.start()
    handler = runtime.input_handler("S")
    names = np.array([f"K{number:07}" for number in range(keys)])
    gc.collect()
    before = resident_bytes()
    calls = keys // ROWS_A_CALL
    started = time.perf_counter()
    latest = 0.0
    for call in range(calls):
        due = started + seconds * call / calls
        latest = max(latest, time.perf_counter() - due)
        time.sleep(max(0.0, due - time.perf_counter()))
        piece = names[call * ROWS_A_CALL : (call + 1) * ROWS_A_CALL]
        handler.send_columns({"k": piece, "sent": np.full(len(piece), int(time.perf_counter() * 1e6))})
    waiting_mb = (resident_bytes() - before) / 1e6
    early = taken.rows
    end = time.perf_counter() + period + 5
    while taken.rows < calls * ROWS_A_CALL and time.perf_counter() < end:
        time.sleep(0.1)
    runtime.shutdown()
    manager.shutdown()
    delays = np.sort(np.concatenate(taken.delays)) if taken.delays else np.array([np.nan])
    p50, p99, p999 = (float(delays[min(len(delays) - 1, int(len(delays) * share))]) for share in (0.5, 0.99, 0.999))
    return {
        "form": form,
        "keys": calls * ROWS_A_CALL,
        "rows": taken.rows,
        "early": early,
        "right": taken.rows == calls * ROWS_A_CALL and early == 0 and float(delays[0]) > -1,
        "p50_ms": p50,
        "p99_ms": p99,
        "p99.9_ms": p999,
        "max_ms": float(delays[-1]),
        "waiting_mb": waiting_mb,
        "sender_late_ms": latest * 1000,
    }


def main(arguments: list[str]) -> int:
    match arguments:
        case ["run", form, keys, seconds] if form in FORMS:
            print(json.dumps(run(form, int(keys), int(seconds))))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
