"""The sources and sinks of one app: made from its streams, connected and disconnected in the order of its life."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from eventflux.extension.connector_spec import StreamSettings
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.handlers import SinkHandlerFactory, SourceHandlerFactory
from eventflux.extension.registry import ExtensionRegistry
from eventflux.extension.settings import SettingProblem
from eventflux.io.durations import DurationCounts
from eventflux.io.failures import FailureHandler, FailureOutlets, RowInput
from eventflux.io.sink_runtime import SinkRuntime
from eventflux.io.source_runtime import SourceRuntime
from eventflux.io.stream_io import AppPlace, build_connectors, read_stream_settings
from eventflux.planner.plan import Plan
from eventflux.runtime.failures import Failures, describe
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.errors import ConnectionUnavailableError, EventFluxError, ValidationError
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import SourceText, Span

if TYPE_CHECKING:
    from eventflux.engine.native_types import EventBatch
    from eventflux.runtime.checkpoints import Positioned

logger = logging.getLogger("eventflux.runtime")


@record(frozen=True, slots=True, kw_only=True)
class ConnectorCounts:
    """Events that a source delivered or a sink sent, and those that failed; how its connection is.

    Attributes:
        events: Delivered, or sent.
        failed: Handled by the error policy.
        bytes: Of their payloads, where those are bytes or texts.
        retries: How often a sink has tried something again.
        state: Of the connection; ``retrying`` while it is interrupted.
        reconnects: How often it was lost and is there again.
        figures: What the connector itself has to say.
        format: Name of its mapper.
        mapping: How long the mapper took; None: not counted.
    """

    events: int
    failed: int
    bytes: int
    retries: int
    state: str
    reconnects: int
    figures: tuple[Figure, ...] = ()
    format: str = ""
    mapping: DurationCounts | None = None


def read_connectors(plan: Plan, registry: ExtensionRegistry) -> dict[str, StreamSettings]:
    """What the definitions of an app's streams say of connectors, by stream.

    Raises:
        ValidationError: A setting can't work; all of them, each with its place.
    """
    settings: dict[str, StreamSettings] = {}
    diagnostics: list[Diagnostic] = []
    for stream in plan.streams:
        if stream.definition is None:
            continue
        settings[stream.name], problems = read_stream_settings(
            stream.name,
            stream.schema,
            properties=stream.definition.properties,
            annotations=stream.definition.annotations,
            registry=registry,
            origin=stream.span,
        )
        diagnostics += [_diagnostic(plan.source, problem, stream.span) for problem in problems]
    if diagnostics:
        raise ValidationError(diagnostics)
    return settings


def _diagnostic(source: SourceText, problem: SettingProblem, span: Span) -> Diagnostic:
    place = problem.origin if isinstance(problem.origin, Span) else span
    return Diagnostic.at(source, place, problem.code, problem.message, hint=problem.hint)


class StreamConnectors:
    """All connectors of an app.

    Args:
        app: Name of the app.
        streams: Streams by name.
        settings: What is to be built at each stream.
        environment: The outside world.
        input_of: Name of a stream -> where rows enter it.
        outlets: Where failed events go.
        listen: Have a function called with what reaches a stream.
        now: The app's clock in milliseconds.
        failures: Who is told of failures.
        settle: Runs what has entered to its end, and calls listeners with what came out.
        is_checkpointed: Whether checkpoints hold the positions of sources.
        source_handlers: Makes what sees the rows of sources.
        sink_handlers: Makes what sees the events of sinks.
        connects: False: build them, but never connect (`@app:transportChannelCreationEnabled('false')`).
    """

    def __init__(
        self,
        app: str,
        *,
        streams: Mapping[str, Schema],
        settings: Mapping[str, StreamSettings],
        environment: Environment,
        input_of: Callable[[str], RowInput],
        outlets: FailureOutlets,
        listen: Callable[[str, Callable[[EventBatch], object]], None],
        now: Callable[[], int],
        failures: Failures,
        settle: Callable[[], None],
        is_checkpointed: Callable[[], bool],
        source_handlers: SourceHandlerFactory | None = None,
        sink_handlers: SinkHandlerFactory | None = None,
        connects: bool,
    ) -> None:
        self._settle = settle
        self._is_checkpointed = is_checkpointed
        self._failures = failures
        self._connects = connects
        self._barrier = threading.RLock()  # a source's rows and its position enter together; a checkpoint holds it
        self._finished = threading.Condition()  # guards _waiting
        self._sources: list[SourceRuntime] = []
        self._sinks: list[SinkRuntime] = []
        place = AppPlace(
            app_name=app,
            environment=environment,
            now=now,
            outlets=outlets,
            barrier=self._barrier,
            on_finished=self._source_finished,
            on_failure=self._connector_failed,
            secure=self._secure,
            is_checkpointed=is_checkpointed,
            source_handlers=source_handlers,
            sink_handlers=sink_handlers,
        )
        for stream, wanted in settings.items():
            if not wanted.connectors:
                continue
            sources, sinks = build_connectors(wanted, stream, streams[stream], input_of(stream), place)
            self._sources += sources
            self._sinks += sinks
            for sink in sinks:
                listen(stream, sink.publish)
        self._running = 0

    @property
    def barrier(self) -> threading.RLock:
        """Held by whoever wants rows and positions of sources to stand still."""
        return self._barrier

    @property
    def sources(self) -> tuple[SourceRuntime, ...]:
        return tuple(self._sources)

    @property
    def sinks(self) -> tuple[SinkRuntime, ...]:
        return tuple(self._sinks)

    @property
    def _all(self) -> tuple[SourceRuntime | SinkRuntime, ...]:
        return (*self._sources, *self._sinks)

    def positioned(self) -> dict[str, Positioned]:
        """Connectors by the name of their part of a checkpoint: `source/<stream>/<type>/<n>`, `sink/...`."""
        named: dict[str, Positioned] = {}
        for connector in self._all:
            role = "source" if isinstance(connector, SourceRuntime) else "sink"
            prefix = f"{role}/{connector.stream}/{connector.type_name}/"
            named[prefix + str(sum(name.startswith(prefix) for name in named))] = connector
        return named

    def validate(self) -> None:
        """Find out whether all can connect.

        Raises:
            ConnectionUnavailableError: Some can't; the message lists them all.
        """
        if not self._connects:
            return
        problems: list[str] = []
        for connector in self._all:
            try:
                connector.validate()
            except ConnectionUnavailableError as error:
                problems.append(f"{connector.connection.name}: {error.message}")
        if problems:
            raise ConnectionUnavailableError("\n".join(problems))

    def connect_sinks(self) -> None:
        """Connect the sinks, or begin to try."""
        if self._connects:
            for sink in self._sinks:
                sink.start()

    def connect_sources(self) -> None:
        """Connect the sources, or begin to try."""
        if not self._connects:
            return
        with self._finished:
            self._running = len(self._sources)
        for source in self._sources:
            source.start()

    def pause(self) -> None:
        """Sources deliver nothing until `resume`."""
        for source in self._sources:
            source.pause()

    def resume(self) -> None:
        """Sources deliver again."""
        for source in self._sources:
            source.resume()

    def flush_sinks(self) -> None:
        """Have all that was published acknowledged.

        Raises:
            PublishError: A sink has not acknowledged in time.
            ConnectionUnavailableError: Likewise, since its connection is lost.
        """
        for sink in self._sinks:
            sink.flush()

    def prepare(self, revision: str) -> None:
        """Flush, and tell the sinks that a checkpoint is about to be saved; see `Sink.prepare`."""
        self.flush_sinks()
        for sink in self._sinks:
            sink.prepare(revision)

    def commit(self, revision: str) -> None:
        """Tell the sinks that the checkpoint is durable."""
        for sink in self._sinks:
            self._quietly(partial(sink.commit, revision), sink.connection.name)

    def abort(self, revision: str) -> None:
        """Tell the sinks that the checkpoint was not saved."""
        for sink in self._sinks:
            self._quietly(partial(sink.abort, revision), sink.connection.name)

    def _secure(self, source: SourceRuntime) -> bool:
        """All that a source has delivered is acknowledged by the sinks, or not: without a store, the only security."""
        if self._is_checkpointed():
            return False
        with self._barrier:
            position = source.save()
        try:
            self._settle()
            self.flush_sinks()
        except EventFluxError as error:
            logger.warning("%s: its position is not secured, a sink fails: %s", source.connection.name, error)
            return False
        source.committed(position)
        return True

    def interrupt_sinks(self, *, lost_only: bool) -> None:
        """Have sinks give up what they would try again: those without a connection, or all."""
        for sink in self._sinks:
            if not (lost_only and sink.connection.is_connected):
                self._quietly(sink.interrupt, sink.connection.name)

    def disconnect_sources(self) -> None:
        """When this returns no source delivers any more."""
        for source in self._sources:
            self._quietly(source.stop, source.connection.name)

    def disconnect_sinks(self) -> None:
        """Flush and disconnect the sinks."""
        for sink in self._sinks:
            self._quietly(sink.stop, sink.connection.name)

    def destroy(self) -> None:
        """Release everything."""
        for connector in self._all:
            self._quietly(connector.destroy, connector.connection.name)

    def wait_finished(self, timeout: float | None = None) -> bool:
        """Wait until the input of every source has ended; False: time is up. True at once without sources."""
        with self._finished:
            return self._finished.wait_for(lambda: self._running <= 0, timeout)

    def release_waiters(self) -> None:
        """The app has failed: nobody waits for the end of input any more."""
        with self._finished:
            self._running = 0
            self._finished.notify_all()

    def counts(self) -> dict[str, ConnectorCounts]:
        """Figures of all connectors by their checkpoint names."""
        found: dict[str, ConnectorCounts] = {}
        for name, connector in self.positioned().items():
            if isinstance(connector, SourceRuntime):
                found[name] = _counts(connector, connector.feed.events, connector.feed.failures, connector.feed.bytes)
            elif isinstance(connector, SinkRuntime):
                found[name] = _counts(connector, connector.events, connector.failures, connector.bytes)
        return found

    def measure(self, *, on: bool) -> None:
        """Count how long mappers take, from nothing, or stop."""
        for source in self._sources:
            source.feed.measure(on=on)
        for sink in self._sinks:
            sink.measure(on=on)

    def _source_finished(self, source: SourceRuntime) -> None:
        with self._finished:
            self._running -= 1
            self._finished.notify_all()

    def _connector_failed(self, error: Exception) -> None:
        with self._finished:
            self._running -= 1
            self._finished.notify_all()
        self._failures.report("connector", describe(error), error=error)

    def _quietly(self, call: Callable[[], None], name: str) -> None:
        """One connector's failure to stop keeps no other from stopping."""
        try:
            call()
        except Exception as error:  # foreign code; it is reported
            self._failures.report(name, describe(error), error=error)


def _counts(
    connector: SourceRuntime | SinkRuntime, events: int, failures: FailureHandler, size: int
) -> ConnectorCounts:
    mapped = connector.feed if isinstance(connector, SourceRuntime) else connector
    return ConnectorCounts(
        events=events,
        failed=failures.counts.total,
        bytes=size,
        retries=connector.retries if isinstance(connector, SinkRuntime) else 0,
        state=connector.state.value,
        reconnects=connector.connection.reconnects,
        figures=tuple(connector.figures()),
        format=mapped.format_name,
        mapping=mapped.mapping,
    )
