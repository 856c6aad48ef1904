"""Event time ends with the app: what waits for a watermark comes out, and windows close."""

from __future__ import annotations

import pytest

from eventflux import EventBatch, EventFluxManager, InMemoryPersistenceStore

APP = """
    CREATE STREAM E (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);
    CREATE STREAM F (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts);
    INSERT INTO Seen SELECT v FROM E;
    INSERT INTO Tumbled SELECT window_end AS e, SUM(v) AS t FROM TUMBLE(E, ts, 5 SECONDS) GROUP BY window_end;
    INSERT INTO Batched SELECT SUM(v) AS t FROM E WINDOW('timeBatch', 4 SECONDS);
    INSERT INTO Twice SELECT window_end AS e, MAX(t) AS t FROM TUMBLE(Tumbled, e, 20 SECONDS) GROUP BY window_end;
    INSERT INTO Both SELECT E.v AS v, F.v AS w FROM E WINDOW LENGTH(9) JOIN F WINDOW LENGTH(9) ON E.k = F.k;
"""
NAMES = ("Seen", "Tumbled", "Batched", "Twice", "Both")


def heard_at_the_end(app: str, manager: EventFluxManager, *, drain: bool = True) -> dict[str, list[object]]:
    heard: dict[str, list[object]] = {name: [] for name in NAMES}
    runtime = manager.create_eventflux_app_runtime(app)

    for name in NAMES:

        def hear(events: EventBatch, into: list[object] = heard[name]) -> None:
            into.extend(event.data for event in events)

        runtime.add_callback(name, hear)
    runtime.start()
    for row in (("a", 1000, 1), ("a", 4000, 2), ("a", 3000, 3), ("a", 7000, 4), ("a", 12000, 5)):
        runtime.input_handler("E").send(row)
    runtime.input_handler("F").send(("a", 6000, 9))
    for into in heard.values():
        into.clear()
    runtime.shutdown(drain=drain)
    return heard


def test_what_waits_comes_out_and_windows_close() -> None:
    with EventFluxManager(plugins=False) as manager:
        heard = heard_at_the_end(APP, manager)

    assert heard == {
        "Seen": [(5,)],
        "Tumbled": [(15_000, 5)],
        "Batched": [(5,)],
        "Twice": [(20_000, 6)],
        "Both": [(4, 9), (5, 9)],
    }


@pytest.mark.parametrize("drain", [True, False])
def test_an_app_may_say_that_nothing_does(drain: bool) -> None:
    app = APP if not drain else f"SET 'app.flush-on-shutdown' = false;{APP}"
    with EventFluxManager(plugins=False) as manager:
        heard = heard_at_the_end(app, manager, drain=drain)

    assert heard == {name: [] for name in NAMES}


def test_nothing_does_where_the_state_goes_on_in_a_store() -> None:
    with EventFluxManager(plugins=False) as manager:
        manager.set_persistence_store(InMemoryPersistenceStore())
        heard = heard_at_the_end(APP, manager)

    assert heard == {name: [] for name in NAMES}


MATCHES = """
    CREATE STREAM A (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);
    CREATE STREAM B (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);
    INSERT INTO Met SELECT e1.k AS k, e2.v AS v
    FROM PATTERN (EVERY e1=A -> e2=B[k = e1.k]) WITHIN 10 SECONDS ON TIMEOUT INSERT INTO Unmet;
    INSERT INTO Quiet SELECT e1.k AS k
    FROM PATTERN (EVERY e1=A -> NOT B FOR 1 SECOND -> e3=B) WITHIN 3 SECONDS ON TIMEOUT INSERT INTO Unquiet;
    INSERT INTO Fell SELECT * FROM A MATCH_RECOGNIZE (PARTITION BY k MEASURES X.v AS x, Y.v AS y
    PATTERN (X Y) WITHIN 10 SECONDS ON TIMEOUT INSERT INTO Stood DEFINE X AS v > 0, Y AS v < 0);
    INSERT INTO Runs SELECT * FROM A MATCH_RECOGNIZE (MEASURES FIRST(X.v) AS x, LAST(X.v) AS y
    PATTERN (X{1,9}) WITHIN 10 SECONDS);
    INSERT INTO Counted SELECT COUNT(*) AS n FROM Unmet WINDOW('timeBatch', 1 MINUTE);
"""


@pytest.mark.parametrize("drain", [True, False])
def test_matches_run_out_of_time(drain: bool) -> None:
    names = ("Met", "Unmet", "Quiet", "Unquiet", "Fell", "Stood", "Runs", "Counted")
    heard: dict[str, list[object]] = {name: [] for name in names}
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(MATCHES)
        for name in names:

            def hear(events: EventBatch, into: list[object] = heard[name]) -> None:
                into.extend((event.timestamp, event.data) for event in events)

            runtime.add_callback(name, hear)
        runtime.start()
        for row in (("x", 1000, 1), ("y", 2000, 2), ("z", 4000, 3)):
            runtime.input_handler("A").send(row)
        runtime.input_handler("B").send(("x", 3000, 5))
        assert heard == {name: [] for name in names}
        runtime.shutdown(drain=drain)

    wanted = {
        "Met": [(3000, ("x", 5))],
        "Unmet": [(12_001, ("y", None)), (14_001, ("z", None))],
        "Quiet": [(3000, ("x",)), (3000, ("y",))],
        "Unquiet": [(7001, ("z",))],
        "Fell": [],
        "Stood": [(11_001, ("x", 1, None)), (12_001, ("y", 2, None)), (14_001, ("z", 3, None))],
        "Runs": [(4000, (1, 3))],
        "Counted": [(14_001, (2,))],
    }
    assert heard == (wanted if drain else {name: [] for name in names})
