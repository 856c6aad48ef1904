"""Which clock everything of an app goes by: from watermarked streams through queries to what they make.

A query goes by the watermarks of all watermarked streams that its rows come from. Where it reads a stream that goes by
fewer of them, it reads a copy of that stream in its own domain; where it inserts into a stream that goes by more, its
rows wait at the entrance of that domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final

from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.aggregations import AggregationPlan
from eventflux.planner.logical.event_time import EventTime, LatePolicy, TimeDomain, TimedStream, TimePort, Watermark
from eventflux.planner.logical.nodes import Contains, JoinSide, Lookup, QueryPlan, Scan
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.reading import scans
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span

Bases = frozenset[str]
"""The watermarked streams that something goes by."""

_APP: Final = ""
"""Stands among the bases of what also gets rows by the app's clock."""

_PLAN_MODULE: Final = "eventflux.planner.logical."


@record(frozen=True, slots=True, kw_only=True)
class TimedPlans:
    """An app with its clocks.

    Attributes:
        time: The domains.
        queries: With their domains, reading and filling the streams of these.
        aggregations: The same.
    """

    time: EventTime
    queries: tuple[QueryPlan, ...]
    aggregations: tuple[AggregationPlan, ...]


@record(frozen=True, slots=True, kw_only=True)
class Relations:
    """What queries read and fill.

    Attributes:
        streams: Attributes of each stream.
        inner: Streams within partitions -> their partition.
        faults: Fault streams -> the streams whose failed rows they have.
        windows: Names of named windows.
    """

    streams: Mapping[str, Schema]
    inner: Mapping[str, str]
    faults: Mapping[str, str]
    windows: frozenset[str]


def timed(
    relations: Relations,
    watermarks: Sequence[Watermark],
    queries: Sequence[QueryPlan],
    aggregations: Sequence[AggregationPlan],
    diagnostics: Diagnostics,
) -> TimedPlans:
    """Give queries and relations their clocks; what cannot be is noted."""
    if not watermarks:
        return TimedPlans(time=EventTime(), queries=tuple(queries), aggregations=tuple(aggregations))
    arranger = _Arranger(
        relations=relations,
        watermarks={mark.stream: mark for mark in watermarks},
        queries=tuple(queries),
        aggregations=tuple(aggregations),
        diagnostics=diagnostics,
    )
    return arranger.arranged()


