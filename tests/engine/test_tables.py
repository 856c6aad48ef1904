"""Native tables beside the flow of rows: want of memory, damaged state, many rows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from eventflux.engine.builder import ChangeSpec, ConditionSpec, EngineBuilder, Node, ProgramBuilder
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import EventBatch, Input
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError, StateError
from eventflux.types.schema import Schema

ROW = Schema.of(k=AttributeType.LONG, s=AttributeType.STRING)
EQUAL = 0
UPDATE, DELETE, UPSERT = 0, 1, 2


@dataclass
class Tabled:
    """A table T(k, s) that stream In is inserted into, Up upserted, Gone deleted from; All gives its rows."""

    engine: Engine
    inputs: dict[str, Input]
    found: list[tuple[Any, ...]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def rows(self) -> list[tuple[Any, ...]]:
        self.found.clear()
        self.inputs["All"].send((None, None), timestamp=1)
        return [row[2:] for row in self.found]


def _columns(program: ProgramBuilder, *columns: int) -> ProgramBuilder:
    for column in columns:
        program.output(program.column(column))
    return program


def tabled(*, primary_key: tuple[int, ...] = (0,), indexes: tuple[int, ...] = (1,), **options: Any) -> Tabled:
    engine = Engine(playback=True, **options)
    try:
        builder = EngineBuilder(engine)
        streams = {name: builder.stream(name, ROW.types) for name in ("In", "Up", "Gone", "All")}
        builder.query("T")
        table = builder.table(streams["In"], primary_key=primary_key, indexes=indexes)

        def condition(column: int) -> ConditionSpec:
            return ConditionSpec(keys=_columns(builder.program(ROW.types), column), conjuncts=((EQUAL, column, 0),))

        def changed(
            stream: Node, kind: int, column: int, values: ProgramBuilder | None, columns: tuple[int, ...]
        ) -> None:
            builder.query(f"change {kind}")
            spec = ChangeSpec(
                kind=kind, current=True, expired=False, condition=condition(column), values=values, columns=columns
            )
            builder.change(stream, table, spec)

        changed(streams["Up"], UPSERT, 0, _columns(builder.program((*ROW.types, *ROW.types)), 1), (1,))
        changed(streams["Gone"], DELETE, 1, None, ())
        builder.query("all")
        everything = builder.lookup(streams["All"], table, ConditionSpec(keys=None))
        builder.seal()
        inputs = {name: engine.input(node, engine.layout(name, ROW)) for name, node in streams.items()}
        made = Tabled(engine, inputs)

        def take(timestamp: int, current: EventBatch | None, expired: EventBatch | None) -> None:
            made.found.extend(current.rows() if current is not None else ())

        both = Schema.of(a=AttributeType.LONG, b=AttributeType.STRING, k=AttributeType.LONG, s=AttributeType.STRING)
        engine.listen_query(everything, engine.layout("all", both), take)
        engine.on_failure(lambda node, stream, batch, status, message: made.failures.append(message))
    except BaseException:
        engine.close()
        raise
    return made


def _string(number: int) -> str:
    return f"value {number}, which is longer than twelve bytes" if number % 3 else f"v{number}"


@pytest.mark.parametrize("key", [(0,), (1,), (), (0, 1)], ids=["number", "string", "none", "both"])
def test_many_rows_are_found_changed_and_removed(key: tuple[int, ...]) -> None:
    table = tabled(primary_key=key)
    numbers = list(range(5000))
    random.Random(7).shuffle(numbers)
    table.inputs["In"].send_many([(number, _string(number)) for number in numbers], [1] * len(numbers))
    ordered = sorted(numbers) if key == (0,) else numbers
    assert table.rows() == [(number, _string(number)) for number in ordered]
    table.inputs["Up"].send_many([(number, _string(number + 1)) for number in range(0, 5000, 2)], [1] * 2500)
    if key in {(0,), ()}:
        changed = [(number, _string(number + 1 - number % 2)) for number in ordered]
        assert table.rows() == changed
        gone = {_string(number) for number in range(0, 5000, 3)}
        table.inputs["Gone"].send_many([(0, text) for text in sorted(gone)], [1] * len(gone))
        assert table.rows() == [row for row in changed if row[1] not in gone]
        assert table.failures == []
    table.engine.close()


def test_memory_comes_back_when_rows_go() -> None:
    table = tabled()
    figures: list[int] = []
    for _ in range(4):
        table.inputs["In"].send_many([(number, _string(number)) for number in range(3000)], [1] * 3000)
        table.inputs["Gone"].send_many([(0, _string(number)) for number in range(3000)], [1] * 3000)
        assert table.rows() == []
        kept = {each.name: each for each in table.engine.metrics()}["T/table/0"]
        assert kept.rows_held == 0
        figures.append(kept.memory_bytes)
    assert max(figures[1:]) <= figures[0] * 1.1
    table.engine.close()


@pytest.mark.parametrize("key", [(0,), (1,), ()], ids=["number", "string", "none"])
def test_want_of_memory_leaves_a_table_that_works(key: tuple[int, ...]) -> None:
    calm = tabled(primary_key=key)
    needed = sum(each.memory_bytes for each in calm.engine.metrics())
    calm.engine.close()
    completed = 0
    for limit in range(needed + 250_000, needed + 900_000, 7_001):
        try:
            table = tabled(primary_key=key, memory_limit=limit)
        except (MemoryError, EventFluxError):
            continue
        try:
            for stream in ("In", "Up", "Gone", "Up"):
                try:
                    rows = [(number % 400, _string(number)) for number in range(600)]
                    table.inputs[stream].send_many(rows, [1] * len(rows))
                except (MemoryError, EventFluxError):
                    pass
            try:
                rows_found = table.rows()
            except (MemoryError, EventFluxError):
                continue
            if key == (0,):
                numbers = [row[0] for row in rows_found]
                assert numbers == sorted(set(numbers))
            completed += 1
        finally:
            table.engine.close()
    assert completed > 0


@pytest.mark.parametrize("key", [(0,), (1,), ()], ids=["number", "string", "none"])
def test_damaged_state_is_refused_and_the_old_state_stays(key: tuple[int, ...]) -> None:
    table = tabled(primary_key=key)
    rows = [(number, _string(number)) for number in range(40)]
    table.inputs["In"].send_many(rows, [1] * len(rows))
    parts = table.engine.save()
    place = next(index for index, part in enumerate(parts) if part.operator == "table")
    good = parts[place].data
    source = random.Random(11)
    refused = 0
    for _ in range(300):
        damaged = bytearray(good)
        if source.random() < 0.3:
            damaged = damaged[: source.randrange(len(damaged))]
        else:
            for _ in range(source.randrange(1, 4)):
                damaged[source.randrange(min(len(damaged), 2000))] = source.randrange(256)
        changed = [*parts[:place], replace(parts[place], data=bytes(damaged)), *parts[place + 1 :]]
        try:
            table.engine.load(changed)
        except StateError:
            refused += 1
            assert table.rows() == rows
        else:
            table.rows()
            table.engine.load(parts)
    assert refused > 50
    table.engine.load(parts)
    assert table.rows() == rows
    table.engine.close()


def test_a_snapshot_does_not_see_later_changes() -> None:
    table = tabled()
    rows = [(number, _string(number)) for number in range(200)]
    table.inputs["In"].send_many(rows, [1] * len(rows))
    parts = table.engine.save()
    table.inputs["Up"].send_many([(number, "changed") for number in range(200)], [1] * 200)
    table.inputs["Gone"].send((0, "changed"), timestamp=1)
    assert table.rows() == []
    table.engine.load(parts)
    assert table.rows() == rows
    table.engine.close()
