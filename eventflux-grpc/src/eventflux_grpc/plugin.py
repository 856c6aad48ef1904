"""What the entry point names: the hooks that this package answers."""

from __future__ import annotations

from eventflux.extension import ExtensionRegistry, hookimpl
from eventflux_grpc.declarations import GRPC_SINK, GRPC_SOURCE, TRANSPORT

EVENTFLUX_API = (1, 0)


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(GRPC_SOURCE)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(GRPC_SINK)


@hookimpl
def eventflux_register_transports(registry: ExtensionRegistry) -> None:
    registry.register(TRANSPORT)
