"""A limit on partial matches: what an event does that would begin one more, in both dialects and under both drivers."""

from __future__ import annotations

from typing import Any

import pytest

from eventflux import EventFluxAppRuntime, EventFluxManager

QL = """
    @app:playback @app:pattern(max_partial_matches='3', overflow='{overflow}')
    define stream A (id int, v int); define stream B (id int, v int);
    {fault}
    from every e1=A -> e2=B[id == e1.id] select e1.id as id, e2.v as v insert into O;
"""
SQL = """
    SET 'app.playback' = true;
    SET 'pattern.max_partial_matches' = 3;
    SET 'pattern.overflow' = '{overflow}';
    CREATE STREAM A (id INT, v INT); CREATE STREAM B (id INT, v INT);
    {fault}
    INSERT INTO O SELECT e1.id AS id, e2.v AS v FROM PATTERN (EVERY e1=A -> e2=B[id = e1.id]);
"""


class App:
    def __init__(self, text: str, engine: dict[str, Any]) -> None:
        self._manager = EventFluxManager({"engine": engine}, plugins=False)
        self.runtime: EventFluxAppRuntime = self._manager.create_eventflux_app_runtime(text)
        self.out: list[Any] = []
        self.failures: list[Any] = []
        self.runtime.add_callback("O", lambda events: self.out.extend(event.data for event in events))
        self.runtime.on_exception(self.failures.append)
        self.runtime.start()

    @property
    def partial(self) -> int:
        return sum(node.rows_held for node in self.runtime.metrics().operators if node.operator == "pattern")

    def send(self, stream: str, ids: range, start: int, *, bulk: bool) -> None:
        rows = [(number, 10 * number) for number in ids]
        stamps = [start + number for number in ids]
        handler = self.runtime.input_handler(stream)
        if bulk:
            handler.send_many(rows, stamps)
        else:
            for row, stamp in zip(rows, stamps, strict=True):
                handler.send(row, stamp)

    def close(self) -> None:
        self._manager.shutdown()


@pytest.fixture(params=[{}, {"depth_first": True}, {"slice_rows": 2}], ids=["slices", "depth-first", "slices of 2"])
def engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("text", [QL, SQL], ids=["ql", "sql"])
def test_an_event_too_many_fails_and_begins_nothing(text: str, bulk: bool, engine: dict[str, Any]) -> None:
    app = App(text.format(overflow="fail", fault=""), engine)
    app.send("A", range(6), 1000, bulk=bulk)
    assert app.partial == 3
    assert [failure.stream for failure in app.failures] == ["A"] * 3
    assert "holds 3 partial matches, as many as it may" in app.failures[0].message
    app.send("B", range(6), 2000, bulk=bulk)
    assert app.out == [(0, 0), (1, 10), (2, 20)]
    assert app.partial == 0
    app.send("A", range(7, 8), 3000, bulk=bulk)
    app.send("B", range(7, 8), 4000, bulk=bulk)
    assert app.out[3:] == [(7, 70)]
    app.close()


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("text", [QL, SQL], ids=["ql", "sql"])
def test_the_oldest_match_makes_room(text: str, bulk: bool, engine: dict[str, Any]) -> None:
    app = App(text.format(overflow="drop_oldest", fault=""), engine)
    app.send("A", range(6), 1000, bulk=bulk)
    assert app.partial == 3
    app.send("B", range(6), 2000, bulk=bulk)
    assert app.out == [(3, 30), (4, 40), (5, 50)]
    assert app.failures == []
    app.close()


def test_the_event_that_failed_goes_to_the_fault_stream() -> None:
    fault = "from !A select id, v insert into O;"
    text = QL.format(overflow="fail", fault=fault).replace(
        "define stream A", "@OnError(action='STREAM') define stream A"
    )
    app = App(text, {})
    app.send("A", range(5), 1000, bulk=False)
    assert app.out == [(3, 30), (4, 40)]
    app.close()


def test_the_order_of_matches_outlives_a_restore() -> None:
    text = "@app:name('Limited')" + QL.format(overflow="drop_oldest", fault="")
    first = App(text, {})
    first.send("A", range(3), 1000, bulk=False)
    saved = first.runtime.snapshot()
    first.close()
    second = App(text, {})
    second.runtime.restore(saved)
    second.send("A", range(3, 5), 1000, bulk=False)
    second.send("B", range(5), 2000, bulk=False)
    assert second.out == [(2, 20), (3, 30), (4, 40)]
    second.close()


def test_every_of_several_events_begins_anew_when_its_match_was_dropped() -> None:
    text = """
        @app:playback @app:pattern(max_partial_matches='1', overflow='drop_oldest')
        define stream A (k string, v int); define stream B (k string, v int);
        partition with (k of A, k of B) begin
            from every (e1=A -> e2=B) select e1.v as id, e2.v as v insert into O;
        end;
    """
    app = App(text, {})
    a, b = app.runtime.input_handler("A"), app.runtime.input_handler("B")
    for number, key in enumerate("xyx"):
        a.send((key, number), 1000 + number)
    assert app.partial == 1
    for key in "yx":
        b.send((key, 9), 2000)
    assert app.out == [(2, 9)]
    app.close()


@pytest.mark.parametrize(
    ("query", "warned"),
    [
        ("every e1=A -> e2=B", True),
        ("e1=A -> every e2=B -> e3=A", True),
        ("every e1=A -> e2=B within 1 sec", False),
        ("every (e1=A -> e2=B)", False),
        ("e1=A -> every e2=B", False),
        ("every e1=A, e2=B", False),
    ],
)
def test_patterns_that_may_grow_for_ever_are_warned_about_unless_limited(query: str, warned: bool) -> None:
    definitions = "define stream A (id int); define stream B (id int);"
    query = f"from {query} select e1.id as id insert into O;"
    for limit, told in (("", warned), ("@app:pattern(max_partial_matches='10')", False)):
        with EventFluxManager(plugins=False) as manager:
            runtime = manager.create_eventflux_app_runtime(limit + definitions + query)
            assert ["W07" in str(warning.code) for warning in runtime.warnings] == [True] * told
            assert ("at most 10 partial matches, else the event fails" in str(runtime.explain())) == bool(limit)
