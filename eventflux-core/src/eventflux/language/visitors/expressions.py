"""Expressions: the grammar gives a flat row of operands and operators, precedence is climbed here.

    SQL, loosest first            EventFluxQL
    OR                            or
    AND                           and
    NOT                           in T
    = < IS BETWEEN IN LIKE ...    == !=
    + - ||                        < <= > >=
    * / %                         + -
    sign                          * / %
                                  not

SQL's predicates do not chain (`a < b < c` is refused), its NOT stands only where an AND's operand starts.
A long chain of AND or OR becomes a balanced tree, so that the depth of a tree does not grow with the length of a text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from eventflux.language.ast import (
    Argument,
    AttributeReference,
    Between,
    Binary,
    BinaryOperator,
    ConditionInTable,
    Dialect,
    EventIndex,
    Exists,
    Expression,
    FieldAccess,
    FunctionCall,
    Identifier,
    IndexAccess,
    InList,
    InSubquery,
    IsBoolean,
    IsDistinct,
    IsNull,
    KeyInTable,
    Like,
    Literal,
    RegexpMatch,
    RelationKind,
    RelationName,
    RowExpression,
    Unary,
    UnaryOperator,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import LiteralError, number_value, string_value
from eventflux.language.visitors.base import Parts
from eventflux.language.visitors.special_forms import SpecialFormVisitor
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

MAX_CHAIN: Final = 256
"""Longest row of one level of arithmetic operators: the depth of the tree that it makes."""

_BALANCE_FROM: Final = 32

_SQL_LEVELS: Final = {
    BinaryOperator.OR: 1,
    BinaryOperator.AND: 2,
    BinaryOperator.EQ: 4,
    BinaryOperator.NE: 4,
    BinaryOperator.LT: 4,
    BinaryOperator.LE: 4,
    BinaryOperator.GT: 4,
    BinaryOperator.GE: 4,
    BinaryOperator.ADD: 5,
    BinaryOperator.SUBTRACT: 5,
    BinaryOperator.CONCAT: 5,
    BinaryOperator.MULTIPLY: 6,
    BinaryOperator.DIVIDE: 6,
    BinaryOperator.MODULO: 6,
}
_SQL_NOT, _SQL_PREDICATE, _SQL_SIGN = 3, 4, 7

_QL_LEVELS: Final = {
    BinaryOperator.OR: 1,
    BinaryOperator.AND: 2,
    BinaryOperator.EQ: 4,
    BinaryOperator.NE: 4,
    BinaryOperator.LT: 5,
    BinaryOperator.LE: 5,
    BinaryOperator.GT: 5,
    BinaryOperator.GE: 5,
    BinaryOperator.ADD: 6,
    BinaryOperator.SUBTRACT: 6,
    BinaryOperator.MULTIPLY: 7,
    BinaryOperator.DIVIDE: 7,
    BinaryOperator.MODULO: 7,
}
_QL_IN, _QL_NOT = 3, 8

_SPELLINGS: Final = {operator.value: operator for operator in BinaryOperator} | {
    "=": BinaryOperator.EQ,
    "<>": BinaryOperator.NE,
}

Postfix: TypeAlias = Callable[[Expression], Expression]


@dataclass(slots=True)
class _Item:
    """A piece of the flat row. Exactly one of the four is given."""

    span: Span
    operand: Expression | None = None
    prefix: UnaryOperator | None = None
    binary: BinaryOperator | None = None
    postfix: Postfix | None = None
    level: int = 0


class ExpressionVisitor(SpecialFormVisitor):
    """Reads expressions of both dialects."""

    # -- the flat row

    def expression(self, node: ParseNode) -> Expression:
        """`expression` or `additive`."""
        items: list[_Item] = []
        for child in self.parts(node):
            if child.expr_name in ("operand", "additive_operand"):
                self._operand(child, items)
            else:
                self._tail(child, items)
        if len(items) == 1:
            operand = items[0].operand
            assert operand is not None
            return operand
        return self._climb(items)

    def _operand(self, node: ParseNode, items: list[_Item]) -> None:
        *prefixes, last = self.parts(node)
        atom: Expression | None = None
        if prefixes and last.expr_name == "postfixed":
            atom = self._signed_number(prefixes[-1], last)
            if atom is not None:
                prefixes.pop()
        for prefix in prefixes:
            token = self.only(prefix) if prefix.expr_name == "prefix" else prefix
            if token.expr_name == "NOT":
                operator, level = UnaryOperator.NOT, _SQL_NOT if self.dialect is Dialect.SQL else _QL_NOT
            else:
                operator = UnaryOperator.NEGATE if self.text(token) == "-" else UnaryOperator.PLUS
                level = _SQL_SIGN
            items.append(_Item(span=self.span(token), prefix=operator, level=level))
        if len(prefixes) > MAX_CHAIN:
            self._too_long(self.span(node))
            del items[MAX_CHAIN:]
        if atom is None:
            atom = self._postfixed(last) if last.expr_name == "postfixed" else self._primary(self.only(last))
        items.append(_Item(span=self.span(last), operand=atom))

    def _signed_number(self, prefix: ParseNode, postfixed: ParseNode) -> Expression | None:
        """`-1` as one literal, so that the smallest integers can be written."""
        parts = self.parts(postfixed)
        number = self.only(parts.nodes[0])
        sign = self.text(prefix)
        if number.expr_name != "number" or len(parts.nodes) > 1 or sign not in "+-":
            return None
        literal = self._number(sign + self.text(number), self.span(number))
        return replace(literal, span=self.span(prefix).to(literal.span))

    def _tail(self, node: ParseNode, items: list[_Item]) -> None:
        inner = self.only(node) if node.expr_name == "expression_tail" else node
        parts = self.parts(inner)
        if inner.expr_name in ("binary_tail", "additive_tail"):
            token = parts.nodes[0]
            operator = _SPELLINGS[self.text(token).lower()]
            levels = _SQL_LEVELS if self.dialect is Dialect.SQL else _QL_LEVELS
            items.append(_Item(span=self.span(token), binary=operator, level=levels[operator]))
            self._operand(parts.nodes[1], items)
            return
        level = _SQL_PREDICATE if self.dialect is Dialect.SQL else _QL_IN
        items.append(_Item(span=self.span(inner), postfix=self._postfix(inner, parts), level=level))

    # -- precedence

    def _climb(self, items: list[_Item]) -> Expression:
        position = 0
        is_sql = self.dialect is Dialect.SQL

        def climb(level: int) -> Expression:
            nonlocal position
            item = items[position]
            position += 1
            if item.prefix is not None:
                if item.level < level:
                    self.error(
                        item.span, ErrorCode.SYNTAX, "expected an expression but found 'NOT'", "put NOT in brackets"
                    )
                operand = climb(max(item.level, level))
                left: Expression = Unary(operator=item.prefix, operand=operand, span=item.span.to(operand.span))
            else:
                assert item.operand is not None
                left = item.operand
            predicates = length = 0
            while position < len(items) and items[position].level >= level:
                item = items[position]
                if is_sql and item.level == _SQL_PREDICATE:
                    predicates += 1
                    if predicates > 1:
                        self.error(
                            item.span,
                            ErrorCode.SYNTAX,
                            f"expected AND, OR or the end of the condition but found {self._found(item)}",
                            hint="comparisons do not chain: combine two with AND",
                        )
                position += 1
                length += 1
                if length == MAX_CHAIN and item.level > 2:
                    self._too_long(item.span)
                if item.postfix is not None:
                    left = item.postfix(left)
                    continue
                assert item.binary is not None
                if item.binary in (BinaryOperator.AND, BinaryOperator.OR):
                    operands = [left, climb(item.level + 1)]
                    while position < len(items) and items[position].binary is item.binary:
                        position += 1
                        operands.append(climb(item.level + 1))
                    left = chain(item.binary, operands)
                    continue
                right = climb(item.level + 1)
                left = Binary(operator=item.binary, left=left, right=right, span=left.span.to(right.span))
            return left

        return climb(0)

    def _found(self, item: _Item) -> str:
        return repr(self.source.slice(item.span).split()[0])

    def _too_long(self, span: Span) -> None:
        self.error(
            span,
            ErrorCode.TOO_DEEP,
            f"more than {MAX_CHAIN} operators in a row",
            hint="compute parts of it in queries before this one",
        )

    # -- predicates behind an operand

    def _postfix(self, node: ParseNode, parts: Parts) -> Postfix:
        match node.expr_name:
            case "in_table":
                table = self.relation_name(parts.one("relation_name"))
                return lambda left: ConditionInTable(condition=left, table=table, span=left.span.to(table.span))
            case "is_tail":
                return self._is(node, parts)
            case "between_tail":
                low, high = (self.expression(part) for part in parts.all("additive"))
                negated = parts.has("NOT")
                return lambda left: Between(
                    operand=left, low=low, high=high, negated=negated, span=left.span.to(high.span)
                )
            case "in_tail":
                return self._in(node, parts)
            case _:
                return self._like(node, parts)

    def _is(self, node: ParseNode, parts: Parts) -> Postfix:
        negated, end = parts.has("NOT"), self.span(node)
        distinct = parts.get("distinct_from")
        if distinct is not None:
            right = self.expression(self.parts(distinct).one("additive"))
            return lambda left: IsDistinct(left=left, right=right, negated=negated, span=left.span.to(end))
        if parts.has("NULL"):
            return lambda left: IsNull(operand=left, negated=negated, span=left.span.to(end))
        value = parts.has("TRUE")
        return lambda left: IsBoolean(operand=left, value=value, negated=negated, span=left.span.to(end))

    def _in(self, node: ParseNode, parts: Parts) -> Postfix:
        negated, end = parts.has("NOT"), self.span(node)
        last = parts.nodes[-1]
        if last.expr_name == "in_list":
            items = tuple(self.expression(item) for item in self.parts(last).all("expression"))
            return lambda left: InList(operand=left, items=items, negated=negated, span=left.span.to(end))
        if last.expr_name == "in_subquery":
            query = self.subquery(self.parts(last).one("subquery"))
            return lambda left: InSubquery(operand=left, query=query, negated=negated, span=left.span.to(end))
        table = self.relation_name(last)
        return lambda left: KeyInTable(operand=left, table=table, negated=negated, span=left.span.to(end))

    def _like(self, node: ParseNode, parts: Parts) -> Postfix:
        negated, end = parts.has("NOT"), self.span(node)
        operands = [self.expression(part) for part in parts.all("additive")]
        pattern = operands[0]
        if parts.has("REGEXP"):
            return lambda left: RegexpMatch(operand=left, pattern=pattern, negated=negated, span=left.span.to(end))
        escape = operands[1] if len(operands) > 1 else None
        ignore_case = parts.has("ILIKE")
        return lambda left: Like(
            operand=left,
            pattern=pattern,
            escape=escape,
            ignore_case=ignore_case,
            negated=negated,
            span=left.span.to(end),
        )

    # -- operands

    def _postfixed(self, node: ParseNode) -> Expression:
        parts = self.parts(node).nodes
        left = self._primary(self.only(parts[0]))
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
            self._too_long(self.span(node))
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

    def _primary(self, node: ParseNode) -> Expression:
        match node.expr_name:
            case "reference":
                return self._reference(self.only(node))
            case "number" | "signed_number":
                return self._number(self.text(node), self.span(node))
            case "string":
                value = string_value(self.text(node), self.dialect)
                return Literal(value=value, type=AttributeType.STRING, span=self.span(node))
            case "constant":
                return self.constant(node)
            case "duration":
                return self.duration(node)
            case "call":
                return self.call(node)
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
        operand = self._primary(parts.nodes[0])
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

    def _number(self, text: str, span: Span) -> Literal:
        try:
            value, attribute_type = number_value(text, self.dialect)
        except LiteralError as error:
            self.error(span, ErrorCode.INTEGER_RANGE, str(error))
            value, attribute_type = 0, AttributeType.INT
        return Literal(value=value, type=attribute_type, span=span)

    def number_literal(self, node: ParseNode) -> Literal:
        """A number token as a literal."""
        return self._number(self.text(node), self.span(node))

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
                return self._number(self.text(inner), self.span(inner))
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
            only = inner.get("distinct_arguments")
            distinct = only is not None
            arguments = self.arguments(only if only is not None else body)
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


def chain(operator: BinaryOperator, operands: list[Expression]) -> Expression:
    """`a AND b AND ...` as a tree: nested to the left if short, balanced if long. Brackets around parts fall away."""
    flat: list[Expression] = []
    pending = operands[::-1]
    while pending:
        operand = pending.pop()
        if isinstance(operand, Binary) and operand.operator is operator:
            pending += [operand.right, operand.left]
        else:
            flat.append(operand)
    if len(flat) > _BALANCE_FROM:
        return _balanced(operator, flat)
    left = flat[0]
    for right in flat[1:]:
        left = Binary(operator=operator, left=left, right=right, span=left.span.to(right.span))
    return left


def _balanced(operator: BinaryOperator, operands: list[Expression]) -> Expression:
    if len(operands) == 1:
        return operands[0]
    middle = (len(operands) + 1) // 2
    left, right = _balanced(operator, operands[:middle]), _balanced(operator, operands[middle:])
    return Binary(operator=operator, left=left, right=right, span=left.span.to(right.span))
