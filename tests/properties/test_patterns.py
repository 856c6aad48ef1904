"""Patterns in slices against patterns row by row: random chains, random rows, a snapshot on the way."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.models.patterns import Matcher, Row, State

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


ROW = st.tuples(
    st.sampled_from(["a", "b", "a", "b", "a key of more than twelve bytes", None]),
    st.sampled_from([0, 1, 2, 3, 4, 5, 3, None]),
    st.sampled_from([0.0, -0.0, 1.5, 3.0, 2.0, float("nan"), None]),
    st.sampled_from([0, 1, 1, 2, 3, 1, 1, 40, -5]),
)
# Long lists are what makes columns of answers worth while; hypothesis makes few of them by itself.
ROWS = st.one_of(st.lists(ROW, min_size=1, max_size=12), st.lists(ROW, min_size=30, max_size=90))


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


# ---- against a slow matcher

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONSTANTS = {"k": ["a", "b"], "v": [1, 2, 4], "x": [0.0, 2.5]}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Own column against a constant, or a column (plus a number) of an earlier event."""

    column: str
    sign: str
    constant: Any = None
    earlier: int | None = None
    plus: int = 0

    def text(self) -> str:
        if self.earlier is None:
            other = repr(self.constant)
        else:
            other = f"e{self.earlier + 1}.{self.column}" + (f" + {self.plus}" if self.plus else "")
        return f"{self.column} {self.sign} {other}"

    def holds(self, row: Row, events: Mapping[int, Row]) -> bool:
        other = self.constant if self.earlier is None else events[self.earlier][self.column]
        if row[self.column] is None or other is None:
            return False
        return _SIGNS[self.sign](row[self.column], other + self.plus if self.plus else other)


@st.composite
def comparisons(draw: st.DrawFn, number: int) -> tuple[Comparison, ...]:
    made = []
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        column = draw(st.sampled_from("kvx"))
        sign = "==" if column == "k" else draw(st.sampled_from(list(_SIGNS)))
        if number > 0 and draw(st.booleans()):
            plus = draw(st.sampled_from([0, 0, 1])) if column == "v" else 0
            made.append(Comparison(column, sign, earlier=draw(st.integers(0, number - 1)), plus=plus))
        else:
            made.append(Comparison(column, sign, constant=draw(st.sampled_from(_CONSTANTS[column]))))
    return tuple(made)


@st.composite
def chains(draw: st.DrawFn) -> tuple[str, Callable[[], Matcher]]:
    """A chain of single events, as text and as a matcher."""
    count = draw(st.integers(2, 4))
    streams = draw(st.sampled_from(["S", "SM"]))
    elements = [(draw(st.sampled_from(streams)), draw(comparisons(number))) for number in range(count)]
    is_sequence = draw(st.booleans())
    every = draw(st.sampled_from(["", "first", "first"] if is_sequence else ["", "first", "first", "all"]))
    within = draw(st.sampled_from([None, 3, 12]))
    sources = []
    for number, (stream, filters) in enumerate(elements):
        condition = " and ".join(each.text() for each in filters)
        sources.append(f"e{number + 1}={stream}" + (f"[{condition}]" if condition else ""))
    chain = (", " if is_sequence else " -> ").join(sources)
    chain = f"every ({chain})" if every == "all" else f"every {chain}" if every else chain
    outputs = ", ".join(f"e{n + 1}.k as k{n}, e{n + 1}.v as v{n}, e{n + 1}.x as x{n}" for n in range(count))
    limit = "" if within is None else f" within {within} milliseconds"
    text = f"{DEFINITIONS}from {chain}{limit} select {outputs} insert into O;"

    def passing(filters: tuple[Comparison, ...]) -> Callable[[Row, Mapping[int, Row]], bool]:
        return lambda row, events: all(each.holds(row, events) for each in filters)

    def matcher() -> Matcher:
        states = [State(stream=stream, passes=passing(filters)) for stream, filters in elements]
        return Matcher(states=states, every=every, is_sequence=is_sequence, within=within)

    return text, matcher


