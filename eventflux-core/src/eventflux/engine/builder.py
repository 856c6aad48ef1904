"""Typed calls that build a native graph: what the planner emits into.

`EngineBuilder` adds streams, queries and operators; `ProgramBuilder` writes the expression programs that they run. A
program belongs to the operator it is given to and cannot be used twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NewType

from eventflux.engine import objects
from eventflux.engine._native import ffi, lib
from eventflux.engine.callbacks import HostOperator, OutsideTable
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import Layout
from eventflux.engine.plugins import plugin_window
from eventflux.engine.status import check, new_error, no_memory, text
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.engine._native import CData

Register = NewType("Register", int)
"""A register of one program: a column of values or a constant."""

Node = NewType("Node", int)
"""A stream, an operator or a tap of a graph."""


class ProgramBuilder:
    """Writes one expression program, instruction by instruction, over columns of the given types."""

    def __init__(self, engine: Engine, input_types: Sequence[AttributeType]) -> None:
        self._engine = engine
        self._output_types: list[AttributeType] = []
        error = new_error()
        target = ffi.new("ef_program **")
        types = ffi.new("ef_type[]", [int(each) for each in input_types])
        check(lib.ef_program_new(lib.ef_engine_alloc(engine.handle), len(input_types), types, target, error), error)
        self._program: CData | None = target[0]
        engine.adopt(self)

    @property
    def output_types(self) -> tuple[AttributeType, ...]:
        """Types of the outputs so far."""
        return tuple(self._output_types)

    def column(self, index: int) -> Register:
        """Register of an input column."""
        error = new_error()
        return Register(check(lib.ef_program_column(self._open(), index, error), error))

    def constant(self, value: object, type: AttributeType) -> Register:
        """Register of a constant; `None` is the null of the type."""
        error = new_error()
        program = self._open()
        match type:
            case _ if value is None:
                register = lib.ef_build_null(program, type, error)
            case AttributeType.BOOL | AttributeType.INT | AttributeType.LONG:
                register = lib.ef_build_integer(program, type, value, error)
            case AttributeType.FLOAT | AttributeType.DOUBLE:
                register = lib.ef_build_real(program, type, value, error)
            case _:
                data = _constant_bytes(value, type)
                register = lib.ef_build_bytes(program, type, data, len(data), error)
        return Register(check(register, error))

    def call(self, operation: str, *registers: Register) -> Register:
        """Result of a native operation, such as `add_long`."""
        error = new_error()
        arguments = ffi.new("ef_register[]", list(registers))
        name = operation.encode()
        return Register(check(lib.ef_program_call(self._open(), name, arguments, len(registers), error), error))

    def host_call(self, function_id: int, returns: AttributeType, *registers: Register) -> Register:
        """Result of a Python function that was registered with `Engine.add_function`."""
        error = new_error()
        arguments = ffi.new("ef_register[]", list(registers))
        register = lib.ef_program_host_call(self._open(), function_id, returns, arguments, len(registers), error)
        return Register(check(register, error))

    @contextmanager
    def mask(self, register: Register, when: bool) -> Iterator[None]:  # noqa: FBT001 - a truth value is the subject
        """Limit the operations inside to rows where the BOOL register is true (or, with `when=False`, is not true)."""
        error = new_error()
        check(lib.ef_program_begin_mask(self._open(), register, when, error), error)
        yield
        check(lib.ef_program_end_mask(self._open(), error), error)

    def output(self, register: Register) -> None:
        """Make a register the next output column."""
        error = new_error()
        output_type = self.register_type(register)
        check(lib.ef_program_output(self._open(), register, error), error)
        self._output_types.append(output_type)

    def register_type(self, register: Register) -> AttributeType:
        """Type of a register."""
        return AttributeType(lib.ef_program_register_type(self._open(), register))

    def text(self) -> str:
        """Readable listing of the instructions."""
        error = new_error()
        target = ffi.new("char **")
        size = ffi.new("size_t *")
        alloc = lib.ef_engine_alloc(self._engine.handle)
        check(lib.ef_build_program_text(self._open(), alloc, target, size, error), error)
        try:
            return text(target[0])
        finally:
            lib.ef_build_text_free(alloc, target[0], size[0])

    def take(self) -> CData:
        """The native program; from now on its receiver frees it."""
        program = self._open()
        self._program = None
        return program

    def close(self) -> None:
        """Free the program if nobody has taken it."""
        if self._program is not None:
            lib.ef_program_free(self._program)
            self._program = None

    def _open(self) -> CData:
        if self._program is None:
            raise ValueError("the program has been handed over")
        return self._program


@record(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a window or operator: a constant, or with `column` an attribute of the input."""

    type: AttributeType
    value: object = None
    column: int | None = None


