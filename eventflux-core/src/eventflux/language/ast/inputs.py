"""Inputs of a query: streams with handlers, anonymous streams, joins."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, TypeAlias

from eventflux.language.ast.expressions import Expression, RelationName
from eventflux.language.ast.node import Identifier, Node
from eventflux.language.ast.patterns import MatchRecognizeInput, PatternInput
from eventflux.language.ast.windows import Handler, TableFunctionInput
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.language.ast.queries import Query


@record(frozen=True, slots=True, kw_only=True)
class StreamInput(Node):
    """`S[filter]#function()#window.w() as s`: a relation and what is done to its rows, in this order.

    At most one handler is a window. An SQL alias hides the relation's own name.
    """

    relation: RelationName
    handlers: tuple[Handler, ...] = ()
    alias: Identifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class SubqueryInput(Node):
    """`(SELECT ...) AS x`, `(from ... return)`: an anonymous stream, with handlers of its own."""

    query: Query
    handlers: tuple[Handler, ...] = ()
    alias: Identifier | None = None


class JoinKind(enum.Enum):
    INNER = "join"
    LEFT = "left outer join"
    RIGHT = "right outer join"
    FULL = "full outer join"
    CROSS = "cross join"


class JoinTrigger(enum.Enum):
    """Which sides' rows look for partners: both, or the one marked UNIDIRECTIONAL."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"


@record(frozen=True, slots=True, kw_only=True)
class JoinInput(Node):
    """A join of two inputs; `A JOIN B JOIN C` is JoinInput(JoinInput(A, B), C).

    `using` is SQL's USING (k, ...); otherwise `condition`, which is None for CROSS and for EventFluxQL without ON.
    """

    kind: JoinKind
    left: Input
    right: Input
    trigger: JoinTrigger = JoinTrigger.BOTH
    condition: Expression | None = None
    using: tuple[Identifier, ...] = ()


Input: TypeAlias = StreamInput | SubqueryInput | PatternInput | JoinInput | MatchRecognizeInput | TableFunctionInput
