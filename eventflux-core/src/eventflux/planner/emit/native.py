"""The engine's graph as a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Final, Protocol

from eventflux.engine.builder import (
    AggregateSpec,
    Argument,
    ChangeSpec,
    ConditionSpec,
    EngineBuilder,
    JoinSideSpec,
    OrderKey,
    OutputRate,
    ProgramBuilder,
    RateSpec,
    RollupSpec,
    SelectSpec,
)
from eventflux.engine.builder import Node as NativeNode
from eventflux.engine.builder import Register as NativeRegister
from eventflux.engine.callbacks import HostOperator, OutsideTable
from eventflux.engine.matches import MatchBuilder, MatchCaptureSpec, MatchLimits
from eventflux.engine.native_types import Layout
from eventflux.engine.patterns import CaptureSpec, PatternBuilder, PatternLimits, StateSpec, TestSpec
from eventflux.planner.emit.outside import OutsideStores
from eventflux.planner.emit.target import (
    ChangeParts,
    ConditionParts,
    EntranceParts,
    JoinInput,
    Node,
    Register,
    SelectParts,
    StatePrograms,
    WindowCondition,
)
from eventflux.planner.emit.zones import zone_changes
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.aggregations import AggregationPlan
from eventflux.planner.logical.nodes import Match, Pattern, RateLimit, RateMode, Window, WindowFunction, WindowParameter
from eventflux.planner.logical.patterns import Capture, PatternState
from eventflux.planner.logical.row_patterns import MatchCapture
from eventflux.planner.logical.tables import TablePlan
from eventflux.planner.typed.nodes import ConstantValue
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema

BUCKETS_FOUND: Final = Schema.of(duration=AttributeType.INT, start=AttributeType.LONG, state=AttributeType.OBJECT)
"""What a store gives back of an aggregation's buckets."""


class OperatorMaker(Protocol):
    """Makes the operators that are written in Python."""

    def window(self, window: Window, query: str) -> Callable[[], HostOperator]:
        """What makes an instance of a window of the plan."""
        ...

    def aggregates(
        self, calls: Sequence[AggregateCall], query: str, *, columns: int, group_keys: int
    ) -> Callable[[], HostOperator]:
        """What makes an instance of the operator that computes the aggregates."""
        ...


@record(frozen=True, slots=True)
class NativeProgram:
    """A program of the engine."""

    builder: ProgramBuilder

    def column(self, index: int) -> Register:
        return Register(self.builder.column(index))

    def constant(self, value: ConstantValue, type: AttributeType) -> Register:
        return Register(self.builder.constant(value, type))

    def call(self, operation: str, *registers: Register) -> Register:
        return Register(self.builder.call(operation, *(NativeRegister(register) for register in registers)))

    def host_call(self, function: int, returns: AttributeType, *registers: Register) -> Register:
        natives = (NativeRegister(register) for register in registers)
        return Register(self.builder.host_call(function, returns, *natives))

    def mask(self, register: Register, *, when: bool) -> AbstractContextManager[None]:
        return self.builder.mask(NativeRegister(register), when)

    def output(self, register: Register) -> None:
        self.builder.output(NativeRegister(register))