@settings(max_examples=200, deadline=None)
@given(chains(), ROWS, st.lists(st.booleans(), min_size=90, max_size=90), st.booleans())
def test_matches_are_those_of_a_slow_matcher(
    chain: tuple[str, Callable[[], Matcher]], rows: list[tuple[Any, ...]], sides: list[bool], in_order: bool
) -> None:
    text, make = chain
    matcher = make()
    used = sorted({state.stream for state in matcher.states})
    moment = 100
    events: list[tuple[str, tuple[Any, ...], int]] = []
    wanted: list[tuple[int, tuple[Any, ...]]] = []
    for (key, value, real, gap), side in zip(rows, sides, strict=False):
        moment += abs(gap) if in_order else gap
        stream = used[side * (len(used) - 1)]
        events.append((stream, (key, value, real, moment), moment))
        row = {"k": key, "v": value, "x": real}
        for match in matcher.event(stream, row, moment):
            shown = tuple(match[n][name] for n in range(len(matcher.states)) for name in "kvx")
            wanted.append((moment, shown))
    for pieces in (1, 30):
        assert repr(_sent(text, events, pieces)) == repr(wanted)  # NaN is not equal to itself


@pytest.mark.timeout(600)  # the model is slow where many wait
@settings(max_examples=60, deadline=None)
@given(
    st.lists(ROW, min_size=40, max_size=90),
    st.lists(st.integers(0, 11), min_size=90, max_size=90),
    st.sampled_from([2, 6, 15]),
    st.booleans(),
    st.integers(20, 60),
)
def test_what_waits_for_a_rare_element_is_late_at_the_right_moment(
    rows: list[tuple[Any, ...]], sides: list[int], within: int, in_order: bool, saved_after: int
) -> None:
    always = State(stream="S", passes=lambda _, __: True)
    higher = Comparison("v", ">=", earlier=0)
    matcher = Matcher(
        states=[always, State(stream="M", passes=higher.holds), State(stream="C", passes=higher.holds)],
        every="first",
        within=within,
    )
    text = (
        f"{DEFINITIONS} define stream C (k string, v int, x double, t long); "
        f"from every e1=S -> e2=M[v >= e1.v] -> e3=C[v >= e1.v] within {within} milliseconds "
        "select e1.t as a, e2.t as b, e3.t as c insert into O;"
    )
    moment, wanted, heard = 100, [], []
    with ExitStack() as managers:

        def begin() -> Any:
            manager = managers.enter_context(EventFluxManager(plugins=False))
            made = manager.create_eventflux_app_runtime(text, name="Rare", playback=True)
            made.add_callback("O", lambda batch: heard.extend(event.data for event in batch))
            made.start()
            return made

        runtime = begin()
        for number, ((key, value, real, gap), side) in enumerate(zip(rows, sides, strict=False)):
            if number == saved_after:
                snapshot = runtime.snapshot()
                runtime.shutdown()
                runtime = begin()
                runtime.restore(snapshot)
            moment += min(abs(gap), 3) if in_order else min(gap, 3)
            stream = "C" if side == 0 else "SM"[side % 2]
            runtime.input_handler(stream).send((key, value, real, moment), moment)
            found = matcher.event(stream, {"v": value, "t": moment}, moment)
            wanted.extend(tuple(match[n]["t"] for n in range(3)) for match in found)
    assert heard == wanted


def _sent(text: str, events: list[tuple[str, tuple[Any, ...], int]], pieces: int) -> list[tuple[int, tuple[Any, ...]]]:
    heard: list[tuple[int, tuple[Any, ...]]] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)
        runtime.add_callback("O", lambda batch: heard.extend((event.timestamp, event.data) for event in batch))
        runtime.start()
        at = 0
        while at < len(events):
            stream = events[at][0]
            end = at + 1
            while end < min(at + pieces, len(events)) and events[end][0] == stream:
                end += 1
            run_of_rows = events[at:end]
            runtime.input_handler(stream).send_many(
                [row for _, row, _ in run_of_rows], [ts for _, _, ts in run_of_rows]
            )
            at = end
    return heard
