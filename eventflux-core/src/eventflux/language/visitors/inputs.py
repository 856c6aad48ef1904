"""Inputs: streams, anonymous streams, joins, window table functions."""

from __future__ import annotations

from dataclasses import replace

from eventflux.language.ast import (
    Argument,
    AttributeReference,
    Expression,
    Handler,
    Identifier,
    Input,
    JoinInput,
    JoinKind,
    JoinTrigger,
    MatchRecognizeInput,
    NoWindow,
    Query,
    RelationName,
    Selection,
    Star,
    StreamInput,
    SubqueryInput,
    TableFunctionInput,
    WindowCall,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.visitors.match_recognize import MatchRecognizeVisitor
from eventflux.types.dialect import Dialect
from eventflux.types.error_codes import ErrorCode

_JOIN_KINDS = {"LEFT": JoinKind.LEFT, "RIGHT": JoinKind.RIGHT, "FULL": JoinKind.FULL}


def window_of(handlers: tuple[Handler, ...]) -> WindowCall | NoWindow | None:
    """The window among handlers."""
    for handler in handlers:
        if isinstance(handler, WindowCall | NoWindow):
            return handler
    return None


class InputVisitor(MatchRecognizeVisitor):
    """Reads FROM clauses of both dialects."""

    def handlers(self, nodes: list[ParseNode]) -> tuple[Handler, ...]:
        """Handlers in order; a second window is an error."""
        found: list[Handler] = []
        for node in nodes:
            handler = self.handler(node)
            if isinstance(handler, WindowCall) and any(isinstance(other, WindowCall) for other in found):
                self.error(handler.span, ErrorCode.SYNTAX, "a stream can have one window")
            found.append(handler)
        return tuple(found)

    def stream_source(self, node: ParseNode) -> StreamInput:
        parts = self.parts(node)
        return StreamInput(
            relation=self.relation_name(parts.one("relation_name")),
            handlers=self.handlers(parts.all("handler")),
            span=self.span(node),
        )

    # -- SQL

    def from_clause(self, node: ParseNode) -> Input:
        """FROM, USING of DELETE, FROM of UPDATE: a relation and joins, left-deep."""
        parts = self.parts(node)
        left, left_triggers = self.relation(parts.one("relation"))
        joins = parts.all("join")
        if left_triggers is not None and not joins:
            self._lonely(left_triggers)
        for join in joins:
            left = self._join(join, left, left_triggers)
            left_triggers = None
        return left

    def _lonely(self, node: ParseNode) -> None:
        self.error(self.span(node), ErrorCode.SYNTAX, "UNIDIRECTIONAL belongs to a join")

    def single_relation(self, node: ParseNode) -> Input:
        """A relation without joins."""
        found, unidirectional = self.relation(node)
        if unidirectional is not None:
            self._lonely(unidirectional)
        return found

    def _join(self, node: ParseNode, left: Input, left_triggers: ParseNode | None) -> JoinInput:
        inner = self.only(node)
        parts = self.parts(inner)
        right, right_triggers = self.relation(parts.one("relation"))
        span = left.span.to(self.span(node))
        word = parts.get("UNIDIRECTIONAL")
        left_marks = [mark for mark in (left_triggers, word) if mark is not None]
        trigger = JoinTrigger.BOTH
        if left_marks:
            trigger = JoinTrigger.LEFT
            if right_triggers is not None:
                self.error(self.span(right_triggers), ErrorCode.SYNTAX, "only one side can be UNIDIRECTIONAL")
        elif right_triggers is not None:
            trigger = JoinTrigger.RIGHT
        if inner.expr_name == "cross_join":
            return JoinInput(kind=JoinKind.CROSS, left=left, right=right, trigger=trigger, span=span)
        kind_node = parts.get("join_kind")
        words = [] if kind_node is None else [part.expr_name for part in self.parts(kind_node)]
        kind = _JOIN_KINDS.get(words[0], JoinKind.INNER) if words else JoinKind.INNER
        on, using = parts.get("join_on"), parts.get("join_using")
        return JoinInput(
            kind=kind,
            left=left,
            right=right,
            trigger=trigger,
            condition=None if on is None else self.expression(self.parts(on).one("expression")),
            using=()
            if using is None
            else tuple(self.identifier(part) for part in self.parts(using).all("column_name")),
            span=span,
        )

    def relation(self, node: ParseNode) -> tuple[Input, ParseNode | None]:
        """An input, and the UNIDIRECTIONAL behind it."""
        inner = self.only(node)
        match inner.expr_name:
            case "pattern_relation":
                pattern = self.pattern_relation(inner)
                self.check_absent(pattern.pattern)
                return pattern, None
            case "table_function_relation":
                return self._table_function(inner), None
            case _:
                return self._plain_relation(inner)

    def _plain_relation(self, node: ParseNode) -> tuple[Input, ParseNode | None]:
        parts = self.parts(node)
        source_node = self.only(parts.one("relation_source"))
        source: StreamInput | SubqueryInput
        if source_node.expr_name == "stream_source":
            source = self.stream_source(source_node)
        else:
            inner = self.parts(source_node)
            source = SubqueryInput(
                query=self.subquery(inner.one("subquery")),
                handlers=self.handlers(inner.all("handler")),
                span=self.span(source_node),
            )
        alias, recognized = parts.get("alias"), parts.get("recognized")
        clauses = parts.all("window_clause")
        behind = [clause for clause in clauses if recognized is not None and clause.start > recognized.start]
        for clause in clauses[: len(clauses) - len(behind)]:
            source = self.with_window(source, clause)
        source = replace(
            source, alias=None if alias is None else self.alias(alias), span=source.span.to(self.span(node))
        )
        result: Input = source
        if recognized is not None:
            matches = self._recognized(recognized, source)
            result = self.with_window(as_subquery(matches), behind[0]) if behind else matches
        return result, parts.get("UNIDIRECTIONAL")

    def _recognized(self, node: ParseNode, source: StreamInput | SubqueryInput) -> MatchRecognizeInput:
        parts = self.parts(node)
        found = self.match_recognize(parts.one("match_recognize"), source)
        alias = parts.get("alias")
        return found if alias is None else replace(found, alias=self.alias(alias))

    def with_window(self, source: StreamInput | SubqueryInput, clause: ParseNode) -> StreamInput | SubqueryInput:
        """The input with a WINDOW clause as its last handler."""
        if window_of(source.handlers) is not None:
            self.error(self.span(clause), ErrorCode.SYNTAX, "a relation has one WINDOW")
        return replace(source, handlers=(*source.handlers, self.window_clause(clause)))

    def _table_function(self, node: ParseNode) -> TableFunctionInput:
        parts = self.parts(node)
        outer = parts.nodes[0]
        function = outer if outer.expr_name == "table_function" else self.parts(outer).one("table_function")
        inner = self.parts(function)
        name = self.text(inner.one("table_function_name")).upper()
        span = self.span(node)
        operand: StreamInput | SubqueryInput | None = None
        partition: tuple[Expression, ...] = ()
        time_column: Identifier | None = None
        arguments: list[Argument] = []
        for position, argument in enumerate(inner.all("table_argument")):
            items = self.parts(argument)
            name_node = items.get("argument_name")
            label = None if name_node is None else self.marked_identifier(name_node, 2)
            word = "" if label is None else label.name.upper()
            value = items.nodes[-1]
            if value.expr_name == "table_operand":
                operand, partition = self._table_operand(value)
            elif value.expr_name == "descriptor":
                time_column = self.identifier(self.parts(value).one("column_name"))
            else:
                expression = self.argument_value(value)
                plain = (
                    expression.name
                    if isinstance(expression, AttributeReference) and expression.qualifier is None
                    else None
                )
                if plain is not None and operand is None and (position == 0 or word == "DATA"):
                    operand = StreamInput(relation=_relation(plain), span=plain.span)
                elif plain is not None and time_column is None and (position == 1 or word == "TIMECOL"):
                    time_column = plain
                else:
                    arguments.append(Argument(name=label, value=expression, span=self.span(argument)))
        if operand is None:
            self.error(self.span(function), ErrorCode.SYNTAX, f"{name} needs a stream: {name}(TABLE S, ...)")
            operand = StreamInput(relation=_relation(Identifier(name=name, span=span)), span=span)
        alias = parts.get("alias")
        return TableFunctionInput(
            function=name,
            input=operand,
            partition_by=partition,
            time_column=time_column,
            arguments=tuple(arguments),
            alias=None if alias is None else self.alias(alias),
            span=span,
        )

    def _table_operand(self, node: ParseNode) -> tuple[StreamInput | SubqueryInput, tuple[Expression, ...]]:
        parts = self.parts(node)
        partition = parts.get("table_keys")
        keys = () if partition is None else self.expressions(partition)
        query = parts.get("subquery")
        if query is not None:
            return SubqueryInput(query=self.subquery(query), span=self.span(node)), keys
        relation = self.relation_name(parts.one("relation_name"))
        return StreamInput(relation=relation, span=relation.span), keys

    # -- EventFluxQL

    def input(self, node: ParseNode) -> tuple[Input, ParseNode | None]:
        """An input, and the aggregation range at its end."""
        inner = self.only(node)
        match inner.expr_name:
            case "plain_input":
                return self.stream_source(self.parts(inner).one("stream_source")), None
            case "joined_input":
                return self._joined_input(inner)
            case "sequence_input":
                found = self.sequence_input(inner)
            case "pattern_input":
                found = self.pattern_input(inner)
            case _:
                return self._anonymous(inner), None
        self.check_absent(found.pattern)
        return found, None

    def _anonymous(self, node: ParseNode) -> SubqueryInput:
        span = self.span(node)
        inner = self.only(node)
        while inner.expr_name != "anonymous_query":
            parts = self.parts(inner)
            inner = self.only(parts.one("anonymous_input")) if parts.has("anonymous_input") else parts.nodes[0]
        return SubqueryInput(query=self.anonymous_query(inner), span=span)

    def _joined_input(self, node: ParseNode) -> tuple[JoinInput, ParseNode | None]:
        parts = self.parts(node)
        left, right = (self._join_side(part) for part in parts.all("join_side"))
        words = [part.expr_name for part in self.parts(parts.one("join_kind"))]
        marks = parts.all("UNIDIRECTIONAL")
        trigger = JoinTrigger.BOTH
        if len(marks) > 1:
            self.error(self.span(marks[1]), ErrorCode.SYNTAX, "only one side can be unidirectional")
        elif marks:
            trigger = JoinTrigger.LEFT if marks[0].start < parts.one("join_kind").start else JoinTrigger.RIGHT
        on = parts.get("join_on")
        join = JoinInput(
            kind=_JOIN_KINDS.get(words[0], JoinKind.INNER),
            left=left,
            right=right,
            trigger=trigger,
            condition=None if on is None else self.expression(self.parts(on).one("expression")),
            span=self.span(node),
        )
        return join, parts.get("aggregation_range")

    def _join_side(self, node: ParseNode) -> StreamInput:
        parts = self.parts(node)
        source = self.stream_source(parts.one("stream_source"))
        window = window_of(source.handlers)
        if window is not None and source.handlers[-1] is not window:
            self.error(
                source.handlers[-1].span, ErrorCode.SYNTAX, "a join's side can't have a handler behind its window"
            )
        alias = parts.get("identifier")
        return replace(source, alias=None if alias is None else self.identifier(alias), span=self.span(node))


def _relation(name: Identifier) -> RelationName:
    return RelationName(name=name, span=name.span)


def as_subquery(matches: MatchRecognizeInput) -> SubqueryInput:
    """Matches that a window holds: those of a query of their own."""
    selection = Selection(items=(Star(span=matches.span),), span=matches.span)
    query = Query(dialect=Dialect.SQL, input=replace(matches, alias=None), selection=selection, span=matches.span)
    return SubqueryInput(query=query, alias=matches.alias, span=matches.span)
