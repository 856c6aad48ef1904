"""Worked traces whose answer is not rows of stream O: query callbacks, a table."""

from __future__ import annotations

from typing import Any

import pytest

from eventflux import EventBatch, EventFluxManager

STREAMS = "define stream A (k string, v int); define stream B (k string, v int);"


def data(batch: EventBatch | None) -> list[tuple[int, tuple[Any, ...]]] | None:
    return None if batch is None else [(event.timestamp, event.data) for event in batch]


@pytest.mark.parametrize("engine", [{}, {"depth_first": True}], ids=["slices", "depth-first"])
def test_a_query_callback_is_called_for_each_match(engine: dict[str, Any]) -> None:
    calls: list[Any] = []
    text = f"@app:playback {STREAMS} @info(name='q') from every e1=A -> e2=B select e1.v as a, e2.v as b insert into O;"
    with EventFluxManager({"engine": engine}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.add_query_callback("q", lambda at, came, gone: calls.append((at, data(came), data(gone))))
        runtime.start()
        runtime.input_handler("A").send(("x", 1), 1)
        runtime.input_handler("A").send(("x", 2), 2)
        runtime.input_handler("B").send(("x", 2), 7)
    assert calls == [(7, [(7, (1, 2))], None), (7, [(7, (2, 2))], None)]


def test_matches_go_into_a_table() -> None:
    text = (
        f"@app:playback {STREAMS} define table T (a int, b int);"
        "from every e1=A -> e2=B select e1.v as a, e2.v as b insert into T;"
    )
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.start()
        runtime.input_handler("A").send_many([("x", 1), ("x", 2)], [1, 2])
        runtime.input_handler("B").send(("x", 10), 3)
        found = runtime.query("from T select a, b")
        assert not isinstance(found, int)
        assert [event.data for event in found] == [(1, 10), (2, 10)]
