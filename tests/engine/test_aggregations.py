"""Native aggregations beside the flow of rows: want of memory, damaged state, memory that comes back."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from eventflux.engine.builder import ConditionSpec, EngineBuilder, RollupSpec
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import EventBatch, Input
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError, StateError
from eventflux.types.schema import Schema

ROW = Schema.of(ts=AttributeType.LONG, k=AttributeType.STRING, v=AttributeType.INT)
BOTH = Schema.of(
    a=AttributeType.LONG,
    b=AttributeType.STRING,
    c=AttributeType.INT,
    start=AttributeType.LONG,
    k=AttributeType.STRING,
    v=AttributeType.LONG,
    seen=AttributeType.LONG,
    duration=AttributeType.INT,
)
LAST, SUM, DISTINCT = 0, 1, 6
SECOND, MINUTE = 0, 1


@dataclass
class Aggregated:
    """Buckets of a second and a minute over stream In, grouped by k; a row in All gives all of them."""

    engine: Engine
    inputs: dict[str, Input]
    found: list[tuple[Any, ...]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def rows(self, at: int = 1) -> list[tuple[Any, ...]]:
        self.found.clear()
        self.inputs["All"].send((None, None, None), timestamp=at)
        return [row[3:] for row in self.found]


def aggregated(*, purge_interval: int = 0, **options: Any) -> Aggregated:
    engine = Engine(playback=True, **options)
    try:
        builder = EngineBuilder(engine)
        streams = {name: builder.stream(name, ROW.types) for name in ("In", "All")}
        builder.query("G")
        spec = RollupSpec(
            name="G",
            time_column=0,
            keys=(1,),
            items=((LAST, 1), (SUM, 2), (DISTINCT, 1)),
            durations=((SECOND, 1000), (MINUTE, 1000)),
            purge_interval=purge_interval,
        )
        rollup = builder.rollup(streams["In"], spec)
        builder.query("all")
        everything = builder.lookup(streams["All"], rollup, ConditionSpec(keys=None))
        builder.seal()
        made = Aggregated(
            engine, {name: engine.input(node, engine.layout(name, ROW)) for name, node in streams.items()}
        )

        def take(timestamp: int, current: EventBatch | None, expired: EventBatch | None) -> None:
            made.found.extend(current.rows() if current is not None else ())

        engine.listen_query(everything, engine.layout("all", BOTH), take)
        engine.on_failure(lambda node, stream, batch, status, message: made.failures.append(message))
    except BaseException:
        engine.close()
        raise
    return made


def _rows(count: int, start: int = 0) -> list[tuple[int, str, int]]:
    return [
        (start + 37 * number, f"key {number % 7} that is longer than twelve bytes", number) for number in range(count)
    ]


def test_want_of_memory_leaves_buckets_that_work() -> None:
    completed = wanting = 0
    for limit in range(20_000, 3_000_000, 40_001):
        try:
            made = aggregated(memory_limit=limit)
        except (MemoryError, EventFluxError):
            continue
        try:
            made.inputs["In"].send_many(_rows(3000), [1] * 3000)
            found = made.rows()
        except (MemoryError, EventFluxError):
            wanting += 1
        else:
            wanting += bool(made.failures)
            assert all(row[1] is None or row[1].startswith("key ") for row in found)
            assert [row[0] for row in found if row[4] == SECOND] == sorted(row[0] for row in found if row[4] == SECOND)
            completed += not made.failures
        finally:
            made.engine.close()
    assert completed > 0
    assert wanting > 0


def test_damaged_state_is_refused_and_the_old_state_stays() -> None:
    made = aggregated()
    made.inputs["In"].send_many(_rows(100), [1] * 100)
    rows = made.rows()
    assert sum(row[2] for row in rows if row[4] == MINUTE) == sum(range(100))
    parts = made.engine.save()
    place = next(index for index, part in enumerate(parts) if part.operator == "rollup")
    good = parts[place].data
    source = random.Random(11)
    refused = 0
    for _ in range(400):
        damaged = bytearray(good)
        if source.random() < 0.3:
            damaged = damaged[: source.randrange(len(damaged))]
        else:
            for _ in range(source.randrange(1, 4)):
                damaged[source.randrange(len(damaged))] = source.randrange(256)
        changed = [*parts[:place], replace(parts[place], data=bytes(damaged)), *parts[place + 1 :]]
        try:
            made.engine.load(changed)
        except StateError:
            refused += 1
            assert made.rows() == rows
        else:
            made.rows()
            made.inputs["In"].send_many(_rows(20), [1] * 20)
            made.engine.load(parts)
    assert refused > 50
    made.engine.load(parts)
    assert made.rows() == rows
    made.engine.close()


def test_memory_comes_back_when_buckets_are_purged() -> None:
    made = aggregated(purge_interval=1000)
    figures: list[int] = []
    for turn in range(6):
        at = turn * 1_000_000
        made.inputs["In"].send_many(_rows(3000, at), [at] * 3000)
        assert len({row[0] for row in made.rows(at) if row[4] == SECOND}) == 111
        figures.append({each.name: each for each in made.engine.metrics()}["G/rollup/0"].memory_bytes)
    assert max(figures[1:]) <= figures[0] * 1.2
    made.engine.close()
