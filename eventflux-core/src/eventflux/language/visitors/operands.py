"""Operands of expressions: literals, references with their fields and indexes, calls, brackets."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.language.ast import (
    Argument,
    AttributeReference,
    EventIndex,
    Exists,
    Expression,
    FieldAccess,
    FunctionCall,
    Identifier,
    IndexAccess,
    IsNull,
    Literal,
    RelationKind,
    RelationName,
    RowExpression,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import LiteralError, number_value, string_value
from eventflux.language.visitors.special_forms import SpecialFormVisitor
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

MAX_CHAIN: Final = 256
"""Longest row of one level of arithmetic operators: the depth of the tree that it makes."""


class OperandVisitor(SpecialFormVisitor):
    """Reads what stands between operators."""

    def too_long(self, span: Span) -> None:
        self.error(
            span,
            ErrorCode.TOO_DEEP,
            f"more than {MAX_CHAIN} operators in a row",
            hint="compute parts of it in queries before this one",
        )

    def postfixed(self, node: ParseNode) -> Expression:
        parts = self.parts(node).nodes
        left = self.primary(self.only(parts[0]))
        position = 1
        while position < len(parts):
            inner = self.only(parts[position])
            position += 1
            span = left.span.to(self.span(inner))
            match inner.expr_name:
                case "member":
                    name = self.identifier(self.parts(inner).one("any_name"))
                    if (
                        isinstance(left, IndexAccess)
                        and isinstance(left.index, EventIndex)
                        and isinstance(left.operand, AttributeReference)
                    ):
                        qualifier = RelationName(name=left.operand.name, span=left.operand.span)
                        left = AttributeReference(qualifier=qualifier, index=left.index, name=name, span=span)
                    else:
                        left = FieldAccess(operand=left, name=name, span=span)
                case "cast_mark":
                    left = self.cast_to(left, self.parts(inner).one("type_name"), span)
                case _:
                    left = IndexAccess(operand=left, index=self._index(inner, left), span=span)
        if len(parts) > MAX_CHAIN:
            self.too_long(self.span(node))
        return left

    def _index(self, node: ParseNode, operand: Expression) -> Expression | EventIndex:
        """SQL's `[...]`: a constant or LAST behind a bare name may index the events of a pattern element."""
        value = self.parts(node).one("index_value")
        inner = self.only(value)
        span = self.span(value)
        if inner.expr_name == "last_index":
            return self._last_index(inner)
        if inner.expr_name == "FIRST":
            return EventIndex(offset=0, span=span)
        index = self.expression(inner)
        is_name = isinstance(operand, AttributeReference) and operand.qualifier is None
        if is_name and isinstance(index, Literal) and isinstance(index.value, int) and index.type is AttributeType.INT:
            return EventIndex(offset=index.value, span=span)
        return index

    def _last_index(self, node: ParseNode) -> EventIndex:
        number = self.parts(node).get("whole_number")
        offset = 0 if number is None else self.whole_number(number)
        return EventIndex(offset=offset, from_last=True, span=self.span(node))

    def primary(self, node: ParseNode) -> Expression:
        match node.expr_name:
            case "reference":
                return self._reference(self.only(node))
            case "number" | "signed_number":
                return self.number(self.text(node), self.span(node))
            case "string":
                value = string_value(self.text(node), self.dialect)
                return Literal(value=value, type=AttributeType.STRING, span=self.span(node))
            case "constant":
                return self.constant(node)
            case "duration":
                return self.duration(node)
            case "call":
                return self.call(node)
            case "semantics_call":
                return self._semantics_call(node)
            case "nullable":
                return self._nullable(node)
            case "parenthesised":
                return self._parenthesised(node)
            case "special_form":
                return self.special_form(self.parts(node).nodes[-1])
            case _:
                return self.parameter(node)

    def _nullable(self, node: ParseNode) -> Expression:
        parts = self.parts(node)
        operand = self.primary(parts.nodes[0])
        if parts.has("null_test"):
            return IsNull(operand=operand, span=self.span(node))
        return operand

    def _parenthesised(self, node: ParseNode) -> Expression:
        inner = self.parts(node).nodes[1]
        if inner.expr_name == "expression":
            return self.expression(inner)
        if inner.expr_name == "subquery":
            self.error(
                self.span(node),
                ErrorCode.NOT_SUPPORTED,
                "a subquery as a value is not supported; use a join",
                hint="FROM S JOIN T ON ... gives the columns of T beside those of S",
            )
            return Literal(value=None, type=None, span=self.span(node))
        items = tuple(self.expression(item) for item in self.parts(inner).all("expression"))
        return items[0] if len(items) == 1 else RowExpression(items=items, span=self.span(node))

    def _reference(self, node: ParseNode) -> Expression:
        span = self.span(node)
        if node.expr_name == "identifier":
            name = self.identifier(node)
            if not name.quoted and name.name.upper() == "CURRENT_TIMESTAMP":
                return FunctionCall(name=name.name, span=span)
            return AttributeReference(name=name, span=span)
        parts = self.parts(node)
        mark = parts.get("relation_mark")
        kind = RelationKind.NORMAL if mark is None else RelationKind(self.text(mark))
        index_node = parts.get("index")
        index = None if index_node is None else self._event_index(index_node)
        if node.expr_name == "qualified_reference":
            qualifier_node = parts.one("qualifier")
            start = self.span(mark if mark is not None else qualifier_node)
            qualifier = RelationName(
                name=self.identifier(qualifier_node), kind=kind, span=start.to(self.span(qualifier_node))
            )
            return AttributeReference(
                qualifier=qualifier, index=index, name=self.identifier(parts.nodes[-1]), span=span
            )
        name_node = parts.one("identifier")
        name = self.identifier(name_node)
        if mark is not None:
            self.error(span, ErrorCode.SYNTAX, f"expected '.' and an attribute behind {kind.value}{name.name}")
        reference = AttributeReference(name=name, span=self.span(name_node))
        return reference if index is None else IndexAccess(operand=reference, index=index, span=span)

    def _event_index(self, node: ParseNode) -> EventIndex:
        inner = self.parts(node).nodes[1]
        if inner.expr_name == "last_index":
            return self._last_index(inner)
        return EventIndex(offset=self.whole_number(inner), span=self.span(inner))

    def number(self, text: str, span: Span) -> Literal:
        try:
            value, attribute_type = number_value(text, self.dialect)
        except LiteralError as error:
            self.error(span, ErrorCode.INTEGER_RANGE, str(error))
            value, attribute_type = 0, AttributeType.INT
        return Literal(value=value, type=attribute_type, span=span)

    def number_literal(self, node: ParseNode) -> Literal:
        """A number token as a literal."""
        return self.number(self.text(node), self.span(node))

    @staticmethod
    def is_reference(expression: Expression) -> bool:
        """Whether an expression is an attribute reference, which needs no name and may be grouped by."""
        return isinstance(expression, AttributeReference)

    def constant(self, node: ParseNode) -> Literal:
        """TRUE, FALSE, NULL."""
        word = self.text(node).lower()
        if word == "null":
            return Literal(value=None, type=None, span=self.span(node))
        return Literal(value=word == "true", type=AttributeType.BOOL, span=self.span(node))

    def signed_literal(self, node: ParseNode) -> Literal:
        """A constant where no expression is allowed: DEFAULT, SET."""
        inner = self.only(node)
        match inner.expr_name:
            case "signed_number":
                return self.number(self.text(inner), self.span(inner))
            case "string":
                value = string_value(self.text(inner), self.dialect)
                return Literal(value=value, type=AttributeType.STRING, span=self.span(inner))
            case "constant":
                return self.constant(inner)
            case _:
                moment = self.special_form(inner)
                milliseconds = getattr(moment, "milliseconds", 0)
                return Literal(value=milliseconds, type=AttributeType.LONG, span=self.span(inner))

    # -- calls

    def call(self, node: ParseNode) -> FunctionCall:
        parts = self.parts(node)
        namespace, name = self.qualified_name(parts.one("function_name"))
        body = parts.get("call_body") or parts.get("call_arguments")
        arguments: tuple[Argument, ...] = ()
        star = distinct = False
        if body is not None:
            inner = self.parts(body)
            star = inner.has("star")
            only, rows = inner.get("distinct_arguments"), inner.get("qualified_star")
            distinct = only is not None
            arguments = self.arguments(only if only is not None else body)
            if rows is not None:
                # COUNT(X.*) counts the rows of X, as COUNT(X) does.
                variable = self.identifier(self.parts(rows).one("qualifier"))
                value = AttributeReference(name=variable, span=self.span(rows))
                arguments = (Argument(value=value, span=self.span(rows)),)
        filter_node = parts.get("filter_clause")
        condition = None if filter_node is None else self.expression(self.parts(filter_node).one("expression"))
        return FunctionCall(
            namespace=namespace,
            name=name,
            arguments=arguments,
            star=star,
            distinct=distinct,
            filter=condition,
            span=self.span(node),
        )

    def _semantics_call(self, node: ParseNode) -> FunctionCall:
        parts = self.parts(node)
        is_final = self.text(parts.one("semantics_word")).upper() == "FINAL"
        return replace(self.call(parts.one("call")), final=is_final, span=self.span(node))

    def arguments(self, node: ParseNode) -> tuple[Argument, ...]:
        """All arguments below a node."""
        return tuple(self.argument(part) for part in self.parts(node).all("argument", "expression"))

    def argument(self, node: ParseNode) -> Argument:
        """`argument` of SQL, `expression` of EventFluxQL."""
        span = self.span(node)
        if node.expr_name == "expression":
            return Argument(value=self.expression(node), span=span)
        parts = self.parts(node)
        name_node = parts.get("argument_name")
        name = None if name_node is None else self.marked_identifier(name_node, 2)
        value, alias = self._argument_value(parts.one("argument_value"))
        return Argument(name=name if name is not None else alias, value=value, span=span)

    def _argument_value(self, node: ParseNode) -> tuple[Expression, Identifier | None]:
        inner = self.parts(node).nodes[0]
        if inner.expr_name == "spaced_duration":
            return self.duration(inner), None
        parts = self.parts(inner)
        alias = parts.get("identifier")
        return self.expression(parts.one("expression")), None if alias is None else self.identifier(alias)

    def argument_value(self, node: ParseNode) -> Expression:
        """The value alone."""
        return self._argument_value(node)[0]

    def exists(self, node: ParseNode) -> Expression:
        return Exists(query=self.subquery(self.parts(node).one("subquery")), span=self.span(node))
