"""Row patterns (MATCH_RECOGNIZE): places at which variables take rows, what these ask of rows, what is read of a match.

Quantifiers, alternation and reluctance are all in the order of the `follow` lists: of the runs over the rows from one
row on, the one that a depth-first walk through these lists meets first is the preferred one.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Final

from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span

MAX_VARIABLES: Final = 64
COMPUTED: Final = "computed~"
"""How names of columns begin that are added to the input for aggregates."""


class MatchCaptureKind(enum.IntEnum):
    """What is read of the rows of a group; numbered as the engine numbers them."""

    VALUE = 0
    COUNT = 1
    COUNT_VALUES = 2
    SUM = 3
    AVERAGE = 4
    MINIMUM = 5
    MAXIMUM = 6
    DEVIATION = 7
    TIMESTAMP = 8
    CLASSIFIER = 9
    NUMBER = 10
    EVENTS = 11

    @property
    def reads_column(self) -> bool:
        return self not in {
            MatchCaptureKind.COUNT,
            MatchCaptureKind.TIMESTAMP,
            MatchCaptureKind.CLASSIFIER,
            MatchCaptureKind.NUMBER,
            MatchCaptureKind.EVENTS,
        }


@record(frozen=True, slots=True, kw_only=True)
class MatchCapture:
    """A value of a match, read through a group of variables.

    Attributes:
        kind: What is read.
        group: Number of the group among those of the node.
        index: Which of its rows, from the first or with `from_last` from the last.
        running: With a row for each row of the match: as of that row, not of the whole match.
        back: So many rows of the partition before that row.
        column: Of the input.
        type: Of the value.
        name: For people.
    """

    kind: MatchCaptureKind
    group: int
    index: int = 0
    from_last: bool = True
    running: bool = False
    back: int = 0
    column: int = 0
    type: AttributeType
    name: str = field(default="", compare=False)


class MatchComparison(enum.IntEnum):
    """Comparisons that need no program; numbered as the engine numbers them."""

    EQUAL = 0
    LESS = 1
    LESS_EQUAL = 2
    GREATER = 3
    GREATER_EQUAL = 4


@record(frozen=True, slots=True, kw_only=True)
class MatchTest:
    """Two captures of a variable, compared."""

    comparison: MatchComparison
    left: int
    right: int


@record(frozen=True, slots=True, kw_only=True)
class MatchVariable:
    """A variable: it takes a row if `own`, all `tests` and `condition` hold, the row counted as taken already.

    `own` reads columns of the input; `condition` reads the first `program_captures` captures.
    """

    name: str
    own: TypedExpression | None = None
    condition: TypedExpression | None = None
    captures: tuple[MatchCapture, ...] = ()
    program_captures: int = 0
    tests: tuple[MatchTest, ...] = ()
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class MatchPosition:
    """A place at which a variable takes a row. `follow`: what may take the next one, preferred first; None: a match."""

    variable: int
    follow: tuple[int | None, ...]
    only_first: bool = False
    """It takes the first row of a partition only."""
    excluded: bool = False
    """The row is not put out."""


class MatchSkip(enum.IntEnum):
    """Where matching resumes after a match; numbered as the engine numbers them."""

    PAST_LAST_ROW = 0
    TO_NEXT_ROW = 1
    TO_FIRST = 2
    TO_LAST = 3
