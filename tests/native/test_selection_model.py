"""The native selection against its model, on random rows, kinds, groups, slots, deliveries and calls."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.native.operator_harness import (
    BOOL,
    CURRENT,
    DOUBLE,
    EACH_ROW,
    ENDS,
    EXPIRED,
    FLOAT,
    INT,
    LONG,
    OBJECT,
    RESET,
    STRING,
    WHOLE,
    Batch,
    Row,
    Value,
)
from tests.native.selection_harness import (
    ANY_ORDER,
    FIFO,
    NONE_LEAVES,
    Aggregate,
    Call,
    Column,
    Constant,
    Expression,
    Order,
    Selection,
    Spec,
)
from tests.properties.models.selection import Model

COLUMNS = (BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT, OBJECT)
SET_COLUMN = 7
LONG_TEXT = "a text of more than twelve bytes"

VALUES: dict[int, list[Value]] = {
    BOOL: [True, False, None],
    INT: [0, 1, 2, -3, 2**31 - 1, -(2**31), None],
    LONG: [0, 1, 2, -3, 2**63 - 1, -(2**63), None],
    FLOAT: [0.0, -0.0, 1.5, 0.25, -3.0, None],
    DOUBLE: [0.0, -0.0, 0.1, 0.2, 1e15, -3.5, float("nan"), None],
    STRING: ["", "a", "b", "twelve bytes", LONG_TEXT, LONG_TEXT + "!", "￿", "\U0001f600", None],
    OBJECT: [1, 1.0, "a", LONG_TEXT, [1, "x"], {1: None, 2: None}, {2: None, 1: None}, True, None],
}
SETS: list[Value] = [{}, {1: None}, {1: None, 2: None}, {"a": None, LONG_TEXT: None}, {2: None, None: None}, None]

AGGREGATES = [
    Aggregate("count"),
    *[Aggregate("sum_long", kind, Column(kind - 1)) for kind in (INT, LONG)],
    *[Aggregate("sum_double", kind, Column(kind - 1)) for kind in (FLOAT, DOUBLE)],
    *[
        Aggregate(name, kind, Column(kind - 1))
        for name in ("avg", "std_dev", "variance")
        for kind in range(INT, STRING)
    ],
    *[
        Aggregate(f"{name}_{text}", kind, Column(kind - 1))
        for name in ("min", "max", "min_forever", "max_forever")
        for text, kind in (("int", INT), ("long", LONG), ("float", FLOAT), ("double", DOUBLE))
    ],
    *[
        Aggregate(name, kind, Column(kind - 1))
        for name in (
            "count",
            "count_nonnull",
            "distinct_count",
            "distinct_count_nonnull",
            "first",
            "last",
            "collect_list",
        )
        for kind in range(BOOL, OBJECT + 1)
    ],
    Aggregate("bool_and", BOOL, Column(BOOL - 1)),
    Aggregate("bool_or", BOOL, Column(BOOL - 1)),
    Aggregate("union_set", OBJECT, Column(SET_COLUMN)),
    Aggregate("sum_long", LONG, Call("add_long", (Column(LONG - 1), Constant(LONG, 1)))),
]


def plain(value: Value) -> object:
    """A value that compares as bits do."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return ("set", [plain(element) for element in value])
    if isinstance(value, list):
        return [plain(element) for element in value]
    return (type(value), value)


def plain_rows(rows: list[Row]) -> list[object]:
    return [(row.kind, row.timestamp, row.slot, [plain(value) for value in row.values]) for row in rows]


def make_spec(rng: random.Random) -> Spec:
    """A random selection over COLUMNS."""
    keys: tuple[Expression, ...] = tuple(
        Column(rng.randrange(SET_COLUMN)) for _ in range(rng.choice([0, 0, 1, 1, 1, 2, 3]))
    )
    if rng.random() < 0.1:
        keys += (Call("add_long", (Column(LONG - 1), Constant(LONG, 1))),)
    aggregates = tuple(rng.choice(AGGREGATES) for _ in range(rng.choice([0, 1, 1, 2, 3, 6])))
    width = len(COLUMNS) + len(aggregates)
    outputs: list[Expression] = [Column(rng.randrange(width)) for _ in range(rng.randrange(1, 5))]
    outputs += [Column(len(COLUMNS) + a) for a in range(len(aggregates))]
    if rng.random() < 0.3:
        outputs.append(Call("add_long", (Column(LONG - 1), Constant(LONG, 5))))
    having: Expression | None = None
    if rng.random() < 0.4:
        outputs.append(Column(LONG - 1))
        having = Call("greater_long", (Column(len(outputs) - 1), Constant(LONG, rng.choice([0, 1, -5]))))
    order: tuple[Order, ...] = ()
    if rng.random() < 0.4:
        order = tuple(
            Order(rng.randrange(len(outputs)), rng.random() < 0.5, rng.random() < 0.3)
            for _ in range(rng.choice([1, 2]))
        )
        objects = [key for key in order if is_object(outputs[key.output], aggregates)]
        order = () if objects else order
    current = rng.random() < 0.8
    return Spec(
        columns=COLUMNS,
        keys=keys,
        aggregates=aggregates,
        outputs=tuple(outputs),
        visible=rng.choice([len(outputs), rng.randrange(len(outputs) + 1)]),
        having=having,
        order=order,
        limit=rng.choice([-1, -1, -1, 0, 1, 2, 5]),
        offset=rng.choice([0, 0, 0, 1, 2]),
        current=current,
        expired=not current or rng.random() < 0.5,
        removal=rng.choice([ANY_ORDER, FIFO, NONE_LEAVES]),
    )


