"""Playback that goes on by itself: after each idle time without an event the clock moves by the increment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from eventflux import EventFluxManager

QL = "@app:playback(idle.time='50 millisecond', increment='1 sec') define stream A (k string, v int);"
SQL = """
    SET 'app.playback' = true; SET 'app.playback.idle.time' = '50 ms'; SET 'app.playback.increment' = '1 sec';
    CREATE STREAM A (k STRING, v INT);
"""
BATCH = "from A#window.timeBatch(1 sec) select sum(v) as s insert into O;"
ABSENCE = "from e1=A -> not B for 1 sec select e1.v as a insert into O;"


def until(holds: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (QL + BATCH, (1000, (1,))),
        (SQL + "INSERT INTO O SELECT SUM(v) AS s FROM A WINDOW('timeBatch', INTERVAL '1' SECOND);", (1000, (1,))),
        (QL + "define stream B (k string, v int);" + ABSENCE, (2000, (1,))),
    ],
    ids=["ql", "sql", "absence"],
)
def test_what_is_due_comes_without_a_further_event(text: str, wanted: tuple[int, tuple[Any, ...]]) -> None:
    heard: list[tuple[int, tuple[Any, ...]]] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.add_callback("O", lambda events: heard.extend((event.timestamp, event.data) for event in events))
        runtime.start()
        runtime.input_handler("A").send(("x", 1), 1000)
        assert until(lambda: bool(heard))
    assert heard[0] == wanted


def test_time_begins_with_the_first_event_and_a_stream_of_events_keeps_it() -> None:
    heard: list[Any] = []
    text = QL.replace("50 millisecond", "400 millisecond") + BATCH
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.add_callback("O", heard.extend)
        runtime.start()
        time.sleep(0.6)
        assert runtime.metrics().streams["O"] == 0
        for number in range(16):
            runtime.input_handler("A").send(("x", 1), 1000 + number)
            time.sleep(0.05)
        assert heard == []
        assert until(lambda: bool(heard))
        assert heard[0].data == (16,)


def test_stopping_ends_it_and_a_failing_listener_does_not() -> None:
    failures: list[Any] = []

    def fail(_: object) -> None:
        raise ValueError("no")

    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            QL + "from A#window.time(1 sec) select v insert all events into O;"
        )
        runtime.add_callback("O", fail)
        runtime.on_exception(failures.append)
        runtime.start()
        handler = runtime.input_handler("A")
        handler.send(("x", 1), 1000)
        assert until(lambda: len(failures) >= 2)
        handler.send(("x", 2), 100_000)
        assert until(lambda: len(failures) >= 4)
        runtime.shutdown()
        told = len(failures)
        time.sleep(0.2)
        assert len(failures) == told
