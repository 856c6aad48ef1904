"""Patterns and sequences as a chain of states: what each state waits for, and which values of a match are read.

A state is one source of the pattern, in order of appearance; of AND and OR the last written source comes first. The
numbers of states in `next`, `every` and `group` name the state by which an element is entered: of AND and OR the first
written, which is the last of its sides.
"""

from __future__ import annotations

import enum
from dataclasses import field

from eventflux.planner.typed.nodes import ConstantValue, TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


class StateKind(enum.IntEnum):
    """What a state waits for; numbered as the engine numbers them."""

    PLAIN = 0
    COUNT = 1
    LOGICAL = 2
    ABSENT = 3
    LOGICAL_ABSENT = 4


class CaptureKind(enum.IntEnum):
    """What is read of the events of a state; numbered as the engine numbers them."""

    VALUE = 0
    LIST = 1
    PRESENT = 2
    COUNT = 3
    SUM = 4
    AVERAGE = 5
    MINIMUM = 6
    MAXIMUM = 7
    DEVIATION = 8
    TIMESTAMP = 9
    COUNT_VALUES = 10
    EVENTS = 11

    @property
    def reads_column(self) -> bool:
        return self not in {CaptureKind.PRESENT, CaptureKind.COUNT, CaptureKind.TIMESTAMP, CaptureKind.EVENTS}


@record(frozen=True, slots=True, kw_only=True)
class Capture:
    """A value of a match: a column of the index-th event of a state (from the last with `from_last`), or of all."""

    kind: CaptureKind
    state: int
    index: int = 0
    from_last: bool = False
    column: int = 0
    type: AttributeType
    name: str = field(default="", compare=False)


@record(frozen=True, slots=True, kw_only=True)
class MatchLimit:
    """How many partial matches with an event a pattern may hold, and what an event does that would begin one more."""

    most: int
    drops_oldest: bool = False


class TestKind(enum.IntEnum):
    """A comparison that needs no program; numbered as the engine numbers them."""

    EQUAL = 0
    LESS = 1
    LESS_EQUAL = 2
    GREATER = 3
    GREATER_EQUAL = 4


@record(frozen=True, slots=True, kw_only=True)
class PatternTest:
    """Own column against a capture (by its place among those of the state), or against a constant."""

    kind: TestKind
    type: AttributeType
    own: int
    capture: int | None = None
    constant: ConstantValue = None


@record(frozen=True, slots=True, kw_only=True)
class PatternState:
    """One state.

    An event is taken if all of `tests`, `own` and `condition` hold. `own` reads the columns of the port; `condition`
    reads the first `program_captures` captures, then `own_columns`.

    Attributes:
        reference: Name of the element.
        relation: What it reads.
        port: Number of the input.
        minimum, maximum: Number of events of a COUNT; maximum None: no bound.
        wait: Milliseconds that an absence must last; None: none.
        next: The state that goes on; None: the match is complete.
        every: Where an EVERY that ends here starts anew.
        group: Start of the innermost EVERY around.
        is_group_long: That EVERY is about more than one element.
        is_start: Part of the first element.
        is_either: A side of OR.
        first_side, sides: The sides of AND or OR.
        kept: Columns of the port that are kept of its events.
    """

    kind: StateKind
    reference: str
    relation: str
    port: int
    minimum: int = 1
    maximum: int | None = 1
    wait: int | None = None
    next: int | None = None
    every: int | None = None
    group: int | None = None
    is_group_long: bool = False
    is_start: bool = False
    is_either: bool = False
    first_side: int = 0
    sides: int = 1
    own: TypedExpression | None = None
    condition: TypedExpression | None = None
    captures: tuple[Capture, ...] = ()
    program_captures: int = 0
    own_columns: tuple[int, ...] = ()
    tests: tuple[PatternTest, ...] = ()
    kept: tuple[int, ...] = ()
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def is_indexed(self) -> bool:
        """Whether waiting matches are found by an index in a pattern."""
        return self.kind in {StateKind.PLAIN, StateKind.ABSENT} and any(
            test.kind is TestKind.EQUAL and test.capture is not None for test in self.tests
        )