@record(frozen=True, slots=True, kw_only=True)
class AggregateSpec:
    """An aggregator over one of the outputs of `SelectSpec.arguments` (or over none, as `count`).

    Rows count for which output `filter_output`, a BOOL, is true.
    """

    name: str
    argument_type: AttributeType | None = None
    argument_output: int | None = None
    filter_output: int | None = None


@record(frozen=True, slots=True, kw_only=True)
class OrderKey:
    """An output column by which a delivery is sorted."""

    output: int
    descending: bool = False
    nulls_first: bool = False


@record(frozen=True, slots=True, kw_only=True)
class SelectSpec:
    """A selection: group by, aggregators, outputs, having, order by, limit.

    `arguments` computes from the input columns first `group_keys` group keys, then the arguments of aggregators.
    `outputs` reads the input columns followed by one column an aggregate; its first `visible` outputs are put out.
    `having` reads all outputs.
    """

    arguments: ProgramBuilder | None = None
    group_keys: int = 0
    aggregates: tuple[AggregateSpec, ...] = ()
    outputs: ProgramBuilder
    visible: int
    having: ProgramBuilder | None = None
    order: tuple[OrderKey, ...] = ()
    limit: int | None = None
    offset: int = 0
    current: bool = True
    expired: bool = False
    keeps_all: bool = False  # batch chunks are not reduced to their last rows (output snapshot)


class OutputRate(IntEnum):
    """Which of the rows that a selection gives go out."""

    ALL = 0
    FIRST = 1
    LAST = 2
    SNAPSHOT = 3


@record(frozen=True, slots=True, kw_only=True)
class RateSpec:
    """A rate limiter behind a selection whose columns beyond the first `visible` are group keys.

    `every` counts events, or milliseconds of the app's clock where `by_time`. `windowed` and `aggregates` (visible
    columns that come of aggregates) matter to a snapshot.
    """

    rate: OutputRate
    every: int
    visible: int
    by_time: bool = False
    keys: tuple[int, ...] = ()
    partitioned: bool = False
    windowed: bool = False
    aggregates: frozenset[int] = frozenset()


@record(frozen=True, slots=True, kw_only=True)
class ConditionSpec:
    """Which rows of a table fit a row: (comparison, column of the table, output of `keys`) each, and the rest.

    `keys` reads the columns of the row; `residual` those and behind them the table's.
    """

    keys: ProgramBuilder | None
    conjuncts: tuple[tuple[int, int, int], ...] = ()
    residual: ProgramBuilder | None = None
    outside: int = 0
    """Number of what a store outside has compiled, with the outputs of `keys` as parameters; 0: nothing."""


@record(frozen=True, slots=True, kw_only=True)
class ChangeSpec:
    """A change of a table: 0 update, 1 delete, 2 update or else insert, 3 insert.

    Output i of `values`, over the columns of the row and behind them the table's, is for column `columns[i]`.
    """

    kind: int
    current: bool
    expired: bool
    condition: ConditionSpec
    values: ProgramBuilder | None
    columns: tuple[int, ...]
    keeps_quietly: bool = False
    outside: int = 0
    """Number of the change that a store outside has compiled, alike; 0: none."""


