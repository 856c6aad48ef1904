"""Logical plans of queries -> operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Final, Generic

from eventflux.planner.emit.partitions import PartitionEmitter
from eventflux.planner.emit.programs import ProgramWriter
from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.tables import (
    OutsideContent,
    change_parts,
    condition_parts,
    outside_change_parts,
    outside_condition_parts,
)
from eventflux.planner.emit.target import (
    Aggregator,
    ConditionParts,
    GraphTarget,
    JoinInput,
    Node,
    ProgramT,
    SelectParts,
    StatePrograms,
)
from eventflux.planner.emit.windows import add_window
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.join_conditions import search_condition
from eventflux.planner.logical.tables import TableCondition
from eventflux.planner.typed.nodes import Column, TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span

# Windows that send RESET behind the EXPIRED rows of a batch: aggregates do not need those rows.
_RESETTING: Final = frozenset({"length_batch", "time_batch", "external_time_batch", "batch", "hopping"})


@record(frozen=True, slots=True)
class QueryEmitter(Generic[ProgramT]):
    """Emits queries into a graph whose streams are there.

    Attributes:
        graph: Where to.
        streams: What queries read row by row.
        targets: What they insert into.
        contents: Tables and named windows, which are asked beside the flow, and their attributes.
        outside: Those tables of them that are outside.
        shares: Equal pure expressions are computed once.
        spans: Node of each operator -> its place in the text.
        changes: The operators that change tables.
        partitions: What queries of partitions read; None: there are none.
        puts_out_expired: The query at hand puts out rows that leave windows.
    """

    graph: GraphTarget[ProgramT]
    streams: Mapping[str, Node]
    targets: Mapping[str, Node]
    contents: Mapping[str, tuple[Node, Schema]] = field(default_factory=dict)
    outside: Mapping[str, OutsideContent] = field(default_factory=dict)
    shares: bool = True
    uses_keys: bool = True
    spans: dict[Node, Span] = field(default_factory=dict)
    changes: list[Node] = field(default_factory=list)
    partitions: PartitionEmitter[ProgramT] | None = None
    puts_out_expired: bool = False

    def emit(self, query: plan.QueryPlan) -> Node:
        """Add the operators of a query; gives the last one, whose rows are those of the query."""
        if self.partitions is not None and query.partition is not None:
            self.graph.enter_time(query.domain)
            with self.partitions.entered(query, self._write) as streams:
                return replace(self, streams=streams, partitions=None).emit(query)
        self.graph.enter_time(query.domain)
        last = replace(self, puts_out_expired=query.expired).add_operators(query)
        self.graph.enter_time(0)
        return last

    def add_operators(self, query: plan.QueryPlan) -> Node:
        """Add the operators of a query into the time domain and the partition that are entered."""
        self.graph.query(query.name)
        root = query.root
        if query.partition is not None and isinstance(root, plan.RateLimit):
            root = replace(root, partitioned=True)
        last = self._node(root, wants_expired=False)
        if query.target is not None:
            self.graph.insert(last, self.targets[query.target], current=query.current, expired=query.expired)
        if query.change is not None:
            with placed_at(query.change.span):
                node, schema = self.contents[query.change.table]
                kinds = {"current": query.current, "expired": query.expired}
                table = self.outside.get(query.change.table)
                if table is not None:
                    parts = outside_change_parts(query.change, query.root.schema, table, self._write, **kinds)
                else:
                    parts = change_parts(query.change, query.root.schema, schema, self._write, **kinds)
                self.changes.append(self.graph.change(last, node, parts))
        return last

    def rows(self, node: plan.Node) -> Node:
        """Add the operators of rows that no query puts out; gives the last one."""
        return self._node(node, wants_expired=False)

    def _node(self, node: plan.Node, *, wants_expired: bool) -> Node:
        """Add a node and those below it. `wants_expired`: something behind it reads EXPIRED rows."""
        with placed_at(node.span):
            added = self._added(node, wants_expired=wants_expired)
        if not isinstance(node, plan.Scan):
            self.spans[added] = node.span
        return added

    def _added(self, node: plan.Node, *, wants_expired: bool) -> Node:
        graph = self.graph
        match node:
            case plan.Scan():
                return self.streams[node.stream]
            case plan.Join():
                return self._join(node, wants_expired=wants_expired)
            case plan.Filter():
                below = self._node(node.input, wants_expired=wants_expired)
                return graph.filter(below, self._program(node.input, (node.condition,)))
            case plan.Map():
                below = self._node(node.input, wants_expired=wants_expired)
                return graph.map(below, self._program(node.input, node.columns))
            case plan.Log():
                # What leaves a window is logged too.
                below = self._node(node.input, wants_expired=True)
                return graph.filter(below, self._program(node.input, (node.call,)))
            case plan.Contains():
                below = self._node(node.input, wants_expired=wants_expired)
                content, parts = self._condition(node)
                return graph.contains(below, content, parts)
            case plan.Lookup():
                below = self._node(node.input, wants_expired=wants_expired)
                content, parts = self._condition(node)
                return graph.lookup(below, content, parts)
            case plan.Window() if node.appended is not None:
                below = self._node(node.input, wants_expired=wants_expired)
                return graph.host_window(below, node, wants_expired=wants_expired)
            case plan.Window():
                below = self._node(node.input, wants_expired=False)
                if node.native == plan.PYTHON_WINDOW:
                    return graph.host_window(below, node, wants_expired=wants_expired)
                return add_window(graph, below, node, shares=self.shares, wants_expired=wants_expired)
            case plan.WindowFunction():
                below = self._node(node.input, wants_expired=False)
                return graph.window_function(below, node, wants_expired=wants_expired)
            case plan.Pattern():
                return self._pattern(node)
            case plan.Match():
                return self._match(node)
            case plan.Select():
                return self._select(node)
            case plan.RateLimit():
                return graph.rate_limit(self._node(node.input, wants_expired=False), node)

    def _pattern(self, node: plan.Pattern) -> Node:
        inputs = [self._node(source, wants_expired=False) for source in node.inputs]
        programs: list[StatePrograms[ProgramT]] = []
        for state in node.states:
            types = node.inputs[state.port].schema.types
            read = (
                *(capture.type for capture in state.captures[: state.program_captures]),
                *(types[column] for column in state.own_columns),
            )
            programs.append(
                StatePrograms(
                    own=None if state.own is None else self._write(types, (state.own,)),
                    condition=None if state.condition is None else self._write(read, (state.condition,)),
                )
            )
        return self.graph.pattern(inputs, node, programs)

    def _match(self, node: plan.Match) -> Node:
        below = self._node(node.input, wants_expired=False)
        types = node.input.schema.types
        programs = [
            StatePrograms(
                own=None if variable.own is None else self._write(types, (variable.own,)),
                condition=None
                if variable.condition is None
                else self._write(
                    tuple(capture.type for capture in variable.captures[: variable.program_captures]),
                    (variable.condition,),
                ),
            )
            for variable in node.variables
        ]
        return self.graph.match(below, node, programs)

    def _join(self, node: plan.Join, *, wants_expired: bool) -> Node:
        sides = self._join_input(node.left), self._join_input(node.right)
        searches = self._search(node, from_left=True), self._search(node, from_left=False)
        return self.graph.join(sides, searches, wants_expired=wants_expired, keeps_batches=not self.puts_out_expired)

    def _join_input(self, side: plan.JoinSide) -> JoinInput:
        source = side.input
        window: plan.Window | None = None
        if isinstance(source, plan.Window):
            window, source = source, source.input
        return JoinInput(
            node=None if side.is_static else self._node(source, wants_expired=True),
            window=None if window is None else window.native,
            parameters=() if window is None else window.parameters,
            content=None if side.content is None else self.contents[side.content][0],
            is_named_window=side.content is not None and not side.is_static,
            triggers=side.triggers,
            preserved=side.preserved,
        )

    def _search(self, node: plan.Join, *, from_left: bool) -> ConditionParts[ProgramT]:
        own, other = (node.left, node.right) if from_left else (node.right, node.left)
        condition = TableCondition()
        if own.triggers:
            condition = search_condition(node, from_left=from_left, uses_keys=self.uses_keys)
        table = None if other.content is None else self.outside.get(other.content)
        if table is not None and own.triggers:
            return outside_condition_parts(condition, own.schema, table, self._write, is_join=True)
        return condition_parts(condition, own.schema, other.schema, self._write)

    def _select(self, node: plan.Select) -> Node:
        reads_expired = node.expired or (bool(node.aggregates) and not _is_reset(node.input))
        below = self._node(node.input, wants_expired=reads_expired)
        input_types: tuple[AttributeType, ...] = node.input.schema.types
        in_python = [index for index, call in enumerate(node.aggregates) if call.host is not None]
        if in_python:
            below = self._host_aggregates(below, node, [node.aggregates[index] for index in in_python])
            input_types = (*input_types, *(node.aggregates[index].type for index in in_python))
        native = [index for index, call in enumerate(node.aggregates) if call.host is None]
        arguments: list[TypedExpression] = list(node.group_by)
        aggregators: list[Aggregator] = []
        for index in native:
            call = node.aggregates[index]
            position = None
            if call.argument is not None:
                position = len(arguments)
                arguments.append(call.argument)
            filter_position = None
            if call.condition is not None:
                filter_position = len(arguments)
                arguments.append(call.condition)
            argument_type = None if call.argument is None else call.argument.type
            aggregators.append(
                Aggregator(
                    name=call.name,
                    argument_type=argument_type,
                    argument_output=position,
                    filter_output=filter_position,
                )
            )
        aggregate_types = [node.aggregates[index].type for index in native]
        if in_python and not native:
            # The selection aggregates all the same: a batch gives one row a group.
            aggregators.append(Aggregator(name="count", argument_type=None, argument_output=None))
            aggregate_types.append(AttributeType.LONG)
        columns = {index: len(node.input.schema) + at for at, index in enumerate(in_python)}
        columns |= {index: len(input_types) + at for at, index in enumerate(native)}
        outputs = tuple(output.expression for output in node.outputs)
        output_types = tuple(_known(expression) for expression in outputs)
        parts = SelectParts(
            group_keys=len(node.group_by),
            aggregates=tuple(aggregators),
            visible=node.visible,
            order=node.order,
            limit=node.limit,
            offset=node.offset,
            current=node.current,
            expired=node.expired,
            keeps_all=node.keeps_all,
        )
        return self.graph.select(
            below,
            parts,
            arguments=self._write(input_types, arguments) if arguments else None,
            outputs=self._write(
                (*input_types, *aggregate_types),
                outputs,
                aggregates=[columns[index] for index in range(len(node.aggregates))],
            ),
            having=None if node.having is None else self._write(output_types, (node.having,)),
        )

    def _host_aggregates(self, below: Node, node: plan.Select, calls: Sequence[AggregateCall]) -> Node:
        """Aggregators written in Python: their values become columns behind those of the input."""
        schema = node.input.schema
        expressions: list[TypedExpression] = [
            Column(index=index, type=attribute.type, name=attribute.name) for index, attribute in enumerate(schema)
        ]
        expressions += [*node.group_by, *(call.argument for call in calls if call.argument is not None)]
        return self.graph.host_aggregates(
            self.graph.map(below, self._write(schema.types, expressions)),
            calls,
            schema=schema,
            prepared_types=tuple(_known(expression) for expression in expressions),
            group_keys=len(node.group_by),
        )

    def _condition(self, node: plan.Contains | plan.Lookup) -> tuple[Node, ConditionParts[ProgramT]]:
        content, schema = self.contents[node.content]
        table = self.outside.get(node.content)
        if table is not None:
            return content, outside_condition_parts(node.condition, node.input.schema, table, self._write)
        return content, condition_parts(node.condition, node.input.schema, schema, self._write)

    def _program(self, source: plan.Node, outputs: Sequence[TypedExpression]) -> ProgramT:
        return self._write(source.schema.types, outputs)

    def _write(
        self,
        input_types: Sequence[AttributeType],
        outputs: Sequence[TypedExpression],
        *,
        aggregates: Sequence[int] = (),
    ) -> ProgramT:
        program = self.graph.program(input_types)
        writer = ProgramWriter(program, aggregates=aggregates, shares=self.shares)
        for output in outputs:
            writer.output(output)
        return program


def _is_reset(node: plan.Node) -> bool:
    """Whether the window below sends RESET for each batch that leaves it."""
    windows = [
        each
        for each in plan.chain(node)
        if isinstance(each, plan.WindowFunction) or (isinstance(each, plan.Window) and each.appended is None)
    ]
    if not windows:
        return False
    if isinstance(windows[-1], plan.WindowFunction):
        return windows[-1].emission is plan.WindowEmission.AT_CLOSE
    if windows[-1].native not in _RESETTING:
        return False
    # A batch that is let go early comes again: its rows have to be taken back one by one.
    return not any(parameter.name == "timeout" and parameter.value for parameter in windows[-1].parameters)


def _known(expression: TypedExpression) -> AttributeType:
    if expression.type is None:
        raise ValueError("the type of an output is not known")
    return expression.type
