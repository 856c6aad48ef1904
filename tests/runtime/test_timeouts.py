"""What runs out of time on the wall clock: by itself, also where timestamps are far behind the clock."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from eventflux import EventBatch, EventFluxManager

PATTERN = (
    "CREATE STREAM A (k STRING, v INT); INSERT INTO O SELECT e1.k AS k, e2.v AS v "
    "FROM PATTERN (EVERY e1=A[v > 0] -> e2=A[k = e1.k AND v < 0]) WITHIN 150 MILLISECONDS ON TIMEOUT INSERT INTO M;"
)
MATCHES = (
    "CREATE STREAM A (k STRING, v INT); INSERT INTO O SELECT * FROM A MATCH_RECOGNIZE (PARTITION BY k "
    "MEASURES Y.v AS v PATTERN (X Y) WITHIN 150 MILLISECONDS ON TIMEOUT INSERT INTO M DEFINE X AS v > 0, Y AS v < 0);"
)


class Ears:
    """Rows of O and M, and the moment at which M has some."""

    def __init__(self, runtime: Any, wanted: int) -> None:
        self.matches: list[tuple[int, tuple[Any, ...]]] = []
        self.missed: list[tuple[int, tuple[Any, ...]]] = []
        self.complete = threading.Event()
        runtime.add_callback("O", lambda events: self.matches.extend((each.timestamp, each.data) for each in events))

        def hear(events: EventBatch) -> None:
            self.missed.extend((each.timestamp, each.data) for each in events)
            if len(self.missed) >= wanted:
                self.complete.set()

        runtime.add_callback("M", hear)


@pytest.mark.parametrize("text", [PATTERN, MATCHES], ids=["pattern", "match_recognize"])
@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "live"])
def test_a_timer_tells_what_is_missed(text: str, is_recorded: bool) -> None:
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        ears = Ears(runtime, 2)
        runtime.start()
        handler = runtime.input_handler("A")
        times = [1000, 1010, 1020, 1030] if is_recorded else [None] * 4
        for row, timestamp in zip([("x", 1), ("y", 2), ("x", -1), ("z", 3)], times, strict=True):
            handler.send(row, timestamp)
        assert ears.complete.wait(20)

    assert [data for _, data in ears.matches] == [("x", -1)]
    assert [data for _, data in ears.missed] == [("y", None), ("z", None)]
    if is_recorded:
        # The first moment at which the match was too late, by the timestamps of its events.
        assert [timestamp for timestamp, _ in ears.missed] == [1161, 1181]
