"""Conditions and changes of tables outside: what their store can be asked to do, in the form that stores compile.

A condition is cut at `and`. A part whose operations all stores may know becomes a `TableExpression`; what it reads of
the row that asks becomes parameters. The store takes all parts together, or those that it takes one by one; the rest is
tested by the engine on the rows that the store gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from eventflux.engine.callbacks import OutsideTable
from eventflux.extension import Assignment
from eventflux.extension.kinds.table_store import (
    Literal,
    Operation,
    ParameterRef,
    TableAttribute,
    TableExpression,
)
from eventflux.planner.logical.tables import Change, ChangeKind, Conjunct, TableCondition
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Call, Column, Constant, TypedExpression
from eventflux.planner.typed.walk import columns_read, is_pure
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Schema

_COMPARISONS: Final = {
    "equal": "==",
    "equal3": "==",
    "not_equal": "!=",
    "less": "<",
    "less3": "<",
    "less_equal": "<=",
    "less_equal3": "<=",
    "greater": ">",
    "greater3": ">",
    "greater_equal": ">=",
    "greater_equal3": ">=",
}
_ARITHMETIC: Final = {"add": "+", "subtract": "-", "multiply": "*"}
_LOGIC: Final = {"and": "and", "and3": "and", "or": "or", "or3": "or", "not": "not"}
# A database widens these itself, without loss.
_WIDENINGS: Final = frozenset({"convert_int_long", "convert_int_double", "convert_float_double"})
_FULLY_ORDERED: Final = frozenset({AttributeType.INT, AttributeType.LONG, AttributeType.FLOAT, AttributeType.DOUBLE})


class OutsideStores(Protocol):
    """The stores of an app's tables."""

    def table(self, name: str) -> OutsideTable:
        """What the engine calls."""
        ...

    def aggregation(self, name: str) -> OutsideTable:
        """What the engine calls to write buckets of an aggregation, and to read them."""
        ...

    def condition(self, table: str, condition: TableExpression, *, is_join: bool) -> int:
        """Number of a condition; 0: the store does not take it."""
        ...

    def change(
        self,
        table: str,
        kind: ChangeKind,
        condition: TableExpression | None,
        assignments: Sequence[Assignment] | None,
    ) -> int:
        """Number of a change; 0: the store does not take all of it."""
        ...


class AllStores:
    """For listings before there is a store: takes everything."""

    def table(self, name: str) -> OutsideTable:
        raise LookupError(f"a listing has no store for table {name!r}: it is not run")

    def aggregation(self, name: str) -> OutsideTable:
        raise LookupError(f"a listing has no store for aggregation {name!r}: it is not run")

    def condition(self, table: str, condition: TableExpression, *, is_join: bool) -> int:
        return 1

    def change(
        self,
        table: str,
        kind: ChangeKind,
        condition: TableExpression | None,
        assignments: Sequence[Assignment] | None,
    ) -> int:
        return 1


@dataclass(slots=True)
class Translation:
    """Expressions for a store, and the parameters that they have.

    Attributes:
        schema: Of the table.
        width: Columns of the row that asks; those of the table stand behind them.
        parameters: What is computed of each row that asks.
    """

    schema: Schema
    width: int
    parameters: list[TypedExpression] = field(default_factory=list)

    def conjunct(self, conjunct: Conjunct) -> TableExpression | None:
        """What an index might have answered."""
        attribute = self.schema[conjunct.column]
        key = self._value(conjunct.key)
        comparison = _COMPARISONS[conjunct.comparison.name.lower()]
        if key is None or attribute.type is AttributeType.OBJECT:
            return None
        return Operation(comparison, (TableAttribute(attribute.name), key))

    def condition(self, expression: TypedExpression) -> TableExpression | None:
        """A BOOL expression; None: it has an operation that is not for stores."""
        translated = self.expression(expression)
        if isinstance(translated, TableAttribute):
            return Operation("==", (translated, Literal(value=True, type=AttributeType.BOOL)))
        return translated if isinstance(translated, Operation) else None

    def expression(self, expression: TypedExpression) -> TableExpression | None:
        """Any expression; None: it has an operation that is not for stores."""
        if all(index < self.width for index in columns_read((expression,))):
            return self._value(expression)
        match expression:
            case Column(index=index):
                return TableAttribute(self.schema[index - self.width].name)
            case Call(operation=operation, arguments=arguments) if expression.pure:
                return self._operation(operation, arguments)
            case _:
                return None

    def _operation(self, operation: str, arguments: Sequence[TypedExpression]) -> TableExpression | None:
        if operation in _WIDENINGS:
            return self.expression(arguments[0])
        if operation in _LOGIC:
            parts = [self.condition(argument) for argument in arguments]
            return None if None in parts else Operation(_LOGIC[operation], tuple(part for part in parts if part))
        family = operation.rpartition("_")[0]
        name = _COMPARISONS.get(family) or _ARITHMETIC.get(family) or ("is_null" if family == "is_null" else None)
        if name is None or any(argument.type is AttributeType.OBJECT for argument in arguments):
            return None
        if name in {"<", "<=", ">", ">="} and arguments[0].type not in _FULLY_ORDERED:
            return None
        operands = [self.expression(argument) for argument in arguments]
        return None if None in operands else Operation(name, tuple(operand for operand in operands if operand))

    def _value(self, expression: TypedExpression) -> TableExpression | None:
        """A value of the row that asks. What may fail, or costs a call, is left to the engine's own short cuts."""
        if expression.type is None or not is_pure(expression):
            return None
        if isinstance(expression, Constant) and expression.type is not AttributeType.OBJECT:
            return Literal(value=expression.value, type=expression.type)
        for index, known in enumerate(self.parameters):
            if known == expression:
                return ParameterRef(index, expression.type)
        self.parameters.append(expression)
        return ParameterRef(len(self.parameters) - 1, expression.type)


