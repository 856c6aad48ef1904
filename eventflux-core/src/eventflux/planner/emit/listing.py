"""A listing as a target: what would be built, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

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
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.aggregations import UTC, AggregationPlan
from eventflux.planner.logical.nodes import Match, Pattern, RateLimit, Window, WindowFunction, WindowParameter
from eventflux.planner.logical.tables import TablePlan
from eventflux.planner.typed.nodes import ConstantValue
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

BATCHES_KEPT = frozenset({"length_batch", "time_batch"})
"""Windows of which a join may keep all batches."""


@dataclass(slots=True)
class ListedProgram:
    """Instructions as lines: `r2 = add_int r0 r1`."""

    input_types: tuple[AttributeType, ...]
    lines: list[str] = field(default_factory=list)
    _registers: int = 0
    _depth: int = 0

    def column(self, index: int) -> Register:
        return self._write(f"column {index}")

    def constant(self, value: ConstantValue, type: AttributeType) -> Register:
        shown = "null" if value is None else repr(value)
        return self._write(f"{type.name.lower()} {shown}")

    def call(self, operation: str, *registers: Register) -> Register:
        return self._write(" ".join([operation, *(f"r{register}" for register in registers)]))

    def host_call(self, function: int, returns: AttributeType, *registers: Register) -> Register:
        arguments = " ".join(f"r{register}" for register in registers)
        return self._write(f"host {function} -> {returns.name.lower()} {arguments}".rstrip())

    @contextmanager
    def mask(self, register: Register, *, when: bool) -> Iterator[None]:
        self._line(f"where {'' if when else 'not '}r{register}")
        self._depth += 1
        yield
        self._depth -= 1

    def output(self, register: Register) -> None:
        self._line(f"out r{register}")

    def _write(self, text: str) -> Register:
        register = self._registers
        self._registers += 1
        self._line(f"r{register} = {text}")
        return Register(register)

    def _line(self, text: str) -> None:
        self.lines.append("  " * self._depth + text)


@dataclass(slots=True)
class ListedGraph:
    """The graph as lines: one a stream or operator, programs indented below."""

    lines: list[str] = field(default_factory=list)
    _nodes: int = 0

    def program(self, input_types: Sequence[AttributeType]) -> ListedProgram:
        return ListedProgram(input_types=tuple(input_types))

    def stream(self, name: str, types: Sequence[AttributeType]) -> Node:
        return self._node(f"stream {name} ({_types(types)})")

    def fault_stream(self, stream: Node, fault: Node) -> None:
        self.lines.append(f"  rows of n{stream} that fail go to n{fault}")

    def query(self, name: str) -> None:
        self.lines.append(f"query {name}")

    def filter(self, node: Node, condition: ListedProgram) -> Node:
        return self._node(f"filter n{node}", condition)

    def map(self, node: Node, columns: ListedProgram) -> Node:
        return self._node(f"map n{node}", columns)

    def host_window(self, node: Node, window: Window, *, wants_expired: bool) -> Node:
        if window.appended is not None:
            names = ", ".join(window.schema.names)
            return self._node(f"call n{node} {window.declaration.qualified_name} in Python -> {names}")
        expired = "" if wants_expired else " without expired"
        arguments = ", ".join(f"{given.parameter.name}={given.value!r}" for given in window.arguments)
        return self._node(f"window n{node} {window.declaration.qualified_name}({arguments}) in Python{expired}")

    def host_aggregates(
        self,
        node: Node,
        calls: Sequence[AggregateCall],
        *,
        schema: Schema,
        prepared_types: Sequence[AttributeType],
        group_keys: int,
    ) -> Node:
        names = ", ".join(call.name for call in calls)
        keys = f" by {group_keys} keys" if group_keys else ""
        return self._node(f"aggregates n{node} {names} in Python{keys}")

    def window(self, node: Node, name: str, parameters: Sequence[WindowParameter], *, wants_expired: bool) -> Node:
        arguments = ", ".join(_parameter(parameter) for parameter in parameters)
        expired = "" if wants_expired else " without expired"
        return self._node(f"window n{node} {name}({arguments}){expired}")

    def window_function(self, node: Node, function: WindowFunction, *, wants_expired: bool) -> Node:
        time = "the clock" if function.time_column is None else f"column {function.time_column}"
        text = f"{function.kind.name.lower()} n{node} {function.size} ms every {function.hop} ms by {time}"
        if function.offset:
            text += f" from {function.offset} ms"
        expired = "" if wants_expired else " without expired"
        return self._node(f"{text}, {function.emission.name.lower().replace('_', ' ')}{expired}")

    def expression_window(
        self, node: Node, parts: WindowCondition[ListedProgram], *, is_batch: bool, wants_expired: bool
    ) -> Node:
        text = f"window n{node} {'expression_batch' if is_batch else 'expression'}"
        for aggregate in parts.parts.aggregates:
            argument = "" if aggregate.argument_output is None else f"out {aggregate.argument_output}"
            text += f", {aggregate.name}({argument})"
        flags = (
            ("including the last", parts.includes),
            ("at once", parts.streams),
            ("without expired", not wants_expired),
        )
        text += "".join(f", {name}" for name, is_set in flags if is_set)
        programs = {"condition": parts.condition}
        if parts.arguments is not None:
            programs = {"arguments": parts.arguments, **programs}
        return self._node(text, **programs)

    def select(
        self,
        node: Node,
        parts: SelectParts,
        *,
        arguments: ListedProgram | None,
        outputs: ListedProgram,
        having: ListedProgram | None,
    ) -> Node:
        kinds = [kind for kind, wanted in (("current", parts.current), ("expired", parts.expired)) if wanted]
        text = f"select n{node} {' and '.join(kinds)}, {parts.visible} visible"
        if parts.keeps_all:
            text += ", whole batches"
        if parts.group_keys:
            text += f", {parts.group_keys} group keys"
        for aggregate in parts.aggregates:
            argument = "" if aggregate.argument_output is None else f"out {aggregate.argument_output}"
            text += f", {aggregate.name}({argument})"
            if aggregate.filter_output is not None:
                text += f" where out {aggregate.filter_output}"
        for key in parts.order:
            direction = " desc" if key.descending else ""
            text += f", order {key.output}{direction}{' nulls first' if key.nulls_first else ''}"
        if parts.limit is not None:
            text += f", limit {parts.limit}"
        if parts.offset:
            text += f", offset {parts.offset}"
        named = (("arguments", arguments), ("outputs", outputs), ("having", having))
        return self._node(text, **{name: program for name, program in named if program is not None})

    def join(
        self,
        sides: tuple[JoinInput, JoinInput],
        searches: tuple[ConditionParts[ListedProgram], ConditionParts[ListedProgram]],
        *,
        wants_expired: bool,
        keeps_batches: bool,
    ) -> Node:
        shown = " with ".join(_join_side(side) for side in sides)
        programs: dict[str, ListedProgram] = {}
        for name, other, search in (("left", "right", searches[0]), ("right", "left", searches[1])):
            if search.keys is not None:
                tests = ", ".join(
                    f"column {column} {comparison.name.lower()} out {key}"
                    for comparison, column, key in search.conjuncts
                )
                by = f"the store: {search.shown}" if search.outside else tests
                programs[f"{name} finds {other} by {by}"] = search.keys
            if search.residual is not None:
                programs[f"{name} tests {other}"] = search.residual
        said = "" if wants_expired else " without expired"
        if keeps_batches and any(side.window in BATCHES_KEPT for side in sides):
            said += ", all batches kept"
        return self._node(f"join {shown}{said}", **programs)

    def rate_limit(self, node: Node, limit: RateLimit) -> Node:
        text = f"rate n{node} {limit.mode.value} every {limit.every} {'ms' if limit.by_time else 'events'}"
        text += f", {len(limit.schema)} visible"
        if limit.keys:
            text += f", keys {' '.join(map(str, limit.keys))}"
        if limit.aggregates:
            text += f", aggregates {' '.join(map(str, sorted(limit.aggregates)))}"
        if limit.windowed:
            text += ", windowed"
        if limit.partitioned:
            text += ", partitioned"
        return self._node(text)

    def trigger(self, *, period_ms: int | None, cron: str | None, sunday_is_1: bool) -> Node:
        return self._node(f"trigger every {period_ms} ms" if cron is None else f"trigger cron {cron!r}")

    def partition(self, name: str, *, interval_ms: int, idle_ms: int) -> Node:
        self.lines.append(f"partition {name}")
        purge = f" purge of {idle_ms} ms idle every {interval_ms} ms" if interval_ms else ""
        return self._node(f"partition{purge}")

    def enter_partition(self, partition: Node | None) -> None:
        pass

    def time_domain(self) -> None:
        pass

    def enter_time(self, domain: int) -> None:
        pass

    def copy_of(self, stream: Node, original: Node) -> None:
        self.lines.append(f"  n{stream} is a copy of n{original}")

    def entrance(self, parts: EntranceParts) -> Node:
        ports = ", ".join(
            f"{'outside' if source is None else f'n{source}'} into n{stream}" for source, stream in parts.ports
        )
        text = f"entrance of time {parts.domain}: {ports}"
        if parts.ports[0][0] is None:
            text += f", by column {parts.time_column}, {parts.delay_ms} ms behind"
        if parts.idle_ms:
            text += f", idle after {parts.idle_ms} ms"
        return self._node(f"{text}, late {parts.late.name.lower()}")

    def route(self, node: Node, keys: ListedProgram, labels: Sequence[str]) -> Node:
        return self._node(f"route n{node}{' by ' if labels else ''}{', '.join(map(repr, labels))}", keys)

    def route_all(self, node: Node) -> Node:
        return self._node(f"route n{node} to all keys")

    def gate(self, node: Node, *, current: bool, expired: bool) -> Node:
        kinds = [kind for kind, wanted in (("current", current), ("expired", expired)) if wanted]
        return self._node(f"gate n{node} {' and '.join(kinds)}")

    def table(self, entrance: Node, *, primary_key: Sequence[int], indexes: Sequence[int]) -> Node:
        text = f"table n{entrance}"
        if primary_key:
            text += f", primary key {' '.join(map(str, primary_key))}"
        if indexes:
            text += f", indexes {' '.join(map(str, indexes))}"
        return self._node(text)

    def outside_table(self, entrance: Node, table: TablePlan) -> Node:
        name = "object" if table.store is None or table.store.declaration is None else table.store.declaration.name
        return self._node(f"table n{entrance} in store {name}")

    def aggregation(self, node: Node, aggregation: AggregationPlan) -> Node:
        durations = " ".join(duration.name.lower() for duration in aggregation.durations)
        items = ", ".join(
            f"{item.kind.name.lower()}({'' if item.column is None else item.column})" for item in aggregation.items
        )
        keys = f", keys {' '.join(map(str, aggregation.keys))}" if aggregation.keys else ""
        time = "column 0" if aggregation.has_time else "arrival"
        if aggregation.zone != UTC:
            time += f" in {aggregation.zone}"
        if aggregation.store is not None and aggregation.store.declaration is not None:
            time += f", kept by store {aggregation.store.declaration.name}"
        return self._node(f"aggregation n{node} every {durations} by {time}{keys}: {items}")

    def contains(self, node: Node, content: Node, condition: ConditionParts[ListedProgram]) -> Node:
        return self._node(f"contains n{node} in n{content}{_conjuncts(condition)}", **_programs(condition))

    def lookup(self, node: Node, content: Node, condition: ConditionParts[ListedProgram]) -> Node:
        return self._node(f"lookup n{node} in n{content}{_conjuncts(condition)}", **_programs(condition))

    def change(self, node: Node, table: Node, parts: ChangeParts[ListedProgram]) -> Node:
        kinds = [kind for kind, wanted in (("current", parts.current), ("expired", parts.expired)) if wanted]
        text = f"{parts.kind.name.lower()} n{node} of n{table} {' and '.join(kinds)}{_conjuncts(parts.condition)}"
        if parts.outside:
            text += ", all of it by the store"
        elif parts.columns:
            text += f", set {' '.join(map(str, parts.columns))}"
        programs = _programs(parts.condition)
        if parts.values is not None:
            programs["values"] = parts.values
        return self._node(text, **programs)

    def pattern(
        self, inputs: Sequence[Node], pattern: Pattern, programs: Sequence[StatePrograms[ListedProgram]]
    ) -> Node:
        ports = ", ".join(f"n{node}" for node in inputs)
        kind = "sequence" if pattern.is_sequence else "pattern"
        named = {
            f"state {number} {name}": program
            for number, pair in enumerate(programs)
            for name, program in (("own", pair.own), ("condition", pair.condition))
            if program is not None
        }
        kind = f"timeouts of {kind}" if pattern.gives_timeouts else kind
        return self._node(f"{kind} {ports}: {len(pattern.states)} states, {len(pattern.captures)} columns", **named)

    def match(self, node: Node, match: Match, programs: Sequence[StatePrograms[ListedProgram]]) -> Node:
        named = {
            f"{variable.name} {name}": program
            for variable, pair in zip(match.variables, programs, strict=True)
            for name, program in (("own", pair.own), ("condition", pair.condition))
            if program is not None
        }
        kept = " ".join(map(str, match.kept)) or "nothing"
        head = "timeouts of match" if match.gives_timeouts else "match"
        text = f"{head} n{node}: {len(match.positions)} positions, keeps {kept}, {len(match.captures)} columns"
        return self._node(text, **named)

    def insert(self, node: Node, stream: Node, *, current: bool, expired: bool) -> None:
        kinds = [kind for kind, wanted in (("current", current), ("expired", expired)) if wanted]
        self.lines.append(f"  insert n{node} into n{stream} {' and '.join(kinds)}")

    def _node(self, text: str, program: ListedProgram | None = None, **programs: ListedProgram) -> Node:
        node = self._nodes
        self._nodes += 1
        indent = "" if text.startswith("stream ") else "  "
        self.lines.append(f"{indent}n{node} = {text}")
        if program is not None:
            self.lines.extend(f"      {line}" for line in program.lines)
        for name, part in programs.items():
            self.lines.append(f"      {name}:")
            self.lines.extend(f"        {line}" for line in part.lines)
        return Node(node)


def _join_side(side: JoinInput) -> str:
    parts = ["nothing" if side.node is None else f"n{side.node}"]
    if side.window is not None:
        parts.append(f"{side.window}({', '.join(_parameter(parameter) for parameter in side.parameters)})")
    if side.content is not None:
        parts.append(f"content n{side.content}")
    if not side.triggers:
        parts.append("only searched")
    if side.preserved:
        parts.append("preserved")
    return f"({' '.join(parts)})"


def _types(types: Sequence[AttributeType]) -> str:
    return ", ".join(each.name.lower() for each in types)


def _parameter(parameter: WindowParameter) -> str:
    if parameter.column is not None:
        return f"{parameter.name} = column {parameter.column}"
    shown = "null" if parameter.value is None else repr(parameter.value)
    return f"{parameter.name} = {parameter.type.name.lower()} {shown}"


def _conjuncts(condition: ConditionParts[ListedProgram]) -> str:
    asked = f", the store finds {condition.shown}" if condition.outside else ""
    tests = (f", column {column} {comparison.name} out {key}" for comparison, column, key in condition.conjuncts)
    return asked + "".join(tests)


def _programs(condition: ConditionParts[ListedProgram]) -> dict[str, ListedProgram]:
    named = (("keys", condition.keys), ("residual", condition.residual))
    return {name: program for name, program in named if program is not None}