@record(frozen=True, slots=True)
class NativeGraph:
    """The graph that an engine is built from.

    Attributes:
        builder: Of the engine.
        maker: Makes what is written in Python; None: there can be nothing of that kind.
        stores: The tables outside; None: there can be none.
        query_names: Queries so far; the last one is being built.
    """

    builder: EngineBuilder
    maker: OperatorMaker | None = None
    stores: OutsideStores | None = None
    query_names: list[str] = field(default_factory=list)

    def program(self, input_types: Sequence[AttributeType]) -> NativeProgram:
        return NativeProgram(self.builder.program(input_types))

    def stream(self, name: str, types: Sequence[AttributeType]) -> Node:
        return Node(self.builder.stream(name, types))

    def fault_stream(self, stream: Node, fault: Node) -> None:
        self.builder.fault_stream(NativeNode(stream), NativeNode(fault))

    def query(self, name: str) -> None:
        self.query_names.append(name)
        self.builder.query(name)

    def filter(self, node: Node, condition: NativeProgram) -> Node:
        return Node(self.builder.filter(NativeNode(node), condition.builder))

    def map(self, node: Node, columns: NativeProgram) -> Node:
        return Node(self.builder.map(NativeNode(node), columns.builder))

    def window(self, node: Node, name: str, parameters: Sequence[WindowParameter], *, wants_expired: bool) -> Node:
        arguments = [
            Argument(type=parameter.type, value=parameter.value, column=parameter.column) for parameter in parameters
        ]
        return Node(self.builder.window(NativeNode(node), name, arguments, wants_expired=wants_expired))

    def window_function(self, node: Node, function: WindowFunction, *, wants_expired: bool) -> Node:
        made = self.builder.window_function(
            NativeNode(node),
            kind=int(function.kind),
            emission=int(function.emission),
            time_column=function.time_column,
            size_ms=function.size,
            hop_ms=function.hop,
            offset_ms=function.offset,
            wants_expired=wants_expired,
        )
        return Node(made)

    def expression_window(
        self, node: Node, parts: WindowCondition[NativeProgram], *, is_batch: bool, wants_expired: bool
    ) -> Node:
        made = self.builder.expression_window(
            NativeNode(node),
            _select_spec(parts.parts, parts.arguments, parts.condition, None),
            is_batch=is_batch,
            includes=parts.includes,
            streams=parts.streams,
            wants_expired=wants_expired,
        )
        return Node(made)

    def host_window(self, node: Node, window: Window, *, wants_expired: bool) -> Node:
        query = self.query_names[-1]
        made = self.builder.host_operator(
            NativeNode(node),
            self._made_by(window.declaration.qualified_name).window(window, query),
            self.builder.engine.layout(query, window.input.schema),
            self.builder.engine.layout(query, window.schema),
            is_batch=bool(getattr(window.declaration.factory, "is_batch", False)),
            wants_resets=window.appended is not None,
            wants_expired=wants_expired,
        )
        return Node(made)

    def host_aggregates(
        self,
        node: Node,
        calls: Sequence[AggregateCall],
        *,
        schema: Schema,
        prepared_types: Sequence[AttributeType],
        group_keys: int,
    ) -> Node:
        query = self.query_names[-1]
        maker = self._made_by(calls[0].name)
        prepared = Schema(Attribute(f"_{index}", each) for index, each in enumerate(prepared_types))
        results = Schema(
            Attribute(f"_{index}", each) for index, each in enumerate((*schema.types, *(call.type for call in calls)))
        )
        made = self.builder.host_operator(
            NativeNode(node),
            maker.aggregates(calls, query, columns=len(schema), group_keys=group_keys),
            self.builder.engine.layout(query, prepared),
            self.builder.engine.layout(query, results),
            wants_resets=True,
        )
        return Node(made)

    def _made_by(self, name: str) -> OperatorMaker:
        if self.maker is None:
            raise EventFluxError(f"{name} is written in Python: nobody makes it here")
        return self.maker

    def select(
        self,
        node: Node,
        parts: SelectParts,
        *,
        arguments: NativeProgram | None,
        outputs: NativeProgram,
        having: NativeProgram | None,
    ) -> Node:
        spec = _select_spec(parts, arguments, outputs, having)
        return Node(self.builder.select(NativeNode(node), spec))

    def join(
        self,
        sides: tuple[JoinInput, JoinInput],
        searches: tuple[ConditionParts[NativeProgram], ConditionParts[NativeProgram]],
        *,
        wants_expired: bool,
        keeps_batches: bool,
    ) -> Node:
        specs = [_join_side(side, search) for side, search in zip(sides, searches, strict=True)]
        return Node(self.builder.join(specs[0], specs[1], wants_expired=wants_expired, keeps_batches=keeps_batches))

    def rate_limit(self, node: Node, limit: RateLimit) -> Node:
        spec = RateSpec(
            rate=_RATES[limit.mode],
            every=limit.every,
            visible=len(limit.schema),
            by_time=limit.by_time,
            keys=limit.keys,
            partitioned=limit.partitioned,
            windowed=limit.windowed,
            aggregates=limit.aggregates,
        )
        return Node(self.builder.rate_limit(NativeNode(node), spec))

    def trigger(self, *, period_ms: int | None, cron: str | None, sunday_is_1: bool) -> Node:
        if cron is not None:
            return Node(self.builder.trigger_cron(cron, sunday_is_1=sunday_is_1))
        return Node(self.builder.trigger_every(period_ms or 0))

    def partition(self, name: str, *, interval_ms: int, idle_ms: int) -> Node:
        return Node(self.builder.partition(name, interval_ms=interval_ms, idle_ms=idle_ms))

    def enter_partition(self, partition: Node | None) -> None:
        self.builder.enter_partition(None if partition is None else NativeNode(partition))

    def time_domain(self) -> None:
        self.builder.time_domain()

    def enter_time(self, domain: int) -> None:
        self.builder.enter_time(domain)

    def copy_of(self, stream: Node, original: Node) -> None:
        self.builder.copy_of(NativeNode(stream), NativeNode(original))

    def entrance(self, parts: EntranceParts) -> Node:
        made = self.builder.entrance(
            parts.domain,
            [(None if source is None else NativeNode(source), NativeNode(stream)) for source, stream in parts.ports],
            time_column=parts.time_column,
            delay_ms=parts.delay_ms,
            idle_ms=parts.idle_ms,
            late=int(parts.late),
        )
        return Node(made)

    def route(self, node: Node, keys: NativeProgram, labels: Sequence[str]) -> Node:
        return Node(self.builder.route(NativeNode(node), keys.builder, labels))

    def route_all(self, node: Node) -> Node:
        return Node(self.builder.route_all(NativeNode(node)))

    def gate(self, node: Node, *, current: bool, expired: bool) -> Node:
        return Node(self.builder.gate(NativeNode(node), current=current, expired=expired))

    def table(self, entrance: Node, *, primary_key: Sequence[int], indexes: Sequence[int]) -> Node:
        return Node(self.builder.table(NativeNode(entrance), primary_key=primary_key, indexes=indexes))

    def outside_table(self, entrance: Node, table: TablePlan) -> Node:
        if self.stores is None:
            raise EventFluxError(f"table {table.name} is outside: nobody keeps it here")
        layout = self.builder.engine.layout(table.name, table.schema)
        return Node(self.builder.outside_table(NativeNode(entrance), self.stores.table(table.name), layout))

    def aggregation(self, node: Node, aggregation: AggregationPlan) -> Node:
        spec = RollupSpec(
            name=aggregation.name,
            time_column=0 if aggregation.has_time else None,
            keys=aggregation.keys,
            items=tuple((int(item.kind), item.column) for item in aggregation.items),
            durations=tuple((int(each.duration), each.milliseconds or 0) for each in aggregation.retentions),
            purge_interval=aggregation.purge_interval_ms,
            zone=zone_changes(aggregation.zone),
            store=self._bucket_store(aggregation),
        )
        return Node(self.builder.rollup(NativeNode(node), spec))

    def _bucket_store(self, aggregation: AggregationPlan) -> tuple[OutsideTable, Layout] | None:
        if aggregation.store is None:
            return None
        if self.stores is None:
            raise EventFluxError(f"the buckets of {aggregation.name} are outside: nobody keeps them here")
        layout = self.builder.engine.layout(aggregation.name, BUCKETS_FOUND)
        return self.stores.aggregation(aggregation.name), layout

    def contains(self, node: Node, content: Node, condition: ConditionParts[NativeProgram]) -> Node:
        return Node(self.builder.contains(NativeNode(node), NativeNode(content), _condition(condition)))

    def lookup(self, node: Node, content: Node, condition: ConditionParts[NativeProgram]) -> Node:
        return Node(self.builder.lookup(NativeNode(node), NativeNode(content), _condition(condition)))

    def change(self, node: Node, table: Node, parts: ChangeParts[NativeProgram]) -> Node:
        spec = ChangeSpec(
            kind=parts.kind,
            current=parts.current,
            expired=parts.expired,
            condition=_condition(parts.condition),
            values=None if parts.values is None else parts.values.builder,
            columns=parts.columns,
            keeps_quietly=parts.keeps_quietly,
            outside=parts.outside,
        )
        return Node(self.builder.change(NativeNode(node), NativeNode(table), spec))

    def pattern(
        self, inputs: Sequence[Node], pattern: Pattern, programs: Sequence[StatePrograms[NativeProgram]]
    ) -> Node:
        with PatternBuilder(self.builder) as builder:
            for node in inputs:
                builder.port(NativeNode(node))
            for state, pair in zip(pattern.states, programs, strict=True):
                builder.state(_state(state), *(_taken(program) for program in (pair.own, pair.condition)))
            for capture in pattern.captures:
                builder.output(_capture(capture))
            limits = PatternLimits(
                within=pattern.within,
                within_events=pattern.within_events,
                most_matches=None if pattern.limit is None else pattern.limit.most,
                drops_oldest=pattern.limit is not None and pattern.limit.drops_oldest,
            )
            made = builder.build(
                limits,
                is_sequence=pattern.is_sequence,
                is_partitioned=pattern.is_partitioned,
                gives_timeouts=pattern.gives_timeouts,
            )
        return Node(made)

    def match(self, node: Node, match: Match, programs: Sequence[StatePrograms[NativeProgram]]) -> Node:
        with MatchBuilder(self.builder) as builder:
            for variables in match.groups:
                builder.group(variables)
            for variable, pair in zip(match.variables, programs, strict=True):
                builder.variable(
                    variable.name,
                    _taken(pair.own),
                    _taken(pair.condition),
                    captures=[_match_capture(capture) for capture in variable.captures],
                    program_captures=variable.program_captures,
                    tests=[(test.comparison, test.left, test.right) for test in variable.tests],
                )
            builder.start(match.start)
            for position in match.positions:
                builder.position(
                    position.variable, position.follow, only_first=position.only_first, excluded=position.excluded
                )
            for column in match.kept:
                builder.keep(column)
            for capture in match.captures:
                builder.output(_match_capture(capture))
            limits = MatchLimits(
                within=match.within,
                skip=match.skip,
                skip_group=match.skip_group,
                all_rows=match.all_rows,
                gives_timeouts=match.gives_timeouts,
            )
            made = builder.build(NativeNode(node), limits)
        return Node(made)

    def insert(self, node: Node, stream: Node, *, current: bool, expired: bool) -> None:
        self.builder.insert(NativeNode(node), NativeNode(stream), current=current, expired=expired)


