"""The whole text: definitions first, then queries, each bound once.

SQL links a text in two passes: a query may read what a later one makes, so a query that is read before its turn is
bound then. EventFluxQL reads what is defined, or what an earlier query makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eventflux import extension
from eventflux.extension import ExtensionRegistry
from eventflux.language.ast import (
    AggregationDefinition,
    EventFluxApp,
    Explain,
    FunctionDefinition,
    InsertValues,
    Query,
    QueryDefinition,
    RelationName,
    ReturnEvents,
    Statement,
    StreamDefinition,
    TableDefinition,
    TriggerDefinition,
    UpsertValues,
    WindowDefinition,
)
from eventflux.language.ast import RelationKind as Prefix
from eventflux.planner.binder import definitions
from eventflux.planner.binder.aggregations import bind_aggregation, lost_aggregation
from eventflux.planner.binder.context import BindContext, PartitionBlock
from eventflux.planner.binder.inserts import Seed, bind_values
from eventflux.planner.binder.mutations import ChangingRows, is_mutation, plan_change
from eventflux.planner.binder.outputs import OutputKinds
from eventflux.planner.binder.partitions import bind_partition
from eventflux.planner.binder.pending import PendingQuery, partition_blocks, pending_queries
from eventflux.planner.binder.queries import BoundBranch, bind_branches, kinds_of
from eventflux.planner.binder.scripts import bind_function
from eventflux.planner.binder.stream_options import StreamOptions, read_stream_options
from eventflux.planner.binder.tables import table_plan
from eventflux.planner.binder.targets import Targets
from eventflux.planner.binder.watermarks import late_span, read_watermark
from eventflux.planner.catalog import Catalog, Entry, RelationKind
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.event_time import Relations, TimedPlans, timed
from eventflux.planner.host_functions import HostFunctions, ScriptFunction
from eventflux.planner.logical.aggregations import UTC, AggregationPlan
from eventflux.planner.logical.event_time import EventTime, Watermark
from eventflux.planner.logical.explanations import ExplainedQuery, elements_of
from eventflux.planner.logical.nodes import NamedWindowPlan, Node, QueryPlan, TriggerPlan
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.tables import StorePlan, TablePlan
from eventflux.planner.settings import AppSettings
from eventflux.types.attribute_type import AttributeType
from eventflux.types.dialect import Dialect
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span

ERROR_ATTRIBUTE: Final = "_error"
"""What a fault stream has beside the attributes of its stream."""


@record(frozen=True, slots=True, kw_only=True)
class BoundApp:
    """What a text means: everything but how it is run."""

    entries: tuple[Entry, ...]
    options: Mapping[str, StreamOptions]
    tables: tuple[TablePlan, ...]
    windows: tuple[NamedWindowPlan, ...]
    aggregations: tuple[AggregationPlan, ...]
    triggers: tuple[TriggerPlan, ...]
    queries: tuple[QueryPlan, ...]
    time: EventTime
    seeds: tuple[Seed | UpsertValues, ...]
    explained: tuple[ExplainedQuery, ...]


@dataclass(slots=True, kw_only=True)
class AppBinder:
    """Binds one text; `diagnostics` holds what is wrong afterwards.

    Attributes:
        configured: Properties of streams that the configuration gives.
        published: Tables that are there without a definition in the text.
        zone: IANA name of the zone whose calendar aggregations follow.
        tells_events: Queries over patterns get copies that tell the events of each match.
    """

    app: EventFluxApp
    registry: ExtensionRegistry
    settings: AppSettings
    diagnostics: Diagnostics
    host_functions: HostFunctions
    configured: Mapping[str, Mapping[str, str]]
    published: Mapping[str, extension.TableDefinition] = field(default_factory=dict)
    zone: str = UTC
    tells_events: bool = False
    catalog: Catalog = field(default_factory=Catalog)
    _scripts: dict[str, ScriptFunction] = field(default_factory=dict)
    _options: dict[str, StreamOptions] = field(default_factory=dict)
    _tables: list[TablePlan] = field(default_factory=list)
    _windows: list[NamedWindowPlan] = field(default_factory=list)
    _aggregations: list[AggregationPlan] = field(default_factory=list)
    _aggregation_texts: dict[str, AggregationDefinition] = field(default_factory=dict)
    _triggers: list[TriggerPlan] = field(default_factory=list)
    _watermarks: list[Watermark] = field(default_factory=list)
    _pending: dict[int, PendingQuery] = field(default_factory=dict)
    _producers: dict[str, list[int]] = field(default_factory=dict)
    _plans: dict[int, tuple[QueryPlan, ...]] = field(default_factory=dict)
    _partitions: dict[str, PartitionPlan] = field(default_factory=dict)
    _explained: list[ExplainedQuery] = field(default_factory=list)
    _started: set[int] = field(default_factory=set)
    # The queries that are being bound, the innermost last, with the names of WITH and the plans of subqueries of each.
    _current: list[int] = field(default_factory=list)
    _locals: list[dict[str, Entry]] = field(default_factory=list)
    _hidden: list[list[QueryPlan]] = field(default_factory=list)

    def bind(self) -> BoundApp:
        """Bind everything."""
        statements = tuple(_unwrapped(statement) for statement in self.app.statements)
        for statement in statements:
            self._define(statement)
        self._add_published()
        for statement in statements:
            if isinstance(statement, AggregationDefinition):
                self._aggregation(statement)
        self._collect(statements)
        for number in sorted(self._pending):
            self._bind_pending(number)
        plans = self._timed()
        return BoundApp(
            entries=self.catalog.entries,
            options=self._options,
            tables=tuple(self._tables),
            windows=tuple(self._windows),
            aggregations=plans.aggregations,
            triggers=tuple(self._triggers),
            queries=plans.queries,
            time=plans.time,
            seeds=self._seeds(statements),
            explained=tuple(self._explained),
        )

    def _timed(self) -> TimedPlans:
        """The queries and aggregations with their clocks."""
        for mark in self._watermarks:
            self._check_late(mark)
        streams = {
            entry.name: entry.schema
            for entry in self.catalog.entries
            if entry.kind is RelationKind.STREAM and entry.schema is not None
        }
        return timed(
            Relations(
                streams=streams,
                inner={entry.name: entry.partition for entry in self.catalog.entries if entry.partition is not None},
                faults={entry.name: entry.fault_of for entry in self.catalog.entries if entry.fault_of in streams},
                windows=frozenset(window.name for window in self._windows),
            ),
            () if self.diagnostics.has_errors else self._watermarks,
            [self._partitioned(plan) for number in sorted(self._plans) for plan in self._plans[number]],
            self._aggregations,
            self.diagnostics,
        )

    def _check_late(self, mark: Watermark) -> None:
        """The stream of late rows has to be there, with the same attributes."""
        if mark.late_stream is None:
            return
        of, target = self.catalog.find(mark.stream), self.catalog.find(mark.late_stream)
        assert of is not None
        assert of.definition is not None
        if target is None or target.kind is not RelationKind.STREAM or target.is_hidden:
            self.diagnostics.error(
                late_span(of.definition),
                ErrorCode.UNDEFINED_RELATION,
                f"no stream '{mark.late_stream}' for late rows of '{mark.stream}'",
                self.catalog.hint(mark.late_stream),
            )
        elif of.schema is not None and target.schema is not None and of.schema.types != target.schema.types:
            self.diagnostics.error(
                late_span(of.definition),
                ErrorCode.COLUMN_MISMATCH,
                f"late rows of '{mark.stream}' do not fit '{target.name}'",
                f"'{mark.stream}' has {of.schema}; '{target.name}' has {target.schema}",
            )

    def _context(self, dialect: Dialect, query: str = "", block: PartitionBlock | None = None) -> BindContext:
        return BindContext(
            diagnostics=self.diagnostics,
            registry=self.registry,
            scripts=self._scripts,
            host_functions=self.host_functions,
            dialect=dialect,
            three_valued=self.settings.three_valued_logic and dialect is Dialect.SQL,
            query=query,
            block=block,
            match_limit=self.settings.match_limit,
            zone=self.zone,
            event_times={mark.stream: mark.column for mark in self._watermarks},
        )

    @property
    def scripts(self) -> Mapping[str, ScriptFunction]:
        """Functions that the text defines, by name."""
        return self._scripts

    # ---- definitions

    def _define(self, statement: Statement) -> None:
        match statement:
            case StreamDefinition():
                context = self._context(statement.dialect)
                entry = definitions.stream_entry(context, statement)
                if self._add(entry):
                    configured = self.configured.get(entry.name, {})
                    options = read_stream_options(context, statement, entry.schema, configured)
                    self._options[entry.name] = options
                    if options.has_fault_stream:
                        self._define_fault_stream(entry)
                    mark = read_watermark(context, statement, entry.schema, options.properties)
                    if mark is not None:
                        self._watermarks.append(mark)
            case TableDefinition():
                self._table(statement)
            case WindowDefinition():
                self._window(statement)
            case TriggerDefinition():
                self._trigger(statement)
            case AggregationDefinition():
                self._add(lost_aggregation(statement))
            case FunctionDefinition():
                self._function(statement)
            case _:
                pass

    def _define_fault_stream(self, entry: Entry) -> None:
        if entry.schema is None:
            return
        if entry.schema.find(ERROR_ATTRIBUTE) is not None:
            self.diagnostics.error(
                entry.span,
                ErrorCode.INVALID_DEFINITION,
                f"stream {entry.name} has an attribute '{ERROR_ATTRIBUTE}': its fault stream has one of that name",
            )
            return
        error = Attribute(ERROR_ATTRIBUTE, AttributeType.OBJECT)
        self.catalog.add(
            Entry(
                name=f"{Prefix.FAULT.value}{entry.name}",
                kind=RelationKind.STREAM,
                schema=Schema((*entry.schema, error)),
                span=entry.span,
                shapes=entry.shapes,
                fault_of=entry.name,
            )
        )

    def _table(self, statement: TableDefinition) -> None:
        context = self._context(statement.dialect)
        entry = definitions.table_entry(context, statement)
        if entry.schema is None:
            self._add(entry)
            return
        table = table_plan(context, statement, entry.schema)
        if self._add(replace(entry, primary_key=table.primary_key)):
            self._tables.append(table)

    def _add_published(self) -> None:
        for name, definition in self.published.items():
            if self.catalog.find(name) is not None:
                continue
            positions = [definition.schema.position(key) for key in definition.primary_key]
            key = tuple(position for position in positions if position is not None)
            self.catalog.add(Entry(name=name, kind=RelationKind.TABLE, schema=definition.schema, primary_key=key))
            store = StorePlan(declaration=None)
            self._tables.append(TablePlan(name=name, schema=definition.schema, primary_key=key, store=store))

    def _trigger(self, statement: TriggerDefinition) -> None:
        context = self._context(statement.dialect)
        if self._add(definitions.trigger_entry(context, statement)):
            trigger = definitions.trigger_plan(context, statement)
            if trigger is not None:
                self._triggers.append(trigger)

    def _window(self, statement: WindowDefinition) -> None:
        context = self._context(statement.dialect)
        entry = definitions.window_entry(context, statement)
        if self._add(entry):
            window = definitions.named_window(context, statement, entry.schema)
            if window is not None:
                self._windows.append(window)

    def _aggregation(self, statement: AggregationDefinition) -> None:
        """Bound when all streams are known; until then its name is taken."""
        name = statement.name.name
        known = self.catalog.find(name)
        if known is None or known.kind is not RelationKind.AGGREGATION:
            return
        if known.span != statement.name.span:
            if self._aggregation_texts.get(name) != statement:
                self._refuse_second(name, known, statement.name.span)
            return
        self._aggregation_texts[name] = statement
        aggregation = bind_aggregation(self._context(statement.dialect, name), self, statement)
        if aggregation is not None:
            self.catalog.add(replace(known, schema=aggregation.schema, aggregation=aggregation))
            self._aggregations.append(aggregation)

    def _refuse_second(self, name: str, known: Entry, span: Span) -> None:
        place = self.app.source.position(known.span.start)
        self.diagnostics.error(
            span,
            ErrorCode.DUPLICATE_DEFINITION,
            f"aggregation '{name}' is already defined at {place.line}:{place.column} otherwise",
        )

    def _add(self, entry: Entry) -> bool:
        """Add a definition; False if the name is taken, which is an error unless it says the same."""
        known = self.catalog.find(entry.name)
        if known is None:
            self.catalog.add(entry)
            return True
        same_kind = known.kind is entry.kind
        if same_kind and (known.schema is None or entry.schema is None or known.schema.same_layout(entry.schema)):
            return False
        place = self.app.source.position(known.span.start)
        what = "with other attributes" if same_kind else f"as a {known.kind.value}"
        self.diagnostics.error(
            entry.span,
            ErrorCode.DUPLICATE_DEFINITION,
            f"'{entry.name}' is already defined at {place.line}:{place.column} {what}",
            None if known.schema is None else f"there it has: {known.schema}",
        )
        return False

    def _function(self, statement: FunctionDefinition) -> None:
        name = statement.name.name
        if name in self._scripts:
            self.diagnostics.error(
                statement.name.span, ErrorCode.DUPLICATE_DEFINITION, f"function '{name}' is already defined"
            )
            return
        script = bind_function(self._context(statement.dialect), statement)
        if script is not None:
            self._scripts[name] = script

    # ---- queries

    def _collect(self, statements: Sequence[Statement]) -> None:
        """Note the queries, and which streams they make."""
        blocks = partition_blocks(statements, self.diagnostics)
        for block in blocks:
            self._check_statements(block)
        for pending in pending_queries(statements, blocks, self.diagnostics, tells_events=self.tells_events):
            self._pending[pending.number] = pending
            if pending.target_name is not None:
                self._producers.setdefault(pending.target_name, []).append(pending.number)
            if pending.view is not None:
                known = self.catalog.find(pending.view.name)
                if known is not None and known.kind is not RelationKind.STREAM:
                    self.diagnostics.error(
                        pending.view.span,
                        ErrorCode.DUPLICATE_DEFINITION,
                        f"'{known.name}' is already defined as a {known.kind.value}",
                    )

    def _check_statements(self, block: PartitionBlock) -> None:
        for inner in block.statement.statements:
            statement = inner.statement if isinstance(inner, QueryDefinition) else inner
            if isinstance(statement, (InsertValues, UpsertValues)):
                self.diagnostics.error(
                    statement.span,
                    ErrorCode.INVALID_QUERY,
                    "VALUES have no partition key",
                    "write the rows outside of the partition",
                )

    def _bind_block(self, block: PartitionBlock) -> None:
        """Bind the keys of a block. Meanwhile it has none: a query that makes one of its streams may stand in it."""
        self._partitions[block.name] = PartitionPlan(name=block.name, keys=())
        context = self._context(block.statement.dialect, block.name)
        self._partitions[block.name] = bind_partition(context, self, block.statement, block.name)

    def _in_block(self, block: PartitionBlock, plans: Sequence[QueryPlan]) -> tuple[QueryPlan, ...]:
        """The queries as parts of the block, and so the hidden streams between them."""
        for plan in plans:
            entry = None if plan.target is None else self.catalog.find(plan.target)
            if entry is not None and entry.is_hidden:
                self.catalog.add(replace(entry, partition=block.name))
        inside = PartitionPlan(name=block.name, keys=())
        return tuple(plan if plan.partition is not None else replace(plan, partition=inside) for plan in plans)

    def _partitioned(self, plan: QueryPlan) -> QueryPlan:
        """The query with the keys of its block, which are all known now."""
        if plan.partition is None:
            return plan
        return replace(plan, partition=self._partitions.get(plan.partition.name, plan.partition))

    def _bind_pending(self, number: int) -> None:
        if number in self._started:
            return
        self._started.add(number)
        self._current.append(number)
        self._locals.append({})
        self._hidden.append([])
        block = self._pending[number].block
        if block is not None and block.name not in self._partitions:
            self._bind_block(block)
        made = self._bind_query(self._pending[number])
        pending = self._pending[number]
        if pending.gives_timeouts or pending.explains is not None:
            made = tuple(replace(plan, is_hidden=True) for plan in made)
        plans = (*self._hidden.pop(), *made)
        if pending.explains is not None:
            self._note_explained(pending, plans)
        self._plans[number] = plans if block is None else self._in_block(block, plans)
        self._locals.pop()
        self._current.pop()

    def _bind_query(self, pending: PendingQuery) -> tuple[QueryPlan, ...]:
        query = pending.query
        context = self._context(query.dialect, pending.name, pending.block)
        context = replace(context, gives_timeouts=pending.gives_timeouts, tells_events=pending.explains is not None)
        self._common_tables(context, query)
        branches = bind_branches(context, self, query)
        if isinstance(query.output, ReturnEvents):
            self.diagnostics.error(
                query.output.span, ErrorCode.INVALID_QUERY, "return is for anonymous and on-demand queries only"
            )
            return ()
        if not branches:
            return ()
        if is_mutation(query.output):
            return self._bind_mutation(context, pending, branches)
        if pending.target_name is None:
            return ()
        # The first query of the text decides about the attributes of a stream, whichever is bound first.
        first = self._producers[pending.target_name][0]
        if first < pending.number and self.catalog.find(pending.target_name) is None:
            self._bind_pending(first)
        return Targets(self.catalog).insert(context, pending, branches, kinds_of(query))

    def _note_explained(self, pending: PendingQuery, plans: tuple[QueryPlan, ...]) -> None:
        entry = None if pending.target_name is None else self.catalog.find(pending.target_name)
        if entry is None or entry.schema is None or pending.explains is None:
            return
        self.catalog.add(replace(entry, is_hidden=True))
        self._explained.append(
            ExplainedQuery(name=pending.explains, stream=entry.name, schema=entry.schema, elements=elements_of(plans))
        )

    def _bind_mutation(
        self, context: BindContext, pending: PendingQuery, branches: Sequence[BoundBranch]
    ) -> tuple[QueryPlan, ...]:
        branch, hidden = Targets(self.catalog).joined(context, branches, kinds_of(pending.query), pending.query.span)
        output = pending.query.output
        assert output is not None
        assert not isinstance(output, ReturnEvents)
        rows = ChangingRows(
            node=branch.node,
            scope=branch.scope,
            selection=branch.selection,
            has_selection=branch.query.selection is not None,
            kinds=kinds_of(pending.query) if not hidden else OutputKinds(current=True, expired=False),
            name=pending.name,
            span=pending.query.span,
            rate=branch.rate,
        )
        plan = plan_change(context, self, rows, output)
        return () if plan is None else (*hidden, replace(plan, partition=branch.partition))

    def _common_tables(self, context: BindContext, query: Query) -> None:
        for table in query.common_tables:
            name = table.name.name
            if name in self._locals[-1]:
                self.diagnostics.error(table.name.span, ErrorCode.DUPLICATE_NAME, f"'{name}' is defined twice by WITH")
                continue
            entry = self.subquery(table.query, name, table.name.span, context)
            if entry is None:
                entry = Entry(name=name, kind=RelationKind.STREAM, schema=None, span=table.name.span)
            self._locals[-1][name] = entry

    # ---- relations, as binders of queries see them

    def relation(self, name: RelationName, context: BindContext) -> Entry | None:
        """See `Relations.relation`."""
        text = str(name)
        if name.kind is Prefix.FAULT:
            return self._fault_stream(name)
        if name.kind is Prefix.INNER and context.block is not None:
            text = context.block.inner(name)
        for scope in reversed(self._locals):
            if text in scope:
                return scope[text]
        self._make_known(text, context)
        entry = self.catalog.find(text)
        if entry is not None and not entry.is_hidden and self._is_visible(entry, context):
            return entry
        hint = self.catalog.hint(text)
        if name.kind is Prefix.INNER and context.block is None:
            hint = "inner streams exist within partitions only"
        elif name.kind is Prefix.INNER:
            hint = "a query of this partition has to insert into it first"
        elif entry is not None:
            hint = "a later query makes it: define it, or write that query first"
        elif any(number in self._current for number in self._producers.get(text, ())):
            hint = f"define the stream: the query that makes '{text}' reads what this query makes"
        self.diagnostics.error(
            name.span,
            ErrorCode.UNDEFINED_RELATION,
            f"no stream, table, window, trigger or aggregation '{name}'",
            hint,
        )
        return None

    def subquery(self, query: Query, stem: str, span: Span, context: BindContext) -> Entry | None:
        """See `Relations.subquery`."""
        inner = context.for_query(f"{context.query}/{stem}")
        self._locals.append({})
        self._common_tables(inner, query)
        branches = bind_branches(inner, self, query)
        self._locals.pop()
        if not branches:
            return None
        entry, plans = Targets(self.catalog).hidden(inner, branches, kinds_of(query), stem, span)
        self._hidden[-1].extend(plans)
        return entry

    def joined(
        self, node: Node, stem: str, span: Span, context: BindContext, partition: PartitionPlan | None = None
    ) -> Entry:
        """See `Relations.joined`."""
        entry, query = Targets(self.catalog).rows_of(context.for_query(f"{context.query}/{stem}"), node, stem, span)
        self._hidden[-1].append(replace(query, partition=partition))
        return entry

    def watermark_of(self, stream: str) -> Watermark | None:
        """See `Relations.watermark_of`."""
        return next((mark for mark in self._watermarks if mark.stream == stream), None)

    def timed(self, node: Node, column: int, stem: str, span: Span, context: BindContext) -> Entry:
        """See `Relations.timed`."""
        entry = self.joined(node, stem, span, context)
        self._watermarks.append(Watermark(stream=entry.name, column=column, implied=True, span=span))
        return entry

    def _make_known(self, name: str, context: BindContext) -> None:
        """Bind the query that makes a stream, if there is none of that name yet."""
        for number in self._producers.get(name, ()):
            if self.catalog.find(name) is not None:
                return
            if context.is_sql or number < self._current[-1]:
                self._bind_pending(number)

    def _is_visible(self, entry: Entry, context: BindContext) -> bool:
        """EventFluxQL sees a stream that a query makes only behind that query."""
        return context.is_sql or entry.inferred_at is None or entry.inferred_at < self._current[-1]

    def _fault_stream(self, name: RelationName) -> Entry | None:
        stream = self.catalog.find(name.name.name)
        entry = self.catalog.find(name)
        if entry is not None:
            return entry
        self.diagnostics.error(
            name.span,
            ErrorCode.UNDEFINED_RELATION,
            f"no fault stream '{name}'",
            None if stream is None else f"@OnError(action='STREAM') on stream {name.name.name} makes it",
        )
        return None

    # ---- rows of the text

    def _seeds(self, statements: Sequence[Statement]) -> tuple[Seed | UpsertValues, ...]:
        seeds: list[Seed | UpsertValues] = []
        for statement in statements:
            inner = statement.statement if isinstance(statement, QueryDefinition) else statement
            match inner:
                case InsertValues():
                    seed = bind_values(self._context(inner.dialect), self.catalog, inner)
                    if seed is not None:
                        seeds.append(seed)
                case UpsertValues():
                    seeds.append(inner)
                case _:
                    pass
        return tuple(seeds)


def _unwrapped(statement: Statement) -> Statement:
    """The statement that EXPLAIN is about."""
    while isinstance(statement, Explain):
        statement = statement.statement
    return statement
