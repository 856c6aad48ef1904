"""What names and calls mean in MEASURES and DEFINE: values of rows that variables have taken.

A reference `X.c` is the last row of X, a bare `c` that of the whole match, which in DEFINE is the row at hand. FIRST,
LAST and PREV lead to other rows. Each such value is a capture, a column of the match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeGuard

from eventflux.language.ast import AttributeReference, EventIndex, Expression, FunctionCall
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.windows import whole_number
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.row_patterns import MatchCapture, MatchCaptureKind
from eventflux.planner.rewrite.constant_folding import fold
from eventflux.planner.typed.build import boolean, constant
from eventflux.planner.typed.nodes import Column, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

_AGGREGATES: Final = {
    "COUNT": MatchCaptureKind.COUNT_VALUES,
    "SUM": MatchCaptureKind.SUM,
    "AVG": MatchCaptureKind.AVERAGE,
    "MIN": MatchCaptureKind.MINIMUM,
    "MAX": MatchCaptureKind.MAXIMUM,
    "STDDEV": MatchCaptureKind.DEVIATION,
}
_WHOLE: Final = frozenset({AttributeType.INT, AttributeType.LONG})
_MAX_OFFSET: Final = 1_000_000


@record(frozen=True, slots=True, kw_only=True)
class Navigation:
    """Which row of a variable is meant, and how FIRST, LAST and PREV are nested around."""

    first: bool = False
    index: int = 0
    back: int = 0
    is_logical: bool = False
    is_physical: bool = False


@dataclass(slots=True, kw_only=True)
class MatchParts:
    """What the expressions of one MATCH_RECOGNIZE gather: groups of variables, columns computed for aggregates."""

    groups: list[int] = field(default_factory=list)
    computed: list[TypedExpression] = field(default_factory=list)

    def group(self, variables: int) -> int:
        """The number of a set of variables."""
        if variables not in self.groups:
            self.groups.append(variables)
        return self.groups.index(variables)

    def column(self, expression: TypedExpression, width: int) -> int:
        """The column of an input of that width, or behind it the one that is computed, that holds the expression."""
        if isinstance(expression, Column):
            return expression.index
        if expression not in self.computed:
            self.computed.append(expression)
        return width + self.computed.index(expression)


@record(frozen=True, slots=True, kw_only=True)
class MatchScope(InputScope):
    """The variables over the one relation that is matched.

    Attributes:
        variables: Names of variables and unions of them -> a bit a variable.
        parts: Shared by all expressions.
        captures: Of this place.
        navigation: Which rows references mean.
        running: Values as of each row, where every row of a match is put out.
        shows_rows: Every row of a match is put out.
        used: Variables that references named since this list was made.
    """

    variables: Mapping[str, int]
    parts: MatchParts
    captures: list[MatchCapture]
    navigation: Navigation = Navigation()
    running: bool = False
    shows_rows: bool = False
    used: list[int] = field(default_factory=list)

    @property
    def relation(self) -> Relation:
        return self.relations[0]

    @property
    def all_variables(self) -> int:
        """Those that the pattern names."""
        return self.variables_of(None)

    def variables_of(self, name: str | None) -> int:
        """The variables behind a qualifier; those of the whole pattern without one."""
        if name is not None and name in self.variables:
            return self.variables[name]
        every = 0
        for variables in self.variables.values():
            every |= variables
        return every

    def is_relation(self, name: str) -> bool:
        return name in self.variables or InputScope.is_relation(self, name)

    def knows(self, reference: AttributeReference) -> bool:
        return InputScope.knows(self, self._of_relation(reference))

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        if reference.index is not None:
            diagnostics.error(
                reference.span,
                ErrorCode.MATCH_RECOGNIZE,
                "MATCH_RECOGNIZE: rows of a variable are not numbered with [...]",
                "use FIRST(X.c, n) or LAST(X.c, n)",
            )
            return Unknown(span=reference.span)
        qualifier = None if reference.qualifier is None else str(reference.qualifier)
        if qualifier is not None and not self.is_relation(qualifier):
            diagnostics.error(
                reference.span,
                ErrorCode.UNDEFINED_RELATION,
                f"PATTERN has no variable '{qualifier}'",
                f"PATTERN has: {', '.join(self.variables)}",
            )
            return Unknown(span=reference.span)
        found = InputScope.resolve(self, self._of_relation(reference), diagnostics)
        if not isinstance(found, Column) or found.type is None:
            return found
        is_variable = qualifier is not None and qualifier in self.variables
        shown = f"{qualifier}.{found.name}" if is_variable else found.name
        column = self.value(qualifier, found.index, found.type, shown, reference.span)
        return replace(column, shape=found.shape)

    def value(self, qualifier: str | None, column: int, type: AttributeType, name: str, span: Span) -> Column:
        """The column of the row that the navigation leads to."""
        return self._navigated(MatchCaptureKind.VALUE, qualifier, type, name, span, column=column)

    def classifier(self, qualifier: str | None, span: Span) -> Column:
        """Which variable took the row that the navigation leads to."""
        return self._navigated(MatchCaptureKind.CLASSIFIER, qualifier, AttributeType.STRING, "CLASSIFIER()", span)

    def match_number(self, span: Span) -> Column:
        capture = MatchCapture(
            kind=MatchCaptureKind.NUMBER, group=0, type=AttributeType.LONG, running=self.running, name="MATCH_NUMBER()"
        )
        return self.captured(capture, span)

    def events(self, name: str, span: Span) -> Column:
        """The list of all rows."""
        kind = MatchCaptureKind.EVENTS
        group = self.parts.group(self.all_variables)
        return self.captured(MatchCapture(kind=kind, group=group, type=AttributeType.OBJECT, name=name), span)

    def timestamp(self, name: str) -> Column | None:
        if name not in self.variables:
            return None
        shown = f"eventTimestamp({name})"
        return self._navigated(MatchCaptureKind.TIMESTAMP, name, AttributeType.LONG, shown, Span(0, 0))

    def rows(self, qualifier: str | None, span: Span) -> Column:
        """How many rows the variable has taken."""
        capture = MatchCapture(
            kind=MatchCaptureKind.COUNT,
            group=self.parts.group(self.variables_of(qualifier)),
            running=self.running,
            type=AttributeType.LONG,
            name=f"COUNT({qualifier or '*'})",
        )
        return self.captured(capture, span)

    def presence(self, name: str, index: EventIndex | None, span: Span) -> TypedExpression | None:
        if name not in self.variables or index is not None:
            return None
        zero = constant(0, AttributeType.LONG, span)
        return boolean("greater_long", self.rows(name, span), zero, span=span)

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(
            self.value(None, column.index, column.type, column.name, Span(0, 0))
            for column in InputScope(relations=self.relations).columns
            if column.type is not None
        )

    def captured(self, capture: MatchCapture, span: Span) -> Column:
        """The column of a capture."""
        if capture not in self.captures:
            self.captures.append(capture)
        return Column(index=self.captures.index(capture), type=capture.type, name=capture.name, span=span)

    def _of_relation(self, reference: AttributeReference) -> AttributeReference:
        """The reference as the matched relation knows it."""
        is_variable = reference.qualifier is not None and str(reference.qualifier) in self.variables
        return replace(reference, qualifier=None) if is_variable else reference

    def _navigated(
        self,
        kind: MatchCaptureKind,
        qualifier: str | None,
        type: AttributeType,
        name: str,
        span: Span,
        column: int = 0,
    ) -> Column:
        variables = self.variables_of(qualifier)
        self.used.append(variables)
        way = self.navigation
        if way.first or way.index:
            offset = f", {way.index}" if way.index else ""
            name = f"{'FIRST' if way.first else 'LAST'}({name}{offset})"
        if way.back:
            name = f"PREV({name}, {way.back})"
        capture = MatchCapture(
            kind=kind,
            group=self.parts.group(variables),
            index=way.index,
            from_last=not way.first,
            running=self.running,
            back=way.back,
            column=column,
            type=type,
            name=name,
        )
        return self.captured(capture, span)


@record(frozen=True, slots=True, kw_only=True)
class _RowScope(InputScope):
    """Arguments of aggregates: values of each row, whatever variable took it."""

    variables: Mapping[str, int]
    used: list[str | None]

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        name = None if reference.qualifier is None else str(reference.qualifier)
        if name is not None and name in self.variables:
            self.used.append(name)
            return InputScope.resolve(self, replace(reference, qualifier=None), diagnostics)
        self.used.append(None)
        return InputScope.resolve(self, reference, diagnostics)


@record(frozen=True, slots=True, kw_only=True)
class MatchBinder(ExpressionBinder):
    """Binds expressions of MEASURES, and of DEFINE with `defines`."""

    defines: bool = False

    @property
    def rows(self) -> MatchScope:
        assert isinstance(self.scope, MatchScope)
        return self.scope

    def call(self, call: FunctionCall) -> TypedExpression:
        if call.namespace is not None:
            return ExpressionBinder.call(self, call)
        name = call.name.upper()
        if call.final is not None:
            return self._with_semantics(call, name)
        match name:
            case "FIRST" | "LAST" | "PREV" | "NEXT" | "CLASSIFIER" | "MATCH_NUMBER" if self._has_more(call):
                return self._refuse_form(call)
            case "FIRST" | "LAST" | "PREV":
                return self._navigate(call, name)
            case "NEXT":
                return self.refuse_match(call.span, "NEXT is not supported: that row has not come", "use PREV or LAST")
            case "CLASSIFIER":
                return self._classifier(call)
            case "MATCH_NUMBER":
                if self.defines:
                    return self.refuse_match(call.span, "MATCH_NUMBER() is not known in DEFINE")
                return self.rows.match_number(call.span) if not call.arguments else self._refuse_form(call)
            case _ if name in _AGGREGATES:
                return self._aggregate(call, name)
            case _:
                return ExpressionBinder.call(self, call)

    def _with_semantics(self, call: FunctionCall, name: str) -> TypedExpression:
        if name not in _AGGREGATES and name not in {"FIRST", "LAST", "PREV", "CLASSIFIER"}:
            return self.refuse_match(
                call.span, f"{'FINAL' if call.final else 'RUNNING'} stands before FIRST, LAST, PREV and aggregates"
            )
        if call.final and self.defines:
            return self.refuse_match(call.span, "FINAL does not stand in DEFINE: the match is not complete there")
        running = self.rows.shows_rows and not call.final
        return replace(self, scope=replace(self.rows, running=running)).call(replace(call, final=None))

    def refuse_match(self, span: Span, message: str, hint: str | None = None) -> Unknown:
        """Note an error of MATCH_RECOGNIZE."""
        self.context.diagnostics.error(span, ErrorCode.MATCH_RECOGNIZE, f"MATCH_RECOGNIZE: {message}", hint)
        return Unknown(span=span)

    def _has_more(self, call: FunctionCall) -> bool:
        return call.distinct or call.star or call.filter is not None

    def _refuse_form(self, call: FunctionCall) -> Unknown:
        forms = {
            "FIRST": "FIRST(X.c) or FIRST(X.c, n)",
            "LAST": "LAST(X.c) or LAST(X.c, n)",
            "PREV": "PREV(c) or PREV(c, n)",
            "CLASSIFIER": "CLASSIFIER() or CLASSIFIER(X)",
            "MATCH_NUMBER": "MATCH_NUMBER()",
        }
        name = call.name.upper()
        return self.refuse_match(call.span, f"{name} is written {forms.get(name, name)}")

    # ---- rows

    def _navigate(self, call: FunctionCall, name: str) -> TypedExpression:
        if len(call.arguments) not in {1, 2}:
            return self._refuse_form(call)
        offset = 1 if name == "PREV" else 0
        if len(call.arguments) == 2:
            given = self._offset(call.arguments[1].value, name)
            if given is None:
                return Unknown(span=call.span)
            offset = given
        way = self.rows.navigation
        if name == "PREV":
            if way.is_logical or way.is_physical:
                return self.refuse_match(call.span, "PREV stands around FIRST and LAST, not within")
            way = replace(way, back=offset, is_physical=True)
        else:
            if way.is_logical:
                return self.refuse_match(call.span, "FIRST and LAST do not stand within one another")
            way = replace(way, first=name == "FIRST", index=offset, is_logical=True)
        used: list[int] = []
        inner = replace(self, scope=replace(self.rows, navigation=way, used=used))
        bound = inner.bind(call.arguments[0].value)
        self.rows.used.extend(used)
        if isinstance(bound, Unknown):
            return bound
        if len(set(used)) != 1:
            return self.refuse_match(call.span, f"{name} reads columns of one variable")
        return bound

    def _offset(self, expression: Expression, name: str) -> int | None:
        bound = ExpressionBinder(
            context=self.context, scope=InputScope(relations=()), clause=f"the offset of {name}"
        ).bind(expression)
        if isinstance(bound, Unknown):
            return None
        value = whole_number(fold(bound))
        if value is None or not 0 <= value <= _MAX_OFFSET:
            self.refuse_match(expression.span, f"the offset of {name} is a constant from 0 to {_MAX_OFFSET}")
            return None
        return value

    def _classifier(self, call: FunctionCall) -> TypedExpression:
        if not call.arguments:
            return self.rows.classifier(None, call.span)
        value = call.arguments[0].value
        if len(call.arguments) > 1 or not _is_bare(value) or value.name.name not in self.rows.variables:
            return self._refuse_form(call)
        return self.rows.classifier(value.name.name, call.span)

    # ---- aggregates

    def _aggregate(self, call: FunctionCall, name: str) -> TypedExpression:
        way = self.rows.navigation
        if way.is_logical or way.is_physical:
            return self.refuse_match(call.span, "an aggregate does not stand within FIRST, LAST and PREV")
        if call.distinct or call.filter is not None:
            what = "DISTINCT" if call.distinct else "FILTER"
            return self.refuse_match(call.span, f"{name} takes no {what} here")
        if name == "COUNT" and call.star:
            return self.rows.rows(None, call.span)
        if call.star or len(call.arguments) != 1:
            return self.refuse_match(call.span, f"{name} takes one argument")
        value = call.arguments[0].value
        if (
            name == "COUNT"
            and _is_bare(value)
            and value.name.name in self.rows.variables
            and not self.rows.knows(value)
        ):
            return self.rows.rows(value.name.name, call.span)
        return self._over_rows(call, name, value)

    def _over_rows(self, call: FunctionCall, name: str, value: Expression) -> TypedExpression:
        used: list[str | None] = []
        scope = _RowScope(relations=self.rows.relations, variables=self.rows.variables, used=used)
        bound = ExpressionBinder(context=self.context, scope=scope, clause=f"an argument of {name}").bind(value)
        if isinstance(bound, Unknown) or bound.type is None:
            return (
                bound if isinstance(bound, Unknown) else self.refuse_match(value.span, f"{name} of NULL says nothing")
            )
        named = set(used)
        if len(named) != 1:
            return self.refuse_match(call.span, f"{name} reads columns of one variable")
        kind = _AGGREGATES[name]
        result = _result_type(kind, bound.type)
        if result is None:
            self.context.diagnostics.error(
                call.span, ErrorCode.TYPE_MISMATCH, f"aggregate {name} does not take {bound.type.name}"
            )
            return Unknown(span=call.span)
        qualifier = named.pop()
        schema = self.rows.relation.schema
        capture = MatchCapture(
            kind=kind,
            group=self.rows.parts.group(self.rows.variables_of(qualifier)),
            running=self.rows.running,
            column=self.rows.parts.column(bound, 0 if schema is None else len(schema)),
            type=result,
            name=f"{name}({'' if qualifier is None else f'{qualifier}.'}{_shown(bound)})",
        )
        return self.rows.captured(capture, call.span)


def _is_bare(expression: Expression) -> TypeGuard[AttributeReference]:
    return isinstance(expression, AttributeReference) and expression.qualifier is None


def _shown(expression: TypedExpression) -> str:
    return expression.name if isinstance(expression, Column) else "..."


def _result_type(kind: MatchCaptureKind, of: AttributeType) -> AttributeType | None:
    match kind:
        case MatchCaptureKind.COUNT_VALUES:
            return AttributeType.LONG
        case MatchCaptureKind.SUM if of.is_numeric:
            return AttributeType.LONG if of in _WHOLE else AttributeType.DOUBLE
        case MatchCaptureKind.MINIMUM | MatchCaptureKind.MAXIMUM if of.is_numeric:
            return of
        case MatchCaptureKind.AVERAGE | MatchCaptureKind.DEVIATION if of.is_numeric:
            return AttributeType.DOUBLE
        case _:
            return None