_RATES: Final = {
    RateMode.ALL: OutputRate.ALL,
    RateMode.FIRST: OutputRate.FIRST,
    RateMode.LAST: OutputRate.LAST,
    RateMode.SNAPSHOT: OutputRate.SNAPSHOT,
}


def _select_spec(
    parts: SelectParts, arguments: NativeProgram | None, outputs: NativeProgram, having: NativeProgram | None
) -> SelectSpec:
    return SelectSpec(
        arguments=None if arguments is None else arguments.builder,
        group_keys=parts.group_keys,
        aggregates=tuple(
            AggregateSpec(
                name=aggregate.name,
                argument_type=aggregate.argument_type,
                argument_output=aggregate.argument_output,
                filter_output=aggregate.filter_output,
            )
            for aggregate in parts.aggregates
        ),
        outputs=outputs.builder,
        visible=parts.visible,
        having=None if having is None else having.builder,
        order=tuple(
            OrderKey(output=key.output, descending=key.descending, nulls_first=key.nulls_first) for key in parts.order
        ),
        limit=parts.limit,
        offset=parts.offset,
        current=parts.current,
        expired=parts.expired,
        keeps_all=parts.keeps_all,
    )


def _condition(parts: ConditionParts[NativeProgram]) -> ConditionSpec:
    return ConditionSpec(
        keys=None if parts.keys is None else parts.keys.builder,
        conjuncts=parts.conjuncts,
        residual=None if parts.residual is None else parts.residual.builder,
        outside=parts.outside,
    )


