"""Small graphs that the tests of the border send rows through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eventflux.engine.builder import EngineBuilder, Node, ProgramBuilder
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import EventBatch, Input, Layout
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

ALL_TYPES = Schema.of(
    b=AttributeType.BOOL,
    i=AttributeType.INT,
    l=AttributeType.LONG,
    f=AttributeType.FLOAT,
    d=AttributeType.DOUBLE,
    s=AttributeType.STRING,
    o=AttributeType.OBJECT,
)

TRADE = Schema.of(symbol=AttributeType.STRING, price=AttributeType.DOUBLE, volume=AttributeType.LONG)


@dataclass
class Passing:
    """A stream `In` whose rows go through a filter or a function into `Out`, where they are collected."""

    engine: Engine
    input: Input
    source: Node
    target: Node
    layout: Layout
    batches: list[EventBatch] = field(default_factory=list)

    def listen(self, callback: Callable[[EventBatch], Any]) -> None:
        self.engine.listen(self.target, self.layout, callback)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [row for batch in self.batches for row in batch.rows()]

    @property
    def timestamps(self) -> list[int]:
        return [timestamp for batch in self.batches for timestamp in batch.timestamps]

    def clear(self) -> None:
        self.batches.clear()


def passing(
    schema: Schema,
    *,
    condition: Callable[[ProgramBuilder], Any] | None = None,
    collect: bool = True,
    playback: bool = True,
    **options: Any,
) -> Passing:
    """An engine with one query: `from In[condition] select * insert into Out`."""
    engine = Engine(playback=playback, **options)
    builder = EngineBuilder(engine)
    source = builder.stream("In", schema.types)
    target = builder.stream("Out", schema.types)
    builder.query("q")
    node = source
    if condition is not None:
        program = builder.program(schema.types)
        program.output(condition(program))
        node = builder.filter(node, program)
    outputs = builder.program(schema.types)
    for index in range(len(schema)):
        outputs.output(outputs.column(index))
    node = builder.map(node, outputs)
    builder.insert(node, target)
    builder.seal()
    graph = Passing(
        engine, engine.input(source, engine.layout("In", schema)), source, target, engine.layout("Out", schema)
    )
    if collect:
        graph.listen(graph.batches.append)
    return graph
