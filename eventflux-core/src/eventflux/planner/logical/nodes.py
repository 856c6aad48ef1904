"""Nodes of the logical plan.

The rows of a query go from its Scan through a chain of nodes to a Select, and from there into a stream:

    Scan -> (Filter | Map | Log | Window | Match)* -> Select -> Select? -> RateLimit? -> target
    Join ->

A Join stands where a Scan does; its two sides are chains of their own.

Each node names its input; `schema` is what it puts out. Expressions of a node read the columns of its input. Nodes are
immutable: a rewrite makes new ones.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import field, replace
from typing import Final, TypeAlias

from eventflux.extension import Argument, BoundParameter, Extension
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.patterns import Capture, CaptureKind, MatchLimit, PatternState
from eventflux.planner.logical.row_patterns import (
    MatchCapture,
    MatchCaptureKind,
    MatchPosition,
    MatchSkip,
    MatchVariable,
)
from eventflux.planner.logical.tables import Change, TableCondition
from eventflux.planner.typed.nodes import ConstantValue, TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class Scan:
    """The rows of a stream, as they reach it."""

    stream: str
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rows for which the condition is true."""

    input: Node
    condition: TypedExpression
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def schema(self) -> Schema:
        return self.input.schema


@record(frozen=True, slots=True, kw_only=True)
class Map:
    """New columns instead of those of the input."""

    input: Node
    columns: tuple[TypedExpression, ...]
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Log:
    """Rows as they are, written to the log: `call` is a host call that gives true."""

    input: Node
    call: TypedExpression
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def schema(self) -> Schema:
        return self.input.schema


@record(frozen=True, slots=True, kw_only=True)
class Contains:
    """Rows with one more column, a BOOL: whether `content`, a table or named window, has a row that fits."""

    input: Node
    content: str
    condition: TableCondition
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Lookup:
    """For each row those of `content` that fit: the row's columns, then the content's. One batch chunk a row."""

    input: Node
    content: str
    condition: TableCondition
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class WindowParameter:
    """An argument of a window, in the order of its declaration: a constant, or with `column` an attribute."""

    name: str
    type: AttributeType
    value: ConstantValue = None
    column: int | None = None


PYTHON_WINDOW: Final = "python"
"""What a window written in Python has for the name of a native one."""


@record(frozen=True, slots=True, kw_only=True)
class ContentCondition:
    """What bounds a window: a BOOL over the attributes of `schema` and the aggregates of what the window holds.

    `schema`: attributes of a row, of the oldest row and its timestamp, of the newest row and its timestamp.
    """

    schema: Schema
    aggregates: tuple[AggregateCall, ...]
    expression: TypedExpression


@record(frozen=True, slots=True, kw_only=True)
class Window:
    """A window over the rows: CURRENT rows as they enter, EXPIRED ones as they leave.

    `native` is PYTHON_WINDOW for a window that the declaration's factory makes; it is then given `arguments`. A stream
    function or processor written in Python stands here too: it reads its arguments from the last columns of the input,
    `appended` is what it puts out, `given` what is known of the arguments. `condition` bounds a window that has one.
    """

    input: Node
    declaration: Extension = field(compare=False)
    native: str
    parameters: tuple[WindowParameter, ...]
    arguments: tuple[BoundParameter, ...] = field(default=(), compare=False)
    appended: Schema | None = None
    given: tuple[Argument, ...] = field(default=(), compare=False)
    condition: ContentCondition | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def schema(self) -> Schema:
        return self.input.schema if self.appended is None else self.appended


class WindowFunctionKind(enum.IntEnum):
    """The engine's numbers of window functions."""

    TUMBLE = 0
    HOP = 1
    CUMULATE = 2
    SESSION = 3


class WindowEmission(enum.IntEnum):
    """When the rows of a window function go on; the engine's numbers."""

    AT_ONCE = 0
    """One copy a window; those of a session when it closes."""
    AT_CLOSE = 1
    """Those of a window together, as a batch, when it closes."""
    CHANGES = 2
    """At once, and as EXPIRED when the window closes."""


WINDOW_FUNCTION_COLUMNS: Final = ("window_start", "window_end", "window_time")


@record(frozen=True, slots=True, kw_only=True)
class WindowFunction:
    """Each row with the bounds of the windows that hold its time: WINDOW_FUNCTION_COLUMNS, all LONG.

    Attributes:
        kind: The function.
        emission: When rows go on.
        time_column: Column of the input that holds a row's time; None: the clock.
        size: Milliseconds of a window; of a session, the gap that ends it.
        hop: From the end of a window to the next; divides `size`.
        offset: Windows begin at it, modulo their size.
    """

    input: Node
    kind: WindowFunctionKind
    emission: WindowEmission
    time_column: int | None
    size: int
    hop: int
    offset: int = 0
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def schema(self) -> Schema:
        bounds = (Attribute(name, AttributeType.LONG) for name in WINDOW_FUNCTION_COLUMNS)
        return Schema((*self.input.schema, *bounds))