@record(frozen=True, slots=True, kw_only=True)
class JoinSideSpec:
    """One side of a join.

    Attributes:
        node: Where its rows come from; None: it only is searched.
        window: Native window of its own, with `parameters` in the order of its declaration.
        content: Node whose content (of a named window, a table) is searched in place of that.
        is_named_window: Its rows come with their kinds.
        triggers: Its rows look for partners on the other side.
        preserved: And come out alone where they find none.
        condition: For its rows against the other side; equalities come first.
    """

    node: Node | None
    window: str | None = None
    parameters: tuple[Argument, ...] = ()
    content: Node | None = None
    is_named_window: bool = False
    triggers: bool = True
    preserved: bool = False
    condition: ConditionSpec


@dataclass(slots=True)
class _JoinMemory:
    """What the native builder of a join borrows until the join is made."""

    lists: list[CData] = field(default_factory=list)
    names: list[CData] = field(default_factory=list)


@record(frozen=True, slots=True, kw_only=True)
class RollupSpec:
    """An incremental aggregation over the rows of a node.

    Attributes:
        name: Of the aggregation.
        time_column: LONG; None: rows go by the time of their arrival.
        keys: Columns of the group keys.
        items: What is kept (`ef_rollup_kind`) of which column.
        durations: `ef_rollup_duration`, rising, each with how long its buckets are kept in ms, 0: for ever.
        purge_interval: How often old buckets go, in ms; 0: never.
        zone: Moments in UTC from which on local time is ahead by so much, in ms; none: UTC.
        store: Where buckets are written, with the layout of what it gives back: duration INT, start LONG, state OBJECT.
    """

    name: str
    time_column: int | None
    keys: Sequence[int]
    items: Sequence[tuple[int, int | None]]
    durations: Sequence[tuple[int, int]]
    purge_interval: int
    zone: Sequence[tuple[int, int]] = ()
    store: tuple[OutsideTable, Layout] | None = None