def is_object(output: Expression, aggregates: tuple[Aggregate, ...]) -> bool:
    if not isinstance(output, Column):
        return False
    if output.index < len(COLUMNS):
        return COLUMNS[output.index] == OBJECT
    aggregate = aggregates[output.index - len(COLUMNS)]
    return aggregate.name in ("collect_list", "union_set") or (
        aggregate.name in ("first", "last") and aggregate.type == OBJECT
    )


@dataclass(slots=True)
class Window:
    """Rows that are in, by slot, and what may happen to them next."""

    rng: random.Random
    removal: int
    slots: int
    inside: list[Row]
    clock: int = 0

    def next_row(self, slot: int) -> Row:
        self.clock += self.rng.randrange(3)
        mine = [row for row in self.inside if row.slot == slot]
        chance = self.rng.random()
        if chance < 0.04:
            self.inside = [row for row in self.inside if row.slot != slot]
            return Row(tuple(self.value(c) for c in range(len(COLUMNS))), RESET, self.clock, slot)
        if mine and chance < 0.45 and self.removal != NONE_LEAVES:
            leaving = mine[0] if self.removal == FIFO else self.rng.choice(mine)
            self.inside.remove(leaving)
            return Row(leaving.values, EXPIRED, self.clock, slot)
        row = Row(tuple(self.value(c) for c in range(len(COLUMNS))), CURRENT, self.clock, slot)
        self.inside.append(row)
        return row

    def value(self, column: int) -> Value:
        return self.rng.choice(SETS if column == SET_COLUMN else VALUES[COLUMNS[column]])


def make_delivery(window: Window, length: int) -> list[Row]:
    slot = window.rng.randrange(window.slots)
    return [window.next_row(slot) for _ in range(length)]


def make_steps(rng: random.Random, spec: Spec, rows: int) -> list[Batch | int]:
    """A stream of deliveries, cut into calls; numbers are slots that are purged."""
    window = Window(rng, spec.removal, rng.choice([1, 1, 3]), [])
    each, chunk = rng.random() < 0.3, rng.random() < 0.5
    steps: list[Batch | int] = []
    while rows > 0:
        if rng.random() < 0.05:
            purged = rng.randrange(3)
            window.inside = [row for row in window.inside if row.slot != purged]
            steps.append(purged)
        lengths = [1 if each else rng.choice([1, 2, 5, 20]) for _ in range(rng.choice([1, 1, 2, 7]))]
        deliveries = [make_delivery(window, length) for length in lengths]
        flat = tuple(row for delivery in deliveries for row in delivery)
        rows -= len(flat)
        ends, end = [], 0
        for delivery in deliveries:
            end += len(delivery)
            ends.append(end)
        form = EACH_ROW if each else WHOLE if len(deliveries) == 1 else ENDS
        steps.append(
            Batch(rows=flat, form=form, ends=tuple(ends) if form == ENDS else (), chunk=chunk, slots=window.slots > 1)
        )
    return steps


def run(seed: int, rows: int, *, snapshots: bool) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    steps = make_steps(rng, spec, rows)
    model = Model(spec)
    selection = Selection(spec, seed=seed)
    try:
        for step in steps:
            if isinstance(step, int):
                model.purge(step)
                selection.purge(step)
                continue
            if snapshots and rng.random() < 0.3:
                state = selection.save()
                selection.close()
                selection = Selection(spec, seed=rng.randrange(2**32))
                selection.load(state)
            if snapshots and rng.random() < 0.3:
                selection.hold_snapshot()
            expected = model.process(step)
            result = selection.process(step)
            assert [plain_rows(delivery) for delivery in result.deliveries] == [plain_rows(d) for d in expected]
            assert result.failed == []
            assert selection.size == len(model.groups)
    finally:
        selection.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.booleans())
def test_selection_gives_what_its_model_gives(seed: int, snapshots: bool) -> None:
    run(seed, 60, snapshots=snapshots)


@pytest.mark.parametrize("seed", range(6))
def test_long_flows_give_what_the_model_gives(seed: int) -> None:
    run(seed, 1500, snapshots=True)
