"""Joins that only look rows up in a table: many rows at once find what one row alone finds, and a plain loop."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from eventflux import EventFluxManager

Row = tuple[Any, ...]
Condition = Callable[[Row, Row], bool]

TABLE = "define table T (k long, s string, v int);"
STREAMS = "define stream Load (k long, s string, v int); define stream Q (k long, s string, v int);"


def _equal(left: Any, right: Any) -> bool:
    return left is not None and left == right


def _less(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left < right


CONDITIONS: dict[str, Condition] = {
    "T.k == Q.k": lambda row, asked: _equal(row[0], asked[0]),
    "T.k == Q.k and T.v > Q.v": lambda row, asked: _equal(row[0], asked[0]) and _less(asked[2], row[2]),
    "T.k == Q.k and T.s != Q.s": lambda row, asked: _equal(row[0], asked[0]) and not _equal(row[1], asked[1]),
    "T.s == Q.s": lambda row, asked: _equal(row[1], asked[1]),
    "T.s == Q.s and T.v == Q.v": lambda row, asked: _equal(row[1], asked[1]) and _equal(row[2], asked[2]),
}
DEFINITIONS = ("@PrimaryKey('k') ", "@PrimaryKey('k') @Index('s') ", "@Index('k') @Index('s') ", "")
JOINS = ("join", "left outer join")


def _rows(generator: random.Random, count: int, keys: int) -> list[Row]:
    def text() -> str | None:
        number = generator.randrange(keys)
        return None if number % 11 == 0 else f"t{number}" if number % 2 else f"more than twelve bytes {number}"

    return [
        (
            None if generator.randrange(17) == 0 else generator.randrange(keys) * 4_294_967_297 - 75,
            text(),
            None if generator.randrange(13) == 0 else generator.randrange(3),
        )
        for _ in range(count)
    ]


def _wanted(kind: str, condition: Condition, held: list[Row], asked: list[Row]) -> list[Row]:
    found: list[Row] = []
    for row in asked:
        partners = [other for other in held if condition(other, row)]
        found += [(*row, *other) for other in partners]
        if not partners and kind != "join":
            found.append((*row, None, None, None))
    return found


def _found(text: str, load: list[Row], asked: list[Row], calls: int) -> list[Row]:
    heard: list[Row] = []
    manager = EventFluxManager()
    runtime = manager.create_eventflux_app_runtime(text)
    runtime.add_callback("O", lambda events: heard.extend(events.rows()))
    runtime.start()
    runtime.input_handler("Load").send_many(load)
    handler = runtime.input_handler("Q")
    for start in range(0, len(asked), calls):
        if calls == 1:
            handler.send(asked[start])
        else:
            handler.send_many(asked[start : start + calls])
    manager.shutdown()
    return heard


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("kind", JOINS)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_rows_at_once_find_what_each_finds_alone(definition: str, kind: str, condition: str) -> None:
    generator = random.Random(f"{definition}{kind}{condition}")
    load, asked = _rows(generator, 300, 150), _rows(generator, 700, 200)
    text = (
        f"@app:playback {STREAMS} {definition}{TABLE} from Load insert into T;"
        f"from Q {kind} T on {condition} select Q.k, Q.s, Q.v, T.k as tk, T.s as ts, T.v as tv insert into O;"
    )
    held = load
    if "PrimaryKey" in definition:
        load = list({row[0]: row for row in load}.values())
        held = sorted(load, key=lambda row: (row[0] is not None, row[0] or 0))
    wanted = _wanted(kind, CONDITIONS[condition], held, asked)
    assert wanted
    assert _found(text, load, asked, 1) == wanted
    assert _found(text, load, asked, 700) == wanted
    assert _found(text, load, asked, 65) == wanted


def test_a_large_table_is_found_whole() -> None:
    """More keys than are looked up together, so that hashes meet in the index."""
    keys = list(range(-20_000, 20_000, 2))
    random.Random(1).shuffle(keys)
    text = (
        "define stream Load (k int, s string); define stream Q (k int);"
        "@PrimaryKey('k') define table T (k int, s string);"
        "from Load insert into T; from Q join T on T.k == Q.k select Q.k, T.s insert into O;"
    )
    asked = [(key,) for key in range(-20_001, 20_001)]
    found = _found(text, [(key, f"value {key}") for key in keys], asked, 50_000)
    assert found == [(key, f"value {key}") for key in range(-20_000, 20_000, 2)]
