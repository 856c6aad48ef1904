"""Text to plan: the one entry point of the planner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Generic

from eventflux.engine.builder import EngineBuilder
from eventflux.engine.builder import Node as NativeNode
from eventflux.extension import ExtensionRegistry, TableDefinition
from eventflux.language.ast import EventFluxApp, StreamDefinition, UpsertValues
from eventflux.planner.binder.app import AppBinder, BoundApp
from eventflux.planner.binder.inserts import Seed
from eventflux.planner.binder.stream_options import StreamOptions
from eventflux.planner.catalog import Catalog, RelationKind
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.emit.aggregations import add_aggregation
from eventflux.planner.emit.listing import ListedGraph
from eventflux.planner.emit.native import NativeGraph, OperatorMaker
from eventflux.planner.emit.outside import AllStores, OutsideStores
from eventflux.planner.emit.partitions import PartitionEmitter
from eventflux.planner.emit.queries import QueryEmitter
from eventflux.planner.emit.refused import RefusedError
from eventflux.planner.emit.tables import OutsideContent, add_table
from eventflux.planner.emit.target import GraphTarget, Node, ProgramT
from eventflux.planner.emit.times import add_entrance
from eventflux.planner.emit.triggers import add_trigger
from eventflux.planner.emit.windows import add_named_window
from eventflux.planner.host_functions import HostFunction, HostFunctions, ScriptFunction
from eventflux.planner.logical.aggregations import UTC, AggregationPlan
from eventflux.planner.logical.event_time import EventTime, explain_domain
from eventflux.planner.logical.explain import explain_query
from eventflux.planner.logical.explanations import ExplainedQuery
from eventflux.planner.logical.nodes import TRIGGER_SCHEMA, NamedWindowPlan, QueryPlan, TriggerPlan
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.tables import TablePlan
from eventflux.planner.rewrite.rules import COMMON_SUBEXPRESSIONS, HASH_JOIN, RULE_NAMES, rewrite
from eventflux.planner.room import with_room
from eventflux.planner.settings import AppSettings, Playback, read_settings
from eventflux.types.diagnostic import Diagnostic, in_order
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import ValidationError
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import NO_SPAN, SourceText, Span


@record(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """A stream of the app.

    Attributes:
        name: As queries name it; of hidden ones a name that no text can have.
        schema: Its attributes.
        definition: In the text; None where a query makes it.
        options: What the definition says beside the attributes.
        is_hidden: Made by the planner for a subquery or UNION ALL.
        partition: Name of the partition that it is a stream within.
        fault_of: Name of the stream whose failed rows it has.
        span: Of the definition's name, or of the target of the first query that inserts into it.
    """

    name: str
    schema: Schema
    definition: StreamDefinition | None = field(default=None, compare=False, repr=False)
    options: StreamOptions = field(default_factory=StreamOptions)
    is_hidden: bool = False
    partition: str | None = None
    fault_of: str | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class EmittedApp:
    """Where the parts of a plan are in an engine's graph.

    Attributes:
        streams: Name of each stream -> its node, for input and for listeners.
        tables: Name of each table -> the stream of what is inserted into it, and the table.
        windows: Name of each named window -> the node that publishes its rows, for listeners.
        aggregations: Name of each aggregation -> the node that is asked.
        queries: Name of each query of the text -> its last operator, for listeners.
        schemas: Node of each stream and of the last operator of each query -> the attributes of its rows.
        spans: Node of each operator -> the part of the text that it comes from.
        entrances: Watermarked stream -> the operator that puts its rows in order.
    """

    streams: Mapping[str, NativeNode]
    tables: Mapping[str, tuple[NativeNode, NativeNode]]
    windows: Mapping[str, NativeNode]
    aggregations: Mapping[str, NativeNode]
    queries: Mapping[str, NativeNode]
    schemas: Mapping[NativeNode, Schema]
    spans: Mapping[NativeNode, Span]
    entrances: Mapping[str, NativeNode]


@record(frozen=True, slots=True, kw_only=True)
class _Relations(Generic[ProgramT]):
    """What queries read, in a graph, and what adds queries to it."""

    emitter: QueryEmitter[ProgramT]
    sources: Mapping[str, Node]
    tables: Mapping[str, tuple[Node, Node]]
    aggregations: Mapping[str, Node]
    entrances: Mapping[int, Node]


@record(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an app does: built once from its text, emitted into any number of engines.

    Attributes:
        source: The text.
        settings: Of the app.
        streams: In order of definition, then those that queries make, in text order.
        tables: In text order.
        windows: Named windows, in text order.
        time: The clocks beside that of the app, and what goes by them.
        aggregations: In text order.
        triggers: In text order.
        queries: In the order in which they are emitted; hidden ones before the query that they belong to.
        logical_queries: The same before rewriting.
        catalog: What on-demand queries can name.
        scripts: Functions that the text defines.
        seeds: Rows that enter when the app starts, in text order; `UPSERT ... VALUES` is run on demand then.
        host_functions: What programs call outside the engine, by number.
        warnings: By place.
        switched_off: Rewrites that were not done.
        explained: Queries whose rows are explained, with the hidden streams that do it.
        zone: IANA name of the zone whose calendar cron expressions follow.
    """

    source: SourceText
    settings: AppSettings
    streams: tuple[StreamPlan, ...]
    tables: tuple[TablePlan, ...]
    windows: tuple[NamedWindowPlan, ...]
    aggregations: tuple[AggregationPlan, ...]
    triggers: tuple[TriggerPlan, ...]
    queries: tuple[QueryPlan, ...]
    time: EventTime
    logical_queries: tuple[QueryPlan, ...] = field(repr=False)
    catalog: Catalog = field(compare=False, repr=False)
    scripts: Mapping[str, ScriptFunction] = field(default_factory=dict, compare=False, repr=False)
    seeds: tuple[Seed | UpsertValues, ...] = ()
    host_functions: tuple[HostFunction, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    switched_off: frozenset[str] = frozenset()
    explained: tuple[ExplainedQuery, ...] = ()
    zone: str = UTC

    def stream(self, name: str) -> StreamPlan | None:
        """The stream of that name, if it is one that a text can name."""
        return next((stream for stream in self.streams if stream.name == name and not stream.is_hidden), None)

    def query(self, name: str) -> QueryPlan | None:
        """The query of that name."""
        return next((query for query in self.queries if query.name == name and not query.is_hidden), None)

    def emit(
        self, builder: EngineBuilder, maker: OperatorMaker | None = None, stores: OutsideStores | None = None
    ) -> EmittedApp:
        """Build the graph of an engine; sealing it is left to the caller.

        Host functions keep the numbers of the plan: the engine has to know them under these.

        Raises:
            ValidationError: The engine refuses a part of the plan, such as a constant that is no regular expression.
        """
        try:
            relations = self._relations(NativeGraph(builder, maker, stores), stores)
        except RefusedError as refused:
            place = Diagnostic.at(self.source, refused.span, ErrorCode.INVALID_DEFINITION, refused.reason.message)
            raise ValidationError(place) from refused.reason
        emitter = relations.emitter
        names = [stream.name for stream in self.streams] + [trigger.name for trigger in self.triggers]
        streams = {name: relations.sources[name] for name in names}
        windows = {window.name: relations.sources[window.name] for window in self.windows}
        queries: dict[str, NativeNode] = {}
        schemas = {NativeNode(streams[stream.name]): stream.schema for stream in self.streams}
        schemas |= {NativeNode(streams[trigger.name]): TRIGGER_SCHEMA for trigger in self.triggers}
        schemas |= {NativeNode(relations.tables[table.name][0]): table.schema for table in self.tables}
        schemas |= {NativeNode(windows[window.name]): window.schema for window in self.windows}
        for query in self.queries:
            try:
                last = NativeNode(emitter.emit(query))
            except RefusedError as refused:
                message = f"query {query.name}: {refused.reason.message}"
                place = Diagnostic.at(self.source, refused.span, ErrorCode.INVALID_QUERY, message)
                raise ValidationError(place) from refused.reason
            schemas[last] = query.root.schema
            if not query.is_hidden:
                queries[query.name] = last
        return EmittedApp(
            streams={name: NativeNode(node) for name, node in streams.items()},
            tables={name: (NativeNode(into), NativeNode(node)) for name, (into, node) in relations.tables.items()},
            windows={name: NativeNode(node) for name, node in windows.items()},
            aggregations={name: NativeNode(node) for name, node in relations.aggregations.items()},
            queries=queries,
            schemas=schemas,
            spans={NativeNode(node): span for node, span in emitter.spans.items()},
            entrances={
                domain.watermark.stream: NativeNode(relations.entrances[domain.number])
                for domain in self.time.domains
                if domain.watermark is not None
            },
        )

    def explain(self, stores: OutsideStores | None = None) -> str:
        """The logical plan, what rewriting made of it, and the operators and programs.

        Args:
            stores: Of the tables outside, which say what they take of conditions; None: as if they took everything.
        """
        domains = [explain_domain(domain) for domain in self.time.domains]
        logical = "\n".join([*domains, *(explain_query(query) for query in self.logical_queries)])
        rewritten = "\n".join([*domains, *(explain_query(query) for query in self.queries)])
        parts = ["logical plan", logical]
        if rewritten != logical:
            parts += ["", "rewritten plan", rewritten]
        return "\n".join([*parts, "", "native plan", self.listing(stores)])

    def listing(self, stores: OutsideStores | None = None) -> str:
        """The operators and programs that `emit` builds."""
        graph = ListedGraph()
        emitter = self._relations(graph, stores).emitter
        for query in self.queries:
            emitter.emit(query)
        return "\n".join(graph.lines)

    def _relations(self, graph: GraphTarget[ProgramT], stores: OutsideStores | None) -> _Relations[ProgramT]:
        """Add streams and named windows to a graph; gives what adds queries to it."""
        for _ in self.time.domains:
            graph.time_domain()
        partitions = {partition.name: self._partition(graph, partition) for partition in self.partitions}
        sources: dict[str, Node] = {}
        for stream in self.streams:
            if stream.partition is not None:
                graph.enter_partition(partitions[stream.partition])
            graph.enter_time(self.time.relations.get(stream.name, 0))
            sources[stream.name] = graph.stream(stream.name, stream.schema.types)
            graph.enter_time(0)
            graph.enter_partition(None)
        for stream in self.streams:
            if stream.fault_of is not None:
                graph.fault_stream(sources[stream.fault_of], sources[stream.name])
        for made in self.time.streams:
            if made.copy_of is not None:
                graph.copy_of(sources[made.name], sources[made.copy_of])
        entrances = {domain.number: add_entrance(graph, domain, sources) for domain in self.time.domains}
        targets = dict(sources)
        for trigger in self.triggers:
            targets[trigger.name] = sources[trigger.name] = add_trigger(graph, trigger)
        for window in self.windows:
            graph.enter_time(self.time.relations.get(window.name, 0))
            targets[window.name], sources[window.name] = add_named_window(graph, window)
            graph.enter_time(0)
        tables = {table.name: add_table(graph, table) for table in self.tables}
        contents = {table.name: (tables[table.name][1], table.schema) for table in self.tables}
        contents |= {window.name: (sources[window.name], window.schema) for window in self.windows}
        targets |= {name: entrance for name, (entrance, _) in tables.items()}
        inner = {stream.name: stream.partition for stream in self.streams if stream.partition is not None}
        readers = PartitionEmitter(graph=graph, nodes=partitions, streams=sources, inner=inner)
        emitter = QueryEmitter(
            graph,
            sources,
            targets,
            contents,
            outside=self.outside(stores or AllStores()),
            shares=COMMON_SUBEXPRESSIONS not in self.switched_off,
            uses_keys=HASH_JOIN not in self.switched_off,
            partitions=readers,
        )
        aggregations: dict[str, Node] = {}
        for aggregation in self.aggregations:
            graph.enter_time(self.time.relations.get(aggregation.name, 0))
            node = aggregations[aggregation.name] = add_aggregation(emitter, aggregation)
            graph.enter_time(0)
            contents[aggregation.name] = (node, aggregation.content_schema)
        return _Relations(
            emitter=emitter, sources=sources, tables=tables, aggregations=aggregations, entrances=entrances
        )

    def outside(self, stores: OutsideStores) -> dict[str, OutsideContent]:
        """The tables outside, by name."""
        return {
            table.name: OutsideContent(table.name, table.schema, stores)
            for table in self.tables
            if table.store is not None
        }

    @property
    def partitions(self) -> tuple[PartitionPlan, ...]:
        """The partitions of all queries, in the order of their first queries."""
        found: dict[str, PartitionPlan] = {}
        for query in self.queries:
            if query.partition is not None:
                found.setdefault(query.partition.name, query.partition)
        return tuple(found.values())

    def _partition(self, graph: GraphTarget[ProgramT], partition: PartitionPlan) -> Node:
        purge = partition.purge
        interval, idle = (0, 0) if purge is None else (purge.interval_ms, purge.idle_ms)
        graph.enter_time(self.time.partitions.get(partition.name, 0))
        node = graph.partition(partition.name, interval_ms=interval, idle_ms=idle)
        graph.enter_time(0)
        return node

    def __str__(self) -> str:
        return self.explain()


@record(frozen=True, slots=True, kw_only=True)
class PlannerOptions:
    """How a plan is made.

    Attributes:
        switched_off: Names of rewrites that are not done, out of `RULE_NAMES`.
        stream_properties: Stream -> properties that the configuration gives where the text does not.
        tables: Tables that the text may name without defining them.
        zone: IANA name of the zone whose calendar aggregations and cron expressions follow.
        tells_events: Queries over patterns get copies that tell the events of each match: `Plan.explained`.
    """

    switched_off: frozenset[str] = frozenset()
    stream_properties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, TableDefinition] = field(default_factory=dict)
    zone: str = UTC
    tells_events: bool = False

    def __post_init__(self) -> None:
        unknown = self.switched_off - set(RULE_NAMES)
        if unknown:
            raise ValueError(f"no rewrite {min(unknown)!r}; there are: {', '.join(RULE_NAMES)}")


