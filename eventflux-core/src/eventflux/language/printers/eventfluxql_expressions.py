"""EventFluxQL expressions, and what SQL expressions become in it where it can say the same."""

from __future__ import annotations

import re
from typing import Final

from eventflux.language.ast import (
    AttributeReference,
    Between,
    Binary,
    BinaryOperator,
    Case,
    Cast,
    CastMode,
    ConditionInTable,
    DateTimeLiteral,
    Dialect,
    DurationLiteral,
    EventIndex,
    Expression,
    FunctionCall,
    Identifier,
    IndexAccess,
    InList,
    IsBoolean,
    IsNull,
    Like,
    Literal,
    RegexpMatch,
    Unary,
    UnaryOperator,
)
from eventflux.language.printers.base import BasePrinter
from eventflux.language.tokens import RESERVED

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f]")

OR, AND, IN, EQUALITY, ORDER, ADD, MULTIPLY, NOT, PRIMARY = range(1, 10)

_LEVELS: Final = {
    BinaryOperator.OR: OR,
    BinaryOperator.AND: AND,
    BinaryOperator.EQ: EQUALITY,
    BinaryOperator.NE: EQUALITY,
    BinaryOperator.LT: ORDER,
    BinaryOperator.LE: ORDER,
    BinaryOperator.GT: ORDER,
    BinaryOperator.GE: ORDER,
    BinaryOperator.ADD: ADD,
    BinaryOperator.SUBTRACT: ADD,
    BinaryOperator.MULTIPLY: MULTIPLY,
    BinaryOperator.DIVIDE: MULTIPLY,
    BinaryOperator.MODULO: MULTIPLY,
}
# Words that mean something where a name may stand; position tells them apart, but quotes are clearer.
_KEYWORDS: Final = RESERVED | frozenset(
    [
        "EVENTS",
        "OUTPUT",
        "FIRST",
        "LAST",
        "SNAPSHOT",
        "EXPIRED",
        "CURRENT",
        "RETURN",
        "PER",
        "UNIDIRECTIONAL",
        "OF",
        "LANGUAGE",
    ]
)


