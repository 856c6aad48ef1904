"""Builds the sources and sinks of a stream from its definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from eventflux.extension.connector_spec import ConnectorRole, ConnectorSpec, StreamSettings
from eventflux.extension.connectors import TRANSPORT_PROPERTY, stream_settings
from eventflux.extension.declaration import Extension
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.delivery import NO_DELIVERIES, Deliveries
from eventflux.extension.kinds.distribution_strategy import DistributionStrategy
from eventflux.extension.kinds.error_store import FailureType, Occurrence
from eventflux.extension.kinds.handlers import HandlerContext, SinkHandlerFactory, SourceHandlerFactory
from eventflux.extension.kinds.mapper import MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.sink import Sink
from eventflux.extension.kinds.source import ConnectorContext, Source
from eventflux.extension.options import Options
from eventflux.extension.registry import ExtensionRegistry
from eventflux.extension.settings import Setting, SettingGroup, SettingProblem, resolve_properties
from eventflux.io.failures import FailureHandler, FailureOutlets, RowInput
from eventflux.io.java_text import java_text
from eventflux.io.late_deliveries import LateDeliveries
from eventflux.io.sink_runtime import SinkRuntime
from eventflux.io.sinks.distributed import KEY, DistributedSink, destination_option
from eventflux.io.source_feed import SourceFeed
from eventflux.io.source_runtime import SourceRuntime
from eventflux.io.templates import Encode, Template, plain_text
from eventflux.language.ast.annotations import Annotation, Property
from eventflux.types.errors import ConfigError, ExtensionError
from eventflux.types.record import record
from eventflux.types.schema import Schema


@record(frozen=True, slots=True, kw_only=True)
class AppPlace:
    """What the connectors of one app share.

    Attributes:
        app_name: Name of the app.
        environment: The outside world.
        now: The app's clock in milliseconds.
        outlets: Where failed events may go.
        barrier: Entered around what a source delivers; a checkpoint holds it.
        on_finished: Told when a source's input has ended.
        on_failure: Told what stops a connector for good.
        secure: See `SourceCallback.secure`.
        source_handlers: Makes what sees the rows of sources.
        sink_handlers: Makes what sees the events of sinks.
        is_checkpointed: Whether checkpoints hold the positions of sources.
    """

    app_name: str
    environment: Environment
    now: Callable[[], int]
    outlets: FailureOutlets
    barrier: AbstractContextManager[object] | None = None
    on_finished: Callable[[SourceRuntime], None] | None = None
    on_failure: Callable[[Exception], None]
    secure: Callable[[SourceRuntime], bool] | None = None
    source_handlers: SourceHandlerFactory | None = None
    sink_handlers: SinkHandlerFactory | None = None
    is_checkpointed: Callable[[], bool] = lambda: False


@record(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What a connector gets of those beside it."""

    header: bytes | None = None
    deliveries: Deliveries = NO_DELIVERIES
    more_headers: Callable[[], Mapping[str, str]] = dict


def read_stream_settings(
    stream: str,
    schema: Schema,
    *,
    properties: Sequence[Property] = (),
    annotations: Sequence[Annotation] = (),
    registry: ExtensionRegistry,
    layers: Sequence[Mapping[str, str]] = (),
    references: Mapping[str, Mapping[str, str]] | None = None,
    origin: object = None,
) -> tuple[StreamSettings, tuple[SettingProblem, ...]]:
    """What stands at a stream's definition, as it is in the syntax tree.

    Args:
        stream: Its name.
        schema: Its attributes.
        properties: Of WITH.
        annotations: Before the definition.
        registry: What can be named.
        layers: The configuration's properties for the stream, the strongest layer first.
        references: ``ref`` -> options.
        origin: Of the definition.

    Returns:
        What is to be built, and everything that is wrong; origins of problems are spans.
    """
    own = [Setting(each.key, each.value, each.span) for each in properties]
    return stream_settings(
        stream,
        schema,
        properties=resolve_properties(own, *layers),
        annotations=[setting_group(annotation) for annotation in annotations],
        registry=registry,
        references=references,
        origin=origin,
    )


def setting_group(annotation: Annotation) -> SettingGroup:
    """An annotation of the syntax tree, as `stream_settings` takes it."""
    return SettingGroup(
        annotation.name.lower(),
        tuple(Setting(each.key, each.value, each.span) for each in annotation.elements),
        tuple(setting_group(inner) for inner in annotation.annotations),
        annotation.span,
    )


