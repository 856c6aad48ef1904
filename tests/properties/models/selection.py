"""A selection, slowly and plainly: eventfluxql.md sections 8 and 9 row by row.

Aggregates keep the list of the values that are in, and compute from it. Only sums of doubles and deviations are
running, since what rounding leaves behind is part of their meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from tests.native.operator_harness import CURRENT, EACH_ROW, EXPIRED, RESET, WHOLE, Batch, Row
from tests.native.selection_harness import Aggregate, Call, Column, Constant, Expression, Spec

Value = Any
Group = tuple[int, tuple[object, ...]]


def wrap(value: int) -> int:
    """As a signed 64-bit number."""
    return (value + 2**63) % 2**64 - 2**63


def identity(value: Value) -> object:
    """What tells values apart: 1, 1.0 and True differ, -0.0 and 0.0 do not."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value + 0.0)
    if isinstance(value, dict):
        return ("set", frozenset(map(identity, value)))
    if isinstance(value, list):
        return ("list", tuple(map(identity, value)))
    return (type(value).__name__, value)


def order_key(value: Value) -> Any:
    """Java's order: NaN last, -0.0 before 0.0, texts by UTF-16 code units."""
    if isinstance(value, float):
        if math.isnan(value):
            return (1, 0.0, 0)
        return (0, value, 0 if math.copysign(1.0, value) < 0 else 1)
    if isinstance(value, str):
        return value.encode("utf-16-be")
    return value


def evaluate(expression: Expression, values: tuple[Value, ...]) -> Value:
    match expression:
        case Column(index):
            return values[index]
        case Constant(_, value):
            return value
        case Call("add_long", (a, b)):
            x, y = evaluate(a, values), evaluate(b, values)
            return None if x is None or y is None else wrap(x + y)
        case Call("greater_long", (a, b)):
            x, y = evaluate(a, values), evaluate(b, values)
            return x is not None and y is not None and x > y
    raise AssertionError(expression)


@dataclass(slots=True)
class State:
    """One aggregate of one group."""

    inside: list[Value] = field(default_factory=list)
    seen: list[Value] = field(default_factory=list)
    rows: int = 0
    total: float = 0.0
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    elements: dict[object, list[Value]] = field(default_factory=dict)


def _leave(values: list[Value], value: Value) -> None:
    def exact(value: Value) -> object:
        return repr(value) if isinstance(value, float) else identity(value)

    for i, other in enumerate(values):
        if exact(other) == exact(value):
            del values[i]
            return


def _deviate(state: State, value: float, sign: int) -> None:
    state.count += sign
    if state.count == (1 if sign > 0 else 0):
        state.total = state.mean = value if sign > 0 else 0.0
        state.squares = 0.0
        return
    before = state.mean
    state.total += sign * value
    state.mean = state.total / state.count
    state.squares += sign * ((value - before) * (value - state.mean))


def _elements(state: State, values: Iterable[Value], sign: int) -> None:
    for value in values:
        key = identity(value)
        entry = state.elements.setdefault(key, [value, 0])
        entry[1] += sign
        if entry[1] <= 0:
            del state.elements[key]


def change(name: str, state: State, value: Value, sign: int) -> None:
    """Add (sign 1) or remove (sign -1) a value."""
    state.rows += sign
    if name in ("distinct_count", "distinct_count_nonnull"):
        if value is not None or name == "distinct_count":
            _elements(state, [value], sign)
        return
    if value is None or name == "count":
        return
    if name == "union_set":
        _elements(state, value, sign)
        return
    state.seen.append(value)
    if name in ("sum_double", "avg"):
        state.total += sign * float(value)
        state.count += sign
    elif name in ("std_dev", "variance"):
        _deviate(state, float(value), sign)
    elif sign > 0:
        state.inside.append(value)
    else:
        _leave(state.inside, value)


def _extreme(name: str, values: list[Value]) -> Value:
    if not values:
        return None
    return (min if name.startswith("min") else max)(values, key=order_key)