class EventFluxQLExpressionPrinter(BasePrinter):
    """Writes expressions as EventFluxQL."""

    language = "EventFluxQL"
    dialect = Dialect.EVENTFLUXQL

    def name(self, identifier: Identifier) -> str:
        name = identifier.name
        if _WORD.fullmatch(name) and name.upper() not in _KEYWORDS:
            return name
        if "`" in name:
            raise self.refusal(f"the name {name!r}")
        return f"`{name}`"

    def string(self, value: str) -> str:
        has_control = _CONTROL.search(value) is not None
        if "'" not in value and '"' not in value and not has_control:
            return f"'{value}'"
        if '"' not in value and not has_control:
            return f'"{value}"'
        if '"""' in value or value.endswith('"'):
            raise self.refusal(f"the string {value!r}")
        return f'"""{value}"""'

    def argument_value(self, node: Expression) -> str:
        return self.expression(node)

    def expression(self, node: Expression, level: int = 0) -> str:
        text, own = self._expression(node)
        return f"({text})" if own < level else text

    def _expression(self, node: Expression) -> tuple[str, int]:
        match node:
            case Literal():
                return self._literal(node), PRIMARY
            case AttributeReference():
                return self._reference(node), PRIMARY
            case Binary():
                return self._binary(node)
            case FunctionCall():
                return self._call(node), PRIMARY
            case Unary():
                return self._unary(node)
            case IsNull():
                return self._is_null(node)
            case IndexAccess(operand=AttributeReference() as operand, index=EventIndex() as index):
                return f"{self.expression(operand, PRIMARY)}[{self.event_index(index)}]", PRIMARY
            case DurationLiteral():
                if node.milliseconds < 0:
                    return f"{node.milliseconds}L", PRIMARY
                return self.duration(node), PRIMARY
            case DateTimeLiteral():
                return f"{node.milliseconds}L", PRIMARY
            case ConditionInTable():
                return f"{self.expression(node.condition, IN)} in {self.relation(node.table)}", IN
            case _:
                return self._from_sql(node)

    def _literal(self, node: Literal) -> str:
        if node.value is None:
            raise self.refusal("NULL")
        if isinstance(node.value, bool):
            return str(node.value).lower()
        return self.string(node.value) if isinstance(node.value, str) else self.number(node)

    def _reference(self, node: AttributeReference) -> str:
        name = self.name(node.name)
        if node.qualifier is None:
            return name
        index = "" if node.index is None else f"[{self.event_index(node.index)}]"
        return f"{self.relation(node.qualifier)}{index}.{name}"

    def _binary(self, node: Binary) -> tuple[str, int]:
        level = _LEVELS.get(node.operator)
        if level is None:
            raise self.refusal("||")
        left = self.expression(node.left, level)
        right = self.expression(node.right, level if level in (OR, AND) else level + 1)
        return f"{left} {node.operator.value} {right}", level

    def _unary(self, node: Unary) -> tuple[str, int]:
        match node.operator:
            case UnaryOperator.NOT:
                return f"not {self.expression(node.operand, NOT)}", NOT
            case UnaryOperator.NEGATE:
                return f"0 - {self.expression(node.operand, MULTIPLY)}", ADD
            case UnaryOperator.PLUS:
                return self._expression(node.operand)

    def _call(self, node: FunctionCall) -> str:
        if node.distinct or node.filter is not None:
            raise self.refusal("DISTINCT or FILTER in a call")
        # COUNT(*) counts rows, which is count() here.
        star = node.star and not (node.namespace is None and node.name.lower() == "count" and node.name != "count")
        return f"{self.function_name(node.namespace, node.name)}({self.arguments(node.arguments, star=star)})"

    def function_name(self, namespace: str | None, name: str) -> str:
        if not _WORD.fullmatch(name):
            name = self.name(Identifier(name=name))
        return name if namespace is None else f"{namespace}:{name}"

    def _is_null(self, node: IsNull) -> tuple[str, int]:
        if not isinstance(node.operand, AttributeReference | FunctionCall | IndexAccess):
            raise self.refusal("IS NULL of an expression")
        text = f"{self.expression(node.operand, PRIMARY)} is null"
        return (f"not {text}", NOT) if node.negated else (text, PRIMARY)

    # -- what only SQL has words for

    def _from_sql(self, node: Expression) -> tuple[str, int]:
        match node:
            case Case():
                return self._case(node), PRIMARY
            case Cast(mode=CastMode.CAST | CastMode.TRY):
                kind = node.type.attribute_type
                if kind is None or node.type.name in ("TIMESTAMP", "DATETIME", "DATE", "TIME"):
                    raise self.refusal(f"CAST to {node.type.name}")
                return f"convert({self.expression(node.operand)}, '{kind.eventfluxql_name}')", PRIMARY
            case Between():
                operand = self.expression(node.operand, ORDER + 1)
                low, high = self.expression(node.low, ORDER + 1), self.expression(node.high, ORDER + 1)
                return self._negated(f"{operand} >= {low} and {operand} <= {high}", AND, negated=node.negated)
            case InList(items=(_, *_)):
                operand = self.expression(node.operand, EQUALITY + 1)
                tests = [f"{operand} == {self.expression(item, EQUALITY + 1)}" for item in node.items]
                return self._negated(" or ".join(tests), OR, negated=node.negated)
            case IsBoolean():
                text = f"{self.expression(node.operand, EQUALITY)} == {str(node.value).lower()}"
                return self._negated(text, EQUALITY, negated=node.negated)
            case Like(escape=None, ignore_case=False):
                text = f"like({self.expression(node.operand)}, {self.expression(node.pattern)})"
                return (f"not {text}", NOT) if node.negated else (text, PRIMARY)
            case RegexpMatch():
                text = f"str:regexp({self.expression(node.operand)}, {self.expression(node.pattern)})"
                return (f"not {text}", NOT) if node.negated else (text, PRIMARY)
            case _:
                raise self.unreadable(node)

    @staticmethod
    def _negated(text: str, level: int, *, negated: bool) -> tuple[str, int]:
        return (f"not ({text})", NOT) if negated else (text, level)

    def _case(self, node: Case) -> str:
        if node.otherwise is None:
            raise self.refusal("CASE without ELSE")
        text = self.expression(node.otherwise)
        for branch in reversed(node.branches):
            condition = self.expression(branch.when)
            if node.operand is not None:
                when = self.expression(branch.when, EQUALITY + 1)
                condition = f"{self.expression(node.operand, EQUALITY)} == {when}"
            text = f"ifThenElse({condition}, {self.expression(branch.then)}, {text})"
        return text
