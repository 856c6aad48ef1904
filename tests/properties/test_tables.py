"""Tables against a slow model: random definitions, conditions and events; any driver, and restarts at any place."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.models.tables import Assignments, Condition, Row, TableModel

from eventflux import EventFluxAppRuntime, EventFluxManager

ATTRIBUTES = ("k", "s", "d", "v")
DEFINITIONS: dict[str, tuple[tuple[str, ...], bool]] = {
    "": ((), False),
    "@PrimaryKey('k')": (("k",), True),
    "@PrimaryKey('d')": (("d",), True),
    "@PrimaryKey('s')": (("s",), False),
    "@PrimaryKey('s', 'k')": (("s", "k"), False),
    "@Index('k')": ((), False),
    "@Index('s') @Index('d')": ((), False),
    "@PrimaryKey('k') @Index('v')": (("k",), True),
}


def _is(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left == right


def _less(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left < right


CONDITIONS: dict[str, Condition] = {
    "T.k == k": lambda row, event: _is(row["k"], event["k"]),
    "T.s == s": lambda row, event: _is(row["s"], event["s"]),
    "T.d == d": lambda row, event: _is(row["d"], event["d"]),
    "s == T.s and T.k == k": lambda row, event: _is(row["k"], event["k"]) and _is(row["s"], event["s"]),
    "T.k == k and T.v > v": lambda row, event: _is(row["k"], event["k"]) and _less(event["v"], row["v"]),
    "T.k < k and T.k >= v": (
        lambda row, event: _less(row["k"], event["k"]) and (_less(event["v"], row["k"]) or _is(row["k"], event["v"]))
    ),
    "d <= T.d": lambda row, event: _less(event["d"], row["d"]) or _is(event["d"], row["d"]),
    "T.k + v == 3": lambda row, event: row["k"] is not None and event["v"] is not None and row["k"] + event["v"] == 3,
    "T.s != s and T.v == v": (lambda row, event: not _is(row["s"], event["s"]) and _is(row["v"], event["v"])),
    "true": lambda row, event: True,
    "T.k is null": lambda row, event: row["k"] is None,
}
SETS: dict[str, Assignments] = {
    "T.v = v": {"v": lambda row, event: event["v"]},
    "T.v = T.v + 1": {"v": lambda row, event: None if row["v"] is None else row["v"] + 1},
    "T.s = s, T.d = d": {"s": lambda row, event: event["s"], "d": lambda row, event: event["d"]},
    "T.k = k": {"k": lambda row, event: event["k"]},
}
KEYS = st.sampled_from([None, 0, 1, 2, 3, -1])
STRINGS = st.sampled_from([None, "a", "b", "a longer string than twelve"])
REALS = st.sampled_from([None, 0.0, -0.0, 1.5, -2.25])
VALUES = st.sampled_from([None, 0, 1, 2])
EVENT = st.tuples(st.sampled_from(["A", "B", "C", "D", "Q"]), KEYS, STRINGS, REALS, VALUES)


def _play(
    definition: str,
    conditions: tuple[str, str, str, str],
    sets: tuple[str, str],
    events: list[Any],
    chunk: int,
    engine: Any,
) -> tuple[list[Any], list[Any], int]:
    update, delete, upsert, ask = conditions
    streams = "".join(f"define stream {name} (k long, s string, d double, v int);" for name in "ABCDQ")
    text = (
        f"{streams} {definition} define table T (k long, s string, d double, v int);"
        "from A insert into T;"
        f"from B update T set {sets[0]} on {update};"
        f"from C delete T on {delete};"
        f"from D select * update or insert into T set {sets[1]} on {upsert};"
        f"from Q[({ask}) in T] select k, v insert into O;"
    )
    heard: list[Any] = []
    failures: list[Any] = []

    def opened(saved: bytes | None) -> tuple[EventFluxManager, EventFluxAppRuntime]:
        manager = EventFluxManager({"engine": engine}, plugins=False)
        runtime = manager.create_eventflux_app_runtime(text, name="tables", playback=True)
        runtime.add_callback("O", lambda batch: heard.extend(event.data for event in batch))
        runtime.on_exception(failures.append)
        runtime.start()
        if saved is not None:
            runtime.restore(saved)
        return manager, runtime

    manager, runtime = opened(None)
    try:
        place = 0
        while place < len(events):
            run = [events[place]]
            while len(run) < chunk and place + len(run) < len(events) and events[place + len(run)][0] == run[0][0]:
                run.append(events[place + len(run)])
            place += len(run)
            rows = [event[1:] for event in run]
            handler = runtime.input_handler(run[0][0])
            if chunk == 3:
                handler.send_batch(rows, [place] * len(rows))
            else:
                handler.send_many(rows, [place] * len(rows))
            if chunk == 2 and place % 3 == 0:
                saved = runtime.snapshot()
                manager.shutdown(drain=False)
                manager, runtime = opened(saved)
        found = runtime.query("from T")
        assert not isinstance(found, int)
        return [event.data for event in found], heard, len(failures)
    finally:
        manager.shutdown(drain=False)


def _model(
    definition: str, conditions: tuple[str, str, str, str], sets: tuple[str, str], events: list[Any]
) -> tuple[list[Any], list[Any], int]:
    key, is_ordered = DEFINITIONS[definition]
    table = TableModel(attributes=ATTRIBUTES, key=key, is_ordered=is_ordered)
    update, delete, upsert, ask = (CONDITIONS[name] for name in conditions)
    heard: list[Any] = []
    for stream, *values in events:
        event: Row = dict(zip(ATTRIBUTES, values, strict=True))
        match stream:
            case "A":
                table.insert(event)
            case "B":
                table.update(event, update, SETS[sets[0]])
            case "C":
                table.delete(event, delete)
            case "D":
                table.upsert(event, upsert, SETS[sets[1]])
            case "Q" if table.contains(event, ask):
                heard.append((event["k"], event["v"]))
    return table.contents(), heard, table.failures


NAMES = st.sampled_from(list(CONDITIONS))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(list(DEFINITIONS)),
    st.tuples(NAMES, NAMES, NAMES, NAMES),
    st.tuples(st.sampled_from(list(SETS)), st.sampled_from(list(SETS))),
    st.lists(EVENT, min_size=1, max_size=60),
    st.sampled_from([1, 2, 3, 60]),
    st.sampled_from([{}, {"depth_first": True}, {"slice_rows": 2}, {"slice_rows": 7}]),
)
def test_a_table_is_what_the_model_says(
    definition: str,
    conditions: tuple[str, str, str, str],
    sets: tuple[str, str],
    events: list[Any],
    chunk: int,
    engine: Any,
) -> None:
    assert _play(definition, conditions, sets, events, chunk, engine) == _model(definition, conditions, sets, events)
