"""Events of an unfinished output period come out when the app ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eventflux import EventBatch, EventFluxManager, InMemoryPersistenceStore

ROWS = (("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5))


def heard_at_the_end(
    text: str, *, rows: Sequence[tuple[str, int]] = ROWS, drain: bool = True, goes_on: bool = False, bulk: bool = False
) -> list[object]:
    """What reaches O while the app stops."""
    heard: list[object] = []
    with EventFluxManager(plugins=False) as manager:
        if goes_on:
            manager.set_persistence_store(InMemoryPersistenceStore())
        app = f"define stream S (k string, v int); {text}"
        runtime = manager.create_eventflux_app_runtime(app, playback=True)

        def hear(events: EventBatch) -> None:
            heard.append([event.data for event in events])

        runtime.add_callback("O", hear)
        runtime.start()
        if bulk:
            runtime.input_handler("S").send_many(rows, range(1000, 1000 + len(rows)))
        else:
            for at, row in enumerate(rows, 1000):
                runtime.input_handler("S").send(row, at)
        heard.clear()
        runtime.shutdown(drain=drain)
    return heard


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("select k, v output all every 3 events", [[("c", 4), ("b", 5)]]),
        ("select k, v output all every 5 events", []),
        ("select k, v output last every 3 events", [[("b", 5)]]),
        ("select k, v output last every 5 events", []),
        ("select k, sum(v) as v group by k output last every 4 events", [[("b", 7)]]),
        ("select k, v output all every 1 sec", [[("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5)]]),
        ("select k, v output last every 1 sec", [[("b", 5)]]),
        ("select k, sum(v) as v group by k output last every 1 sec", [[("a", 4), ("b", 7), ("c", 4)]]),
        ("select k, v output first every 3 events", []),
        ("select k, v output first every 1 sec", []),
        ("select k, v output snapshot every 1 sec", []),
    ],
)
def test_what_was_collected_comes_out(query: str, wanted: list[object], bulk: bool) -> None:
    assert heard_at_the_end(f"from S {query} insert into O;", bulk=bulk) == wanted


@pytest.mark.parametrize("rate", ["all every 4 events", "last every 4 events", "all every 1 sec", "last every 1 sec"])
@pytest.mark.parametrize("bulk", [False, True])
def test_each_key_of_a_partition_has_its_period(rate: str, bulk: bool) -> None:
    heard = heard_at_the_end(
        f"partition with (k of S) begin from S select k, v output {rate} insert into O; end;", bulk=bulk
    )
    if rate.startswith("all"):
        assert heard == [[("a", 1), ("a", 3)], [("b", 2), ("b", 5)], [("c", 4)]]
    else:
        assert heard == [[("a", 3)], [("b", 5)], [("c", 4)]]


def test_the_last_row_is_kept_through_a_snapshot() -> None:
    text = "define stream S (k string, v int); from S select k, v output last every 3 events insert into O;"
    heard: list[object] = []
    with EventFluxManager(plugins=False) as first, EventFluxManager(plugins=False) as second:
        runtime = first.create_eventflux_app_runtime(text, name="app", playback=True)
        runtime.start()
        runtime.input_handler("S").send_many(ROWS[:2], (1, 2))
        state = runtime.snapshot()
        again = second.create_eventflux_app_runtime(text, name="app", playback=True)
        again.restore(state)
        again.add_callback("O", lambda events: heard.extend(event.data for event in events))
        again.start()
        again.shutdown()
    assert heard == [("b", 2)]


def test_what_comes_out_runs_through_the_periods_downstream() -> None:
    text = """
        from S select k, v output every 3 events insert into M;
        from M select k, v output last every 4 events insert into O;
    """
    assert heard_at_the_end(text) == [[("c", 4)], [("b", 5)]]


def test_an_app_may_say_that_nothing_does() -> None:
    text = "SET 'app.flush-on-shutdown' = false; from S select k, v output every 3 events insert into O;"
    assert heard_at_the_end(text) == []


def test_nothing_does_where_the_state_goes_on_in_a_store_or_nothing_is_drained() -> None:
    text = "from S select k, v output every 3 events insert into O;"
    assert heard_at_the_end(text, goes_on=True) == []
    assert heard_at_the_end(text, drain=False) == []
