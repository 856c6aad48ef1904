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
