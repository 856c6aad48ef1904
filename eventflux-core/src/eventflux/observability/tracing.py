"""OpenTelemetry spans: one where a source delivers, one where a sink publishes.

A sink whose messages have headers (http, kafka, rabbitmq) sends the `traceparent` of its span along. On a stream
without a buffer everything that a delivery causes runs inside it, so a sink's span is a child of that of the source
whose rows it sends. A `traceparent` among the properties of a message, or its headers, continues its sender's trace.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from eventflux.configuration.check import flag, read, text
from eventflux.configuration.tree import Config
from eventflux.engine.version import __version__
from eventflux.extension.kinds.handlers import HandlerContext, SinkHandler, SourceHandler
from eventflux.extension.kinds.mapper import MappedRows
from eventflux.extension.kinds.rows import RowBatch
from eventflux.runtime.manager import EventFluxManager
from eventflux.types.errors import ConfigError

_NAME: Final = "eventflux"
_HEADER: Final = "header."
_CARRIED: Final = ("traceparent", "tracestate")


def trace_apps(manager: EventFluxManager, provider: Any = None) -> None:
    """Trace the sources and sinks of the apps that a manager makes from now on.

    Args:
        manager: Whose handlers are set.
        provider: An OpenTelemetry `TracerProvider`; None: the global one.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    api = _imported("opentelemetry.trace")
    tracer = api.get_tracer(_NAME, __version__, tracer_provider=provider)
    manager.set_source_handler_factory(lambda context: _TracedSource(tracer, context))
    manager.set_sink_handler_factory(lambda context: _TracedSink(tracer, context))


def configured_tracing(manager: EventFluxManager, config: Config) -> Callable[[], None] | None:
    """Trace as the section `observability.tracing` says; what ends it and sends what is left, or None: it is off.

    Raises:
        ConfigError: OpenTelemetry is not installed, or there is no endpoint.
    """
    if not flag(config, "observability.tracing.enabled"):
        return None
    endpoint = text(config, "observability.tracing.endpoint")
    if endpoint is None:
        raise ConfigError(
            "observability.tracing.endpoint: tracing needs the address of a collector",
            key="observability.tracing.endpoint",
            hint="such as http://localhost:4318/v1/traces",
        )
    rate = read(config, "observability.tracing.sample_rate")
    sampling = _imported("opentelemetry.sdk.trace.sampling")
    resources = _imported("opentelemetry.sdk.resources")
    export = _imported("opentelemetry.sdk.trace.export")
    exporter = _imported("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter(endpoint=endpoint)
    provider = _imported("opentelemetry.sdk.trace").TracerProvider(
        resource=resources.Resource.create({"service.name": text(config, "application.name") or _NAME}),
        sampler=sampling.ParentBasedTraceIdRatio(float(rate) if isinstance(rate, (int, float)) else 1.0),
    )
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    trace_apps(manager, provider)
    end: Callable[[], None] = provider.shutdown
    return end


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            "tracing needs OpenTelemetry, which is not installed",
            key="observability.tracing.enabled",
            hint="pip install 'eventflux-core[otel]'",
        ) from error


def _attributes(context: HandlerContext, count: int) -> dict[str, str | int]:
    return {
        "eventflux.app": context.app_name,
        "eventflux.stream": context.stream,
        "messaging.system": context.type_name,
        "messaging.batch.message_count": count,
    }


class _TracedSource(SourceHandler):
    """A span around what the rows of one payload cause."""

    def __init__(self, tracer: Any, context: HandlerContext) -> None:
        self._tracer = tracer
        self._context = context
        self._kind = _imported("opentelemetry.trace").SpanKind.CONSUMER
        self._extract = _imported("opentelemetry.propagate").extract

    def on_rows(self, rows: MappedRows, properties: Mapping[str, object], next: Callable[[MappedRows], None]) -> None:
        parent = None
        carried = {folded: str(value) for name, value in properties.items() if (folded := name.lower()) in _CARRIED}
        for name in _CARRIED:  # headers are looked up, not listed: a webhook has them in any case
            value = properties.get(_HEADER + name)
            if value is not None:
                carried.setdefault(name, str(value))
        if carried:
            parent = self._extract(carried)
        with self._tracer.start_as_current_span(
            f"{self._context.type_name} {self._context.stream}",
            context=parent,
            kind=self._kind,
            attributes=_attributes(self._context, len(rows.rows)),
        ):
            next(rows)


class _TracedSink(SinkHandler):
    """A span around a publish."""

    def __init__(self, tracer: Any, context: HandlerContext) -> None:
        self._tracer = tracer
        self._context = context
        self._kind = _imported("opentelemetry.trace").SpanKind.PRODUCER
        self._inject = _imported("opentelemetry.propagate").inject

    def on_batch(self, batch: RowBatch, next: Callable[[RowBatch], None]) -> None:
        with self._tracer.start_as_current_span(
            f"{self._context.stream} {self._context.type_name}",
            kind=self._kind,
            attributes=_attributes(self._context, len(batch)),
        ):
            next(batch)

    def headers(self) -> Mapping[str, str]:
        carrier: dict[str, str] = {}
        self._inject(carrier)
        return {name: value for name, value in carrier.items() if name.lower() in _CARRIED}
