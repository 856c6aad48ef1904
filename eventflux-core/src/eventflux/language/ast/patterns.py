"""Patterns and sequences, and the row patterns of MATCH_RECOGNIZE."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, TypeAlias

from eventflux.language.ast.expressions import DurationLiteral, Expression, RelationName
from eventflux.language.ast.node import Identifier, Node
from eventflux.language.ast.windows import Filter, StreamFunction
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.language.ast.inputs import StreamInput, SubqueryInput
    from eventflux.language.ast.selections import OrderItem, SelectItem


@record(frozen=True, slots=True, kw_only=True)
class EventCount(Node):
    """`5 EVENTS`."""

    count: int


class PatternKind(enum.Enum):
    """PATTERN: other events may lie between; SEQUENCE: none of the streams named may."""

    PATTERN = "pattern"
    SEQUENCE = "sequence"


@record(frozen=True, slots=True, kw_only=True)
class Quantifier(Node):
    """`<2:5>`, `{2,5}`, `+` (1, None), `*` (0, None), `?` (0, 1). `maximum` None: unbounded."""

    minimum: int
    maximum: int | None


@record(frozen=True, slots=True, kw_only=True)
class StreamElement(Node):
    """`e1=A[condition]<2:5>`. Without a reference it is called by the stream's name."""

    reference: Identifier | None = None
    relation: RelationName
    handlers: tuple[Filter | StreamFunction, ...] = ()
    quantifier: Quantifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class AbsentElement(Node):
    """`not A[condition] for 5 sec`; without a duration only as an operand of AND."""

    relation: RelationName
    handlers: tuple[Filter | StreamFunction, ...] = ()
    duration: DurationLiteral | None = None


class LogicalOperator(enum.Enum):
    AND = "and"
    OR = "or"


@record(frozen=True, slots=True, kw_only=True)
class LogicalElement(Node):
    """`A and B`, `A or B`; more than two are nested to the left."""

    operator: LogicalOperator
    left: LogicalOperand
    right: LogicalOperand


@record(frozen=True, slots=True, kw_only=True)
class EveryElement(Node):
    """`every A`, `every (A -> B)`: matching starts anew with each match of the inside."""

    pattern: PatternElement


@record(frozen=True, slots=True, kw_only=True)
class ChainElement(Node):
    """`A -> B -> C`, in a sequence `A, B, C`: two or more elements in order. Nested where parentheses were written."""

    elements: tuple[PatternElement, ...]


LogicalOperand: TypeAlias = StreamElement | AbsentElement | LogicalElement
PatternElement: TypeAlias = StreamElement | AbsentElement | LogicalElement | EveryElement | ChainElement


@record(frozen=True, slots=True, kw_only=True)
class PatternInput(Node):
    """A pattern or sequence as the input of a query. `within` limits the time or the number of events of a match.

    `on_timeout` is the stream that gets what runs out of it: `WITHIN ... ON TIMEOUT INSERT INTO Missed`.
    """

    kind: PatternKind
    pattern: PatternElement
    within: DurationLiteral | EventCount | None = None
    on_timeout: RelationName | None = None
    alias: Identifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class RowQuantifier(Node):
    """Quantifier of a row-pattern variable; reluctant ones take as few rows as possible."""

    minimum: int
    maximum: int | None
    reluctant: bool = False


@record(frozen=True, slots=True, kw_only=True)
class RowVariable(Node):
    """A variable of a row pattern with its quantifier."""

    name: Identifier
    quantifier: RowQuantifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class RowConcatenation(Node):
    """`A B C`."""

    items: tuple[RowPattern, ...]


@record(frozen=True, slots=True, kw_only=True)
class RowAlternation(Node):
    """`(A | B)`."""

    items: tuple[RowPattern, ...]


@record(frozen=True, slots=True, kw_only=True)
class RowGroup(Node):
    """A part of a row pattern that is repeated as a whole."""

    pattern: RowPattern
    quantifier: RowQuantifier


@record(frozen=True, slots=True, kw_only=True)
class RowPermutation(Node):
    """`PERMUTE(A, B, C)`: each once, in any order; earlier ones are preferred."""

    items: tuple[RowPattern, ...]


@record(frozen=True, slots=True, kw_only=True)
class RowExclusion(Node):
    """`{- A -}`: matched, and not put out by ALL ROWS PER MATCH."""

    pattern: RowPattern


@record(frozen=True, slots=True, kw_only=True)
class RowStart(Node):
    """`^`: before the first row of the partition."""


RowPattern: TypeAlias = (
    RowVariable | RowConcatenation | RowAlternation | RowGroup | RowPermutation | RowExclusion | RowStart
)


@record(frozen=True, slots=True, kw_only=True)
class RowSubset(Node):
    """`U = (A, B)` of SUBSET: a name for the rows of several variables."""

    name: Identifier
    variables: tuple[Identifier, ...]


class SkipMode(enum.Enum):
    """Where matching resumes after a match."""

    PAST_LAST_ROW = "PAST LAST ROW"
    TO_NEXT_ROW = "TO NEXT ROW"
    TO_FIRST = "TO FIRST"
    TO_LAST = "TO LAST"


@record(frozen=True, slots=True, kw_only=True)
class AfterMatchSkip(Node):
    """AFTER MATCH SKIP; `variable` is given for TO_FIRST and TO_LAST only."""

    mode: SkipMode
    variable: Identifier | None = None


@record(frozen=True, slots=True, kw_only=True)
class RowDefinition(Node):
    """`X AS condition` of DEFINE."""

    variable: Identifier
    condition: Expression


@record(frozen=True, slots=True, kw_only=True)
class MatchRecognizeInput(Node):
    """`S MATCH_RECOGNIZE (...)`."""

    input: StreamInput | SubqueryInput
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[OrderItem, ...] = ()
    measures: tuple[SelectItem, ...] = ()
    all_rows: bool = False
    """ALL ROWS PER MATCH instead of ONE ROW PER MATCH."""
    skip: AfterMatchSkip | None = None
    pattern: RowPattern
    within: DurationLiteral | None = None
    on_timeout: RelationName | None = None
    subsets: tuple[RowSubset, ...] = ()
    definitions: tuple[RowDefinition, ...] = ()
    alias: Identifier | None = None
