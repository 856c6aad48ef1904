"""Patterns in slices against patterns row by row: random chains, random rows, a snapshot on the way."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import EventBatch, EventFluxManager

OWN = ("", "v > 2", "v < 4", "k == 'a'", "v % 2 == 0", "v >= 1 and v != 3", "x < 2.5")
JOINED = (
    "k == {e}.k",
    "v > {e}.v",
    "v <= {e}.v",
    "v == {e}.v + 1",
    "x >= {e}.x",
    "k == {e}.k and v >= {e}.v",
    "t > {e}.t",
)
DEFINITIONS = "".join(f"define stream {name} (k string, v int, x double, t long);" for name in "SM")
FEED = "from S[v != 1] select k, v, x, t + 0 as t insert into M;"


@st.composite
def filters(draw: st.DrawFn, earlier: list[str]) -> str:
    parts = [draw(st.sampled_from(OWN))]
    if earlier and draw(st.booleans()):
        parts.append(draw(st.sampled_from(JOINED)).format(e=draw(st.sampled_from(earlier))))
    text = " and ".join(part for part in parts if part)
    return f"[{text}]" if text else ""


@st.composite
def straight(draw: st.DrawFn) -> str:
    """Single events of one or two streams, `every` first or nowhere."""
    streams = draw(st.sampled_from(["S", "S", "M", "SM"]))
    count = draw(st.integers(2, 4))
    names = [f"e{i}" for i in range(1, count + 1)]
    elements = [
        f"{name}={draw(st.sampled_from(streams))}{draw(filters(names[:place]))}" for place, name in enumerate(names)
    ]
    join = draw(st.sampled_from([", ", " -> "]))
    every = draw(st.sampled_from(["every ", "every ", ""]))
    within = draw(st.sampled_from(["", "", " within 3 milliseconds", " within 9 milliseconds", " within 4 events"]))
    outputs = ", ".join(f"{name}.v as v{name}, {name}.k as k{name}" for name in names)
    return f"from {every}{join.join(elements)}{within} select {outputs} insert into O;"


@st.composite
def crooked(draw: st.DrawFn) -> str:
    """Counts, both, either and absences among the elements."""
    join = draw(st.sampled_from([", ", " -> "]))
    first = f"e1=S{draw(filters([]))}"
    middle = draw(
        st.sampled_from(
            [
                "e2=S<1:2>",
                "e2=S<2>",
                "e2=S<0:2>",
                "e2=S[v > 3] and e4=S[v < 2]",
                "e2=S[v > 3] or e4=M[v < 2]",
                "not M[v > 4] for 3 milliseconds",
            ]
        )
    )
    last = f"e3={draw(st.sampled_from('SM'))}{draw(filters(['e1']))}"
    within = draw(st.sampled_from(["", " within 7 milliseconds"]))
    every = draw(st.sampled_from(["every ", ""]))
    group = draw(st.booleans()) and every != "" and join == " -> "
    chain = f"({first}{join}{middle}){join}{last}" if group else f"{first}{join}{middle}{join}{last}"
    return f"from {every}{chain}{within} select e1.v as v1, e3.v as v3, e3.k as k3 insert into O;"


@st.composite
def apps(draw: st.DrawFn) -> str:
    query = draw(st.one_of(straight(), straight(), crooked()))
    if draw(st.integers(0, 3)) == 0:
        query = f"partition with (k of S, k of M) begin {query} end;"
    return DEFINITIONS + FEED + query


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "a key of more than twelve bytes", None]),
        st.one_of(st.integers(0, 5), st.none()),
        st.sampled_from([0.0, -0.0, 1.5, 3.0, float("nan"), None]),
        st.sampled_from([0, 1, 1, 2, 3, 40, -5]),
    ),
    min_size=1,
    max_size=90,
)


def run(
    text: str, rows: list[tuple[Any, ...]], engine: dict[str, Any], *, pieces: int, saved_after: int | None = None
) -> list[tuple[int, tuple[Any, ...]]]:
    """What reaches O when the rows come in calls of `pieces` rows; a snapshot moves into a new runtime on the way."""
    heard: list[tuple[int, tuple[Any, ...]]] = []
    problems: list[str] = []

    def hear(events: EventBatch) -> None:
        heard.extend((event.timestamp, event.data) for event in events)

    data: list[tuple[Any, ...]] = []
    stamps: list[int] = []
    moment = 100
    for key, value, real, gap in rows:
        moment += gap
        data.append((key, value, real, moment))
        stamps.append(moment)
    with ExitStack() as managers:

        def begin() -> Any:
            manager = managers.enter_context(EventFluxManager({"engine": engine}, plugins=False))
            made = manager.create_eventflux_app_runtime(text, name="Patterns", playback=True)
            made.on_exception(lambda failure: problems.append(str(failure)))
            made.add_callback("O", hear)
            made.start()
            return made

        runtime = begin()
        for number, at in enumerate(range(0, len(data), pieces)):
            if number == saved_after:
                snapshot = runtime.snapshot()
                runtime.shutdown()
                runtime = begin()
                runtime.restore(snapshot)
            handler = runtime.input_handler("S")
            if pieces == 1:
                handler.send(data[at], stamps[at])
            else:
                handler.send_many(data[at : at + pieces], stamps[at : at + pieces])
        runtime.advance_time(max(stamps) + 50)
    assert problems == []
    return heard


@settings(max_examples=100, deadline=None)
@given(apps(), ROWS, st.integers(0, 6))
def test_slices_find_the_matches_of_single_rows(text: str, rows: list[tuple[Any, ...]], saved_after: int) -> None:
    judge = run(text, rows, {"depth_first": True}, pieces=1)
    for engine in ({}, {"slice_rows": 7}, {"slice_rows": 1}):
        assert run(text, rows, engine, pieces=len(rows)) == judge
    assert run(text, rows, {}, pieces=25) == judge
    assert run(text, rows, {}, pieces=17, saved_after=saved_after) == judge
    assert run(text, rows, {}, pieces=1, saved_after=saved_after) == judge