_READ: dict[str, Callable[[State], Value]] = {
    "sum_long": lambda s: wrap(sum(s.inside)) if s.inside else None,
    "sum_double": lambda s: s.total if s.count else None,
    "avg": lambda s: s.total / s.count if s.count else None,
    "std_dev": lambda s: math.sqrt(max(s.squares, 0.0) / s.count) if s.count else None,
    "variance": lambda s: max(s.squares, 0.0) / s.count if s.count else None,
    "count": lambda s: s.rows,
    "count_nonnull": lambda s: len(s.inside),
    "distinct_count": lambda s: len(s.elements),
    "distinct_count_nonnull": lambda s: len(s.elements),
    "bool_and": lambda s: bool(s.inside) and all(s.inside),
    "bool_or": lambda s: any(s.inside),
    "first": lambda s: s.inside[0] if s.inside else None,
    "last": lambda s: s.inside[-1] if s.inside else None,
    "collect_list": lambda s: list(s.inside),
    "union_set": lambda s: dict.fromkeys(entry[0] for entry in s.elements.values()),
}


def read(name: str, state: State) -> Value:
    if name.startswith(("min_forever", "max_forever")):
        return _extreme(name, state.seen)
    if name.startswith(("min", "max")):
        return _extreme(name, state.inside)
    return _READ[name](state)


class Model:
    """The selection."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.groups: dict[Group, list[State]] = {}

    def purge(self, slot: int) -> None:
        for group in [group for group in self.groups if group[0] == slot]:
            del self.groups[group]

    def _aggregates(self, group: Group, row: Row) -> tuple[Value, ...]:
        states = self.groups.setdefault(group, [State() for _ in self.spec.aggregates])
        results = []
        for aggregate, state in zip(self.spec.aggregates, states, strict=True):
            change(aggregate.name, state, self._argument(aggregate, row), -1 if row.kind == EXPIRED else 1)
            results.append(read(aggregate.name, state))
        return tuple(results)

    @staticmethod
    def _argument(aggregate: Aggregate, row: Row) -> Value:
        return None if aggregate.argument is None else evaluate(aggregate.argument, row.values)

    def _delivery(self, rows: Iterable[Row], chunk: bool) -> list[Row]:
        spec = self.spec
        survivors: list[tuple[Group, Row]] = []
        for row in rows:
            if row.kind == RESET:
                self.purge(row.slot)
                continue
            key = tuple(identity(evaluate(key, row.values)) for key in spec.keys)
            group = (row.slot, key)
            values = row.values + self._aggregates(group, row)
            outputs = tuple(evaluate(output, values) for output in spec.outputs)
            wanted = spec.current if row.kind == CURRENT else spec.expired
            if wanted and (spec.having is None or evaluate(spec.having, outputs)):
                survivors.append((group, Row(outputs, row.kind, row.timestamp, row.slot)))
        if chunk and (spec.aggregates or spec.keys):
            survivors = self._reduce(survivors)
        if not spec.aggregates:
            self.groups.clear()
        kept = self._order([row for _, row in survivors])[spec.offset :]
        kept = kept if spec.limit < 0 else kept[: spec.limit]
        visible = len(spec.outputs) if spec.visible is None else spec.visible
        return [Row(row.values[:visible], row.kind, row.timestamp, row.slot) for row in kept]

    def _reduce(self, survivors: list[tuple[Group, Row]]) -> list[tuple[Group, Row]]:
        if not self.spec.keys:
            return survivors[-1:]
        # A later row of a group replaces the value, not the place.
        return list(dict(survivors).items())

    def _order(self, rows: list[Row]) -> list[Row]:
        def compare(a: Row, b: Row) -> int:
            for key in self.spec.order:
                x, y = a.values[key.output], b.values[key.output]
                if x is None or y is None:
                    if (x is None) != (y is None):
                        return -1 if (x is None) == key.nulls_first else 1
                    continue
                p, q = order_key(x), order_key(y)
                if p != q:
                    return -1 if (p < q) != key.descending else 1
            return 0

        result: list[Row] = []
        run: list[Row] = []
        for row in rows:
            if run and run[-1].kind != row.kind:
                result += sorted(run, key=cmp_to_key(compare))
                run = []
            run.append(row)
        return result + sorted(run, key=cmp_to_key(compare))

    def process(self, batch: Batch) -> list[list[Row]]:
        """Deliveries; empty ones are left out."""
        match batch.form:
            case form if form == EACH_ROW:
                ends: tuple[int, ...] = tuple(range(1, len(batch.rows) + 1))
            case form if form == WHOLE:
                ends = (len(batch.rows),)
            case _:
                ends = batch.ends
        deliveries, begin = [], 0
        for end in ends:
            delivery = self._delivery(batch.rows[begin:end], batch.chunk)
            if delivery:
                deliveries.append(delivery)
            begin = end
        return deliveries