def check(
    app: EventFluxApp, registry: ExtensionRegistry, options: PlannerOptions | None = None
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with an app, and every warning, by place. Never raises for a bad app."""
    chosen = options or PlannerOptions()

    def found() -> tuple[Diagnostic, ...]:
        diagnostics = Diagnostics(app.source)
        _bind(app, registry, diagnostics, chosen)
        return in_order([*diagnostics.errors, *diagnostics.warnings])

    try:
        return with_room(app, found)
    except ValidationError as error:
        return error.diagnostics


def plan(
    app: EventFluxApp,
    registry: ExtensionRegistry,
    *,
    playback: bool | None = None,
    options: PlannerOptions | None = None,
) -> Plan:
    """Plan an app.

    Args:
        app: As parsed.
        registry: All that the text can name.
        playback: Event time drives the clock, or not, whatever the text says; None: as the text says.
        options: How the plan is made.

    Raises:
        ValidationError: The text does not make sense; the error holds everything that is wrong, by place.
        ExtensionNotFoundError: Nothing is wrong but that extensions are missing.
    """
    chosen = options or PlannerOptions()
    return with_room(app, lambda: _planned(app, registry, chosen, playback=playback))


def _planned(app: EventFluxApp, registry: ExtensionRegistry, chosen: PlannerOptions, *, playback: bool | None) -> Plan:
    diagnostics = Diagnostics(app.source)
    binder, made = _bind(app, registry, diagnostics, chosen)
    diagnostics.raise_errors()
    settings = binder.settings
    if playback is not None:
        settings = replace(settings, playback=(settings.playback or Playback()) if playback else None)
    streams = tuple(
        StreamPlan(
            name=entry.name,
            schema=entry.schema,
            definition=entry.definition,
            options=made.options.get(entry.name, StreamOptions()),
            is_hidden=entry.is_hidden or entry.partition is not None,
            partition=entry.partition,
            fault_of=entry.fault_of,
            span=entry.span,
        )
        for entry in made.entries
        if entry.kind is RelationKind.STREAM and entry.schema is not None
    )
    streams += tuple(StreamPlan(name=each.name, schema=each.schema, is_hidden=True) for each in made.time.streams)
    return Plan(
        source=app.source,
        settings=settings,
        streams=streams,
        tables=made.tables,
        windows=made.windows,
        aggregations=made.aggregations,
        triggers=made.triggers,
        queries=tuple(rewrite(query, chosen.switched_off) for query in made.queries),
        time=made.time,
        logical_queries=made.queries,
        catalog=binder.catalog,
        scripts=binder.scripts,
        seeds=made.seeds,
        host_functions=tuple(binder.host_functions.functions),
        warnings=diagnostics.warnings,
        switched_off=chosen.switched_off,
        explained=made.explained,
        zone=chosen.zone,
    )


def _bind(
    app: EventFluxApp, registry: ExtensionRegistry, diagnostics: Diagnostics, options: PlannerOptions
) -> tuple[AppBinder, BoundApp]:
    binder = AppBinder(
        app=app,
        registry=registry,
        settings=read_settings(app, diagnostics),
        diagnostics=diagnostics,
        host_functions=HostFunctions(),
        configured=options.stream_properties,
        published=options.tables,
        zone=options.zone,
        tells_events=options.tells_events,
    )
    return binder, binder.bind()