@record(frozen=True, slots=True, kw_only=True)
class OutsideCondition:
    """A condition as it is divided.

    Attributes:
        number: Of the part that the store has taken; 0: none.
        taken: That part; None: none.
        parameters: Of it.
        residual: What is left, over the columns of the row that asks and behind them the table's.
    """

    number: int
    taken: TableExpression | None
    parameters: tuple[TypedExpression, ...]
    residual: TypedExpression | None


def divided(
    condition: TableCondition, table: str, schema: Schema, width: int, stores: OutsideStores, *, is_join: bool = False
) -> OutsideCondition:
    """Have the store take what it can of a condition."""
    every = _parts(condition, schema, width)
    translation = Translation(schema, width)
    translated = [_translated(part, translation) for part in every]
    known = [part for part in translated if part is not None]
    taken = _together(known)
    number = 0 if taken is None else stores.condition(table, taken, is_join=is_join)
    if number == 0 and len(known) > 1:
        accepted = [part for part in known if stores.condition(table, part, is_join=is_join)]
        taken = _together(accepted)
        number = 0 if taken is None else stores.condition(table, taken, is_join=is_join)
        known = accepted
    if number == 0:
        return OutsideCondition(number=0, taken=None, parameters=(), residual=_all(every, schema, width))
    left = [part for part, each in zip(every, translated, strict=True) if each is None or each not in known]
    return OutsideCondition(
        number=number, taken=taken, parameters=tuple(translation.parameters), residual=_all(left, schema, width)
    )


@record(frozen=True, slots=True, kw_only=True)
class OutsideChange:
    """A change that the store makes wholly: its number and its parameters."""

    number: int
    shown: TableExpression | None
    parameters: tuple[TypedExpression, ...]


def whole_change(change: Change, schema: Schema, width: int, stores: OutsideStores) -> OutsideChange | None:
    """Have the store take a change; None: it does not take all of it."""
    translation = Translation(schema, width)
    parts = [_translated(part, translation) for part in _parts(change.condition, schema, width)]
    values = [translation.expression(value) for _, value in change.assignments]
    if change.kind is ChangeKind.INSERT or None in parts or None in values:
        return None
    condition = _together([part for part in parts if part is not None])
    assignments = [
        Assignment(attribute=schema[column].name, value=value)
        for (column, _), value in zip(change.assignments, values, strict=True)
        if value is not None
    ]
    number = stores.change(change.table, change.kind, condition, assignments or None)
    if number == 0:
        return None
    return OutsideChange(number=number, shown=condition, parameters=tuple(translation.parameters))


_Part = Conjunct | TypedExpression


def _parts(condition: TableCondition, schema: Schema, width: int) -> list[_Part]:
    parts: list[_Part] = list(condition.conjuncts)
    if condition.residual is not None:
        parts += _conjunction(condition.residual)
    return parts


def _conjunction(expression: TypedExpression) -> list[TypedExpression]:
    found: list[TypedExpression] = []
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call) and part.operation in {"and", "and3"}:
            waiting.extend(reversed(part.arguments))
        else:
            found.append(part)
    return found


def _translated(part: _Part, translation: Translation) -> TableExpression | None:
    before = len(translation.parameters)
    made = translation.conjunct(part) if isinstance(part, Conjunct) else translation.condition(part)
    if made is None:
        del translation.parameters[before:]
    return made


def _together(parts: Sequence[TableExpression]) -> TableExpression | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return Operation("and", tuple(parts))


def _all(parts: Sequence[_Part], schema: Schema, width: int) -> TypedExpression | None:
    result: TypedExpression | None = None
    for part in parts:
        test = _test(part, schema, width) if isinstance(part, Conjunct) else part
        result = test if result is None else boolean("and", result, test, span=test.span)
    return result


def _test(conjunct: Conjunct, schema: Schema, width: int) -> TypedExpression:
    attribute = schema[conjunct.column]
    column = Column(index=width + conjunct.column, type=attribute.type, name=attribute.name)
    assert attribute.type is not None
    operation = f"{conjunct.comparison.name.lower()}_{attribute.type.name.lower()}"
    return boolean(operation, column, conjunct.key, span=conjunct.key.span)
