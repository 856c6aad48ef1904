"""MATCH_RECOGNIZE against a matcher that tries everything, under all drivers, with state that is cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.models.row_patterns import (
    Alive,
    Alt,
    Condition,
    Excluded,
    Labels,
    Matcher,
    Repeat,
    Row,
    Seq,
    Start,
    Var,
    rows_of,
)

from eventflux import EventBatch, EventFluxManager
from eventflux.language import parse
from eventflux.language.ast import MatchRecognizeInput, Query
from eventflux.planner.binder.row_patterns import positions_of

NAMES = "ABCD"
QUANTIFIERS: tuple[tuple[str, tuple[int, int | None, bool] | None], ...] = (
    ("", None),
    ("", None),
    ("?", (0, 1, False)),
    ("??", (0, 1, True)),
    ("*", (0, None, False)),
    ("*?", (0, None, True)),
    ("+", (1, None, False)),
    ("+?", (1, None, True)),
    ("{2}", (2, 2, False)),
    ("{1,3}", (1, 3, False)),
    ("{1,3}?", (1, 3, True)),
    ("{,2}", (0, 2, False)),
    ("{2,}", (2, None, False)),
)


@dataclass(frozen=True)
class Pattern:
    """A pattern as text and as the model has it."""

    text: str
    node: Any


@st.composite
def elements(draw: st.DrawFn, name: str) -> Pattern:
    suffix, bounds = draw(st.sampled_from(QUANTIFIERS))
    node = Var(name) if bounds is None else Repeat(Var(name), *bounds)
    return Pattern(name + suffix, node)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Pattern, str]:
    """A pattern and the variables in it."""
    names = NAMES[: draw(st.integers(1, 4))]
    places = [*names]
    # What ALL ROWS PER MATCH leaves out the model tells by names: those that come again are all shown.
    comes_again = draw(st.integers(0, 2)) == 0
    if comes_again:
        places += draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
    parts = [draw(elements(name)) for name in places]
    joined: list[Pattern] = []
    while parts:
        part = parts.pop(0)
        if parts and draw(st.integers(0, 3)) == 0:
            other = parts.pop(0)
            if draw(st.booleans()):
                part = Pattern(f"({part.text} | {other.text})", Alt((part.node, other.node)))
            else:
                orders = tuple(Seq(tuple(each.node for each in order)) for order in permutations((part, other)))
                part = Pattern(f"PERMUTE({part.text}, {other.text})", Alt(orders))
        if not comes_again and draw(st.integers(0, 5)) == 0:
            part = Pattern(f"{{- {part.text} -}}", Excluded(part.node))
        joined.append(part)
        if draw(st.integers(0, 3)) == 0:
            size = draw(st.integers(1, 2))
            joined = [*joined[:-size], draw(groups(joined[-size:]))]
    if draw(st.integers(0, 7)) == 0:
        joined.insert(0, Pattern("^", Start()))
    return _in_a_row(joined), names


@st.composite
def groups(draw: st.DrawFn, parts: list[Pattern]) -> Pattern:
    """Some parts, repeated as a whole."""
    suffix, bounds = draw(st.sampled_from([each for each in QUANTIFIERS if each[1] is not None]))
    inner = _in_a_row(parts)
    assert bounds is not None
    return Pattern(f"({inner.text}){suffix}", Repeat(inner.node, *bounds))


def _in_a_row(parts: list[Pattern]) -> Pattern:
    return Pattern(" ".join(part.text for part in parts), Seq(tuple(part.node for part in parts)))


def is_accepted(node: Any) -> bool:
    """Not without a row, not with an end that could go on for ever."""
    return not _may_be_empty(node) and not _is_endless(node)


def _may_be_empty(node: Any) -> bool:
    match node:
        case Var():
            return False
        case Start():
            return True
        case Excluded(item=item):
            return _may_be_empty(item)
        case Repeat(item=item, minimum=minimum):
            return minimum == 0 or _may_be_empty(item)
        case Alt(items=items):
            return any(map(_may_be_empty, items))
        case Seq(items=items):
            return all(map(_may_be_empty, items))
    raise AssertionError(node)


def _is_endless(node: Any) -> bool:
    match node:
        case Repeat(item=item, maximum=maximum, reluctant=reluctant):
            return (maximum is None and not reluctant) or _is_endless(item)
        case Alt(items=items):
            return any(map(_is_endless, items))
        case Seq(items=items):
            return _is_endless(items[-1])
        case Excluded(item=item):
            return _is_endless(item)
    return False


def _value(row: Row | None) -> Any:
    return None if row is None else row["v"]


def _less(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left < right


def _previous(rows: list[Row], start: int, labels: Labels, back: int) -> Any:
    at = start + len(labels) - 1 - back
    return rows[at]["v"] if at >= 0 else None


def _taken(rows: list[Row], start: int, labels: Labels, names: str | None) -> list[Any]:
    return [row["v"] for row in rows_of(rows, start, labels, names)]


def _sum(values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _nth(values: list[Any], index: int) -> Any:
    return values[index] if -len(values) <= index < len(values) else None


def _conditions(name: str, other: str, limit: int) -> list[tuple[str, Condition]]:
    """What a variable may ask: text and meaning."""
    return [
        (f"v > {limit}", lambda rows, s, ls: _less(limit, rows[s + len(ls) - 1]["v"])),
        (f"{name}.v < {limit + 2}", lambda rows, s, ls: _less(rows[s + len(ls) - 1]["v"], limit + 2)),
        ("v < PREV(v)", lambda rows, s, ls: _less(_previous(rows, s, ls, 0), _previous(rows, s, ls, 1))),
        (f"v > PREV({name}.v, 2)", lambda rows, s, ls: _less(_previous(rows, s, ls, 2), _previous(rows, s, ls, 0))),
        (
            f"v > {other}.v",
            lambda rows, s, ls: _less(_nth(_taken(rows, s, ls, other), -1), rows[s + len(ls) - 1]["v"]),
        ),
        (
            f"v >= FIRST({other}.v, 1)",
            lambda rows, s, ls: (
                (first := _nth(_taken(rows, s, ls, other), 1)) is not None
                and (v := rows[s + len(ls) - 1]["v"]) is not None
                and v >= first
            ),
        ),
        (
            f"LAST({name}.v, 1) IS NULL OR v <> LAST({name}.v, 1)",
            lambda rows, s, ls: (
                (last := _nth(_taken(rows, s, ls, name), -2)) is None or rows[s + len(ls) - 1]["v"] != last
            ),
        ),
        (f"SUM({name}.v) < {limit + 4}", lambda rows, s, ls: _less(_sum(_taken(rows, s, ls, name)), limit + 4)),
        (f"COUNT(*) < {limit + 2}", lambda rows, s, ls: len(ls) < limit + 2),
        (
            f"SUM(v * 2) > {limit}",
            lambda rows, s, ls: _less(limit, _sum([v if v is None else v * 2 for v in _taken(rows, s, ls, None)])),
        ),
        (
            f"COUNT({other}.v) <= v",
            lambda rows, s, ls: (
                rows[s + len(ls) - 1]["v"] is not None
                and sum(v is not None for v in _taken(rows, s, ls, other)) <= rows[s + len(ls) - 1]["v"]
            ),
        ),
        (
            "k = LAST(k, 1)",
            lambda rows, s, ls: (
                (before := _nth(rows_of(rows, s, ls, None), -2)) is not None
                and before["k"] is not None
                and before["k"] == rows[s + len(ls) - 1]["k"]
            ),
        ),
    ]


@dataclass(frozen=True)
class App:
    """A text, and what the model needs to do the same."""

    text: str
    pattern: Any
    names: str
    conditions: dict[str, Condition]
    skip: str
    within: int | None
    partitioned: bool
    all_rows: bool = False

    def matcher(self) -> Matcher:
        return Matcher(pattern=self.pattern, conditions=self.conditions, skip=self.skip, within=self.within)


@st.composite
def apps(draw: st.DrawFn) -> App:
    pattern, names = draw(patterns().filter(lambda found: is_accepted(found[0].node)))
    conditions: dict[str, Condition] = {}
    definitions: list[str] = []
    for name in names:
        if draw(st.integers(0, 3)) == 0:
            continue
        known = _conditions(name, draw(st.sampled_from(names)), draw(st.integers(0, 4)))
        text, meaning = draw(st.sampled_from(known))
        conditions[name] = meaning
        definitions.append(f"{name} AS {text}")
    skips = ["PAST LAST ROW", "TO NEXT ROW", f"TO FIRST {names[-1]}", f"TO LAST {names[-1]}"]
    skip = draw(st.sampled_from(skips))
    within = draw(st.sampled_from([None, 0, 3, 6]))
    partitioned, all_rows = draw(st.booleans()), draw(st.booleans())
    measures = [
        "MATCH_NUMBER() AS number",
        "COUNT(*) AS rows",
        "FIRST(n) AS first",
        "LAST(n) AS last",
        "CLASSIFIER() AS label",
        "SUM(v) AS total",
        *(f"{name}.v AS {name.lower()}" for name in names),
        *(f"COUNT({name}) AS c{name.lower()}" for name in names),
        *(f"FIRST({name}.v, 1) AS s{name.lower()}" for name in names),
        "FINAL SUM(U.v) AS whole",
        "RUNNING LAST(U.v, 1) AS part",
    ]
    text = (
        "CREATE STREAM S (k STRING, v INT, n INT);\n"
        "@info(name = 'q') INSERT INTO O SELECT * FROM S MATCH_RECOGNIZE (\n"
        f"{'PARTITION BY k ' if partitioned else ''}MEASURES {', '.join(measures)}\n"
        f"{'ALL ROWS PER MATCH ' if all_rows else ''}AFTER MATCH SKIP {skip} PATTERN ({pattern.text})\n"
        f"{'' if within is None else f'WITHIN {within} MILLISECONDS ON TIMEOUT INSERT INTO M '}"
        f"SUBSET U = ({names[0]}, {names[-1]})\n"
        f"{'DEFINE ' if definitions else ''}{', '.join(definitions)});"
    )
    return App(text, pattern.node, names, conditions, skip, within, partitioned, all_rows)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]), st.one_of(st.none(), st.integers(0, 5), st.integers(0, 5)), st.integers(0, 3)
    ),
    min_size=1,
    max_size=25,
)


Heard = tuple[dict[Any, list[list[Any]]], dict[Any, list[list[Any]]], int]
"""Matches by key, what ran out of time by key, failures."""


def expected(app: App, rows: list[tuple[Any, Any, int]]) -> Heard:
    """What is put out, and how many matches skip to their own first row, of which both queries hear."""
    matchers: dict[Any, Matcher] = {}
    numbers: dict[Any, int] = {}
    found: dict[Any, list[list[Any]]] = {}
    missed: dict[Any, list[list[Any]]] = {}
    failures = now = 0
    for n, (k, v, gap) in enumerate(rows):
        now += gap
        key = k if app.partitioned else "all"
        matcher = matchers.setdefault(key, app.matcher())
        for other_key, other in matchers.items():
            row = {"k": k, "v": v, "n": n, "t": now}
            made = other.row(row, now) if other is matcher else other.clock(now)
            for each in made:
                if isinstance(each, str):
                    failures += 1
                    continue
                numbers[other_key] = numbers.get(other_key, 0) + 1
                found.setdefault(other_key, []).extend(_measured(app, other, each, numbers[other_key], other_key))
            for start, labels in other.missed:
                # Numbers of matches are those before: a run that fails has none.
                for row in _measured(app, other, (start, labels), 0, other_key):
                    row[0] = other.rows[start]["t"] + (app.within or 0) + 1
                    missed.setdefault(other_key, []).append(row)
            other.missed.clear()
    shown = ({key: made for key, made in each.items() if made} for each in (found, missed))
    return *shown, failures * (1 if app.within is None else 2)


def _hidden(node: Any, names: frozenset[str] = frozenset(), *, inside: bool = False) -> frozenset[str]:
    """Variables whose rows ALL ROWS PER MATCH leaves out."""
    match node:
        case Var(name=name):
            return frozenset({name}) if inside else frozenset()
        case Excluded(item=item):
            return _hidden(item, inside=True)
        case Repeat(item=item):
            return _hidden(item, inside=inside)
        case Alt(items=items) | Seq(items=items):
            return names.union(*(_hidden(item, inside=inside) for item in items))
    return frozenset()


def _measured(app: App, matcher: Matcher, match: tuple[int, Labels], number: int, key: Any) -> list[list[Any]]:
    """The rows of a match: timestamp, key, measures, and of all rows the columns that are left."""
    start, labels = match
    if not app.all_rows:
        return [_row(app, matcher, start, labels, labels, number, key)]
    hidden = _hidden(app.pattern)
    made: list[list[Any]] = []
    for at, label in enumerate(labels):
        if label not in hidden:
            row = matcher.rows[start + at]
            rest = [] if app.partitioned else [row["k"]]
            made.append([*_row(app, matcher, start, labels[: at + 1], labels, number, key), *rest, row["v"], row["n"]])
    return made


def _row(app: App, matcher: Matcher, start: int, labels: Labels, whole: Labels, number: int, key: Any) -> list[Any]:
    taken = [matcher.rows[start + i] for i in range(len(labels))]
    values = {name: _taken(matcher.rows, start, labels, name) for name in app.names}
    union = app.names[0] + app.names[-1]
    return [
        taken[-1]["t"],
        *([key] if app.partitioned else []),
        number,
        len(taken),
        taken[0]["n"],
        taken[-1]["n"],
        labels[-1],
        _sum([row["v"] for row in taken]),
        *(_nth(values[name], -1) for name in app.names),
        *(len(values[name]) for name in app.names),
        *(_nth(values[name], 1) for name in app.names),
        _sum(_taken(matcher.rows, start, whole, union)),
        _nth(_taken(matcher.rows, start, labels, union), -2),
    ]


def heard(
    app: App, rows: list[tuple[Any, Any, int]], engine: dict[str, Any], *, bulk: bool, cut: int | None = None
) -> Heard:
    found: dict[Any, list[list[Any]]] = {}
    missed: dict[Any, list[list[Any]]] = {}
    failures: list[str] = []

    def hear(events: EventBatch) -> None:
        for event in events:
            key = event.data[0] if app.partitioned else "all"
            found.setdefault(key, []).append([event.timestamp, *event.data])

    def hear_missed(events: EventBatch) -> None:
        for event in events:
            key = event.data[0] if app.partitioned else "all"
            row = [event.timestamp, *event.data]
            row[2 if app.partitioned else 1] = 0
            missed.setdefault(key, []).append(row)

    def start(manager: EventFluxManager) -> Any:
        made = manager.create_eventflux_app_runtime(app.text, name="app", playback=True)
        made.add_callback("O", hear)
        if app.within is not None:
            made.add_callback("M", hear_missed)
        made.on_exception(lambda failure: failures.append(str(failure)))
        made.start()
        return made

    manager = EventFluxManager({"engine": engine}, plugins=False)
    runtime = start(manager)
    now = 0
    sent: list[tuple[Any, ...]] = []
    timestamps: list[int] = []
    for n, (k, v, gap) in enumerate(rows):
        now += gap
        sent.append((k, v, n))
        timestamps.append(now)
    if bulk:
        runtime.input_handler("S").send_many(sent, timestamps)
    for n, (row, timestamp) in enumerate(zip(sent, timestamps, strict=True)):
        if bulk:
            break
        if n == cut:
            saved = runtime.snapshot()
            manager.shutdown()
            manager = EventFluxManager({"engine": engine}, plugins=False)
            runtime = start(manager)
            runtime.restore(saved)
        runtime.input_handler("S").send(row, timestamp)
    manager.shutdown()
    return found, missed, len(failures)


@settings(max_examples=300, deadline=None)
@given(patterns().filter(lambda found: is_accepted(found[0].node) and "^" not in found[0].text))
def test_places_follow_in_the_order_of_preference(found: tuple[Pattern, str]) -> None:
    pattern, names = found
    app = parse(f"INSERT INTO O SELECT * FROM S MATCH_RECOGNIZE (MEASURES A.v AS a PATTERN ({pattern.text}));")
    query = app.statements[0]
    assert isinstance(query, Query)
    assert isinstance(query.input, MatchRecognizeInput)
    positions = positions_of(query.input.pattern, {name: number for number, name in enumerate(names)})
    length = 3

    def runs(follow: tuple[int | None, ...], labels: Labels) -> Iterator[Labels]:
        for place in follow:
            if place is None:
                yield labels
            elif len(labels) < length:
                position = positions.positions[place]
                yield from runs(position.follow, (*labels, names[position.variable]))

    # Of any rows, which all variables take: each run where it is preferred most.
    model = Matcher(pattern=pattern.node, conditions={}, rows=[{}] * length)
    wanted = [run for run in model.runs() if not isinstance(run, Alive)]
    assert list(dict.fromkeys(runs(positions.start, ()))) == list(dict.fromkeys(wanted))


@settings(max_examples=150, deadline=None)
@given(apps(), ROWS)
def test_matches_are_those_of_trying_everything(app: App, rows: list[tuple[Any, Any, int]]) -> None:
    assert heard(app, rows, {"depth_first": True}, bulk=False) == expected(app, rows)


@settings(max_examples=60, deadline=None)
@given(apps(), ROWS, st.sampled_from([1, 2, 7, 4096]))
def test_slices_give_the_same(app: App, rows: list[tuple[Any, Any, int]], slice_rows: int) -> None:
    assert heard(app, rows, {"slice_rows": slice_rows}, bulk=True) == expected(app, rows)


@settings(max_examples=100, deadline=None)
@given(apps(), ROWS, st.integers(0, 24))
def test_state_can_be_cut_anywhere(app: App, rows: list[tuple[Any, Any, int]], cut: int) -> None:
    assert heard(app, rows, {}, bulk=False, cut=cut) == expected(app, rows)
