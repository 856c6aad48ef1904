"""Aggregators written in Python, from registration to rows."""

from __future__ import annotations

import json

import pytest

from eventflux import EventFluxManager
from eventflux.extension import AttributeAggregator, Parameter, extension
from eventflux.types.errors import ValidationError


@extension(
    name="product",
    namespace="test",
    kind="aggregator",
    description="The product of the values.",
    parameters=[Parameter("value", ("LONG",), "The value.", dynamic=True)],
    returns="LONG",
)
class Product(AttributeAggregator):
    def new_state(self):
        return []

    def add(self, state, value):
        state.append(value)

    def remove(self, state, value):
        state.remove(value)

    def reset(self, state):
        state.clear()

    def value(self, state):
        result = 1
        for value in state:
            result *= value
        return result if state else None

    def serialize(self, state):
        return json.dumps(state).encode()

    def deserialize(self, data):
        return json.loads(data)


@extension(
    name="weighted",
    namespace="test",
    kind="aggregator",
    description="The sum of values times their weights; it cannot take a value back.",
    parameters=[
        Parameter("value", ("DOUBLE",), "The value.", dynamic=True),
        Parameter("weight", ("LONG",), "Its weight.", dynamic=True),
    ],
    returns="DOUBLE",
)
class Weighted(Product):
    supports_remove = False

    def new_state(self):
        return [0.0]

    def add(self, state, value, weight):
        state[0] += value * weight

    def remove(self, state, *values):
        raise AssertionError("it does not support this")

    def value(self, state):
        return state[0]


APP = """
@app:name('aggregators') @app:playback
define stream In (name string, n long, x double);
@info(name = 'q')
from In{window} select name, {selected} {clauses}
insert all events into Out;
"""


@pytest.fixture
def manager():
    with EventFluxManager() as made:
        made.add_attribute_aggregator("product", Product, namespace="test")
        made.add_attribute_aggregator("weighted", Weighted, namespace="test")
        yield made


ROWS = [("a", 2, 0.5), ("b", 3, 1.0), ("a", 5, 2.0), ("a", 7, 4.0), ("b", 11, 8.0), ("a", 13, 0.25)]


def play(manager, selected, *, window="#window.length(3)", clauses="group by name", rows=ROWS, one_by_one=True):
    runtime = manager.create_eventflux_app_runtime(APP.format(window=window, selected=selected, clauses=clauses))
    current, expired = [], []

    def hear(timestamp, now, gone):
        current.extend(event.data for event in now or ())
        expired.extend(event.data for event in gone or ())

    runtime.add_query_callback("q", hear)
    with runtime:
        handler = runtime.input_handler("In")
        if one_by_one:
            for index, row in enumerate(rows):
                handler.send(row, timestamp=1000 + index)
        else:
            handler.send_many(rows, timestamps=[1000 + index for index in range(len(rows))])
        snapshot = runtime.snapshot()
    runtime.close()
    return current, expired, snapshot


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "many"])
def test_values_of_groups_in_a_sliding_window(manager, one_by_one):
    current, expired, _ = play(manager, "test:product(n) as p, count() as c", one_by_one=one_by_one)
    assert current == [("a", 2, 1), ("b", 3, 1), ("a", 10, 2), ("a", 35, 2), ("b", 11, 1), ("a", 91, 2)]
    assert expired == [("a", 5, 1), ("b", None, 0), ("a", 7, 1)]


def test_several_arguments_expressions_and_mixed_aggregates(manager):
    selected = "sum(n) as s, test:weighted(x, n) + 1.0 as w, test:product(n + 1) as p, test:weighted(x, n) as again"
    current, _, _ = play(manager, selected, clauses="group by name having s > 2")
    assert current == [
        ("b", 3, 4.0, 4, 3.0),
        ("a", 7, 12.0, 18, 11.0),
        ("a", 12, 39.0, 48, 38.0),
        ("b", 11, 89.0, 12, 88.0),
        ("a", 20, 32.25, 112, 31.25),
    ]


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "many"])
def test_a_batch_gives_one_row_a_group_and_begins_anew(manager, one_by_one):
    current, _, _ = play(manager, "test:product(n) as p", window="#window.lengthBatch(3)", one_by_one=one_by_one)
    assert current == [("a", 10), ("b", 3), ("a", 91), ("b", 11)]


def test_without_groups_and_without_other_aggregates(manager):
    current, _, _ = play(manager, "test:product(n) as p", clauses="order by p limit 5")
    assert [row[1] for row in current] == [2, 6, 30, 105, 385, 1001]


def test_states_survive_a_snapshot(manager):
    text = APP.format(window="#window.length(3)", selected="test:product(n) as p", clauses="group by name")
    _, _, snapshot = play(manager, "test:product(n) as p")
    runtime = manager.create_eventflux_app_runtime(text)
    rows = []
    runtime.add_query_callback("q", lambda timestamp, current, expired: rows.extend(event.data for event in current))
    with runtime:
        runtime.restore(snapshot)
        runtime.input_handler("In").send(("a", 2, 0.0), timestamp=2000)
    assert rows == [("a", 26)]


def test_what_raises_costs_its_row(manager, caplog):
    current, _, _ = play(manager, "test:product(n) as p", rows=[("a", 2, 0.0), ("a", None, 0.0), ("a", 3, 0.0)])
    assert current[0] == ("a", 2)
    assert "TypeError" in caplog.text


def test_arguments_are_checked(manager):
    with pytest.raises(ValidationError):
        manager.create_eventflux_app_runtime(
            APP.format(window="", selected="test:product(name) as p", clauses="group by name")
        )


def test_explain_names_them(manager):
    text = APP.format(window="", selected="test:product(n) as p", clauses="group by name")
    runtime = manager.create_eventflux_app_runtime(text)
    assert "test:product in Python by 1 keys" in runtime.explain()
