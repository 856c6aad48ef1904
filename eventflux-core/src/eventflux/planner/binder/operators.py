"""Types of operators, and the operations of the engine that they become."""

from __future__ import annotations

from typing import Final

from eventflux.language.ast import BinaryOperator
from eventflux.planner.binder.context import BindContext
from eventflux.planner.typed.build import boolean, call, constant, converted, negation, suffix
from eventflux.planner.typed.nodes import Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType, common_type, promote
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

_BOOL: Final = AttributeType.BOOL
_STRING: Final = AttributeType.STRING
_OBJECT: Final = AttributeType.OBJECT

_ARITHMETIC: Final = {
    BinaryOperator.ADD: "add",
    BinaryOperator.SUBTRACT: "subtract",
    BinaryOperator.MULTIPLY: "multiply",
    BinaryOperator.DIVIDE: "divide",
    BinaryOperator.MODULO: "modulo",
}
_COMPARISON: Final = {
    BinaryOperator.EQ: "equal",
    BinaryOperator.NE: "not_equal",
    BinaryOperator.LT: "less",
    BinaryOperator.LE: "less_equal",
    BinaryOperator.GT: "greater",
    BinaryOperator.GE: "greater_equal",
}
_EQUALITY: Final = (BinaryOperator.EQ, BinaryOperator.NE)
_SQL_SPELLING: Final = {BinaryOperator.EQ: "=", BinaryOperator.NE: "<>"}


def type_name(expression: TypedExpression) -> str:
    """Type of an operand, as messages spell it."""
    return "NULL" if expression.type is None else expression.type.name


