"""The built-in connectors and mappers, through the same hooks as everybody."""

from __future__ import annotations

from eventflux.extension.hookspecs import hookimpl
from eventflux.extension.registry import ExtensionRegistry
from eventflux.io.distribution import STRATEGIES
from eventflux.io.http.declarations import HTTP_REQUEST_SOURCE, HTTP_RESPONSE_SINK, HTTP_SINK, HTTP_SOURCE
from eventflux.io.mappers.bytes import BYTES_SINK, BYTES_SOURCE
from eventflux.io.mappers.csv import CSV_SINK, CSV_SOURCE
from eventflux.io.mappers.json import JSON_SINK, JSON_SOURCE
from eventflux.io.mappers.msgpack import MSGPACK_SINK, MSGPACK_SOURCE
from eventflux.io.mappers.pass_through import PASS_THROUGH_SINK, PASS_THROUGH_SOURCE
from eventflux.io.mappers.schema_formats import (
    AVRO_SINK,
    AVRO_SOURCE,
    PROTOBUF_SINK,
    PROTOBUF_SOURCE,
    XML_SINK,
    XML_SOURCE,
)
from eventflux.io.mappers.text import TEXT_SINK, TEXT_SOURCE
from eventflux.io.rabbitmq.declarations import RABBITMQ_SINK, RABBITMQ_SOURCE
from eventflux.io.sinks.file import FILE_SINK
from eventflux.io.sinks.in_memory import IN_MEMORY_SINK
from eventflux.io.sinks.log import LOG_SINK
from eventflux.io.sinks.stdout import STDOUT_SINK
from eventflux.io.sources.file import FILE_SOURCE
from eventflux.io.sources.in_memory import IN_MEMORY_SOURCE
from eventflux.io.sources.stdin import STDIN_SOURCE
from eventflux.io.sources.timer import TIMER_SOURCE
from eventflux.io.tcp.declarations import TCP_SINK, TCP_SOURCE
from eventflux.io.transports import TRANSPORTS
from eventflux.io.websocket.declarations import WEBSOCKET_SINK, WEBSOCKET_SOURCE


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(
        IN_MEMORY_SOURCE, FILE_SOURCE, TIMER_SOURCE, STDIN_SOURCE, HTTP_SOURCE, TCP_SOURCE, WEBSOCKET_SOURCE
    )
    registry.register(HTTP_REQUEST_SOURCE, RABBITMQ_SOURCE)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(
        IN_MEMORY_SINK, FILE_SINK, LOG_SINK, STDOUT_SINK, HTTP_SINK, TCP_SINK, WEBSOCKET_SINK, HTTP_RESPONSE_SINK
    )
    registry.register(RABBITMQ_SINK)


@hookimpl
def eventflux_register_source_mappers(registry: ExtensionRegistry) -> None:
    registry.register(PASS_THROUGH_SOURCE, JSON_SOURCE, CSV_SOURCE, TEXT_SOURCE, MSGPACK_SOURCE, BYTES_SOURCE)
    registry.register(XML_SOURCE, AVRO_SOURCE, PROTOBUF_SOURCE)


@hookimpl
def eventflux_register_sink_mappers(registry: ExtensionRegistry) -> None:
    registry.register(PASS_THROUGH_SINK, JSON_SINK, CSV_SINK, TEXT_SINK, MSGPACK_SINK, BYTES_SINK)
    registry.register(XML_SINK, AVRO_SINK, PROTOBUF_SINK)


@hookimpl
def eventflux_register_distribution_strategies(registry: ExtensionRegistry) -> None:
    registry.register(*STRATEGIES)


@hookimpl
def eventflux_register_transports(registry: ExtensionRegistry) -> None:
    registry.register(*TRANSPORTS)
