"""SQL expressions."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Final

from eventflux.language.ast import (
    Argument,
    AttributeReference,
    Between,
    Binary,
    BinaryOperator,
    Case,
    Cast,
    ConditionInTable,
    DateTimeLiteral,
    Dialect,
    DurationLiteral,
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
    Parameter,
    Query,
    RegexpMatch,
    RowExpression,
    Unary,
    UnaryOperator,
)
from eventflux.language.printers.base import BasePrinter
from eventflux.language.tokens import CALLABLE, RESERVED
from eventflux.types.attribute_type import AttributeType

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")

OR, AND, NOT, PREDICATE, ADD, MULTIPLY, SIGN, POSTFIX = range(1, 9)

_LEVELS: Final = {
    BinaryOperator.OR: OR,
    BinaryOperator.AND: AND,
    BinaryOperator.ADD: ADD,
    BinaryOperator.SUBTRACT: ADD,
    BinaryOperator.CONCAT: ADD,
    BinaryOperator.MULTIPLY: MULTIPLY,
    BinaryOperator.DIVIDE: MULTIPLY,
    BinaryOperator.MODULO: MULTIPLY,
}
_SPELLINGS: Final = {
    BinaryOperator.OR: "OR",
    BinaryOperator.AND: "AND",
    BinaryOperator.EQ: "=",
    BinaryOperator.NE: "<>",
}


class SqlExpressionPrinter(BasePrinter):
    """Writes expressions as SQL."""

    language = "SQL"
    dialect = Dialect.SQL

    @abstractmethod
    def query(self, node: Query, head: str = "") -> str:
        """A query without its target; `head` goes behind WITH."""

    def name(self, identifier: Identifier) -> str:
        name = identifier.name
        if _WORD.fullmatch(name) and name.upper() not in RESERVED and name.upper() != "CURRENT_TIMESTAMP":
            return name
        return '"' + name.replace('"', '""') + '"'

    def string(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def argument(self, node: Argument) -> str:
        value = self.argument_value(node.value)
        if node.name is None:
            return value
        if not _WORD.fullmatch(node.name.name):
            # `=>` takes plain words only; AS takes any name.
            return f"{value} AS {self.name(node.name)}"
        return f"{node.name.name} => {value}"

    def argument_value(self, node: Expression) -> str:
        if isinstance(node, DurationLiteral) and node.milliseconds > 0:
            return self.duration(node)
        return self.expression(node)

    def expression(self, node: Expression, level: int = 0) -> str:
        text, own = self._expression(node)
        return f"({text})" if own < level else text

    def _expression(self, node: Expression) -> tuple[str, int]:
        match node:
            case Literal():
                return self._literal(node)
            case AttributeReference():
                return self._reference(node), POSTFIX
            case Binary():
                return self._binary(node)
            case FunctionCall():
                return self._call(node), POSTFIX
            case Unary():
                return self._unary(node)
            case FieldAccess():
                return f"{self.expression(node.operand, POSTFIX)}.{self.name(node.name)}", POSTFIX
            case IndexAccess():
                index = node.index
                inner = self.event_index(index) if isinstance(index, EventIndex) else self.expression(index)
                return f"{self.expression(node.operand, POSTFIX)}[{inner}]", POSTFIX
            case Case():
                return self._case(node), POSTFIX
            case Cast():
                return (
                    f"{node.mode.value}({self.expression(node.operand)} AS {self.type_name(node.type)})",
                    POSTFIX,
                )
            case DurationLiteral():
                return f"INTERVAL '{node.milliseconds}' MILLISECOND", POSTFIX
            case DateTimeLiteral():
                return f"{'DATE' if node.is_date else 'TIMESTAMP'} {self.string(node.text)}", POSTFIX
            case Parameter():
                return "?" if node.name is None else f":{node.name}", POSTFIX
            case RowExpression():
                return f"({', '.join(self.expression(item) for item in node.items)})", POSTFIX
            case Exists():
                return f"EXISTS ({self.query(node.query)})", POSTFIX
            case ConditionInTable():
                raise self.refusal("`condition in table`")
            case _:
                return self._predicate(node), PREDICATE

    def _literal(self, node: Literal) -> tuple[str, int]:
        value = node.value
        if value is None:
            return "NULL", POSTFIX
        if isinstance(value, bool):
            return str(value).upper(), POSTFIX
        if isinstance(value, str):
            return self.string(value), POSTFIX
        text = self.number(node)
        return text, SIGN if text.startswith("-") else POSTFIX

    def _reference(self, node: AttributeReference) -> str:
        name = self.name(node.name)
        if node.qualifier is None:
            return name
        qualifier = self.name(node.qualifier.name)
        index = "" if node.index is None else f"[{self.event_index(node.index)}]"
        return f"{qualifier}{index}.{name}"

    def _binary(self, node: Binary) -> tuple[str, int]:
        level = _LEVELS.get(node.operator, PREDICATE)
        spelling = _SPELLINGS.get(node.operator, node.operator.value)
        # Predicates do not chain, so their left operand needs brackets as well.
        left = self.expression(node.left, level + 1 if level == PREDICATE else level)
        # `a AND (b AND c)` is the same tree as `a AND b AND c`.
        right = self.expression(node.right, level if level in (OR, AND) else level + 1)
        return f"{left} {spelling} {right}", level

    def _unary(self, node: Unary) -> tuple[str, int]:
        if node.operator is UnaryOperator.NOT:
            return f"NOT {self.expression(node.operand, NOT)}", NOT
        operand = self.expression(node.operand, SIGN)
        is_number = isinstance(node.operand, Literal) and node.operand.type in (
            AttributeType.INT,
            AttributeType.LONG,
            AttributeType.FLOAT,
            AttributeType.DOUBLE,
        )
        # `-5` is a literal and `--` a comment.
        if is_number:
            operand = f"({operand})"
        elif operand[0] in "+-":
            operand = f" {operand}"
        return f"{node.operator.value}{operand}", SIGN

    def _call(self, node: FunctionCall) -> str:
        if node.namespace is None and node.name.upper() in RESERVED - CALLABLE:
            # EventFluxQL's cast() is another function than SQL's CAST.
            raise self.refusal(f"the function {node.name}()")
        inner = "*" if node.star else ", ".join(self.argument(argument) for argument in node.arguments)
        if node.distinct:
            inner = f"DISTINCT {inner}"
        text = f"{self.function_name(node.namespace, node.name)}({inner})"
        if node.final is not None:
            text = f"{'FINAL' if node.final else 'RUNNING'} {text}"
        if node.filter is not None:
            text += f" FILTER (WHERE {self.expression(node.filter)})"
        return text

    @staticmethod
    def function_name(namespace: str | None, name: str) -> str:
        """A function's name; one that is no word comes from quotes and goes back into them."""
        if _WORD.fullmatch(name) and (namespace is None or _WORD.fullmatch(namespace)):
            return name if namespace is None else f"{namespace}:{name}"
        quoted = name if namespace is None else f"{namespace}:{name}"
        return "`" + quoted.replace("`", "``") + "`"

    def _case(self, node: Case) -> str:
        parts = ["CASE"]
        if node.operand is not None:
            parts.append(self.expression(node.operand))
        parts += [f"WHEN {self.expression(item.when)} THEN {self.expression(item.then)}" for item in node.branches]
        if node.otherwise is not None:
            parts.append(f"ELSE {self.expression(node.otherwise)}")
        return " ".join([*parts, "END"])

    def _predicate(
        self, node: IsNull | IsBoolean | IsDistinct | Between | InList | KeyInTable | InSubquery | Like | RegexpMatch
    ) -> str:
        negation = "NOT " if node.negated else ""
        left = self.expression(node.left if isinstance(node, IsDistinct) else node.operand, ADD)
        match node:
            case IsNull():
                return f"{left} IS {negation}NULL"
            case IsBoolean():
                return f"{left} IS {negation}{str(node.value).upper()}"
            case IsDistinct():
                return f"{left} IS {negation}DISTINCT FROM {self.expression(node.right, ADD)}"
            case Between():
                low, high = self.expression(node.low, ADD), self.expression(node.high, ADD)
                return f"{left} {negation}BETWEEN {low} AND {high}"
            case InList():
                return f"{left} {negation}IN ({', '.join(self.expression(item) for item in node.items)})"
            case KeyInTable():
                return f"{left} {negation}IN {self.relation(node.table)}"
            case InSubquery():
                return f"{left} {negation}IN ({self.query(node.query)})"
            case RegexpMatch():
                return f"{left} {negation}REGEXP {self.expression(node.pattern, ADD)}"
            case Like():
                word = "ILIKE" if node.ignore_case else "LIKE"
                text = f"{left} {negation}{word} {self.expression(node.pattern, ADD)}"
                return text if node.escape is None else f"{text} ESCAPE {self.expression(node.escape, ADD)}"