@record(frozen=True, slots=True)
class Operators:
    """Builds operators of one statement from operands that are bound."""

    context: BindContext

    def binary(
        self, operator: BinaryOperator, left: TypedExpression, right: TypedExpression, span: Span
    ) -> TypedExpression:
        """Any binary operator."""
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown(span=span)
        match operator:
            case BinaryOperator.AND | BinaryOperator.OR:
                return self.logic(operator, left, right, span)
            case BinaryOperator.CONCAT:
                return self._concatenation(left, right, span)
            case _ if operator in _ARITHMETIC:
                return self._arithmetic(operator, left, right, span)
            case _:
                return self.comparison(operator, left, right, span)

    def logic(
        self, operator: BinaryOperator, left: TypedExpression, right: TypedExpression, span: Span
    ) -> TypedExpression:
        """AND, OR."""
        if any(operand.type not in {_BOOL, None} for operand in (left, right)):
            return self._refuse(operator, left, right, span)
        name = operator.value + ("3" if self.context.three_valued else "")
        return boolean(name, converted(left, _BOOL), converted(right, _BOOL), span=span)

    def negation(self, operand: TypedExpression, span: Span) -> TypedExpression:
        """NOT."""
        if isinstance(operand, Unknown):
            return operand
        if operand.type not in {_BOOL, None}:
            self.context.diagnostics.error(
                span, ErrorCode.TYPE_MISMATCH, f"operator {self._spelled('not')} does not take {type_name(operand)}"
            )
            return Unknown(span=span)
        return negation(converted(operand, _BOOL), span, three_valued=self.context.three_valued)

    def minus(self, operand: TypedExpression, span: Span) -> TypedExpression:
        """Unary minus: 0 - x."""
        if isinstance(operand, Unknown):
            return operand
        if operand.type is None or not operand.type.is_numeric:
            self.context.diagnostics.error(
                span, ErrorCode.TYPE_MISMATCH, f"operator - does not take {type_name(operand)}"
            )
            return Unknown(span=span)
        zero = converted(constant(0, AttributeType.INT, span), operand.type)
        return call(f"subtract_{suffix(operand.type)}", zero, operand, type=operand.type, span=span)

    def comparison(
        self, operator: BinaryOperator, left: TypedExpression, right: TypedExpression, span: Span
    ) -> TypedExpression:
        """``= <> < <= > >=`` on operands of any types."""
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown(span=span)
        compared = self._comparison_type(operator, left, right)
        if compared is None:
            return self._refuse(operator, left, right, span)
        name = _COMPARISON[operator] + ("3" if self.context.three_valued else "")
        return boolean(f"{name}_{suffix(compared)}", converted(left, compared), converted(right, compared), span=span)

    def distinct(self, left: TypedExpression, right: TypedExpression, span: Span) -> TypedExpression:
        """IS DISTINCT FROM."""
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown(span=span)
        compared = self._comparison_type(BinaryOperator.EQ, left, right)
        if compared is None:
            self.context.diagnostics.error(
                span,
                ErrorCode.TYPE_MISMATCH,
                f"IS DISTINCT FROM does not take {type_name(left)} and {type_name(right)}",
            )
            return Unknown(span=span)
        return boolean(f"distinct_{suffix(compared)}", converted(left, compared), converted(right, compared), span=span)

    def between(
        self, operand: TypedExpression, low: TypedExpression, high: TypedExpression, span: Span
    ) -> TypedExpression:
        """``low <= operand <= high``; the operand is evaluated once."""
        above = self.comparison(BinaryOperator.GE, operand, low, span)
        below = self.comparison(BinaryOperator.LE, operand, high, span)
        if isinstance(above, Unknown) or isinstance(below, Unknown):
            return Unknown(span=span)
        return self.logic(BinaryOperator.AND, above, below, span)

    def in_list(self, operand: TypedExpression, items: tuple[TypedExpression, ...], span: Span) -> TypedExpression:
        """``operand IN (items)``: a set where the items are constants, else one comparison after the other."""
        if isinstance(operand, Unknown) or any(isinstance(item, Unknown) for item in items):
            return Unknown(span=span)
        equal = [self.comparison(BinaryOperator.EQ, operand, item, item.span) for item in items]
        if any(isinstance(comparison, Unknown) for comparison in equal):
            return Unknown(span=span)
        if not items:
            return constant(value=False, type=_BOOL, span=span)
        as_set = self._as_set(operand, items, span)
        if as_set is not None:
            return as_set
        result = equal[0]
        for comparison in equal[1:]:
            result = self.logic(BinaryOperator.OR, result, comparison, span)
        return result

    def _as_set(
        self, operand: TypedExpression, items: tuple[TypedExpression, ...], span: Span
    ) -> TypedExpression | None:
        if operand.type is None or operand.type is _OBJECT or not all(isinstance(item, Constant) for item in items):
            return None
        values = tuple(item for item in items if item.type is not None)
        compared = {self._comparison_type(BinaryOperator.EQ, operand, item) for item in values}
        if len(compared) != 1:
            return None
        (shared,) = compared
        if shared is None:
            return None
        return boolean(
            f"{'in3' if self.context.three_valued else 'in'}_{suffix(shared)}",
            converted(operand, shared),
            *(converted(item, shared) for item in items),
            span=span,
        )

    def _comparison_type(
        self, operator: BinaryOperator, left: TypedExpression, right: TypedExpression
    ) -> AttributeType | None:
        """Type in which the operands are compared, or None if they cannot be."""
        if left.type is None or right.type is None:
            known = left.type or right.type or _BOOL
            return known if self._comparable(operator, known) else None
        if left.type is right.type:
            return left.type if self._comparable(operator, left.type) else None
        if {left.type, right.type} == {AttributeType.LONG, AttributeType.FLOAT}:
            return AttributeType.DOUBLE if operator in _EQUALITY else AttributeType.FLOAT
        return promote(left.type, right.type)

    def _comparable(self, operator: BinaryOperator, attribute_type: AttributeType) -> bool:
        if attribute_type.is_numeric:
            return True
        match attribute_type:
            case AttributeType.STRING:
                return operator in _EQUALITY or self.context.is_sql
            case AttributeType.BOOL:
                return operator in _EQUALITY
            case _:
                return operator in _EQUALITY and self.context.is_sql

    def _arithmetic(
        self, operator: BinaryOperator, left: TypedExpression, right: TypedExpression, span: Span
    ) -> TypedExpression:
        if left.type is None and right.type is None:
            return self._refuse(operator, left, right, span)
        result = promote(left.type or right.type, right.type or left.type)  # type: ignore[arg-type]
        if result is None:
            return self._refuse(operator, left, right, span)
        return call(
            f"{_ARITHMETIC[operator]}_{suffix(result)}",
            converted(left, result),
            converted(right, result),
            type=result,
            span=span,
        )

    def _concatenation(self, left: TypedExpression, right: TypedExpression, span: Span) -> TypedExpression:
        if any(operand.type not in {_STRING, None} for operand in (left, right)):
            return self._refuse(BinaryOperator.CONCAT, left, right, span)
        left, right = converted(left, _STRING), converted(right, _STRING)
        return call("concatenate", left, right, type=_STRING, span=span)

    def _refuse(
        self, operator: BinaryOperator, left: TypedExpression, right: TypedExpression, span: Span
    ) -> TypedExpression:
        spelled = self._spelled(operator.value)
        if self.context.is_sql:
            spelled = _SQL_SPELLING.get(operator, spelled)
        hint = None
        if operator is BinaryOperator.ADD and _STRING in {left.type, right.type}:
            hint = "use || to join strings" if self.context.is_sql else "use str:concat() to join strings"
        self.context.diagnostics.error(
            span,
            ErrorCode.TYPE_MISMATCH,
            f"operator {spelled} does not take {type_name(left)} and {type_name(right)}",
            hint,
        )
        return Unknown(span=span)

    def _spelled(self, operator: str) -> str:
        return operator.upper() if self.context.is_sql else operator


def result_type(expressions: tuple[TypedExpression, ...]) -> AttributeType | None:
    """Type that holds the values of all; None if there is none, or all are bare nulls."""
    found: AttributeType | None = None
    for expression in expressions:
        if expression.type is None:
            continue
        found = expression.type if found is None else common_type(found, expression.type)
        if found is None:
            return None
    return found