class EngineBuilder:
    """Builds the graph of an engine, in text order. `seal` ends it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        return self._engine

    def program(self, input_types: Sequence[AttributeType]) -> ProgramBuilder:
        """A program for one of the operators of this graph."""
        return ProgramBuilder(self._engine, input_types)

    def stream(self, name: str, schema_types: Sequence[AttributeType]) -> Node:
        """Add a stream."""
        error = new_error()
        types = ffi.new("ef_type[]", [int(each) for each in schema_types])
        node = lib.ef_engine_stream(self._engine.handle, name.encode(), len(schema_types), types, error)
        return self._node(node, error)

    def query(self, name: str) -> int:
        """Begin a query: what follows belongs to it. Gives its number."""
        error = new_error()
        return self._checked(lib.ef_engine_query(self._engine.handle, name.encode(), error), error)

    def filter(self, node: Node, program: ProgramBuilder) -> Node:
        """Let rows pass for which the one BOOL output of the program is true."""
        error = new_error()
        return self._node(lib.ef_engine_filter(self._engine.handle, node, program.take(), error), error)

    def map(self, node: Node, program: ProgramBuilder) -> Node:
        """Replace the columns by the outputs of the program."""
        error = new_error()
        return self._node(lib.ef_engine_map(self._engine.handle, node, program.take(), error), error)

    def window(self, node: Node, native_name: str, params: Sequence[Argument] = (), *, wants_expired: bool) -> Node:
        """Add a native window. `params` in the order of its declaration, defaults filled in."""
        error = new_error()
        arguments = self._params(params)
        address = plugin_window(native_name)
        try:
            if address is not None:
                made = lib.ef_build_plugin_window(self._engine.handle, node, address, arguments, wants_expired, error)
            else:
                name = native_name.encode()
                made = lib.ef_build_window(self._engine.handle, node, name, arguments, wants_expired, error)
        finally:
            lib.ef_param_list_free(arguments)
        return self._node(made, error)

    def expression_window(
        self,
        node: Node,
        condition: SelectSpec,
        *,
        is_batch: bool,
        includes: bool = False,
        streams: bool = False,
        wants_expired: bool,
    ) -> Node:
        """Add a window bounded by a condition on its content.

        Args:
            node: Where its rows come from.
            condition: A selection with one BOOL output over the columns of a row, then those of the oldest row and its
                timestamp, then those of the newest row and its timestamp, then the aggregates.
            is_batch: The condition ends batches; else it lets the oldest rows go.
            includes: The row that ends a batch belongs to it.
            streams: Rows of a batch are put out at once.
            wants_expired: Whether anybody reads its EXPIRED rows.
        """
        error = new_error()
        names, types, outputs = _aggregates(condition.aggregates)
        made = lib.ef_build_expression_window(
            self._engine.handle,
            node,
            condition.arguments.take() if condition.arguments is not None else ffi.NULL,
            len(condition.aggregates),
            ffi.new("const char *[]", names),
            types,
            outputs,
            condition.outputs.take(),
            is_batch,
            includes,
            streams,
            wants_expired,
            error,
        )
        return self._node(made, error)

    def operator(
        self,
        node: Node,
        operator_class: CData,
        params: Sequence[Argument] = (),
        *,
        output_types: Sequence[AttributeType],
        wants_expired: bool,
    ) -> Node:
        """Add an operator of a class given by its address: a plug-in's, or one written in Python."""
        error = new_error()
        arguments = self._params(params)
        types = ffi.new("ef_type[]", [int(each) for each in output_types])
        try:
            made = lib.ef_build_operator(
                self._engine.handle, node, operator_class, arguments, len(output_types), types, wants_expired, error
            )
        finally:
            lib.ef_param_list_free(arguments)
        return self._node(made, error)

    def host_operator(
        self,
        node: Node,
        make: Callable[[], HostOperator],
        source: Layout,
        target: Layout,
        *,
        is_batch: bool = False,
        wants_resets: bool = False,
        wants_expired: bool = True,
    ) -> Node:
        """Add an operator written in Python.

        Args:
            node: Where its rows come from.
            make: Makes an instance: one for the query, or one for each key of a partition.
            source: Layout of the rows that it gets.
            target: Layout of the rows that it emits.
            is_batch: What it emits at once is a batch: a selection with aggregates gives one row for it.
            wants_resets: Whether it is shown RESET rows, which aggregators need.
            wants_expired: Whether anybody reads its EXPIRED rows.
        """
        spec, operator_class = self._engine.add_operator(
            make, source, target, is_batch=is_batch, wants_resets=wants_resets
        )
        argument = Argument(type=AttributeType.LONG, value=spec)
        types = [AttributeType(code) for code in target.types]
        return self.operator(node, operator_class, [argument], output_types=types, wants_expired=wants_expired)

    def select(self, node: Node, spec: SelectSpec) -> Node:
        """Add a selection."""
        error = new_error()
        names, types, outputs = _aggregates(spec.aggregates)
        filters = [-1 if each.filter_output is None else each.filter_output for each in spec.aggregates]
        null = ffi.NULL
        made = lib.ef_build_select(
            self._engine.handle,
            node,
            spec.arguments.take() if spec.arguments is not None else null,
            spec.group_keys,
            len(spec.aggregates),
            ffi.new("const char *[]", names),
            types,
            outputs,
            ffi.new("int32_t[]", filters),
            spec.outputs.take(),
            spec.visible,
            spec.having.take() if spec.having is not None else null,
            len(spec.order),
            ffi.new("uint32_t[]", [key.output for key in spec.order]),
            ffi.new("uint8_t[]", [key.descending | key.nulls_first << 1 for key in spec.order]),
            -1 if spec.limit is None else spec.limit,
            spec.offset,
            spec.current,
            spec.expired,
            spec.keeps_all,
            error,
        )
        return self._node(made, error)

    def rate_limit(self, node: Node, spec: RateSpec) -> Node:
        """Add a rate limiter."""
        error = new_error()
        made = lib.ef_build_rate_limit(
            self._engine.handle,
            node,
            spec.rate,
            spec.by_time,
            spec.every,
            spec.visible,
            ffi.new("uint32_t[]", spec.keys),
            len(spec.keys),
            spec.partitioned,
            spec.windowed,
            ffi.new("uint8_t[]", [column in spec.aggregates for column in range(spec.visible)]),
            error,
        )
        return self._node(made, error)

    def join(self, left: JoinSideSpec, right: JoinSideSpec, *, wants_expired: bool, keeps_batches: bool) -> Node:
        """Add a join: columns of the left side, then of the right.

        Args:
            left: The side whose columns come first.
            right: The other.
            wants_expired: Rows that leave a window look for partners, too.
            keeps_batches: What `lengthBatch` and `timeBatch` windows have put out stays to be found for ever.
        """
        error = new_error()
        join: CData = lib.ef_join_builder_new(self._engine.handle)
        if join == ffi.NULL:
            raise MemoryError
        kept = _JoinMemory()
        try:
            for number, side in enumerate((left, right)):
                self._join_side(join, number, side, kept, error)
            made = lib.ef_join_builder_finish(join, wants_expired, keeps_batches, error)
        finally:
            lib.ef_join_builder_free(join)
            for arguments in kept.lists:
                lib.ef_param_list_free(arguments)
        return self._node(made, error)

    def _join_side(self, join: CData, number: int, side: JoinSideSpec, kept: _JoinMemory, error: CData) -> None:
        """Hand one side to the native builder; `kept` has to live until the join is made."""
        arguments: CData = ffi.NULL
        name: CData = ffi.NULL
        if side.window is not None:
            arguments = self._params(side.parameters)
            kept.lists.append(arguments)
            name = ffi.new("char[]", side.window.encode())
            kept.names.append(name)
        lib.ef_join_builder_side(
            join,
            number,
            -1 if side.node is None else side.node,
            name,
            arguments,
            side.is_named_window,
            -1 if side.content is None else side.content,
            side.triggers,
            side.preserved,
        )
        condition = side.condition
        status = lib.ef_join_builder_condition(
            join,
            number,
            ffi.NULL if condition.keys is None else condition.keys.take(),
            len(condition.conjuncts),
            ffi.new("int32_t[]", [int(comparison) for comparison, _, _ in condition.conjuncts]),
            ffi.new("uint32_t[]", [column for _, column, _ in condition.conjuncts]),
            ffi.new("uint32_t[]", [key for _, _, key in condition.conjuncts]),
            sum(1 for comparison, _, _ in condition.conjuncts if comparison == lib.EF_EQUAL),
            ffi.NULL if condition.residual is None else condition.residual.take(),
            condition.outside,
            error,
        )
        check(status, error)

    def trigger_every(self, period_ms: int) -> Node:
        """A row, (due time LONG), every so many milliseconds."""
        error = new_error()
        return self._node(lib.ef_engine_trigger_every(self._engine.handle, period_ms, error), error)

    def trigger_cron(self, text: str, *, sunday_is_1: bool) -> Node:
        """A row, (due time LONG), at the times of a cron expression; how its days of the week are numbered."""
        error = new_error()
        days = lib.EF_CRON_SUNDAY_IS_1 if sunday_is_1 else lib.EF_CRON_SUNDAY_IS_0
        return self._node(lib.ef_engine_trigger_cron(self._engine.handle, text.encode(), days, error), error)

    def partition(self, name: str, *, interval_ms: int = 0, idle_ms: int = 0) -> Node:
        """Add a partition. A key idle for longer than `idle_ms` is forgotten at a purge; 0: keys stay."""
        error = new_error()
        made = lib.ef_engine_partition(self._engine.handle, name.encode(), interval_ms, idle_ms, error)
        return self._node(made, error)

    def enter_partition(self, partition: Node | None) -> None:
        """What is added from now on belongs to that partition: operators keep state by key, streams carry keys."""
        error = new_error()
        check(lib.ef_engine_enter_partition(self._engine.handle, -1 if partition is None else partition, error), error)

    def time_domain(self) -> int:
        """Add a clock that runs along the rows of watermarked streams. Gives its number, from 1."""
        error = new_error()
        return self._checked(lib.ef_engine_domain(self._engine.handle, error), error)

    def enter_time(self, domain: int) -> None:
        """What is added from now on goes by that clock; 0: by the app's."""
        error = new_error()
        check(lib.ef_engine_enter_domain(self._engine.handle, domain, error), error)

    def copy_of(self, stream: Node, original: Node) -> None:
        """Say that a stream has the rows of another in its own time domain: its failures are that one's."""
        error = new_error()
        check(lib.ef_engine_copy_of(self._engine.handle, stream, original, error), error)

    def window_function(
        self,
        node: Node,
        *,
        kind: int,
        emission: int,
        time_column: int | None,
        size_ms: int,
        hop_ms: int,
        offset_ms: int = 0,
        wants_expired: bool,
    ) -> Node:
        """Append to each row the bounds of the windows that hold its time.

        Args:
            node: Its input.
            kind: 0 TUMBLE, 1 HOP, 2 CUMULATE, 3 SESSION.
            emission: Rows go on 0 at once, 1 together when their window closes, 2 at once and as EXPIRED at the close.
            time_column: The LONG column that holds a row's time; None: the clock.
            size_ms: Of a window, or the gap of a session.
            hop_ms: From the end of a window to the next; divides the size.
            offset_ms: Windows begin at it, modulo their size.
            wants_expired: Somebody reads EXPIRED rows.
        """
        error = new_error()
        column = -1 if time_column is None else time_column
        made = lib.ef_build_window_function(
            self._engine.handle, node, kind, emission, column, size_ms, hop_ms, offset_ms, wants_expired, error
        )
        return self._node(made, error)

    def entrance(
        self,
        domain: int,
        ports: Sequence[tuple[Node | None, Node]],
        *,
        time_column: int = 0,
        delay_ms: int = 0,
        idle_ms: int = 0,
        late: int = 0,
    ) -> Node:
        """Put rows in the order of their own time, and release them into streams of a time domain.

        Args:
            domain: Number of the domain; its streams are there already.
            ports: (stream of another domain, stream of this one), or one pair (None, stream): what is pushed or
                inserted into the stream.
            time_column: Of rows from outside: the LONG column that holds their milliseconds.
            delay_ms: How far the watermark stays behind the newest row.
            idle_ms: After so long a silence the stream holds no other back; 0: never.
            late: What becomes of late rows: 0 they are dropped, 1 put out, 2 accepted, 3 failed.
        """
        error = new_error()
        made = lib.ef_build_entrance(
            self._engine.handle,
            domain,
            len(ports),
            ffi.new("int32_t[]", [-1 if source is None else source for source, _ in ports]),
            ffi.new("int32_t[]", [stream for _, stream in ports]),
            time_column,
            delay_ms,
            idle_ms,
            late,
            error,
        )
        return self._node(made, error)

    def route(self, node: Node, keys: ProgramBuilder, labels: Sequence[str] = ()) -> Node:
        """Give rows their keys: the STRING outputs of the program together, or each label whose BOOL output is true."""
        error = new_error()
        encoded = [label.encode() for label in labels]
        texts = [ffi.from_buffer("char[]", label) if label else ffi.new("char[1]") for label in encoded]
        made = lib.ef_engine_route(
            self._engine.handle,
            node,
            keys.take(),
            ffi.new("const char *[]", texts),
            ffi.new("uint32_t[]", [len(label) for label in encoded]),
            len(encoded),
            error,
        )
        return self._node(made, error)

    def route_all(self, node: Node) -> Node:
        """Give the rows once to every key of the partition that there is."""
        error = new_error()
        return self._node(lib.ef_engine_route_all(self._engine.handle, node, error), error)

    def gate(self, node: Node, *, current: bool, expired: bool) -> Node:
        """Publish the rows of a window of these kinds to several readers, each delivery a batch chunk."""
        error = new_error()
        return self._node(lib.ef_engine_gate(self._engine.handle, node, current, expired, error), error)

    def table(self, entrance: Node, *, primary_key: Sequence[int] = (), indexes: Sequence[int] = ()) -> Node:
        """Keep the rows of a stream in a table."""
        error = new_error()
        key = ffi.new("uint32_t[]", list(primary_key))
        columns = ffi.new("uint32_t[]", list(indexes))
        made = lib.ef_engine_table(self._engine.handle, entrance, key, len(primary_key), columns, len(indexes), error)
        return self._node(made, error)

    def outside_table(self, entrance: Node, table: OutsideTable, layout: Layout) -> Node:
        """Keep the rows of a stream in a store outside; `layout` is that of its rows."""
        error = new_error()
        functions = self._engine.add_outside(table, layout)
        return self._node(lib.ef_engine_outside(self._engine.handle, entrance, functions, error), error)

    def rollup(self, node: Node, spec: RollupSpec) -> Node:
        """Add the rows to buckets of calendar time by group."""
        error = new_error()
        made = lib.ef_build_rollup(
            self._engine.handle,
            node,
            spec.name.encode(),
            -1 if spec.time_column is None else spec.time_column,
            len(spec.keys),
            ffi.new("uint32_t[]", list(spec.keys)),
            len(spec.items),
            ffi.new("int32_t[]", [kind for kind, _ in spec.items]),
            ffi.new("int32_t[]", [-1 if column is None else column for _, column in spec.items]),
            len(spec.durations),
            ffi.new("int32_t[]", [duration for duration, _ in spec.durations]),
            ffi.new("int64_t[]", [retention for _, retention in spec.durations]),
            spec.purge_interval,
            len(spec.zone),
            ffi.new("int64_t[]", [moment for moment, _ in spec.zone]),
            ffi.new("int64_t[]", [offset for _, offset in spec.zone]),
            ffi.NULL if spec.store is None else self._engine.add_outside(*spec.store),
            error,
        )
        return self._node(made, error)

    def foreign(self, other: Engine, node: Node) -> Node:
        """Stand for a table or window of another engine, which is locked while this one runs and outlives it."""
        error = new_error()
        return self._node(lib.ef_engine_foreign(self._engine.handle, other.handle, node, error), error)

    def contains(self, node: Node, content: Node, condition: ConditionSpec) -> Node:
        """Add a BOOL column: whether the content of a table or window has a row that fits."""
        error = new_error()
        made = lib.ef_build_contains(self._engine.handle, node, content, self._condition(condition), error)
        return self._node(made, error)

    def lookup(self, node: Node, content: Node, condition: ConditionSpec, *, outer: bool = False) -> Node:
        """Give for each row those of the content that fit; `outer`: a row with nulls where none does."""
        error = new_error()
        made = lib.ef_build_lookup(self._engine.handle, node, content, self._condition(condition), outer, error)
        return self._node(made, error)

    def change(self, node: Node, table: Node, spec: ChangeSpec) -> Node:
        """Change a table by each row."""
        error = new_error()
        made = lib.ef_build_change(
            self._engine.handle,
            node,
            table,
            spec.kind,
            spec.current,
            spec.expired,
            self._condition(spec.condition),
            spec.values.take() if spec.values is not None else ffi.NULL,
            len(spec.columns),
            ffi.new("uint32_t[]", list(spec.columns)),
            spec.keeps_quietly,
            spec.outside,
            error,
        )
        return self._node(made, error)

    def _condition(self, spec: ConditionSpec) -> CData:
        made: CData = lib.ef_build_condition(
            self._engine.handle,
            spec.keys.take() if spec.keys is not None else ffi.NULL,
            len(spec.conjuncts),
            ffi.new("int32_t[]", [comparison for comparison, _, _ in spec.conjuncts]),
            ffi.new("uint32_t[]", [column for _, column, _ in spec.conjuncts]),
            ffi.new("uint32_t[]", [key for _, _, key in spec.conjuncts]),
            spec.residual.take() if spec.residual is not None else ffi.NULL,
            spec.outside,
        )
        return made

    def insert(self, node: Node, stream: Node, *, current: bool = True, expired: bool = False) -> Node:
        """Send what an operator puts out into a stream, where it arrives as CURRENT."""
        error = new_error()
        return self._node(lib.ef_engine_insert(self._engine.handle, node, stream, current, expired, error), error)

    def fault_stream(self, stream: Node, fault: Node) -> None:
        """Have rows that fail in queries of a stream go to another one: its columns, and the error as an OBJECT."""
        error = new_error()
        self._checked(lib.ef_engine_fault_stream(self._engine.handle, stream, fault, error), error)

    def tap(self, node: Node) -> Node:
        """Add a listener on a stream or on the last operator of a query; also possible after `seal`."""
        return Node(self._engine.add_tap(node))

    def seal(self) -> None:
        """Fix the graph: nothing but taps can be added any more."""
        error = new_error()
        self._checked(lib.ef_engine_seal(self._engine.handle, error), error)

    def _params(self, params: Sequence[Argument]) -> CData:
        alloc = lib.ef_engine_alloc(self._engine.handle)
        arguments: CData = lib.ef_param_list_new(alloc)
        if arguments == ffi.NULL:
            raise no_memory()
        try:
            for param in params:
                _append(arguments, param)
        except BaseException:
            lib.ef_param_list_free(arguments)
            raise
        return arguments

    def _node(self, node: int, error: CData) -> Node:
        return Node(self._checked(node, error))

    def _checked(self, status: int, error: CData) -> int:
        return self._engine.check(status, error)


