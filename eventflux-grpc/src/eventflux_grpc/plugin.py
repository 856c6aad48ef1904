"""What the entry point names: the hooks that this package answers."""

from __future__ import annotations

from eventflux.extension import ExtensionRegistry, hookimpl
from eventflux_grpc.sink import GrpcSink
from eventflux_grpc.source import GrpcSource

EVENTFLUX_API = (1, 0)


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(GrpcSource)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(GrpcSink)
