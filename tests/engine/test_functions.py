"""Python functions in expression programs."""

from __future__ import annotations

import pytest
from tests.engine.graphs import ALL_TYPES

from eventflux.engine.builder import EngineBuilder
from eventflux.engine.engine import Engine
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

PAIR = Schema.of(a=AttributeType.INT, b=AttributeType.STRING)


class Calling:
    """`from In select function(a, b) as result insert into Out`."""

    def __init__(self, function, returns, *, vectorized=False, schema=PAIR):
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        source = builder.stream("In", schema.types)
        target = builder.stream("Out", [returns])
        builder.query("q")
        program = builder.program(schema.types)
        number = self.engine.add_function(function, "f", vectorized=vectorized)
        program.output(program.host_call(number, returns, *[program.column(i) for i in range(len(schema))]))
        builder.insert(builder.map(source, program), target)
        builder.seal()
        self.results = []
        self.failures = []
        out = Schema.of(result=returns)
        self.engine.listen(
            target,
            self.engine.layout("Out", out),
            lambda batch: self.results.extend(row[0] for row in batch.rows()),
        )
        self.engine.on_failure(
            lambda node, stream, batch, status, message: self.failures.append((batch and batch.rows(), message))
        )
        self.input = self.engine.input(source, self.engine.layout("In", schema))


@pytest.fixture
def calling():
    made = []

    def make(*arguments, **options):
        made.append(Calling(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.engine.close()


def test_a_function_is_called_with_the_values_of_each_row(calling):
    graph = calling(lambda a, b: None if a is None else f"{a}:{b}", AttributeType.STRING)
    graph.input.send_many([(1, "x"), (None, "y"), (3, None), (4, "a text that is long")], timestamps=1)
    assert graph.results == ["1:x", None, "3:None", "4:a text that is long"]
    assert graph.failures == []


def test_values_of_all_types_go_in_and_come_back(calling):
    for position, (name, value) in enumerate(
        zip(ALL_TYPES.names, (True, 1, 2, 1.5, 2.5, "text", {"a": [1, {2}]}), strict=True)
    ):
        graph = calling(lambda *values, position=position: values[position], ALL_TYPES[position].type, schema=ALL_TYPES)
        row = dict.fromkeys(ALL_TYPES.names)
        row[name] = value
        graph.input.send(row, timestamp=1)
        assert graph.results == [value]


def test_a_vectorized_function_is_called_once_a_batch(calling):
    calls = []

    def double(columns):
        calls.append([list(column) for column in columns])
        return [None if a is None else a * 2 for a in columns[0]]

    graph = calling(double, AttributeType.INT, vectorized=True)
    graph.input.send_many([(1, "x"), (None, "y"), (3, "z")], timestamps=1)
    assert graph.results == [2, None, 6]
    assert calls == [[[1, None, 3], ["x", "y", "z"]]]


def test_a_row_whose_call_raises_fails_alone(calling):
    def picky(a, b):
        if a == 2:
            raise ValueError("two is not welcome")
        return a

    graph = calling(picky, AttributeType.INT)
    graph.input.send_many([(1, "x"), (2, "y"), (3, "z")], timestamps=1)
    assert graph.results == [1, 3]
    assert len(graph.failures) == 1
    rows, message = graph.failures[0]
    assert rows == [(2, "y")]
    assert "ValueError: two is not welcome" in message


@pytest.mark.parametrize(
    ("returned", "returns"),
    [("x", AttributeType.INT), (2**40, AttributeType.INT), (1, AttributeType.STRING), (object(), AttributeType.OBJECT)],
    ids=repr,
)
def test_a_result_of_another_type_fails_the_row(calling, returned, returns):
    graph = calling(lambda a, b: returned, returns)
    graph.input.send((1, "x"), timestamp=1)
    assert graph.results == []
    assert "function f returned" in graph.failures[0][1]


@pytest.mark.parametrize("answer", [[1], 5, None], ids=repr)
def test_a_vectorized_function_that_breaks_its_word_fails_all_rows(calling, answer):
    graph = calling(lambda columns: answer, AttributeType.INT, vectorized=True)
    graph.input.send_many([(1, "x"), (2, "y")], timestamps=1)
    assert graph.results == []
    assert len(graph.failures) == 2


def test_keyboard_interrupt_in_a_function_goes_through_the_sender(calling):
    def interrupted(a, b):
        raise KeyboardInterrupt

    graph = calling(interrupted, AttributeType.INT)
    with pytest.raises(KeyboardInterrupt):
        graph.input.send((1, "x"), timestamp=1)
    with pytest.raises(KeyboardInterrupt):
        graph.input.send_many([(1, "x")] * 100, timestamps=1)


def test_a_function_may_add_functions_and_threads_may_call(calling):
    import threading

    graph = calling(lambda a, b: a, AttributeType.INT)
    threads = [threading.Thread(target=graph.input.send_many, args=([(k, "x")] * 500, 1)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert len(graph.results) == 2000
