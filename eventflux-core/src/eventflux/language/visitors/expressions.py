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
    Between,
    Binary,
    BinaryOperator,
    ConditionInTable,
    Dialect,
    Expression,
    InList,
    InSubquery,
    IsBoolean,
    IsDistinct,
    IsNull,
    KeyInTable,
    Like,
    RegexpMatch,
    Unary,
    UnaryOperator,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.visitors.base import Parts
from eventflux.language.visitors.operands import MAX_CHAIN, OperandVisitor
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

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


class ExpressionVisitor(OperandVisitor):
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
            self.too_long(self.span(node))
            del items[MAX_CHAIN:]
        if atom is None:
            atom = self.postfixed(last) if last.expr_name == "postfixed" else self.primary(self.only(last))
        items.append(_Item(span=self.span(last), operand=atom))

    def _signed_number(self, prefix: ParseNode, postfixed: ParseNode) -> Expression | None:
        """`-1` as one literal, so that the smallest integers can be written."""
        parts = self.parts(postfixed)
        number = self.only(parts.nodes[0])
        sign = self.text(prefix)
        if number.expr_name != "number" or len(parts.nodes) > 1 or sign not in "+-":
            return None
        literal = self.number(sign + self.text(number), self.span(number))
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
                    self.too_long(item.span)
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
