"""What a query selects and in which order."""

from __future__ import annotations

from typing import TypeAlias

from eventflux.language.ast.expressions import Expression
from eventflux.language.ast.node import Identifier, Node
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class SelectItem(Node):
    """`expression AS alias`.

    Without an alias the planner names it: a reference by its attribute; in SQL any other expression `_col<position>`.
    """

    expression: Expression
    alias: Identifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class Star(Node):
    """`*`, or `a.*` with a qualifier."""

    qualifier: Identifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class Selection(Node):
    """The select list."""

    items: tuple[SelectItem | Star, ...]
    distinct: bool = False


@record(frozen=True, slots=True, kw_only=True)
class OrderItem(Node):
    """One ORDER BY key. `nulls_first` None: the default (nulls last, ascending and descending)."""

    expression: Expression
    descending: bool = False
    nulls_first: bool | None = None


SelectElement: TypeAlias = SelectItem | Star
