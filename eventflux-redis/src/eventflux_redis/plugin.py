"""What the entry point names: the hooks that this package answers."""

from __future__ import annotations

from eventflux.extension import ExtensionRegistry, hookimpl
from eventflux_redis.declarations import (
    PERSISTENCE_STORE,
    REDIS_PUBSUB_SINK,
    REDIS_PUBSUB_SOURCE,
    REDIS_STREAM_SINK,
    REDIS_STREAM_SOURCE,
    REDIS_TABLE,
    STATE_BACKEND,
)

EVENTFLUX_API = (1, 0)


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(REDIS_STREAM_SOURCE, REDIS_PUBSUB_SOURCE)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(REDIS_STREAM_SINK, REDIS_PUBSUB_SINK)


@hookimpl
def eventflux_register_persistence_stores(registry: ExtensionRegistry) -> None:
    registry.register(PERSISTENCE_STORE)


@hookimpl
def eventflux_register_state_backends(registry: ExtensionRegistry) -> None:
    registry.register(STATE_BACKEND)


@hookimpl
def eventflux_register_stores(registry: ExtensionRegistry) -> None:
    registry.register(REDIS_TABLE)
