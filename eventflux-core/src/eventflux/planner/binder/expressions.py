"""Binding of expressions: from the syntax tree to typed expressions."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Final, Protocol, TypeAlias, TypeGuard

from eventflux.extension import ExtensionKind
from eventflux.language.ast import (
    AttributeReference,
    Between,
    Binary,
    BinaryOperator,
    Case,
    Cast,
    ConditionInTable,
    DateTimeLiteral,
    DurationLiteral,
    EventIndex,
    Exists,
    Expression,
    FieldAccess,
    FunctionCall,
    IndexAccess,
    InList,
    InSubquery,
    IsBoolean,
    IsDistinct,
    IsNull,
    KeyInTable,
    Like,
    Literal,
    Parameter,
    RegexpMatch,
    RowExpression,
    Unary,
    UnaryOperator,
)
from eventflux.planner.binder.aggregates import aggregate_call, report_misplaced
from eventflux.planner.binder.arguments import in_declared_order
from eventflux.planner.binder.calls import extension_call, find_script, report_unknown, script_call
from eventflux.planner.binder.casts import sql_cast, type_named
from eventflux.planner.binder.conditional import case, like, regexp
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.names import Scope
from eventflux.planner.binder.operators import Operators, type_name
from eventflux.planner.binder.special_functions import special_call, sql_spelling
from eventflux.planner.binder.structs import field_of, item_of
from eventflux.planner.logical.aggregates import AggregateCollector
from eventflux.planner.typed.build import boolean, constant, converted, is_null
from eventflux.planner.typed.nodes import Constant, TypedExpression, Unknown
from eventflux.planner.typed.values import round_to_float
from eventflux.planner.typed.walk import has_aggregates, substitute_outputs
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

_BOOL: Final = AttributeType.BOOL


TableCondition: TypeAlias = ConditionInTable | KeyInTable | InSubquery | Exists


class AsksTables(Protocol):
    """Takes the conditions on tables of a clause that may have some."""

    def ask(self, expression: TableCondition) -> TypedExpression:
        """The answer, without negation; Unknown after an error was noted."""
        ...


@record(frozen=True, slots=True, kw_only=True)
class ExpressionBinder:
    """Binds the expressions of one clause.

    Attributes:
        context: Of the statement.
        scope: What names mean.
        clause: How messages call the place: ``WHERE``, ``a filter``.
        aggregates: Where aggregates are counted; None: the clause takes none.
        aggregate_scope: What names mean in arguments of aggregates, where that differs.
        outputs: What the output attributes that `aggregate_scope` knows hold.
        tables: Takes conditions on tables; None: the clause has none.
    """

    context: BindContext
    scope: Scope
    clause: str
    aggregates: AggregateCollector | None = None
    aggregate_scope: Scope | None = None
    outputs: tuple[TypedExpression, ...] = ()
    tables: AsksTables | None = None
    operators: Operators = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operators", Operators(self.context))

    def condition(self, expression: Expression) -> TypedExpression:
        """An expression that must be a BOOL."""
        bound = self.bind(expression)
        if isinstance(bound, Unknown):
            return bound
        if bound.type not in {_BOOL, None}:
            self.context.diagnostics.error(
                expression.span, ErrorCode.TYPE_MISMATCH, f"{self.clause} must be BOOL, not {type_name(bound)}"
            )
            return Unknown(span=expression.span)
        return converted(bound, _BOOL)

    def bind(self, expression: Expression) -> TypedExpression:
        """Any expression."""
        span = expression.span
        match expression:
            case Literal():
                return _literal(expression)
            case DurationLiteral(milliseconds=value) | DateTimeLiteral(milliseconds=value):
                return constant(value, AttributeType.LONG, span)
            case AttributeReference():
                return self._reference(expression)
            case Unary():
                return self._unary(expression)
            case Binary():
                return self.operators.binary(
                    expression.operator, self.bind(expression.left), self.bind(expression.right), span
                )
            case IsNull():
                return self._negated(self._is_null(expression), expression.negated, span)
            case IsBoolean():
                operand = self.bind(expression.operand)
                wanted = constant(expression.value, _BOOL, span)
                return self._negated(
                    self.operators.comparison(BinaryOperator.EQ, operand, wanted, span), expression.negated, span
                )
            case IsDistinct():
                distinct = self.operators.distinct(self.bind(expression.left), self.bind(expression.right), span)
                return self._negated(distinct, expression.negated, span)
            case Between():
                between = self.operators.between(
                    self.bind(expression.operand), self.bind(expression.low), self.bind(expression.high), span
                )
                return self._negated(between, expression.negated, span)
            case InList():
                items = tuple(self.bind(item) for item in expression.items)
                found = self.operators.in_list(self.bind(expression.operand), items, span)
                return self._negated(found, expression.negated, span)
            case Like():
                return self._negated(
                    like(
                        self.context,
                        self.bind(expression.operand),
                        self.bind(expression.pattern),
                        None if expression.escape is None else self.bind(expression.escape),
                        span,
                        ignore_case=expression.ignore_case,
                    ),
                    expression.negated,
                    span,
                )
            case RegexpMatch():
                matched = regexp(self.context, self.bind(expression.operand), self.bind(expression.pattern), span)
                return self._negated(matched, expression.negated, span)
            case Case():
                return self._case(expression)
            case Cast():
                return self._cast(expression)
            case FunctionCall():
                return self.call(expression)
            case FieldAccess():
                return field_of(self.context, self.bind(expression.operand), expression.name, span)
            case IndexAccess():
                return self._index(expression)
            case Parameter():
                return self._parameter(expression)
            case RowExpression():
                return self._refuse(span, "a row (a, b) can only stand before IN")
            case ConditionInTable() | KeyInTable() | InSubquery() | Exists():
                if self.tables is None:
                    return self._refuse(span, f"{self.clause} cannot ask a table; a filter can")
                negated = isinstance(expression, (KeyInTable, InSubquery)) and expression.negated
                return self._negated(self.tables.ask(expression), negated, span)

    def _parameter(self, parameter: Parameter) -> TypedExpression:
        key = parameter.index if parameter.name is None else parameter.name
        if self.context.parameters is None or key is None:
            return self._refuse(parameter.span, "parameters belong into on-demand queries")
        column = self.context.parameters.get(key)
        if column is None:
            what = f"':{key}'" if isinstance(key, str) else f"{key + 1}"
            return self._refuse(parameter.span, f"no value was given for parameter {what}")
        return replace(column, span=parameter.span)

    def all_columns(self) -> tuple[TypedExpression, ...]:
        """What ``*`` stands for."""
        return tuple(self.scope.columns)

    def _refuse(self, span: Span, message: str) -> Unknown:
        self.context.diagnostics.error(span, ErrorCode.INVALID_QUERY, message)
        return Unknown(span=span)

    def _negated(self, expression: TypedExpression, negated: bool, span: Span) -> TypedExpression:  # noqa: FBT001
        return self.operators.negation(expression, span) if negated else expression

    def _reference(self, expression: AttributeReference) -> TypedExpression:
        qualifier = expression.qualifier
        if qualifier is not None and not self.scope.is_relation(str(qualifier)):
            owner = AttributeReference(name=qualifier.name, span=qualifier.span)
            if self.scope.knows(owner):
                return field_of(self.context, self.bind(owner), expression.name, expression.span)
        return self.scope.resolve(expression, self.context.diagnostics)

    def _unary(self, expression: Unary) -> TypedExpression:
        operand = self.bind(expression.operand)
        match expression.operator:
            case UnaryOperator.NOT:
                return self.operators.negation(operand, expression.span)
            case UnaryOperator.NEGATE:
                if _is_number(operand) and isinstance(operand.value, (int, float)):
                    return replace(operand, value=-operand.value, span=expression.span)
                return self.operators.minus(operand, expression.span)
            case UnaryOperator.PLUS:
                if isinstance(operand, Unknown) or (operand.type is not None and operand.type.is_numeric):
                    return operand
                return self.operators.minus(operand, expression.span)

    def _is_null(self, expression: IsNull) -> TypedExpression:
        operand = expression.operand
        index: EventIndex | None = None
        if isinstance(operand, IndexAccess) and isinstance(operand.index, EventIndex):
            # `e1[0] is null`: whether that event of the element is there.
            index = operand.index
            operand = operand.operand
        if _is_bare(operand) and not self.scope.knows(operand) and self.scope.is_relation(operand.name.name):
            there = self.scope.presence(operand.name.name, index, expression.span)
            if there is None:
                return constant(value=False, type=_BOOL, span=expression.span)
            return boolean("not", there, span=expression.span)
        return is_null(self.bind(operand), expression.span)

    def _case(self, expression: Case) -> TypedExpression:
        operand = None if expression.operand is None else self.bind(expression.operand)
        branches: list[tuple[TypedExpression, TypedExpression]] = []
        for branch in expression.branches:
            if operand is None:
                when = replace(self, clause="WHEN").condition(branch.when)
            else:
                when = self.operators.comparison(BinaryOperator.EQ, operand, self.bind(branch.when), branch.when.span)
            branches.append((when, self.bind(branch.then)))
        otherwise = None if expression.otherwise is None else self.bind(expression.otherwise)
        return case(self.context, tuple(branches), otherwise, expression.span)

    def _cast(self, expression: Cast) -> TypedExpression:
        operand = self.bind(expression.operand)
        target = type_named(self.context, expression.type)
        if target is None or isinstance(operand, Unknown):
            return Unknown(span=expression.span)
        return sql_cast(self.context, operand, expression.type, target, expression.mode, expression.span)

    def _index(self, expression: IndexAccess) -> TypedExpression:
        operand = self.bind(expression.operand)
        if isinstance(expression.index, EventIndex):
            if expression.index.from_last:
                return self._refuse(expression.span, "'last' counts the events of an element of a pattern")
            index: TypedExpression = constant(expression.index.offset, AttributeType.INT, expression.index.span)
        else:
            index = self.bind(expression.index)
        return item_of(self.context, operand, index, expression.span)

    def call(self, call: FunctionCall) -> TypedExpression:
        """A call, bound."""
        context = self.context
        if call.final is not None:
            return self._refuse(call.span, "RUNNING and FINAL belong into MEASURES of MATCH_RECOGNIZE")
        call = sql_spelling(call) if context.is_sql else call
        script = find_script(context, call)
        if script is not None:
            return script_call(context, script, self.arguments(call), call.span)
        function = context.registry.find(ExtensionKind.FUNCTION, call.name, call.namespace or "")
        if function is not None:
            if call.distinct or call.filter is not None:
                what = "DISTINCT" if call.distinct else "FILTER"
                return self._refuse(call.span, f"{what} belongs to aggregates, {call.qualified_name} is none")
            special = special_call(self, function, call)
            if special is not None:
                return special
            ordered = in_declared_order(context, function, call.arguments, call.span)
            if ordered is None:
                return Unknown(span=call.span)
            return extension_call(context, function, self.arguments(replace(call, arguments=ordered)), call.span)
        aggregator = context.registry.find(ExtensionKind.AGGREGATOR, call.name, call.namespace or "")
        if aggregator is None:
            report_unknown(context, call)
            for argument in call.arguments:
                self.bind(argument.value)
            return Unknown(span=call.span)
        if self.aggregates is None:
            report_misplaced(context, call, self.clause)
            return Unknown(span=call.span)
        gathered = (self.aggregate_scope or self.scope).collection(call)
        if gathered is not None:
            return gathered
        inner = replace(
            self,
            scope=self.aggregate_scope or self.scope,
            aggregates=None,
            clause=f"an argument of {call.qualified_name}",
        )
        arguments = tuple(self._over_input(argument) for argument in inner.arguments(call))
        condition = None
        if call.filter is not None:
            condition = self._over_input(replace(inner, clause="FILTER").condition(call.filter))
        return aggregate_call(context, self.aggregates, aggregator, call, arguments, condition)

    def arguments(self, call: FunctionCall) -> tuple[TypedExpression, ...]:
        """The arguments of a call, bound."""
        if call.star:
            return self.all_columns()
        return tuple(self.bind(argument.value) for argument in call.arguments)

    def _over_input(self, argument: TypedExpression) -> TypedExpression:
        """The argument of an aggregate with output attributes replaced by what they hold."""
        result = substitute_outputs(argument, self.outputs)
        if has_aggregates((result,)):
            self.context.diagnostics.error(
                argument.span, ErrorCode.MISPLACED_AGGREGATE, "an aggregate of an aggregate is not allowed"
            )
            return Unknown(span=argument.span)
        return result


def _is_bare(expression: Expression) -> TypeGuard[AttributeReference]:
    return isinstance(expression, AttributeReference) and expression.qualifier is None


def _is_number(expression: TypedExpression) -> TypeGuard[Constant]:
    return isinstance(expression, Constant) and expression.type is not None and expression.type.is_numeric


def _literal(literal: Literal) -> TypedExpression:
    value = literal.value
    if literal.type is AttributeType.FLOAT and isinstance(value, (int, float)):
        value = round_to_float(value)
    elif literal.type is AttributeType.DOUBLE and isinstance(value, int):
        value = float(value)
    return Constant(type=literal.type, value=value, span=literal.span)
