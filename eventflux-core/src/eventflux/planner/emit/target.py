"""What plans are emitted into: a graph of operators with programs. The engine's is one, a listing another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Generic, NewType, Protocol, TypeVar

from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.aggregations import AggregationPlan
from eventflux.planner.logical.event_time import LatePolicy
from eventflux.planner.logical.nodes import Match, Order, Pattern, RateLimit, Window, WindowFunction, WindowParameter
from eventflux.planner.logical.tables import ChangeKind, Comparison, TablePlan
from eventflux.planner.typed.nodes import ConstantValue
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Schema

Register = NewType("Register", int)
Node = NewType("Node", int)


class ProgramTarget(Protocol):
    """A program: instructions over columns, in order."""

    def column(self, index: int) -> Register: ...

    def constant(self, value: ConstantValue, type: AttributeType) -> Register: ...

    def call(self, operation: str, *registers: Register) -> Register: ...

    def host_call(self, function: int, returns: AttributeType, *registers: Register) -> Register: ...

    def mask(self, register: Register, *, when: bool) -> AbstractContextManager[None]:
        """Limit what is written inside to rows where the BOOL register is true, or with `when=False` not true."""
        ...

    def output(self, register: Register) -> None: ...


ProgramT = TypeVar("ProgramT", bound=ProgramTarget)


@record(frozen=True, slots=True, kw_only=True)
class Aggregator:
    """An aggregate: its argument and what filters its rows are outputs of the argument program, or there are none."""

    name: str
    argument_type: AttributeType | None
    argument_output: int | None
    filter_output: int | None = None


@record(frozen=True, slots=True, kw_only=True)
class SelectParts:
    """A selection without its programs."""

    group_keys: int
    aggregates: tuple[Aggregator, ...]
    visible: int
    order: tuple[Order, ...]
    limit: int | None
    offset: int
    current: bool
    expired: bool
    keeps_all: bool


@record(frozen=True, slots=True, kw_only=True)
class WindowCondition(Generic[ProgramT]):
    """The condition that bounds a window: a selection with one BOOL output, and what its batches do with rows.

    Attributes:
        parts: The selection.
        arguments: Program of the arguments of its aggregates.
        condition: Program of its output.
        includes: The row that ends a batch belongs to it.
        streams: Rows of a batch are put out at once.
    """

    parts: SelectParts
    arguments: ProgramT | None
    condition: ProgramT
    includes: bool
    streams: bool


@record(frozen=True, slots=True, kw_only=True)
class ConditionParts(Generic[ProgramT]):
    """A condition on the rows of a table: (comparison, column of the table, output of `keys`), and what is left.

    `outside`: number of what a store has compiled, whose parameters are the outputs of `keys`; 0: nothing.
    `shown`: that, for readers.
    """

    keys: ProgramT | None
    conjuncts: tuple[tuple[Comparison, int, int], ...]
    residual: ProgramT | None
    outside: int = 0
    shown: str = ""


@record(frozen=True, slots=True, kw_only=True)
class ChangeParts(Generic[ProgramT]):
    """A change of a table by rows of these kinds; output i of `values` is for column `columns[i]`."""

    kind: ChangeKind
    current: bool
    expired: bool
    condition: ConditionParts[ProgramT]
    values: ProgramT | None
    columns: tuple[int, ...]
    keeps_quietly: bool
    outside: int = 0
    """Number of the change that a store has compiled; 0: it did not take all of it."""


@record(frozen=True, slots=True, kw_only=True)
class StatePrograms(Generic[ProgramT]):
    """The programs of a state of a pattern, or of a variable of a row pattern."""

    own: ProgramT | None
    condition: ProgramT | None


@record(frozen=True, slots=True, kw_only=True)
class JoinInput:
    """One side of a join: its rows, and what is searched for rows of the other side.

    Attributes:
        node: Where its rows come from; None: it only is searched.
        window: Native window of its own, with `parameters`.
        content: Node of what is searched in place of its own window.
        is_named_window: Its rows come with their kinds.
        triggers: Its rows look for partners.
        preserved: And come out alone where they find none.
    """

    node: Node | None
    window: str | None = None
    parameters: tuple[WindowParameter, ...] = ()
    content: Node | None = None
    is_named_window: bool = False
    triggers: bool = True
    preserved: bool = False


@record(frozen=True, slots=True, kw_only=True)
class EntranceParts:
    """The entrance of a time domain: (stream of another domain or None: from outside, stream that rows go into)."""

    domain: int
    ports: tuple[tuple[Node | None, Node], ...]
    time_column: int
    delay_ms: int
    idle_ms: int
    late: LatePolicy


class GraphTarget(Protocol[ProgramT]):
    """A graph: streams, then queries with their operators, in text order."""

    def program(self, input_types: Sequence[AttributeType]) -> ProgramT: ...

    def stream(self, name: str, types: Sequence[AttributeType]) -> Node: ...

    def fault_stream(self, stream: Node, fault: Node) -> None:
        """Rows that fail in the queries of a stream go to the other one, with their error."""
        ...

    def query(self, name: str) -> None: ...

    def filter(self, node: Node, condition: ProgramT) -> Node: ...

    def map(self, node: Node, columns: ProgramT) -> Node: ...

    def window(self, node: Node, name: str, parameters: Sequence[WindowParameter], *, wants_expired: bool) -> Node: ...

    def expression_window(
        self, node: Node, parts: WindowCondition[ProgramT], *, is_batch: bool, wants_expired: bool
    ) -> Node: ...

    def window_function(self, node: Node, function: WindowFunction, *, wants_expired: bool) -> Node: ...

    def host_window(self, node: Node, window: Window, *, wants_expired: bool) -> Node: ...

    def host_aggregates(
        self,
        node: Node,
        calls: Sequence[AggregateCall],
        *,
        schema: Schema,
        prepared_types: Sequence[AttributeType],
        group_keys: int,
    ) -> Node:
        """Aggregators written in Python, over rows of `prepared_types`: columns of `schema`, group keys, arguments."""
        ...

    def select(
        self,
        node: Node,
        parts: SelectParts,
        *,
        arguments: ProgramT | None,
        outputs: ProgramT,
        having: ProgramT | None,
    ) -> Node: ...

    def join(
        self,
        sides: tuple[JoinInput, JoinInput],
        searches: tuple[ConditionParts[ProgramT], ConditionParts[ProgramT]],
        *,
        wants_expired: bool,
        keeps_batches: bool,
    ) -> Node: ...

    def rate_limit(self, node: Node, limit: RateLimit) -> Node: ...

    def trigger(self, *, period_ms: int | None, cron: str | None, sunday_is_1: bool) -> Node: ...

    def partition(self, name: str, *, interval_ms: int, idle_ms: int) -> Node:
        """Add what holds the keys of a partition. 0: it is never purged."""
        ...

    def enter_partition(self, partition: Node | None) -> None:
        """What is added from now on belongs to that partition, or to none."""
        ...

    def time_domain(self) -> None:
        """Add a clock: they are numbered from 1."""
        ...

    def enter_time(self, domain: int) -> None:
        """What is added from now on goes by that clock; 0: by the app's."""
        ...

    def copy_of(self, stream: Node, original: Node) -> None:
        """Say that a stream has the rows of another at the time of its own domain."""
        ...

    def entrance(self, parts: EntranceParts) -> Node: ...

    def route(self, node: Node, keys: ProgramT, labels: Sequence[str]) -> Node: ...

    def route_all(self, node: Node) -> Node: ...

    def gate(self, node: Node, *, current: bool, expired: bool) -> Node: ...

    def table(self, entrance: Node, *, primary_key: Sequence[int], indexes: Sequence[int]) -> Node: ...

    def outside_table(self, entrance: Node, table: TablePlan) -> Node: ...

    def aggregation(self, node: Node, aggregation: AggregationPlan) -> Node: ...

    def contains(self, node: Node, content: Node, condition: ConditionParts[ProgramT]) -> Node: ...

    def lookup(self, node: Node, content: Node, condition: ConditionParts[ProgramT]) -> Node: ...

    def change(self, node: Node, table: Node, parts: ChangeParts[ProgramT]) -> Node: ...

    def pattern(
        self, inputs: Sequence[Node], pattern: Pattern, programs: Sequence[StatePrograms[ProgramT]]
    ) -> Node: ...

    def match(self, node: Node, match: Match, programs: Sequence[StatePrograms[ProgramT]]) -> Node:
        """The matcher of a row pattern; `programs` are those of its variables."""
        ...

    def insert(self, node: Node, stream: Node, *, current: bool, expired: bool) -> None: ...