def _join_side(side: JoinInput, search: ConditionParts[NativeProgram]) -> JoinSideSpec:
    return JoinSideSpec(
        node=None if side.node is None else NativeNode(side.node),
        window=side.window,
        parameters=tuple(Argument(type=each.type, value=each.value, column=each.column) for each in side.parameters),
        content=None if side.content is None else NativeNode(side.content),
        is_named_window=side.is_named_window,
        triggers=side.triggers,
        preserved=side.preserved,
        condition=_condition(search),
    )


def _taken(program: NativeProgram | None) -> ProgramBuilder | None:
    return None if program is None else program.builder


def _capture(capture: Capture) -> CaptureSpec:
    return CaptureSpec(
        kind=capture.kind,
        state=capture.state,
        index=capture.index,
        from_last=capture.from_last,
        column=capture.column,
        type=capture.type,
    )


def _match_capture(capture: MatchCapture) -> MatchCaptureSpec:
    return MatchCaptureSpec(
        kind=capture.kind,
        group=capture.group,
        index=capture.index,
        from_last=capture.from_last,
        running=capture.running,
        back=capture.back,
        column=capture.column,
        type=capture.type,
    )


def _state(state: PatternState) -> StateSpec:
    return StateSpec(
        kind=state.kind,
        port=state.port,
        minimum=state.minimum,
        maximum=state.maximum,
        wait=state.wait,
        next=state.next,
        every=state.every,
        group=state.group,
        is_group_long=state.is_group_long,
        is_start=state.is_start,
        is_either=state.is_either,
        first_side=state.first_side,
        sides=state.sides,
        captures=tuple(_capture(capture) for capture in state.captures),
        program_captures=state.program_captures,
        own_columns=state.own_columns,
        kept=state.kept,
        tests=tuple(
            TestSpec(kind=test.kind, type=test.type, own=test.own, capture=test.capture, constant=test.constant)
            for test in state.tests
        ),
    )
