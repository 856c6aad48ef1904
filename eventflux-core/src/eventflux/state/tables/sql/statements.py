"""Conditions and assignments as SQL with bound values: nothing of a row ever becomes part of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import (
    Assignment,
    Literal,
    Operation,
    ParameterRef,
    TableAttribute,
    TableExpression,
)
from eventflux.extension.table_expressions import key_lookup
from eventflux.state.tables.sql.dialects import Dialect
from eventflux.types.record import record

Binding = ParameterRef | Literal

_COMPARISONS = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@record(frozen=True, slots=True)
class Fragment:
    """A piece of SQL and what is bound to its placeholders, in order."""

    text: str
    bindings: tuple[Binding, ...] = ()

    def values(self, parameters: Row) -> list[object]:
        """What is bound for one row of parameters."""
        return [
            parameters[binding.index] if isinstance(binding, ParameterRef) else binding.value
            for binding in self.bindings
        ]


@record(frozen=True, slots=True, kw_only=True)
class SqlCondition:
    """A compiled condition.

    Attributes:
        alone: With the parameters bound in it.
        joined: With the parameters as columns of the relation ``p``; only constants are bound.
        parameters: Those that are read, by index.
        key: Values of the primary key, if the condition says that it equals these and nothing else.
    """

    alone: Fragment
    joined: Fragment
    parameters: tuple[ParameterRef, ...]
    key: tuple[TableExpression, ...] | None


class Writer:
    """Writes expressions for one table."""

    def __init__(self, dialect: Dialect, table: str, primary_key: Sequence[str]) -> None:
        self._dialect = dialect
        self._table = dialect.table(table)
        self._key = tuple(primary_key)

    def condition(self, expression: TableExpression) -> SqlCondition:
        """A condition in both forms."""
        return SqlCondition(
            alone=self._fragment(expression, joined=False),
            joined=self._fragment(expression, joined=True),
            parameters=tuple(dict.fromkeys(_parameters(expression))),
            key=key_lookup(expression, self._key),
        )

    def assignments(self, assignments: Sequence[Assignment]) -> Fragment | None:
        """The list behind SET; None: the database would give another answer."""
        texts: list[str] = []
        bindings: list[Binding] = []
        assigned: set[str] = set()
        for assignment in assignments:
            if self._dialect.assigns_in_order and assigned & set(_attributes(assignment.value)):
                return None
            value = self._fragment(assignment.value, joined=False)
            texts.append(f"{self._dialect.identifier(assignment.attribute)} = {value.text}")
            bindings += value.bindings
            assigned.add(assignment.attribute)
        return Fragment(", ".join(texts), tuple(bindings))

    def _fragment(self, expression: TableExpression, *, joined: bool) -> Fragment:
        bindings: list[Binding] = []
        return Fragment(self._text(expression, bindings, joined=joined), tuple(bindings))

    def _text(self, expression: TableExpression, bindings: list[Binding], *, joined: bool) -> str:
        match expression:
            case TableAttribute(name=name):
                return f"{self._table}.{self._dialect.identifier(name)}"
            case ParameterRef(index=index) if joined:
                return f"p.p{index}"
            case ParameterRef(type=kind) | Literal(type=kind):
                bindings.append(expression)
                return self._dialect.bound(kind)
            case Operation(operator=name, operands=operands):
                texts = [self._text(operand, bindings, joined=joined) for operand in operands]
                return _operation(name, texts)


def _operation(name: str, texts: list[str]) -> str:
    match name:
        case "and" | "or":
            neutral = "1 = 1" if name == "and" else "1 = 0"
            return f"({f' {name.upper()} '.join(texts)})" if texts else neutral
        case "not":  # neither true nor false is not true
            return f"(({texts[0]}) IS NOT TRUE)"
        case "is_null":
            return f"({texts[0]} IS NULL)"
        case "!=":  # true where one side is null
            return f"(({texts[0]} <> {texts[1]}) IS NOT FALSE)"
        case _:
            return f"({texts[0]} {_COMPARISONS.get(name, name)} {texts[1]})"


def _parameters(expression: TableExpression) -> Iterator[ParameterRef]:
    match expression:
        case ParameterRef():
            yield expression
        case Operation(operands=operands):
            for operand in operands:
                yield from _parameters(operand)
        case _:
            pass


def _attributes(expression: TableExpression) -> Iterator[str]:
    match expression:
        case TableAttribute(name=name):
            yield name
        case Operation(operands=operands):
            for operand in operands:
                yield from _attributes(operand)
        case _:
            pass
