"""One running app: engine, listeners, connectors, clock, state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import Self

from eventflux.engine.builder import EngineBuilder, Node
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import Event, EventBatch, Input, Layout
from eventflux.engine.version import __version__
from eventflux.extension.environment import Cancellable
from eventflux.extension.kinds.error_store import ErrorEntry
from eventflux.extension.kinds.handlers import HandlerContext, TableHandler, TableHandlerFactory
from eventflux.extension.kinds.persistence_store import ChecksHealth, PersistenceStore, Reachability
from eventflux.extension.nearest import by_nearness
from eventflux.io.failures import FailureOutlets
from eventflux.io.sink_runtime import SinkRuntime
from eventflux.io.source_runtime import SourceRuntime
from eventflux.language.ast import UpsertValues
from eventflux.planner.emit.zones import zone_changes
from eventflux.planner.logical.nodes import TRIGGER_SCHEMA
from eventflux.planner.plan import EmittedApp, Plan
from eventflux.planner.settings import Playback
from eventflux.runtime.async_streams import AsyncStreams, async_streams
from eventflux.runtime.checkpoint_figures import CheckpointFigures
from eventflux.runtime.checkpoints import Checkpoints, require_store
from eventflux.runtime.context import EventFluxContext
from eventflux.runtime.engine_settings import EngineSettings
from eventflux.runtime.extension_context import ElementContext
from eventflux.runtime.failures import FailureListener, Failures, describe
from eventflux.runtime.health import Health, examine
from eventflux.runtime.host_functions import HostFunctions
from eventflux.runtime.host_operators import HostOperators
from eventflux.runtime.idle_clock import IdleClock
from eventflux.runtime.input_handler import InputHandler, send_merged
from eventflux.runtime.lifecycle import Lifecycle, RuntimeState
from eventflux.runtime.match_explanations import MatchExplanation, MatchExplanations
from eventflux.runtime.metrics import LEVELS, Metrics, StatisticsLevel, measure
from eventflux.runtime.on_demand import OnDemandQueries, QueryParameters
from eventflux.runtime.outside_tables import OutsideTables
from eventflux.runtime.periodic_checkpoints import PeriodicCheckpoints
from eventflux.runtime.persistence_settings import PersistenceSettings
from eventflux.runtime.replay import ErrorReplay
from eventflux.runtime.scheduler import Scheduler
from eventflux.runtime.stream_connectors import StreamConnectors, read_connectors
from eventflux.runtime.stream_faults import StreamFaults
from eventflux.runtime.table_input_handler import TableInputHandler
from eventflux.runtime.table_records import TableRecords
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.errors import (
    ErrorStoreError,
    EventDataError,
    EventFluxError,
    RuntimeStateError,
    UndefinedQueryError,
    UndefinedStreamError,
)
from eventflux.types.schema import Schema

if TYPE_CHECKING:
    from eventflux.runtime.async_iteration import StreamIterator

StreamCallback = Callable[[EventBatch], object]
QueryCallback = Callable[[int, "EventBatch | None", "EventBatch | None"], object]

logger = logging.getLogger("eventflux.runtime")

_STARTABLE: Final = (RuntimeState.CREATED, RuntimeState.STOPPED)
_LONGEST_SHUTDOWN: Final = 3600.0
_LIVE: Final = (RuntimeState.RUNNING, RuntimeState.PAUSED)


class EventFluxAppRuntime:
    """An app that can be started, fed and listened to. Made by `EventFluxManager.create_eventflux_app_runtime`."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        context: EventFluxContext,
        settings: EngineSettings,
        on_closed: Callable[[EventFluxAppRuntime], None],
        persistence: PersistenceSettings | None = None,
        *,
        explains_matches: bool = False,
    ) -> None:
        self.name = name
        self._plan = plan
        self._explains_matches = explains_matches
        self._context = context
        self._on_closed = on_closed
        self._persistence = persistence or PersistenceSettings()
        self._restored: str | None = None
        self._restored_by_hand: str | None = None
        self._started: float | None = None
        self._memory_limit = settings.memory_limit
        self._statistics: StatisticsLevel = "basic"
        self._lifecycle = Lifecycle(name)
        self._failures = Failures(name)
        self._playback = settings.playback
        self._lock = threading.RLock()  # start, shutdown and registration of listeners, one at a time
        self._listened: list[tuple[Node, Callable[..., object]]] = []
        self._handlers: dict[str, InputHandler] = {}
        self._iterators: list[StreamIterator] = []
        self._schemas = {stream.name: stream.schema for stream in plan.streams if not stream.is_hidden}
        self._schemas |= {trigger.name: TRIGGER_SCHEMA for trigger in plan.triggers}
        self._tables = {table.name: table.schema for table in plan.tables}
        self._windows = {window.name: window.schema for window in plan.windows}
        self._engine = Engine(
            playback=settings.playback,
            memory_limit=settings.memory_limit,
            slice_rows=settings.slice_rows,
            depth_first=settings.depth_first,
            seed=settings.seed,
            zone=zone_changes(plan.zone),
        )
        try:
            self._outside = OutsideTables(
                plan.tables,
                aggregations=plan.aggregations,
                published=context.tables,
                shared=context.data_sources,
                environment=context.environment,
                clock=self._now,
                records=None
                if context.error_store is None
                else TableRecords(name, context.error_store, context.environment),
                handler_of=partial(_table_handler, name, context.table_handlers),
            )
            self._functions = HostFunctions(self._engine, plan.host_functions, self._context_of, name)
            self._emitted = self._build()
            self._layouts = self._make_layouts()
            # In playback the answer depends on the events alone: no thread between a sender and what follows.
            rings = {} if settings.playback else async_streams(plan.streams, is_default=plan.settings.is_async)
            self._async = AsyncStreams(
                self._engine,
                rings,
                context.environment,
                f"eventflux-{name}-consumer",
                lambda error: self._failures.report("consumer", describe(error), error=error),
            )
            for stream, options in self._async.options.items():
                node = self._emitted.streams[stream]
                native = self._engine.async_input(node, self._layouts[node], options)
                self._handlers[stream] = InputHandler(self._engine, native, stream, self._schemas[stream], node)
                self._async.opened(stream, node)
            connectors = read_connectors(plan, context.registry)
            outlets = FailureOutlets(
                stream_input=self.input_handler,
                stream_schema=self._schemas.__getitem__,
                error_store=context.error_store,
                fail=self._fail,
            )
            self._faults = StreamFaults(
                name, settings=connectors, streams=self._schemas, environment=context.environment, outlets=outlets
            )
            self._connectors = StreamConnectors(
                name,
                streams=self._schemas,
                settings=connectors,
                environment=context.environment,
                input_of=self.input_handler,
                outlets=outlets,
                listen=self.add_callback,
                now=self._now,
                failures=self._failures,
                settle=self._settle,
                source_handlers=context.source_handlers,
                sink_handlers=context.sink_handlers,
                is_checkpointed=lambda: context.persistence_store is not None,
                connects=plan.settings.connects_transports,
            )
        except BaseException:
            self._engine.close()
            raise
        self._scheduler = Scheduler(
            self._engine,
            context.environment,
            f"eventflux-{name}-timers",
            lambda error: self._failures.report("timers", describe(error), error=error),
        )
        self._idle_clock = self._make_idle_clock(plan.settings.playback)
        self._checkpoints = Checkpoints(
            name,
            self._engine,
            self._functions,
            self._connectors,
            self._async.drain,
            context.environment,
            __version__,
        )
        self._periodic = PeriodicCheckpoints(
            self._save_periodically,
            self._persistence.checkpoint_interval_ms,
            context.environment,
            lambda error: self._failures.report("checkpoint", describe(error), error=error),
        )
        self._on_demand = OnDemandQueries(
            app=name,
            engine=self._engine,
            plan=plan,
            registry=context.registry,
            nodes={
                **self._emitted.windows,
                **{name: node for name, (_, node) in self._emitted.tables.items()},
                **self._emitted.aggregations,
            },
            playback=self._playback,
            failures=self._failures,
            context_of=self._context_of,
            outside=plan.outside(self._outside),
        )
        try:
            for seed in plan.seeds:
                if isinstance(seed, UpsertValues):
                    self._on_demand.prepare(seed)
        except BaseException:
            self._on_demand.close()
            self._engine.close()
            raise
        self._explanations = MatchExplanations()
        for query in plan.explained:
            layout = self._engine.layout(query.stream, query.schema)
            self._engine.listen(self._emitted.streams[query.stream], layout, self._explanations.listener(query))
        self._engine.refuse(self._lifecycle.refuse_input)

    def _build(self) -> EmittedApp:
        self._engine.on_exception(self._listener_failed)
        self._engine.on_failure(self._rows_failed)
        builder = EngineBuilder(self._engine)
        emitted = self._plan.emit(builder, HostOperators(self._context_of, self._engine.layout), self._outside)
        builder.seal()
        return emitted

    def _context_of(self, element: str) -> ElementContext:
        return ElementContext(app_name=self.name, element=element, attributes=self._context.attributes, clock=self._now)

    def _now(self) -> int:
        return self._engine.now if self._playback else self._context.environment.wall_clock()

    def _settle(self) -> None:
        """Run what has been accepted to its end, and call listeners with what came out."""
        self._async.drain()
        self._engine.deliver()

    def _make_layouts(self) -> dict[Node, Layout]:
        layouts: dict[Node, Layout] = {}
        for name, schema in self._schemas.items():
            node = self._emitted.streams[name]
            layouts[node] = self._engine.layout(name, schema)
            self._engine.describe(node, layouts[node])
        for table in self._plan.tables:
            node, _ = self._emitted.tables[table.name]
            layouts[node] = self._engine.layout(table.name, table.schema)
            self._engine.describe(node, layouts[node])
        for window in self._plan.windows:
            node = self._emitted.windows[window.name]
            layouts[node] = self._engine.layout(window.name, window.schema)
            self._engine.describe(node, layouts[node])
        for query in self._plan.queries:
            if not query.is_hidden:
                layouts[self._emitted.queries[query.name]] = self._engine.layout(query.name, query.root.schema)
        return layouts

    # ---- what there is

    @property
    def state(self) -> str:
        """`created`, `starting`, `running`, `paused`, `draining`, `stopped` or `failed`."""
        return self._lifecycle.state.value

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the planner found worth saying."""
        return self._plan.warnings

    @property
    def streams(self) -> Mapping[str, Schema]:
        """Streams by name, defined or made by a query."""
        return MappingProxyType(self._schemas)

    @property
    def tables(self) -> Mapping[str, Schema]:
        """Tables by name."""
        return MappingProxyType(self._tables)

    @property
    def windows(self) -> Mapping[str, Schema]:
        """Named windows by name."""
        return MappingProxyType(self._windows)

    @property
    def aggregations(self) -> Mapping[str, Schema]:
        """Incremental aggregations by name, with the attributes of their buckets."""
        return {aggregation.name: aggregation.schema for aggregation in self._plan.aggregations}

    @property
    def queries(self) -> tuple[str, ...]:
        """Names of the queries, in text order."""
        return tuple(self._emitted.queries)

    @property
    def sources(self) -> tuple[SourceRuntime, ...]:
        """The sources, with their state."""
        return self._connectors.sources

    @property
    def sinks(self) -> tuple[SinkRuntime, ...]:
        """The sinks, with their state."""
        return self._connectors.sinks

    def explain(self) -> str:
        """The logical and the native plan, readable, and how pushes into each stream run."""
        drivers = [f"{name}: {self._engine.driver(self._emitted.streams[name])}" for name in self._schemas]
        return "\n".join([self._plan.explain(self._outside), "", "drivers", *drivers])

    def explain_match(self, event: Event) -> MatchExplanation | None:
        """The events behind a row of a query over a pattern, a sequence or MATCH_RECOGNIZE.

        Args:
            event: As a callback on the stream that the query inserts into gets it.

        Returns:
            None: it comes from no such query, or more than 10,000 rows have come since.

        Raises:
            RuntimeStateError: The app was not created with `explain_matches=True`.
        """
        if not self._explains_matches:
            raise RuntimeStateError(
                f"app {self.name!r} does not keep the events of matches", hint="create it with explain_matches=True"
            )
        return self._explanations.find(event)

    def metrics(self) -> Metrics:
        """Figures of streams, operators, memory and failures since the start."""
        return measure(
            self.name,
            self.state,
            self._engine,
            self._failures,
            self._connectors,
            self._async,
            self._outside,
            self._emitted.entrances,
        )

    @property
    def statistics_level(self) -> StatisticsLevel:
        """How much is counted."""
        return self._statistics

    def set_statistics_level(self, level: StatisticsLevel) -> None:
        """Change how much is counted, also while the app runs.

        Args:
            level: ``off``: the endpoint shows nothing but the state of the app; ``basic``: counters and gauges;
                ``detail``: also how long queries, operators and mappers take, which costs two readings of the clock a
                call of an operator. What was measured before is forgotten.

        Raises:
            ValueError: There is no such level.
            RuntimeStateError: The caller is a function that a query calls.
        """
        if level not in LEVELS:
            raise ValueError(f"{level!r} is no level of statistics; there are: {', '.join(LEVELS)}")
        if (level == "detail") != (self._statistics == "detail"):
            self._engine.measure(on=level == "detail")
            self._connectors.measure(on=level == "detail")
        self._statistics = level

    @property
    def uptime_seconds(self) -> float:
        """Since the last start; 0 while the app is not started."""
        return 0.0 if self._started is None else self._context.environment.monotonic() - self._started

    @property
    def checkpoint_figures(self) -> CheckpointFigures:
        """Of saving and restoring."""
        return self._checkpoints.counts.figures

    @property
    def source_text(self) -> str:
        """The text of the app."""
        return self._plan.source.text

    def health(self) -> Health:
        """How the app is: its state, its connections, its buffers, the age of its last checkpoint."""
        return examine(
            self.metrics(),
            queries=len(self.queries),
            uptime_seconds=self.uptime_seconds,
            checkpoints=self.checkpoint_figures,
            checkpoint_interval_ms=self._persistence.checkpoint_interval_ms,
            now_ms=self._context.environment.wall_clock(),
            memory_limit=self._memory_limit,
            stores=self._outside_checks(),
        )

    def _outside_checks(self) -> dict[str, Reachability]:
        """What is outside and knows how its connection does, by the name of its check."""
        found: dict[str, Reachability] = {f"table/{name}": each for name, each in self._outside.reachability().items()}
        store: object = self._context.persistence_store
        if isinstance(store, ChecksHealth):
            found["state store"] = store.health()
        return found

    # ---- life

    def start(self) -> None:
        """Connect and run; idempotent while running.

        Raises:
            ConnectionUnavailableError: A source or sink can't be reached; nothing was started.
            StateError: The last revision can't be restored; nothing was started.
        """
        with self._lock:
            if self._lifecycle.state in _LIVE:
                return
            if not self._lifecycle.move_from(*_STARTABLE, target=RuntimeState.STARTING):
                raise RuntimeStateError(f"app {self.name!r} is {self.state} and cannot start")
            try:
                self._connectors.validate()
                self._outside.start()
                store = self._context.persistence_store
                # What was restored by hand while the app stood counts as well.
                restored, self._restored_by_hand = self._restored_by_hand, None
                if store is not None and restored is None and self._persistence.restores_on_start:
                    restored = self._checkpoints.restore_newest(store, self._persistence.on_restore_error)
                self._restored = restored
                if restored is None:
                    for name in self._outside.aggregations:
                        self._engine.fill_rollup(self._emitted.aggregations[name])
                self._connectors.connect_sinks()
                self._engine.refuse(None)
                if not self._playback:
                    self._scheduler.start()
                elif self._idle_clock is not None:
                    self._idle_clock.start()
                self._async.start()
                for trigger in self._plan.triggers:
                    if trigger.is_at_start:
                        self._engine.start_row(self._emitted.streams[trigger.name], self._now())
                self._insert_first_rows(is_restored=restored is not None)
                self._lifecycle.move(RuntimeState.RUNNING)
                self._connectors.connect_sources()
                self._periodic.start()
                self._started = self._context.environment.monotonic()
                logger.info("app %r runs", self.name, extra={"app": self.name, "revision": restored})
            except BaseException:
                self._engine.refuse(self._lifecycle.refuse_input)
                self._async.stop()
                self._scheduler.stop()
                if self._idle_clock is not None:
                    self._idle_clock.stop()
                self._connectors.disconnect_sources()
                self._connectors.disconnect_sinks()
                self._outside.stop()
                self._lifecycle.move_from(RuntimeState.STARTING, RuntimeState.RUNNING, target=RuntimeState.FAILED)
                self._lifecycle.move_from(RuntimeState.FAILED, target=RuntimeState.STOPPED)
                raise

    def validate_connectivity(self) -> None:
        """Find out whether an app that does not run could connect: sources and sinks are asked, stores are opened.

        Raises:
            ConnectionUnavailableError: Something can't be reached; all sources and sinks that can't, or a store.
            RuntimeStateError: The app runs.
        """
        with self._lock:
            if self._lifecycle.state not in _STARTABLE:
                raise RuntimeStateError(f"app {self.name!r} is {self.state}")
            self._connectors.validate()
            self._outside.start()
            self._outside.stop()

    def pause(self) -> None:
        """Refuse input until `resume`; sources are paused, timers go on."""
        with self._lock:
            self._lifecycle.move(RuntimeState.PAUSED)
            self._connectors.pause()
            self._engine.refuse(self._lifecycle.refuse_input)

    def resume(self) -> None:
        """Accept input again."""
        with self._lock:
            self._lifecycle.move(RuntimeState.RUNNING)
            self._engine.refuse(None)
            self._connectors.resume()

    def shutdown(self, drain: bool = True, timeout: float | None = 30.0) -> None:  # noqa: FBT001, FBT002 - the contract's
        """Stop: sources first, then what is accepted runs out, then sinks; idempotent.

        Args:
            drain: Let accepted events run to their end, and save state if a store is set.
            timeout: Most seconds that this may take.
        """
        with self._lock:
            if self._lifecycle.move_from(RuntimeState.CREATED, target=RuntimeState.STOPPED):
                return
            if not self._lifecycle.move_from(*_LIVE, RuntimeState.FAILED, target=RuntimeState.DRAINING):
                return
            self._outside.stop_waiting()
            self._periodic.stop()
            # What waits for a connection that is not there would wait for ever, and what comes back may take too long.
            self._connectors.interrupt_sinks(lost_only=True)
            limit = self._interrupts_sinks_after(timeout)
            self._connectors.disconnect_sources()
            self._engine.refuse(self._lifecycle.refuse_input)
            if drain:
                self._async.drain()
            self._async.stop(timeout if timeout is not None else _LONGEST_SHUTDOWN)
            self._scheduler.stop(timeout if timeout is not None else _LONGEST_SHUTDOWN)
            if self._idle_clock is not None:
                self._idle_clock.stop(timeout if timeout is not None else _LONGEST_SHUTDOWN)
            if drain:
                self._async.drain()
                self._engine.deliver()
                self._finish_rows()
                self._save_at_the_end()
            if limit is not None:
                limit.cancel()
            self._connectors.disconnect_sinks()
            self._outside.stop()
            for iterator in tuple(self._iterators):
                iterator.close()
            self._lifecycle.move(RuntimeState.STOPPED)
            self._started = None
            logger.info("app %r has stopped", self.name, extra={"app": self.name})

    def _make_idle_clock(self, playback: Playback | None) -> IdleClock | None:
        if playback is None or playback.idle_time_ms is None or playback.increment_ms is None:
            return None
        return IdleClock(
            self._engine,
            self._context.environment,
            f"eventflux-{self.name}-idle",
            lambda error: self._failures.report("timers", describe(error), error=error),
            idle_ms=playback.idle_time_ms,
            increment_ms=playback.increment_ms,
        )

    def _interrupts_sinks_after(self, seconds: float | None) -> Cancellable | None:
        if not self._connectors.sinks or seconds is None:
            return None
        return self._context.environment.call_later(seconds, partial(self._connectors.interrupt_sinks, lost_only=False))

    def _finish_rows(self) -> None:
        """Event time and unfinished output periods end with the app, unless its state goes on in a store."""
        goes_on = self._context.persistence_store is not None and self._persistence.saves_on_shutdown
        if self._plan.settings.flush_on_shutdown and not goes_on:
            self._engine.finish()
            self._engine.deliver()

    def _save_at_the_end(self) -> None:
        """A store that fails, or a sink that doesn't acknowledge, doesn't keep the app from stopping."""
        store = self._context.persistence_store
        if store is None or not self._persistence.saves_on_shutdown:
            return
        try:
            self._checkpoints.save(store)
        except EventFluxError as error:
            self._failures.report("checkpoint", describe(error), error=error)

    def close(self) -> None:
        """Shut down and free the engine; what was received stays valid. The manager calls it."""
        self.shutdown()
        self._connectors.destroy()
        self._outside.destroy()
        self._on_demand.close()
        self._engine.close()
        self._on_closed(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(drain=error is None)

    # ---- rows in

    def input_handler(self, stream: str) -> InputHandler:
        """The way of rows into a stream.

        Raises:
            UndefinedStreamError: There is none of that name; the error names those that there are, nearest first.
        """
        known = self._handlers.get(stream)
        if known is None:
            node = self._stream(stream)
            native = self._engine.input(node, self._layouts[node])
            known = self._handlers[stream] = InputHandler(self._engine, native, stream, self._schemas[stream], node)
        return known

    get_input_handler = input_handler

    def send_merged(self, streams: Mapping[str, tuple[Mapping[str, Any] | Iterable[Any], Any]]) -> int:
        """Send rows of several streams, as if each row had been sent alone, the earliest first.

        This is the fast way of a recorded past into patterns and joins, which care for the order of rows across
        streams. Where timestamps are equal, streams come in the order given; the rows of a stream stay in their order.

        Args:
            streams: Stream -> (columns, timestamps) as in `InputHandler.send_columns`, or (rows, timestamps) as in
                `InputHandler.send_many`; timestamps must be given.

        Returns:
            Rows accepted.

        Raises:
            UndefinedStreamError: There is no such stream.
            EventDataError: Columns or rows don't fit their stream, or it is an async stream, whose rows wait in a
                buffer of their own; nothing entered.
            RuntimeStoppedError: The runtime isn't running.
        """
        for stream in streams:
            if stream in self._async.options:
                raise EventDataError(
                    f"stream {stream}: rows of an async stream cannot be merged with those of others",
                    stream=stream,
                    hint="they wait in a buffer of their own: send them with send_columns",
                )
        parts = [(self.input_handler(stream), given, timestamps) for stream, (given, timestamps) in streams.items()]
        return send_merged(self._engine, parts)

    def advance_time(self, ms: int) -> None:
        """Move the clock of a playback app and fire what is due, in order.

        Raises:
            RuntimeStateError: The app's clock is the wall clock, or it isn't running.
            ValueError: The clock would go back.
        """
        if not self._playback:
            raise RuntimeStateError(
                f"app {self.name!r} runs on the wall clock: only playback apps can be moved in time"
            )
        if self._lifecycle.state not in _LIVE:
            raise self._lifecycle.refuse_input()
        if ms < self._engine.now:
            raise ValueError(f"the clock stands at {self._engine.now} and cannot go back to {ms}")
        self._engine.advance(ms)

    # ---- tables

    def query(self, text: str, parameters: QueryParameters | None = None) -> EventBatch | int:
        """Run an on-demand query on tables and named windows: the rows found, or the number of rows that it changed.

        Args:
            text: One statement of either language.
            parameters: Values of `?` in order, or of `:name` by name; bound by value, never put into the text.

        Raises:
            ParseError: The text is no on-demand query.
            ValidationError: It makes no sense.
            RuntimeStateError: The app isn't running.
        """
        self._refuse_unless_live()
        return self._on_demand.run(text, parameters)

    def query_output_attributes(self, text: str) -> Schema:
        """The attributes of what an on-demand query gives; of one that changes a table none."""
        return self._on_demand.schema(text)

    def table_input_handler(self, table: str) -> TableInputHandler:
        """The way to add, change and remove rows of a table from outside.

        Raises:
            UndefinedStreamError: There is no table of that name; the error names those that there are, nearest first.
        """
        schema = self._tables.get(table)
        if schema is None:
            known = by_nearness(table, self._tables)
            raise UndefinedStreamError(name=table, available=known, hint=_there_are("tables", known))
        return TableInputHandler(table, schema, self._on_demand, self._refuse_unless_live)

    def _refuse_unless_live(self) -> None:
        if self._lifecycle.state not in _LIVE:
            raise self._lifecycle.refuse_input()

    def _insert_first_rows(self, *, is_restored: bool) -> None:
        """The rows of the text. Tables have theirs from the revision, if there is one."""
        for seed in self._plan.seeds:
            if isinstance(seed, UpsertValues):
                if not is_restored:
                    self._on_demand.run_at_start(seed)
            elif seed.stream not in self._tables:
                self.input_handler(seed.stream).send_many(seed.rows)
            elif not is_restored:
                self._table_input(seed.stream).send_many(seed.rows)

    def _table_input(self, table: str) -> Input:
        node, _ = self._emitted.tables[table]
        return self._engine.input(node, self._layouts[node])

    # ---- rows out

    def add_callback(self, stream: str, fn: StreamCallback) -> None:
        """Call `fn(events)` with what reaches a stream, or what a named window publishes, in order.

        Raises:
            UndefinedStreamError: There is none of that name.
        """
        node = self._emitted.windows[stream] if stream in self._windows else self._stream(stream)
        with self._lock:
            self._engine.listen(node, self._layouts[node], fn)
            self._listened.append((node, fn))

    def add_query_callback(self, query: str, fn: QueryCallback) -> None:
        """Call `fn(timestamp, current, expired)` with what a query puts out.

        Raises:
            UndefinedQueryError: There is none of that name.
        """
        node = self._emitted.queries.get(query)
        if node is None:
            known = by_nearness(query, self._emitted.queries)
            raise UndefinedQueryError(name=query, available=known, hint=_there_are("queries", known))
        with self._lock:
            self._engine.listen_query(node, self._layouts[node], fn)
            self._listened.append((node, fn))

    def remove_callback(self, fn: Callable[..., object]) -> None:
        """Call a function no more, wherever it was added.

        Raises:
            CallbackNotFoundError: It was not added.
        """
        with self._lock:
            found = [entry for entry in self._listened if entry[1] is fn]
            if not found:
                raise EventFluxError(f"{fn!r} is not a callback of app {self.name!r}")
            for node, callback in found:
                self._engine.unlisten(node, callback)
                self._listened.remove((node, callback))

    def stream(self, name: str, *, max_pending: int = 1024) -> StreamIterator:
        """`async for events in runtime.stream("Alerts")`: batches of a stream, bounded.

        Args:
            name: The stream.
            max_pending: Batches that may wait before senders do.
        """
        from eventflux.runtime.async_iteration import StreamIterator  # noqa: PLC0415 - asyncio costs 30 ms to import

        def forget(ended: StreamIterator) -> None:
            self.remove_callback(ended.put)
            self._iterators.remove(ended)

        iterator = StreamIterator(max_pending, forget)
        self.add_callback(name, iterator.put)
        self._iterators.append(iterator)
        return iterator

    def on_exception(self, fn: FailureListener | None) -> None:
        """Tell failures of listeners, rows, timers, sources and sinks to a function instead of logging them."""
        self._failures.listen(fn)

    def replay_errors(self, ids: Iterable[int] | None = None) -> int:
        """Put failed events of this app back where they failed, from the error store; how many did not fail again.

        An event that failed in a query goes to its stream again, one that a sink could not publish to that sink alone,
        a payload that could not be mapped to the mapper. What fails again is a new entry, with one attempt more.

        Args:
            ids: Of the entries; None: all of this app.

        Raises:
            ErrorStoreError: No store is set, it failed, or it has no such entry.
            RuntimeStateError: The app isn't running.
        """
        self._refuse_unless_live()
        store = self._context.error_store
        if store is None:
            raise ErrorStoreError("no error store is set", hint="manager.set_error_store(...)")
        replay = ErrorReplay(
            self.name,
            store=store,
            input_of=self.input_handler,
            faults=self._faults,
            sources=self._connectors.sources,
            sinks=self._connectors.sinks,
            to_table=self._replay_record,
        )
        return replay.replay(ids)

    def _replay_record(self, entry: ErrorEntry) -> bool:
        with self._engine.locked():
            return self._outside.replay(entry)

    def wait_finished(self, timeout: float | None = None) -> bool:
        """Wait until the input of every source has ended; False: time is up. True at once without sources."""
        return self._connectors.wait_finished(timeout)

    def _fail(self, error: Exception) -> None:
        """A policy says that an error stops the app."""
        self._failures.report("app", describe(error), error=error)
        if self._lifecycle.move_from(*_LIVE, target=RuntimeState.FAILED):
            self._engine.refuse(self._lifecycle.refuse_input)
        self._connectors.release_waiters()

    def _listener_failed(self, callback: object, batch: EventBatch | None, error: BaseException) -> None:
        stream = batch.stream if batch is not None else None
        name = getattr(callback, "__qualname__", None) or repr(callback)
        self._failures.report(f"callback {name}", describe(error), stream=stream, error=error)

    def _rows_failed(self, node: int, stream: int, batch: EventBatch | None, status: int, message: str) -> None:
        name = self._engine.node_name(stream) if stream >= 0 else None
        where = self._engine.node_name(node)
        events = tuple(batch) if batch is not None else ()
        if not self._faults.take(name, where, message, events):
            self._failures.report(where, message, stream=name, events=events)

    def _stream(self, name: str) -> Node:
        node = self._emitted.streams.get(name) if name in self._schemas else None
        if node is None:
            known = by_nearness(name, self._schemas)
            raise UndefinedStreamError(name=name, available=known, hint=_there_are("streams", known))
        return node

    # ---- state

    def persist(self) -> str:
        """Save the state as a new revision, durably; its name.

        Raises:
            StateError: No store is set, or it failed; the former last revision stays current.
        """
        return self._checkpoints.save(require_store(self._store()))

    def snapshot(self) -> bytes:
        """The state as bytes, without a store."""
        return self._checkpoints.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Replace the state by that of `snapshot()`; what happened since is gone. The clock doesn't go back."""
        self._note_restored(self._checkpoints.restore(snapshot))

    def restore_revision(self, revision: str) -> None:
        """Replace the state by that of a revision.

        Raises:
            RevisionNotFoundError: There is none of that name.
        """
        self._checkpoints.restore_revision(require_store(self._store()), revision)
        self._note_restored(revision)

    def restore_last_revision(self) -> str | None:
        """Replace the state by that of the newest revision; its name, or None if nothing was saved."""
        revision = self._checkpoints.restore_last(require_store(self._store()))
        self._note_restored(revision)
        return revision

    def _note_restored(self, revision: str | None) -> None:
        if self._lifecycle.state in _STARTABLE:
            self._restored_by_hand = revision

    def revisions(self) -> list[str]:
        """Names of all revisions, oldest first."""
        return require_store(self._store()).revisions(self.name)

    def clear_all_revisions(self) -> int:
        """Forget all revisions; how many there were."""
        return require_store(self._store()).clear_all_revisions(self.name)

    @property
    def restored_revision(self) -> str | None:
        """The revision that the last start began with, or None."""
        return self._restored

    def _save_periodically(self) -> None:
        store = self._context.persistence_store
        if store is not None and self._lifecycle.state in _LIVE:
            self._async.drain()
            self._checkpoints.save(store)

    def _store(self) -> PersistenceStore | None:
        return self._context.persistence_store or self._context.fallback_store

    def __repr__(self) -> str:
        return f"<EventFluxAppRuntime {self.name!r} {self.state}>"


def _there_are(what: str, known: tuple[str, ...]) -> str:
    return f"{what}: {', '.join(known[:8])}" if known else f"the app has no {what}"


def _table_handler(app: str, factory: TableHandlerFactory | None, table: str, store: str) -> TableHandler | None:
    return None if factory is None else factory(HandlerContext(app_name=app, stream=table, type_name=store))