def _aggregates(aggregates: Sequence[AggregateSpec]) -> tuple[list[CData], CData, CData]:
    """Names, types of arguments and places of arguments, as arrays."""
    names = [ffi.new("char[]", aggregate.name.encode()) for aggregate in aggregates]
    types = ffi.new("int32_t[]", [int(aggregate.argument_type or 0) for aggregate in aggregates])
    outputs = [-1 if each.argument_output is None else each.argument_output for each in aggregates]
    return names, types, ffi.new("int32_t[]", outputs)


def _append(arguments: CData, param: Argument) -> None:
    error = new_error()
    match param.type:
        case _ if param.column is not None:
            status = lib.ef_param_list_column(arguments, param.type, param.column, error)
        case _ if param.value is None:
            status = lib.ef_param_list_null(arguments, param.type, error)
        case AttributeType.BOOL | AttributeType.INT | AttributeType.LONG:
            status = lib.ef_param_list_integer(arguments, param.type, param.value, error)
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            status = lib.ef_param_list_real(arguments, param.type, param.value, error)
        case _:
            data = _constant_bytes(param.value, param.type)
            status = lib.ef_param_list_bytes(arguments, param.type, data, len(data), error)
    check(status, error)


def _constant_bytes(value: object, type: AttributeType) -> bytes:
    if type is AttributeType.OBJECT:
        return objects.pack(value)
    if not isinstance(value, str):
        raise TypeError(f"a STRING constant cannot be {value!r}")
    return value.encode()


def native_operations() -> frozenset[str]:
    """Names of all native operations that `ProgramBuilder.call` knows."""
    names: set[str] = set()
    while (name := lib.ef_operation_name(len(names))) != ffi.NULL:
        names.add(text(name))
    return frozenset(names)


def native_windows() -> frozenset[str]:
    """Names of all native windows."""
    names: set[str] = set()
    while (name := lib.ef_window_name(len(names))) != ffi.NULL:
        names.add(text(name))
    return frozenset(names)


def aggregate_type(name: str, argument_type: AttributeType | None) -> AttributeType | None:
    """Result type of a native aggregator for a type of argument, or None when there is no such aggregator."""
    code = lib.ef_aggregate_type(name.encode(), int(argument_type or 0))
    return AttributeType(code) if code else None
