"""Silence is an event: what time alone makes due comes out when it is due, with no further input.

Each operator that waits for time is played by four clocks: playback, the wall clock, and event time whose stream has
gone silent, beside either of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from eventflux import EventBatch, EventFluxManager

LIMIT_SECONDS = 20.0
ROWS = (("x", 1), ("y", 2))

# Each gives both rows, and nothing before time has passed.
QUERIES = {
    "time": "from S#window.time(100 millisec) select k, v insert expired events into {}",
    "time_length": "from S#window.timeLength(100 millisec, 9) select k, v insert expired events into {}",
    "time_batch": "from S#window.timeBatch(100 millisec) select k, v group by k insert into {}",
    "time_batch_from": "from S#window.timeBatch(100 millisec, 0) select k, v group by k insert into {}",
    "hopping": "from S#window.hopping(200 millisec, 100 millisec) select k, v group by k insert into {}",
    "session": "from S#window.session(100 millisec, k) select k, v insert expired events into {}",
    "delay": "from S#window.delay(100 millisec) select k, v insert into {}",
    "cron": "from S#window.cron('* * * * * ?') select k, v insert into {}",
    "all": "from S select k, v output every 100 millisec insert into {}",
    "first": "from S#window.delay(50 millisec) select k, v group by k output first every 10 millisec insert into {}",
    "last": "from S select k, v group by k output last every 100 millisec insert into {}",
    "snapshot": "from S select k, v group by k output snapshot every 100 millisec insert into {}",
    "absent": "from every e=S -> not S[v > 100] for 100 millisec select e.k as k, e.v as v insert into {}",
    "join": (
        "from S#window.time(100 millisec) as l join S#window.time(100 millisec) as r on l.k == r.k "
        "select l.k as k, l.v as v insert expired events into {}"
    ),
    "chained": (
        "from S#window.delay(60 millisec) select k, v insert into {0}Mid; "
        "from {0}Mid#window.delay(60 millisec) insert into {0}"
    ),
    "tumble": "INSERT INTO {} SELECT k, MAX(v) AS v FROM TUMBLE(S, 100) GROUP BY k, window_start",
    "sessions": "INSERT INTO {} SELECT k, v FROM SESSION(S, 100)",
}
# What is shared by all keys.
ALONE = {
    "named": "define window W (k string, v int) time(100 millisec); from S select k, v insert into W; "
    "from W select k, v insert expired events into {}",
}
WATERMARK = "@watermark(attribute='ts', idle.timeout='30 ms')"


def target(name: str) -> str:
    return f"Out_{name}"


def text(names: Iterator[str] | tuple[str, ...], *, partitioned: bool, watermarked: bool) -> str:
    queries = {**QUERIES, **ALONE}
    parts = [f"{WATERMARK if watermarked else ''} define stream S (k string, v int, ts long);"]
    for name in names:
        query = queries[name].format(target(name)) + ";"
        if partitioned:
            query = f"partition with (k of S) begin {query.replace(target(name) + 'Mid', '#' + name + 'Mid')} end;"
        parts.append(query)
    return "\n".join(parts)


@dataclass
class Ear:
    """What was heard, and a signal when it is all that was to come."""

    wanted: dict[str, set[tuple[str, int]]]
    heard: dict[str, set[tuple[Any, ...]]] = field(default_factory=dict)
    complete: threading.Event = field(default_factory=threading.Event)

    def listen(self, runtime: Any) -> None:
        for name in self.wanted:
            into = self.heard.setdefault(name, set())

            def hear(events: EventBatch, into: set[tuple[Any, ...]] = into) -> None:
                into.update(event.data for event in events)
                if all(self.wanted[each] <= self.heard[each] for each in self.wanted):
                    self.complete.set()

            runtime.add_callback(target(name), hear)


CASES = [(name, partitioned) for name in QUERIES for partitioned in (False, True)] + [(name, False) for name in ALONE]


@pytest.mark.parametrize("watermarked", [False, True], ids=["playback", "event time"])
@pytest.mark.parametrize(("name", "partitioned"), CASES)
def test_in_playback_ticks_are_enough(name: str, *, partitioned: bool, watermarked: bool) -> None:
    ear = Ear({name: set(ROWS)})
    with EventFluxManager(plugins=False) as manager:
        app = text((name,), partitioned=partitioned, watermarked=watermarked)
        runtime = manager.create_eventflux_app_runtime(app, playback=True)
        ear.listen(runtime)
        runtime.start()
        for key, value in ROWS:
            runtime.input_handler("S").send((key, value, 500_000), 1000)
        assert ear.heard[name] == set()

        for moment in range(1050, 4001, 50):
            runtime.advance_time(moment)

    assert ear.heard[name] == set(ROWS)


@pytest.mark.parametrize("watermarked", [False, True], ids=["wall clock", "event time"])
@pytest.mark.parametrize("partitioned", [False, True], ids=["plain", "partitioned"])
def test_on_the_wall_clock_nothing_is_needed(*, partitioned: bool, watermarked: bool) -> None:
    names = tuple(QUERIES) if partitioned else (*QUERIES, *ALONE)
    ear = Ear({name: set(ROWS) for name in names})
    with EventFluxManager(plugins=False) as manager:
        app = text(names, partitioned=partitioned, watermarked=watermarked)
        runtime = manager.create_eventflux_app_runtime(app)
        ear.listen(runtime)
        runtime.start()
        handler = runtime.input_handler("S")
        handler.send_many([(key, value, 500_000) for key, value in ROWS])

        ear.complete.wait(LIMIT_SECONDS)

    assert ear.heard == ear.wanted


@pytest.mark.parametrize(("keys", "calls"), [(3, range(3, 4)), (3000, range(1, 300))])
def test_firings_of_very_many_share_calls(keys: int, calls: range) -> None:
    """Few deadlines that pass together are a call each, as they always were."""
    manager = EventFluxManager()
    runtime = manager.create_eventflux_app_runtime(
        "define stream S (k long); from every e=S -> not S[k == -1L] for 300 millisec select e.k as k insert into Out;"
    )
    heard: list[list[int]] = []
    done = threading.Event()

    def take(events: EventBatch) -> None:
        heard.append([row[0] for row in events.rows()])
        if sum(map(len, heard)) == keys:
            done.set()

    runtime.add_callback("Out", take)
    runtime.start()
    runtime.input_handler("S").send_columns({"k": list(range(keys))})
    assert done.wait(LIMIT_SECONDS)
    runtime.shutdown()
    manager.shutdown()
    assert [key for call in heard for key in call] == list(range(keys))
    assert len(heard) in calls
