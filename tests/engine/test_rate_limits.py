"""Rate limiters as the engine runs them: stepping, and in slices of any size."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.graphs import TRADE

from eventflux.engine.builder import AggregateSpec, EngineBuilder, OutputRate, RateSpec, SelectSpec
from eventflux.engine.engine import Engine
from eventflux.types.schema import Schema

ROWS = [(1000 + 10 * i, ("abc"[i % 3], 1.0, i)) for i in range(100)]


def run(spec: RateSpec, **options: Any) -> list[list[tuple[int, tuple[object, ...]]]]:
    """Deliveries (timestamp, values) of `select symbol, sum(volume) group by symbol` under a rate."""
    engine = Engine(playback=True, **options)
    builder = EngineBuilder(engine)
    source = builder.stream("In", TRADE.types)
    builder.query("q")
    arguments = builder.program(TRADE.types)
    arguments.output(arguments.column(0))
    arguments.output(arguments.column(2))
    outputs = builder.program((*TRADE.types, TRADE.types[2]))
    outputs.output(outputs.column(0))
    outputs.output(outputs.column(3))
    outputs.output(outputs.column(0))
    total = AggregateSpec(name="sum_long", argument_type=TRADE.types[2], argument_output=1)
    selection = SelectSpec(arguments=arguments, group_keys=1, aggregates=(total,), outputs=outputs, visible=3)
    node = builder.rate_limit(builder.select(source, selection), spec)
    builder.seal()
    shown = Schema.of(symbol=TRADE.types[0], total=TRADE.types[2])
    deliveries: list[list[tuple[int, tuple[object, ...]]]] = []
    engine.listen(
        node,
        engine.layout("q", shown),
        lambda batch: deliveries.append(list(zip(batch.timestamps, batch.rows(), strict=True))),
    )
    send = engine.input(source, engine.layout("In", TRADE))
    send.send_many([row for _, row in ROWS], [timestamp for timestamp, _ in ROWS])
    engine.close()
    return [[row] for delivery in deliveries for row in delivery]


RATES = [
    RateSpec(rate=OutputRate.ALL, every=7, visible=2),
    RateSpec(rate=OutputRate.FIRST, every=4, visible=2, keys=(2,)),
    RateSpec(rate=OutputRate.LAST, every=5, visible=2, keys=(2,)),
    RateSpec(rate=OutputRate.FIRST, every=35, visible=2, by_time=True, keys=(2,)),
    RateSpec(rate=OutputRate.LAST, every=100, visible=2, by_time=True, keys=(2,)),
    RateSpec(rate=OutputRate.SNAPSHOT, every=55, visible=2, by_time=True, keys=(2,)),
]


@pytest.mark.parametrize("spec", RATES, ids=lambda spec: f"{spec.rate.name}-{spec.every}-{spec.by_time}")
def test_every_driver_gives_the_same_rows(spec: RateSpec) -> None:
    judge = run(spec, depth_first=True)
    assert judge
    for slice_rows in (1, 2, 7, 4096):
        assert run(spec, slice_rows=slice_rows) == judge


def test_hidden_keys_stay_inside() -> None:
    first = run(RateSpec(rate=OutputRate.LAST, every=3, visible=2, keys=(2,)))[:3]
    assert first == [[(1000, ("a", 0))], [(1010, ("b", 1))], [(1020, ("c", 2))]]