@record(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A pattern or sequence over several inputs: a CURRENT row a match, whose columns are captures.

    Attributes:
        inputs: One a port.
        states: The chain.
        captures: What the rows hold.
        within: Milliseconds from the first event of a match; None: any time.
        within_events: Number of events of the streams of the pattern from the first of a match; None: any number.
        is_sequence: The next event of the streams must fit.
        is_partitioned: Each slot begins with its first event.
        gives_timeouts: It puts out what runs out of WITHIN in place of matches.
        limit: On partial matches; None: any number.
    """

    inputs: tuple[Node, ...]
    states: tuple[PatternState, ...]
    captures: tuple[Capture, ...] = ()
    within: int | None = None
    within_events: int | None = None
    is_sequence: bool = False
    is_partitioned: bool = False
    gives_timeouts: bool = False
    limit: MatchLimit | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def schema(self) -> Schema:
        return _captured((capture.name, capture.type) for capture in self.captures)

    def reading(self, captures: tuple[Capture, ...]) -> Pattern:
        """The pattern whose rows hold these captures: it keeps of its events what is read of them."""
        kept: dict[int, set[int]] = {}
        for capture in (*captures, *(each for state in self.states for each in state.captures)):
            if capture.kind is CaptureKind.EVENTS:
                for number, state in enumerate(self.states):
                    kept.setdefault(number, set()).update(range(len(self.inputs[state.port].schema)))
            elif capture.kind.reads_column:
                kept.setdefault(capture.state, set()).add(capture.column)
        states = tuple(
            replace(state, kept=tuple(sorted(kept.get(number, set())))) for number, state in enumerate(self.states)
        )
        return replace(self, captures=captures, states=states)


@record(frozen=True, slots=True, kw_only=True)
class Match:
    """MATCH_RECOGNIZE over the rows of its input: a CURRENT row a match, or one for each of its rows.

    Attributes:
        input: The rows.
        variables: What takes them.
        groups: Sets of variables that captures read, a bit a variable.
        positions: Places at which variables take rows.
        start: Those that may take the first one, the preferred first.
        captures: What the rows that are put out hold.
        within: Milliseconds between the first and the last row of a match; None: any time.
        skip: Where matching resumes after a match.
        skip_group: The group that it resumes at.
        all_rows: A row is put out for each row of a match.
        gives_timeouts: It puts out what runs out of WITHIN in place of matches.
    """

    input: Node
    variables: tuple[MatchVariable, ...]
    groups: tuple[int, ...]
    positions: tuple[MatchPosition, ...]
    start: tuple[int, ...]
    captures: tuple[MatchCapture, ...]
    within: int | None = None
    skip: MatchSkip = MatchSkip.PAST_LAST_ROW
    skip_group: int | None = None
    all_rows: bool = False
    gives_timeouts: bool = False
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def kept(self) -> tuple[int, ...]:
        """Columns of the input that captures read."""
        captures = (*self.captures, *(each for variable in self.variables for each in variable.captures))
        if any(capture.kind is MatchCaptureKind.EVENTS for capture in captures):
            return tuple(range(len(self.input.schema)))
        return tuple(sorted({capture.column for capture in captures if capture.kind.reads_column}))

    @property
    def schema(self) -> Schema:
        return _captured((capture.name, capture.type) for capture in self.captures)


def _captured(captures: Iterable[tuple[str, AttributeType]]) -> Schema:
    """Attributes with the names of captures, told apart where they are equal."""
    names: dict[str, int] = {}
    attributes: list[Attribute] = []
    for name, attribute_type in captures:
        known = names[name] = names.get(name, 0) + 1
        attributes.append(Attribute(name if known == 1 else f"{name}~{known}", attribute_type))
    return Schema(attributes)


@record(frozen=True, slots=True, kw_only=True)
class Output:
    """An output column of a selection, over the input columns and the aggregates."""

    name: str
    expression: TypedExpression


@record(frozen=True, slots=True, kw_only=True)
class Order:
    """A sort key: an output column."""

    output: int
    descending: bool = False
    nulls_first: bool = False


@record(frozen=True, slots=True, kw_only=True)
class Select:
    """Grouping, aggregates, outputs, having, order, limit: section by section as the language says.

    The first `visible` outputs are put out; the others serve `having` and `order`, which read output columns.
    `current`, `expired`: the kinds of rows that are put out. `keeps_all`: a batch is not reduced to its last rows.
    """

    input: Node
    group_by: tuple[TypedExpression, ...] = ()
    aggregates: tuple[AggregateCall, ...] = ()
    outputs: tuple[Output, ...]
    visible: int
    having: TypedExpression | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    current: bool = True
    expired: bool = False
    keeps_all: bool = False
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def is_aggregating(self) -> bool:
        return bool(self.aggregates or self.group_by)


@record(frozen=True, slots=True, kw_only=True)
class JoinSide:
    """One side of a join.

    Attributes:
        input: Its rows, with its window as the last node if it has one of its own.
        content: Named window or table that is searched in place of a window of its own.
        is_static: It brings no rows: it is only searched.
        triggers: Its rows look for partners.
        preserved: And come out alone where they find none.
    """

    input: Node
    content: str | None = None
    is_static: bool = False
    triggers: bool = True
    preserved: bool = False

    @property
    def schema(self) -> Schema:
        return self.input.schema


@record(frozen=True, slots=True, kw_only=True)
class Join:
    """Pairs of rows: columns of the left side, then of the right. `condition` reads these; None: all pairs."""

    kind: str
    left: JoinSide
    right: JoinSide
    condition: TypedExpression | None
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


class RateMode(enum.Enum):
    """Which of the rows that a selection gives go out."""

    ALL = "all"
    FIRST = "first"
    LAST = "last"
    SNAPSHOT = "snapshot"


@record(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The rows of a selection at a rate.

    Attributes:
        input: The selection. Attributes of it beyond those of `schema` are group keys.
        mode: Which rows go out.
        every: Events, or milliseconds where `by_time`.
        keys: Attributes of the selection that tell groups apart.
        partitioned: Periods begin with the first row of a key, not with the app.
        windowed: The selection reads a window: what leaves it leaves a snapshot.
        aggregates: Attributes that come of aggregates: a snapshot shows their latest values.
        schema: What is put out: the first attributes of the selection.
    """

    input: Select
    mode: RateMode
    every: int
    by_time: bool
    keys: tuple[int, ...] = ()
    partitioned: bool = False
    windowed: bool = False
    aggregates: frozenset[int] = frozenset()
    schema: Schema
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


Node: TypeAlias = (
    Scan
    | Join
    | Filter
    | Map
    | Log
    | Contains
    | Lookup
    | Window
    | WindowFunction
    | Pattern
    | Match
    | Select
    | RateLimit
)

Root: TypeAlias = Select | RateLimit
"""What a query can end with."""


def with_input(node: Node, new_input: Node) -> Node:
    """The node over another input; a Scan, a Join and a Pattern have none of that kind."""
    match node:
        case Scan() | Join() | Pattern():
            return node
        case RateLimit():
            if not isinstance(new_input, Select):
                raise TypeError("a rate stands over a selection")
            return node if node.input is new_input else replace(node, input=new_input)
        case _:
            return node if node.input is new_input else replace(node, input=new_input)


def chain(node: Node) -> tuple[Node, ...]:
    """The nodes from the Scan, Join or Pattern to this one."""
    found = [node]
    while not isinstance(node, (Scan, Join, Pattern)):
        node = node.input
        found.append(node)
    return tuple(reversed(found))


TRIGGER_SCHEMA: Final = Schema((Attribute("triggered_time", AttributeType.LONG),))


@record(frozen=True, slots=True, kw_only=True)
class TriggerPlan:
    """A stream that time makes. Exactly one of `period_ms` and `cron` is set, or neither: once, as the app starts.

    Attributes:
        name: As queries name it.
        period_ms: A row so often.
        cron: A row at the times of a Quartz cron expression.
        sunday_is_1: How `cron` numbers the days of the week: 1 to 7 from Sunday, or 0 to 6.
        span: Of the schedule.
    """

    name: str
    period_ms: int | None = None
    cron: str | None = None
    sunday_is_1: bool = True
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def is_at_start(self) -> bool:
        return self.period_ms is None and self.cron is None


@record(frozen=True, slots=True, kw_only=True)
class NamedWindowPlan:
    """A window that queries share: what is inserted into it enters, its readers see what it publishes.

    Attributes:
        name: As queries name it.
        schema: Its attributes.
        native: Name of the native window.
        parameters: In the order of its declaration.
        condition: As of `Window`.
        current: It publishes what enters.
        expired: It publishes what leaves.
        span: Of the definition's name.
    """

    name: str
    schema: Schema
    declaration: Extension = field(compare=False)
    native: str
    parameters: tuple[WindowParameter, ...]
    condition: ContentCondition | None = None
    current: bool = True
    expired: bool = True
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class QueryPlan:
    """One query.

    Attributes:
        name: What callbacks and metrics call it.
        root: Its last node.
        target: The stream that its rows go into; None: nowhere but to its callbacks.
        current: CURRENT rows go there.
        expired: EXPIRED rows go there, as CURRENT ones.
        change: What its rows of these kinds do to a table.
        partition: It keeps its state by the keys of that partition.
        domain: Number of the time domain that it goes by; 0: the app's clock.
        is_hidden: Made by the planner for a subquery or a branch of UNION ALL: not listed, not numbered.
        span: Its place in the text.
    """

    name: str
    root: Root
    target: str | None
    current: bool = True
    expired: bool = False
    change: Change | None = None
    partition: PartitionPlan | None = None
    domain: int = 0
    is_hidden: bool = False
    span: Span = field(default=NO_SPAN, compare=False, repr=False)