def build_source(spec: ConnectorSpec, stream: str, schema: Schema, rows: RowInput, place: AppPlace) -> SourceRuntime:
    """A source that is configured, not connected.

    Raises:
        ConfigError: An option or a mapping can't work.
        ExtensionError: What was made is no source or no mapper.
    """
    mapper = _made(spec.mapper.declaration)
    if not isinstance(mapper, SourceMapper):
        raise _is_not_a(spec.mapper.declaration, SourceMapper)
    mapper.configure(_mapper_context(spec, stream, schema, place))
    source = _made(spec.declaration)
    if not isinstance(source, Source):
        raise _is_not_a(spec.declaration, Source)
    source.configure(_connector_context(spec, spec.options, stream, schema, place, _Surroundings()))
    failures = FailureHandler(
        spec.errors,
        app_name=place.app_name,
        stream=stream,
        schema=schema,
        environment=place.environment,
        outlets=place.outlets,
        occurrence=Occurrence.BEFORE_SOURCE_MAPPING,
        failure_type=FailureType.MAPPING,
    )
    feed = SourceFeed(
        mapper,
        rows,
        failures,
        name=f"source {spec.declaration.name}",
        barrier=place.barrier if _has_position(source) else None,
        uses_properties=_uses_properties(spec),
        is_checkpointed=place.is_checkpointed,
        wait=place.environment.sleep if source.waits_for_room else None,
        handler=None if place.source_handlers is None else place.source_handlers(_handler_context(spec, stream, place)),
        format_name=spec.mapper.declaration.name,
    )
    return SourceRuntime(
        source,
        feed,
        stream=stream,
        type_name=spec.declaration.name,
        environment=place.environment,
        retries=spec.retries_connecting,
        validates=spec.validates,
        on_finished=place.on_finished,
        on_failure=place.on_failure,
        secure=place.secure,
    )


def _has_position(source: Source) -> bool:
    """Whether rows and position of the source must enter together.

    Others stay out of the barrier: what publishes to them may be a listener, which must not wait for a checkpoint that
    waits for listeners.
    """
    return type(source).save is not Source.save


def _uses_properties(spec: ConnectorSpec) -> bool:
    values = (*spec.mapper.mapping.values(), *spec.mapper.options.values.values())
    return any(isinstance(value, str) and value.startswith(TRANSPORT_PROPERTY) for value in values)


def build_sink(spec: ConnectorSpec, stream: str, schema: Schema, place: AppPlace) -> SinkRuntime:
    """A sink that is configured, not connected.

    Raises:
        ConfigError: An option or a template can't work.
        ExtensionError: What was made is no sink or no mapper.
    """
    mapper = _made(spec.mapper.declaration)
    if not isinstance(mapper, SinkMapper):
        raise _is_not_a(spec.mapper.declaration, SinkMapper)
    mapper.configure(_mapper_context(spec, stream, schema, place))
    deliveries = LateDeliveries()
    handler = None if place.sink_handlers is None else place.sink_handlers(_handler_context(spec, stream, place))
    surroundings = _Surroundings(
        header=mapper.header, deliveries=deliveries, more_headers=dict if handler is None else handler.headers
    )
    sink, dynamic = _sink(spec, stream, schema, place, surroundings)
    failures = FailureHandler(
        spec.errors,
        app_name=place.app_name,
        stream=stream,
        schema=schema,
        environment=place.environment,
        outlets=place.outlets,
        occurrence=Occurrence.SINK,
        failure_type=FailureType.TRANSPORT,
    )
    return SinkRuntime(
        sink,
        mapper,
        failures,
        stream=stream,
        type_name=spec.declaration.name,
        environment=place.environment,
        dynamic=dynamic,
        deliveries=deliveries,
        handler=handler,
        delimiter=mapper.block_delimiter if sink.takes_any_delimiter else b"\n",
        retries=spec.retries_connecting,
        validates=spec.validates,
        format_name=spec.mapper.declaration.name,
        on_failure=place.on_failure,
    )


