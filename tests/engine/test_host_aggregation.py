"""Aggregators written in Python give what the native ones give."""

from __future__ import annotations

import json

import pytest

from eventflux.engine.builder import AggregateSpec, Argument, EngineBuilder, SelectSpec
from eventflux.engine.engine import Engine
from eventflux.engine.host_aggregation import AggregatorCall, AggregatorOperator
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Attribute, Schema

ROW = Schema.of(name=AttributeType.STRING, n=AttributeType.LONG)
LENGTH = ("length", [Argument(type=AttributeType.INT, value=3)])
LENGTH_BATCH = (
    "length_batch",
    [Argument(type=AttributeType.INT, value=3), Argument(type=AttributeType.BOOL, value=False)],
)


class Sum:
    supports_remove = True

    def new_state(self):
        return [0, 0]

    def add(self, state, value):
        state[0] += value
        state[1] += 1

    def remove(self, state, value):
        state[0] -= value
        state[1] -= 1

    def value(self, state):
        return state[0] if state[1] else None

    def serialize(self, state):
        return json.dumps(state).encode()

    def deserialize(self, data):
        return json.loads(data)


class Largest(Sum):
    """Cannot take a value back."""

    supports_remove = False

    def new_state(self):
        return [None]

    def add(self, state, value):
        state[0] = value if state[0] is None else max(state[0], value)

    def value(self, state):
        return state[0]


class App:
    """`from In#window select name, n, sum(n), max(n) group by name insert all events into Out`."""

    def __init__(self, window, *, in_python, **options):
        self.engine = engine = Engine(playback=True, **options)
        builder = EngineBuilder(engine)
        stream = builder.stream("In", ROW.types)
        builder.query("q")
        window_node = builder.window(stream, window[0], window[1], wants_expired=True)
        layout = engine.layout("In", ROW)
        grouping = builder.program(ROW.types)
        grouping.output(grouping.column(0))
        if in_python:
            prepared = Schema([*ROW, Attribute("key", AttributeType.STRING), Attribute("argument", AttributeType.LONG)])
            program = builder.program(ROW.types)
            for column in (0, 1, 0, 1):
                program.output(program.column(column))
            extended = Schema([*ROW, Attribute("total", AttributeType.LONG), Attribute("most", AttributeType.LONG)])
            node = builder.host_operator(
                builder.map(window_node, program),
                lambda: AggregatorOperator(
                    [
                        AggregatorCall(aggregator=Sum(), arguments=(0,)),
                        AggregatorCall(aggregator=Largest(), arguments=(0,)),
                    ],
                    columns=2,
                    group_keys=1,
                ),
                engine.layout("prepared", prepared),
                engine.layout("extended", extended),
                is_batch=window is LENGTH_BATCH,
                wants_resets=True,
            )
            aggregates = (AggregateSpec(name="count"),)
            types = extended.types
        else:
            grouping.output(grouping.column(1))
            node = window_node
            aggregates = tuple(
                AggregateSpec(name=name, argument_type=AttributeType.LONG, argument_output=1)
                for name in ("sum_long", "max_long")
            )
            types = (*ROW.types, AttributeType.LONG)
        grouping_types = types if in_python else ROW.types
        arguments = builder.program(grouping_types)
        arguments.output(arguments.column(0))
        if not in_python:
            arguments.output(arguments.column(1))
        grouping.close()
        outputs = builder.program([*types, AttributeType.LONG])
        for column in range(4):
            outputs.output(outputs.column(column))
        node = builder.select(
            node,
            SelectSpec(
                arguments=arguments, group_keys=1, aggregates=aggregates, outputs=outputs, visible=4, expired=True
            ),
        )
        builder.seal()
        self.calls = []
        out = Schema.of(
            name=AttributeType.STRING, n=AttributeType.LONG, total=AttributeType.LONG, most=AttributeType.LONG
        )
        engine.listen_query(node, engine.layout("q", out), self.hear)
        self.input = engine.input(stream, layout)

    def hear(self, timestamp, current, expired):
        self.calls.append(((current and current.rows()) or [], (expired and expired.rows()) or []))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.engine.close()


ROWS = [("abc"[number % 3 and number % 2], number * 7 % 11) for number in range(40)]


@pytest.mark.parametrize("window", [LENGTH, LENGTH_BATCH], ids=["sliding", "batch"])
@pytest.mark.parametrize("options", [{}, {"depth_first": True}], ids=["slices", "stepping"])
def test_aggregators_in_python_agree_with_native_ones(window, options):
    with App(window, in_python=True, **options) as ours, App(window, in_python=False, **options) as native:
        for app in (ours, native):
            for row in ROWS[:20]:
                app.input.send(row, timestamp=1)
            app.input.send_many(ROWS[20:], timestamps=2)
        assert [current for current, _ in ours.calls] == [current for current, _ in native.calls]
        assert [expired for _, expired in ours.calls] == [expired for _, expired in native.calls]
        assert any(current for current, _ in ours.calls)


def test_states_of_groups_are_saved_and_restored():
    with App(LENGTH, in_python=True) as first, App(LENGTH, in_python=True) as second:
        first.input.send_many(ROWS[:20], timestamps=1)
        second.engine.load(first.engine.save())
        first.calls.clear()
        for app in (first, second):
            app.input.send_many(ROWS[20:], timestamps=2)
        assert second.calls == first.calls


def test_keys_that_cannot_be_hashed_are_groups_too():
    operator = AggregatorOperator([AggregatorCall(aggregator=Sum(), arguments=(0,))], columns=0, group_keys=1)
    for key, value, total in [([1], 1, 1), ([1], 2, 3), ([2], 5, 5), (None, 7, 7), (None, 1, 8)]:
        assert operator._fold((key,), (value,), 0) == [total]
    assert operator.size == 3
    restored = AggregatorOperator([AggregatorCall(aggregator=Sum(), arguments=(0,))], columns=0, group_keys=1)
    restored.load(operator.save())
    assert restored._fold(([1],), (1,), 0) == [4]