@dataclass(slots=True, kw_only=True)
class _Arranger:
    relations: Relations
    watermarks: Mapping[str, Watermark]
    queries: tuple[QueryPlan, ...]
    aggregations: tuple[AggregationPlan, ...]
    diagnostics: Diagnostics
    bases: dict[str, Bases] = field(default_factory=dict)
    numbers: dict[Bases, int] = field(default_factory=dict)
    ports: dict[Bases, list[TimePort]] = field(default_factory=dict)
    made: dict[str, TimedStream] = field(default_factory=dict)
    made_in: dict[str, Bases] = field(default_factory=dict)

    def arranged(self) -> TimedPlans:
        self._settle_implied()
        self._spread()
        of_queries = [self._of_query(query) for query in self.queries]
        of_aggregations = [_without_app(self._of_rows(scans(each.root))) for each in self.aggregations]
        for query, bases in zip(self.queries, of_queries, strict=True):
            self._check(query, bases)
        for aggregation, bases in zip(self.aggregations, of_aggregations, strict=True):
            self._check_mix(scans(aggregation.root), bases, aggregation.span)
        if self.diagnostics.has_errors:
            return TimedPlans(time=EventTime(), queries=self.queries, aggregations=self.aggregations)
        self._number([*of_queries, *of_aggregations, *self.bases.values()])
        queries = tuple(self._moved(query, bases) for query, bases in zip(self.queries, of_queries, strict=True))
        aggregations = tuple(
            replace(each, root=self._reading(each.root, bases)) if bases else each
            for each, bases in zip(self.aggregations, of_aggregations, strict=True)
        )
        relations = {name: self.numbers[bases] for name, bases in (self.bases | self.made_in).items() if bases}
        relations |= {
            each.name: self.numbers[bases]
            for each, bases in zip(self.aggregations, of_aggregations, strict=True)
            if bases
        }
        partitions = {
            query.partition.name: query.domain for query in queries if query.partition is not None and query.domain > 0
        }
        time = EventTime(
            domains=tuple(self._domain(bases) for bases in self.numbers),
            relations=relations,
            partitions=partitions,
            streams=tuple(self.made.values()),
        )
        return TimedPlans(time=time, queries=queries, aggregations=aggregations)

    # ---- what goes by which streams

    def _settle_implied(self) -> None:
        """Leave a watermark that a window function implies only to what has no other event time."""
        implied = [mark for mark in self.watermarks.values() if mark.implied]
        self.watermarks = {mark.stream: mark for mark in self.watermarks.values() if not mark.implied}
        for mark in implied:
            self._spread()
            if not self.bases[mark.stream]:
                self.watermarks = {**self.watermarks, mark.stream: mark}

    def _spread(self) -> None:
        """Bases of all relations: they grow along the queries until nothing changes."""
        names = [*self.relations.streams, *self.relations.windows]
        filled = {query.target for query in self.queries if query.target is not None} | {*self.relations.faults}
        flow: dict[str, set[str]] = {name: set() if name in filled else {_APP} for name in names}
        flow |= {name: {name} for name in self.watermarks}
        for mark in self.watermarks.values():
            if mark.late_stream in flow and mark.late_stream not in self.watermarks:
                flow[mark.late_stream].add(_APP)
        changed = True
        while changed:
            changed = False
            for query in self.queries:
                if query.target in flow and query.target not in self.watermarks:
                    more = {base for scan in self._read_with(query) for base in flow.get(scan.stream, {_APP})}
                    changed = changed or not more <= flow[query.target]
                    flow[query.target] |= more
            for fault, stream in self.relations.faults.items():
                changed = changed or not flow[stream] <= flow[fault]
                flow[fault] |= flow[stream]
        self.bases = {name: _without_app(frozenset(found)) for name, found in flow.items()}

    def _read_with(self, query: QueryPlan) -> tuple[Scan, ...]:
        """What a query reads; of a partition what all its queries read from outside."""
        if query.partition is None:
            return scans(query.root)
        return tuple(
            scan
            for each in self.queries
            if each.partition is not None and each.partition.name == query.partition.name
            for scan in scans(each.root)
            if scan.stream not in self.relations.inner
        )

    def _of_query(self, query: QueryPlan) -> Bases:
        return _without_app(self._of_rows(self._read_with(query)))

    def _of_rows(self, read: Iterable[Scan]) -> Bases:
        found: set[str] = set()
        for scan in read:
            found |= self.bases.get(scan.stream, frozenset()) or {_APP}
        return frozenset(found)

    # ---- what cannot be

    def _check(self, query: QueryPlan, bases: Bases) -> None:
        read = self._read_with(query)
        self._check_mix(read, bases, query.span)
        for content in _asked(query.root):
            is_read = any(scan.stream == content for scan in read)
            if content in self.relations.windows and not is_read and self.bases[content] != bases:
                self.diagnostics.error(
                    query.span,
                    ErrorCode.EVENT_TIME_MISMATCH,
                    f"window '{content}' goes by another time than the rows that ask it",
                )
        for scan in read:
            if scan.stream in self.relations.windows and self.bases[scan.stream] != bases:
                self.diagnostics.error(
                    scan.span,
                    ErrorCode.EVENT_TIME_MISMATCH,
                    f"window '{scan.stream}' goes by another time than what it is joined with",
                )
        target = query.target
        if _APP in bases or target is None or target in self.watermarks:
            return
        if bases and _APP in self.bases.get(target, frozenset()):
            self.diagnostics.error(
                query.span,
                ErrorCode.EVENT_TIME_MISMATCH,
                f"'{target}' gets rows with event time and rows without",
                "let the queries fill two streams",
            )

    def _check_mix(self, read: Sequence[Scan], bases: Bases, span: Span) -> None:
        if _APP not in bases:
            return
        timed_scan = next((scan for scan in read if self._is_timed(scan)), None)
        other = next((scan for scan in read if not self._is_timed(scan)), None)
        if timed_scan is None or other is None:
            return
        self.diagnostics.error(
            other.span or span,
            ErrorCode.EVENT_TIME_MISMATCH,
            f"'{timed_scan.stream}' has event time and '{other.stream}' has not",
            f"give '{other.stream}' a WATERMARK, or keep its rows in a table",
        )

    def _is_timed(self, scan: Scan) -> bool:
        bases = self.bases.get(scan.stream, frozenset())
        return bool(bases) and _APP not in bases

    # ---- domains

    def _number(self, wanted: Sequence[Bases]) -> None:
        found = dict.fromkeys(frozenset((name,)) for name in self.watermarks)
        found |= dict.fromkeys(
            sorted({bases for bases in wanted if len(bases) > 1}, key=lambda each: (len(each), sorted(each)))
        )
        self.numbers = {bases: number for number, bases in enumerate(found, 1)}
        self.ports = {bases: [] for bases in self.numbers}
        for name in self.watermarks:
            self.ports[frozenset((name,))].append(TimePort(source=None, stream=name))

    def _domain(self, bases: Bases) -> TimeDomain:
        number = self.numbers[bases]
        ports = tuple(self.ports[bases])
        names = tuple(name for name in self.watermarks if name in bases)
        mark = self.watermarks[names[0]] if len(names) == 1 else None
        accepts = all(self.watermarks[name].late is LatePolicy.ACCEPT for name in names)
        late = LatePolicy.ACCEPT if accepts else LatePolicy.DROP
        return TimeDomain(number=number, watermark=mark, bases=names, ports=ports, late=late)

    def _copy(self, stream: str, bases: Bases) -> str:
        """The copy of a stream in the domain of these bases."""
        name = f"{stream}~{'+'.join(sorted(bases))}"
        if name not in self.made:
            self.made[name] = TimedStream(name=name, schema=self.relations.streams[stream], copy_of=stream)
            self.made_in[name] = bases
            self.ports[bases].append(TimePort(source=stream, stream=name))
        return name

    def _waiting(self, bases: Bases, target: str) -> str:
        """Where rows of the domain of `bases` wait for the time of `target`."""
        name = f"{target}~from~{'+'.join(sorted(bases))}"
        if name not in self.made:
            self.made[name] = TimedStream(name=name, schema=self.relations.streams[target])
            self.made_in[name] = bases
            self.ports[self.bases[target]].append(TimePort(source=name, stream=target))
        return name

    # ---- queries in their domains

    def _moved(self, query: QueryPlan, bases: Bases) -> QueryPlan:
        if not bases:
            return query
        target = query.target
        outer = self.bases.get(target, frozenset()) if target is not None else frozenset()
        if target is not None and target in self.relations.streams and target not in self.watermarks and outer != bases:
            target = self._waiting(bases, target)
        partition = query.partition
        if partition is not None:
            partition = self._keyed(partition, bases)
        return replace(
            query,
            root=self._reading(query.root, bases),
            target=target,
            partition=partition,
            domain=self.numbers[bases],
        )

    def _keyed(self, partition: PartitionPlan, bases: Bases) -> PartitionPlan:
        keys = tuple(replace(key, stream=self._read(key.stream, bases)) for key in partition.keys)
        return replace(partition, keys=keys)

    def _read(self, stream: str, bases: Bases) -> str:
        of_stream = self.bases.get(stream, bases)
        is_copied = stream in self.relations.streams and stream not in self.relations.inner
        return self._copy(stream, bases) if is_copied and of_stream and of_stream != bases else stream

    def _reading(self, node: Any, bases: Bases) -> Any:
        """The same part of a plan over the streams of a domain."""
        if isinstance(node, Scan):
            stream = self._read(node.stream, bases)
            return node if stream == node.stream else replace(node, stream=stream)
        if isinstance(node, JoinSide) and node.is_static:
            return node
        if not is_dataclass(node) or isinstance(node, type):
            return node
        changed: dict[str, Any] = {}
        for each in fields(node):
            value = getattr(node, each.name)
            if isinstance(value, tuple):
                parts = tuple(self._reading(part, bases) if _is_plan(part) else part for part in value)
                if any(new is not old for new, old in zip(parts, value, strict=True)):
                    changed[each.name] = parts
            elif _is_plan(value):
                new = self._reading(value, bases)
                if new is not value:
                    changed[each.name] = new
        return replace(node, **changed) if changed else node


def _without_app(bases: Bases) -> Bases:
    """Bases of what goes by the app's clock alone: none."""
    return frozenset() if bases == {_APP} else bases


def _is_plan(value: object) -> bool:
    return type(value).__module__.startswith(_PLAN_MODULE)


def _asked(node: Any) -> set[str]:
    """What a plan asks beside its rows."""
    found: set[str] = set()
    if isinstance(node, (Contains, Lookup)):
        found.add(node.content)
    if isinstance(node, JoinSide) and node.content is not None:
        found.add(node.content)
    if is_dataclass(node) and not isinstance(node, type):
        for each in fields(node):
            value = getattr(node, each.name)
            for part in value if isinstance(value, tuple) else (value,):
                if _is_plan(part):
                    found |= _asked(part)
    return found