def _sink(
    spec: ConnectorSpec,
    stream: str,
    schema: Schema,
    place: AppPlace,
    surroundings: _Surroundings,
) -> tuple[Sink, dict[str, Template]]:
    """The configured sink, and the templates of its options that differ by event."""
    if spec.distribution is None:
        sink = _configured_sink(spec, spec.options, stream, schema, place, surroundings)
        return sink, _templates(spec.options, stream, schema, place)
    strategy = _made(spec.distribution.strategy)
    if not isinstance(strategy, DistributionStrategy):
        raise _is_not_a(spec.distribution.strategy, DistributionStrategy)
    strategy.configure(spec.distribution.settings, len(spec.distribution.destinations), schema)
    destinations: list[Sink] = []
    dynamic: dict[str, Template] = {}
    for index, options in enumerate(spec.distribution.destinations):
        destinations.append(_configured_sink(spec, options, stream, schema, place, surroundings))
        for name, template in _templates(options, stream, schema, place).items():
            dynamic[destination_option(index, name)] = template
    key = strategy.key_attribute
    if key is not None:
        attribute = schema.find(key)
        if attribute is None:
            raise ConfigError(f"{key!r} is no attribute of stream {stream!r}", key="partitionKey", value=key)
        dynamic[KEY] = _template(
            f"{{{{{key}}}}}", lambda value: java_text(value, attribute.type), stream, schema, place
        )
    name = f"sink {spec.declaration.name} of stream {stream}"
    return DistributedSink(destinations, strategy, place.environment, name), dynamic


def _configured_sink(
    spec: ConnectorSpec,
    options: Options,
    stream: str,
    schema: Schema,
    place: AppPlace,
    surroundings: _Surroundings,
) -> Sink:
    sink = _made(spec.declaration)
    if not isinstance(sink, Sink):
        raise _is_not_a(spec.declaration, Sink)
    sink.configure(_connector_context(spec, options, stream, schema, place, surroundings))
    return sink


def _templates(options: Options, stream: str, schema: Schema, place: AppPlace) -> dict[str, Template]:
    return {name: _template(options.text(name), plain_text, stream, schema, place) for name in sorted(options.dynamic)}


def _template(text: str, encode: Encode, stream: str, schema: Schema, place: AppPlace) -> Template:
    return Template(text, schema, app_name=place.app_name, stream=stream, encode=encode, now=place.now)


def build_connectors(
    settings: StreamSettings, stream: str, schema: Schema, rows: RowInput, place: AppPlace
) -> tuple[tuple[SourceRuntime, ...], tuple[SinkRuntime, ...]]:
    """All sources and sinks of a stream, configured, not connected."""
    sources = tuple(
        build_source(spec, stream, schema, rows, place)
        for spec in settings.connectors
        if spec.role is ConnectorRole.SOURCE
    )
    sinks = tuple(
        build_sink(spec, stream, schema, place) for spec in settings.connectors if spec.role is ConnectorRole.SINK
    )
    return sources, sinks


def _mapper_context(spec: ConnectorSpec, stream: str, schema: Schema, place: AppPlace) -> MapperContext:
    return MapperContext(
        app_name=place.app_name,
        stream=stream,
        schema=schema,
        options=spec.mapper.options,
        mapping=spec.mapper.mapping,
        now=place.now,
        template=spec.mapper.template,
        named_templates=spec.mapper.named_templates,
    )


def _connector_context(
    spec: ConnectorSpec,
    options: Options,
    stream: str,
    schema: Schema,
    place: AppPlace,
    surroundings: _Surroundings,
) -> ConnectorContext:
    return ConnectorContext(
        app_name=place.app_name,
        stream=stream,
        schema=schema,
        options=options,
        environment=place.environment,
        header=surroundings.header,
        deliveries=surroundings.deliveries,
        more_headers=surroundings.more_headers,
        format=spec.mapper.declaration.name,
    )


def _handler_context(spec: ConnectorSpec, stream: str, place: AppPlace) -> HandlerContext:
    return HandlerContext(app_name=place.app_name, stream=stream, type_name=spec.declaration.name)


def _made(declaration: Extension) -> object:
    if declaration.factory is None:
        raise ExtensionError(f"{declaration.kind.words} {declaration.qualified_name} has no factory")
    return declaration.factory()


def _is_not_a(declaration: Extension, wanted: type[object]) -> ExtensionError:
    return ExtensionError(
        f"{declaration.kind.words} {declaration.qualified_name} does not make a {wanted.__name__}",
        hint=f"its class must derive from eventflux.extension.{wanted.__name__}",
    )
