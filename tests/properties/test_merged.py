"""Rows of several streams in one call against the same rows sent one by one."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import (
    EventBatch,
    EventDataError,
    EventFluxManager,
    RuntimeStoppedError,
    UndefinedStreamError,
)
from eventflux.types.errors import RuntimeStateError

DEFINITIONS = "".join(f"define stream {name} (k string, v int);" for name in "ABCMO")
DEFINITIONS += "define table T (k string, v int);"
QUERIES = (
    "from every e1=A -> e2=B[k == e1.k] within 5 milliseconds select e1.k as k, e2.v as v insert into O;",
    "from every e1=A, e2=B[v >= e1.v] select e1.k as k, e2.v as v insert into O;",
    "from A#window.time(4) as l join B#window.length(3) as r on l.k == r.k select l.k as k, r.v as v insert into O;",
    "from A[v > 2] select k, v insert into M;",
    "from B#window.timeBatch(6) select k, convert(sum(v), 'int') as v group by k insert into M;",
    "from A select k, v + 1 as v insert into B;",
    "from M#window.lengthBatch(2) select k, v insert into O;",
    "from A select k, v update or insert into T set T.v = v on T.k == k;",
    "from B[T.k == k in T] select k, v insert into O;",
    "from C select k, v delete T for all events on T.k == k;",
    "partition with (k of A, k of B) begin from e1=A -> e2=B select e1.k as k, e2.v as v insert into M; end;",
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from(["a", "b", "a longer key than twelve", None]),
        st.one_of(st.integers(0, 5), st.none()),
        st.sampled_from([0, 0, 1, 2, 9]),
    ),
    min_size=1,
    max_size=60,
)
Sent = list[tuple[str, tuple[Any, ...], int]]


def timed(rows: list[tuple[Any, ...]]) -> Sent:
    """Rows with moments, in the order of a merge: equal moments by stream."""
    moment, sent = 100, []
    for stream, key, value, gap in rows:
        moment += gap
        sent.append((stream, (key, value), moment))
    return sorted(sent, key=lambda row: (row[2], row[0]))


def run(
    text: str, sent: Sent, engine: dict[str, Any], *, pieces: int | None, as_rows: bool = False
) -> dict[str, list[Any]]:
    """What the listeners hear; `pieces`: rows a merged call, None: one by one."""
    heard: dict[str, list[Any]] = {}
    problems: list[str] = []
    with EventFluxManager({"engine": engine}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)
        runtime.on_exception(lambda failure: problems.append(str(failure)))
        for stream in "ABCMO":
            into_stream = heard.setdefault(stream, [])

            def hear(events: EventBatch, into: list[Any] = into_stream) -> None:
                into.extend((event.timestamp, event.data) for event in events)

            runtime.add_callback(stream, hear)
        runtime.start()
        for at in range(0, len(sent), pieces or 1):
            part = sent[at : at + (pieces or 1)]
            if pieces is None:
                stream, row, moment = part[0]
                runtime.input_handler(stream).send(row, moment)
                continue
            columns: dict[str, tuple[Any, list[int]]] = {}
            for stream in "ABC":
                rows = [row for name, row, _ in part if name == stream]
                moments = [moment for name, _, moment in part if name == stream]
                columns[stream] = ({"k": [key for key, _ in rows], "v": [value for _, value in rows]}, moments)
                if as_rows:
                    columns[stream] = (rows, moments)
            assert runtime.send_merged(columns) == len(part)
        runtime.advance_time(sent[-1][2] + 50)
        found = runtime.query("from T")
        assert not isinstance(found, int)
        heard["T"] = [event.data for event in found]
    assert problems == []
    return heard


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from(QUERIES), min_size=1, max_size=4, unique=True), ROWS)
def test_merged_streams_say_what_single_rows_say(queries: list[str], rows: list[tuple[Any, ...]]) -> None:
    text, sent = DEFINITIONS + " ".join(queries), timed(rows)
    judge = run(text, sent, {"depth_first": True}, pieces=None)
    for engine in ({}, {"slice_rows": 1}, {"slice_rows": 7}, {"depth_first": True}):
        assert run(text, sent, engine, pieces=len(sent)) == judge
    assert run(text, sent, {}, pieces=11) == judge
    assert run(text, sent, {}, pieces=17, as_rows=True) == judge


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_alone(query: str) -> None:
    rows = [("ABC"[i * i % 3 if i % 4 else 1], "ab"[i % 2], i % 6, i % 3) for i in range(80)]
    judge = run(DEFINITIONS + query, timed(rows), {"depth_first": True}, pieces=None)
    assert judge["O"] or judge["M"] or judge["T"] or judge["B"]
    assert run(DEFINITIONS + query, timed(rows), {}, pieces=30) == judge


APP = "define stream A (v int); define stream B (v int); from A select v insert into O; from B select v insert into O;"


def test_each_stream_keeps_its_order_and_the_first_goes_first() -> None:
    out: list[int] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(APP, playback=True)
        runtime.add_callback("O", lambda events: out.extend(event[0] for event in events))
        with pytest.raises(RuntimeStateError):
            runtime.send_merged({"A": ({"v": [1]}, [1])})
        runtime.start()
        accepted = runtime.send_merged({"B": ({"v": [1, 2, 3]}, [5, 3, 7]), "A": ({"v": [10, 20]}, 5)})
        runtime.shutdown()
        with pytest.raises(RuntimeStoppedError):
            runtime.send_merged({"A": ({"v": [1]}, [1])})
    assert accepted == 5
    assert out == [1, 2, 10, 20, 3]


def test_rows_come_with_timestamps_of_every_form() -> None:
    out: list[tuple[int, int]] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(APP, playback=True)
        runtime.add_callback("O", lambda events: out.extend((event.timestamp, event[0]) for event in events))
        runtime.start()
        moments = array("q", [1, 4])
        assert runtime.send_merged({"A": ([(1,), {"v": 2}], moments), "B": (iter([(3,)]), 2)}) == 3
        moments[0] = 9
        assert runtime.send_merged({"A": ((), []), "B": (((4,), (5,)), (5, 6))}) == 2
    assert out == [(1, 1), (2, 3), (4, 2), (5, 4), (6, 5)]


def test_what_does_not_fit_enters_nothing() -> None:
    out: list[int] = []
    good = {"v": [1, 2]}
    with EventFluxManager(plugins=False) as manager:
        text = "@async(buffer.size='16') define stream Q (v int);" + APP
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.add_callback("O", lambda events: out.extend(event[0] for event in events))
        runtime.start()
        for wrong, message in (
            ({"v": ["x", "y"]}, "stream B"),
            ({"w": [1, 2]}, "no column 'v'"),
            ({"v": [1, 2, 3]}, "B"),
            ([(1,), ("x",)], "stream B, row 1"),
            ([(1,), (2, 3)], "stream B, row 1"),
            ([(1,)], "stream B"),
            ("xy", "neither columns nor rows"),
            (7, "neither columns nor rows"),
        ):
            with pytest.raises(EventDataError, match=message):
                runtime.send_merged({"A": (good, [1, 2]), "B": (wrong, [1, 2])})
        with pytest.raises(EventDataError, match="need timestamps"):
            runtime.send_merged({"A": (good, [1, 2]), "B": (good, None)})
        with pytest.raises(EventDataError, match="async stream cannot be merged"):
            runtime.send_merged({"A": (good, [1, 2]), "Q": (good, [1, 2])})
        with pytest.raises(UndefinedStreamError):
            runtime.send_merged({"A": (good, [1, 2]), "Nope": (good, [1, 2])})
        assert runtime.send_merged({}) == 0
    assert out == []
