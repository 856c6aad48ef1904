"""Partitions: the slice driver against its judge, a slow model, and state that is cut anywhere."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import EventBatch, EventFluxManager

KEYS = (
    "k of S",
    "v of S",
    "ifThenElse(v > 2, 'high', k) of S",
    "v < 3 as 'low' or v < 5 as 'mid' or k == 'a' as 'a' of S",
    "k of S, k of M",
    "k of M",
)
WINDOWS = ("", "#window.length(2)", "#window.lengthBatch(2)", "#window.time(5)", "#window.timeBatch(4)")
FILTERS = ("", "[v > 1]", "[v % 2 == 0]")
SELECTIONS = (
    "select k, v, t",
    "select k, convert(sum(v), 'int') as v, t",
    "select k, convert(count(), 'int') as v, max(t) as t group by k",
)
OUTPUTS = ("insert into", "insert all events into", "insert expired events into")
PURGES = ("", "@purge(enable='true', interval='3 milliseconds', idle.period='4 milliseconds') ")


@st.composite
def apps(draw: st.DrawFn) -> str:
    """Queries in one partition over S and M, with an inner stream; M may be made outside, or inside of it."""
    queries: list[str] = []
    sources = ["S"]
    outside = ""
    if draw(st.booleans()):
        outside = "from S[v > 0] select k, v, t insert into M; "
        sources.append("M")
    for _ in range(draw(st.integers(1, 4))):
        targets = ["#I", "O", "P"] if "M" in sources else ["#I", "O", "P", "M"]
        target = draw(st.sampled_from(targets))
        source = draw(st.sampled_from([each for each in sources if each != target]))
        queries.append(
            f"from {source}{draw(st.sampled_from(FILTERS))}{draw(st.sampled_from(WINDOWS))} "
            f"{draw(st.sampled_from(SELECTIONS))} {draw(st.sampled_from(OUTPUTS))} {target};"
        )
        if target == "#I" and target not in sources:
            sources.append(target)
    definitions = "".join(f"define stream {name} (k string, v int, t long);" for name in "SMOP")
    keys = draw(st.sampled_from(KEYS))
    return (
        f"{definitions} {outside}{draw(st.sampled_from(PURGES))}partition with ({keys}) begin {' '.join(queries)} end;"
    )


ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "a longer key than twelve", None]), st.integers(0, 5), st.integers(0, 4)),
    min_size=1,
    max_size=40,
)
Heard = dict[str, list[tuple[int, tuple[Any, ...]]]]


def played(
    text: str,
    rows: list[tuple[Any, int, int]],
    engine: dict[str, Any],
    *,
    bulk: bool = False,
    cut: int | None = None,
    streams: str = "OPM",
) -> Heard:
    """What the streams heard; with `cut` the state moves into a fresh runtime before that row."""
    heard: Heard = {name: [] for name in streams}
    problems: list[str] = []
    moment = 100
    data: list[tuple[Any, int, int]] = []
    for key, value, gap in rows:
        moment += gap
        data.append((key, value, moment))
    stamps = [row[2] for row in data]
    parts = [(0, len(data))] if cut is None else [(0, cut), (cut, len(data))]
    saved: bytes | None = None
    for begin, end in parts:
        with EventFluxManager({"engine": engine}, plugins=False) as manager:
            runtime = manager.create_eventflux_app_runtime(text, playback=True)
            runtime.on_exception(lambda failure: problems.append(str(failure)))
            for name in streams:

                def hear(events: EventBatch, into: list[Any] = heard[name]) -> None:
                    into.extend((event.timestamp, event.data) for event in events)

                runtime.add_callback(name, hear)
            runtime.start()
            if saved is not None:
                runtime.restore(saved)
            handler = runtime.input_handler("S")
            if bulk:
                handler.send_many(data[begin:end], stamps[begin:end])
            else:
                for row, stamp in zip(data[begin:end], stamps[begin:end], strict=True):
                    handler.send(row, stamp)
            if end == len(data):
                runtime.advance_time(stamps[-1] + 50)
            else:
                saved = runtime.snapshot()
    assert problems == []
    return heard


@settings(max_examples=150, deadline=None)
@given(apps(), ROWS)
def test_slices_say_what_single_steps_say(text: str, rows: list[tuple[Any, int, int]]) -> None:
    judge = played(text, rows, {"depth_first": True})
    for engine in ({}, {"slice_rows": 1}, {"slice_rows": 2}, {"slice_rows": 7}):
        assert played(text, rows, engine, bulk=True) == judge


@settings(max_examples=60, deadline=None)
@given(apps(), ROWS, st.data())
def test_state_moves_to_another_runtime(text: str, rows: list[tuple[Any, int, int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(rows)), label="cut")
    if cut < len(rows):
        assert played(text, rows, {}, cut=cut) == played(text, rows, {})


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_a_partition_is_an_app_for_each_key(rows: list[tuple[Any, int, int]]) -> None:
    definitions = "define stream S (k string, v int, t long);"
    query = "from S#window.length(3) select k, sum(v) as s, t insert into O;"
    whole = played(f"{definitions} partition with (k of S) begin {query} end;", rows, {}, streams="O")
    moment = 100
    by_key: dict[str, list[int]] = defaultdict(list)
    expected: list[tuple[int, tuple[Any, ...]]] = []
    for key, value, gap in rows:
        moment += gap
        if key is not None:
            by_key[key].append(value)
            expected.append((moment, (key, sum(by_key[key][-3:]), moment)))
    assert whole["O"] == expected
