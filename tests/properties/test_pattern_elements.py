"""Patterns with counts, AND, OR and NOT ... AND against a slow matcher, row by row, in bulk, and cut anywhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.models.elements import Element, Events, Matcher, Row, Side

from eventflux import EventFluxManager

STREAMS = "ABC"
DEFINITIONS = "".join(f"define stream {name} (k string, v int, n int);" for name in STREAMS)
COUNTS = (
    ("<2>", 2, 2),
    ("<1:2>", 1, 2),
    ("<2:3>", 2, 3),
    ("<1:>", 1, None),
    ("<2:>", 2, None),
    ("<0:2>", 0, 2),
    ("<0:>", 0, None),
)
Passes = Callable[[Row, Events], bool]


def _always(row: Row, events: Events) -> bool:
    return True


@st.composite
def filters(draw: st.DrawFn, earlier: list[str]) -> tuple[str, Passes]:
    """A condition as text and meaning: on the event alone, or beside an event that came before."""
    limit = draw(st.integers(1, 4))
    known: list[tuple[str, Passes]] = [
        ("", _always),
        ("", _always),
        (f"[v > {limit}]", lambda row, _: row["v"] > limit),
        (f"[v != {limit}]", lambda row, _: row["v"] != limit),
    ]
    if earlier:
        name = draw(st.sampled_from(earlier))
        column, place = draw(st.sampled_from("kv")), draw(st.sampled_from([0, -1]))
        written = f"{name}[{'0' if place == 0 else 'last'}].{column}"
        known += 2 * [
            (
                f"[{column} == {written}]",
                lambda row, events: name in events and row[column] == events[name][place][column],
            ),
            (
                f"[v >= {name}[{'0' if place == 0 else 'last'}].v]",
                lambda row, events: name in events and row["v"] >= events[name][place]["v"],
            ),
        ]
    return draw(st.sampled_from(known))


@st.composite
def sources(draw: st.DrawFn, name: str, streams: str, earlier: list[str]) -> tuple[str, Side]:
    stream = draw(st.sampled_from(streams))
    text, passes = draw(filters(earlier))
    return f"{stream}{text}", Side(name=name, stream=stream, passes=passes)


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, list[Element], str, int | None, list[str]]:
    """A query, and what the matcher needs to do the same."""
    streams = draw(st.sampled_from(["A", "AB", "ABC"]))
    every = draw(st.sampled_from(["", "first", "first", "all"]))
    texts: list[str] = []
    elements: list[Element] = []
    names: list[str] = []
    for number in range(draw(st.integers(2, 4))):
        kinds = ["one", "one", "one", "count", "and", "or"]
        if number > 0 and every != "all":
            kinds.append("unless")
        kind = draw(st.sampled_from(kinds))
        own = [f"e{number}a", f"e{number}b"][: 1 if kind in {"one", "count"} else 2]
        written, sides = zip(*(draw(sources(name, streams, list(names))) for name in own), strict=True)
        if kind == "count":
            # What is empty is armed again at once: rounds of a first element take an event, and so does the end.
            suffix, minimum, maximum = draw(st.sampled_from([each for each in COUNTS if each[1] > 0 or 0 < number < 3]))
            texts.append(f"{own[0]}={written[0]}{suffix}")
            elements.append(Element(kind=kind, sides=sides, minimum=minimum, maximum=maximum))
            names += own
            continue
        elements.append(Element(kind=kind, sides=sides))
        if kind == "one":
            texts.append(f"{own[0]}={written[0]}")
            names += own
        elif kind == "unless":
            texts.append(f"not {written[0]} and {own[1]}={written[1]}")
            names.append(own[1])
        else:
            texts.append(f"({own[0]}={written[0]} {kind} {own[1]}={written[1]})")
            names += own
    chain = " -> ".join([f"every {texts[0]}" if every == "first" else texts[0], *texts[1:]])
    simple = elements[0].kind == "one" and every != "all"
    within = draw(st.sampled_from([None, 3, 6, 6])) if simple else None
    limit = "" if within is None else f" within {within} milliseconds"
    outputs = ", ".join(f"{name}[{at}].n as {name}{at}" for name in names for at in ("0", "1", "last"))
    chain = f"every ({chain})" if every == "all" else chain
    return f"from {chain}{limit} select {outputs} insert into O;", elements, every, within, names


ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from("xxy"), st.integers(1, 5), st.sampled_from([0, 1, 1, 2, 5])),
    min_size=5,
    max_size=40,
)


def _shown(match: dict[str, list[Row]], names: list[str]) -> tuple[Any, ...]:
    values: list[Any] = []
    for name in names:
        rows = [row["n"] for row in match.get(name, [])]
        values += [rows[0] if rows else None, rows[1] if len(rows) > 1 else None, rows[-1] if rows else None]
    return tuple(values)


def _heard(text: str, events: list[tuple[str, tuple[Any, ...], int]], pieces: int, cut: int) -> list[Any]:
    heard: list[Any] = []
    with ExitStack() as managers:

        def begin() -> Any:
            manager = managers.enter_context(EventFluxManager(plugins=False))
            made = manager.create_eventflux_app_runtime(text, name="Elements", playback=True)
            made.add_callback("O", lambda batch: heard.extend((event.timestamp, event.data) for event in batch))
            made.start()
            return made

        runtime = begin()
        at = 0
        while at < len(events):
            if at <= cut < at + pieces:
                saved = runtime.snapshot()
                runtime.shutdown()
                runtime = begin()
                runtime.restore(saved)
            stream, end = events[at][0], at + 1
            while end < min(at + pieces, len(events)) and events[end][0] == stream:
                end += 1
            runtime.input_handler(stream).send_many(
                [row for _, row, _ in events[at:end]], [t for *_, t in events[at:end]]
            )
            at = end
    return heard


@settings(max_examples=150, deadline=None)
@given(queries(), ROWS, st.integers(0, 40))
def test_matches_are_those_of_a_slow_matcher(
    query: tuple[str, list[Element], str, int | None, list[str]], rows: list[tuple[int, str, int, int]], cut: int
) -> None:
    text, elements, every, within, names = query
    matcher = Matcher(elements=elements, every=every, within=within)
    used = sorted({side.stream for element in elements for side in element.sides})
    events: list[tuple[str, tuple[Any, ...], int]] = []
    wanted: list[Any] = []
    now = 1
    for number, (which, key, value, gap) in enumerate(rows):
        now += gap
        stream = used[which % len(used)]
        events.append((stream, (key, value, number), now))
        found = matcher.event(stream, {"k": key, "v": value, "n": number}, now)
        wanted.extend((now, _shown(match, names)) for match in found)
    for pieces in (1, 20):
        assert _heard(DEFINITIONS + text, events, pieces, cut) == wanted
