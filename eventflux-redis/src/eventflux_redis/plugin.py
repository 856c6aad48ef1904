"""What the entry point names: the hooks that this package answers."""

from __future__ import annotations

from typing import Final

from eventflux.extension import Example, Extension, ExtensionKind, ExtensionRegistry, Parameter, hookimpl
from eventflux_redis.config import BACKEND_PREFIX, STORE_PREFIX, RedisConfig
from eventflux_redis.persistence_store import RedisPersistenceStore
from eventflux_redis.pubsub import RedisPubSubSink, RedisPubSubSource
from eventflux_redis.state_backend import RedisBackend
from eventflux_redis.stream_sink import RedisStreamSink
from eventflux_redis.stream_source import RedisStreamSource
from eventflux_redis.table import RedisTable

EVENTFLUX_API = (1, 0)


def _parameters(prefix: str) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "url",
            ("STRING",),
            "redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.",
            default="redis://localhost:6379",
            secret=True,
        ),
        Parameter("max_connections", ("INT",), "Size of the pool.", default=10, minimum=1),
        Parameter("connection_timeout_ms", ("INT",), "Longest wait for a connection.", default=5000, minimum=1),
        Parameter("key_prefix", ("STRING",), "Name space of all keys.", default=prefix),
        Parameter("ttl_seconds", ("INT",), "Every key expires after that.", optional=True, minimum=1),
        Parameter("socket_timeout_ms", ("INT",), "Longest wait for an answer.", optional=True, minimum=1),
        Parameter("retry_attempts", ("INT",), "How often an operation is tried again.", default=3, minimum=0),
        Parameter("retry_initial_ms", ("INT",), "The first wait before that; it doubles.", default=100, minimum=1),
        Parameter("retry_max_ms", ("INT",), "The longest such wait.", default=5000, minimum=1),
        Parameter(
            "compression",
            ("STRING",),
            "Of values written; zstd needs the package zstandard.",
            default="none",
            choices=("none", "zlib", "zstd"),
        ),
        Parameter("health_check_secs", ("INT",), "An idle connection is checked after that.", default=30, minimum=0),
        Parameter("cluster", ("BOOL",), "Whether the server is a cluster; else as the url says.", optional=True),
    )


def _store(*, revisions_to_keep: int = 3, **settings: object) -> RedisPersistenceStore:
    return RedisPersistenceStore(RedisConfig(**settings), revisions_to_keep=revisions_to_keep)  # type: ignore[arg-type]


def _backend(**settings: object) -> RedisBackend:
    return RedisBackend(RedisConfig(**settings))  # type: ignore[arg-type]


PERSISTENCE_STORE: Final = Extension(
    name="redis",
    kind=ExtensionKind.PERSISTENCE_STORE,
    description="Revisions in Redis, one server, behind Sentinel or in a cluster.",
    parameters=(
        *_parameters(STORE_PREFIX),
        Parameter(
            "revisions_to_keep", ("INT",), "Older ones are removed after each save; 0 keeps all.", default=3, minimum=0
        ),
    ),
    factory=_store,
    examples=(Example("persistence.type = redis", "The local server."),),
)

STATE_BACKEND: Final = Extension(
    name="redis",
    kind=ExtensionKind.STATE_BACKEND,
    description="Keys and values in Redis, with checkpoints.",
    parameters=_parameters(BACKEND_PREFIX),
    factory=_backend,
    examples=(Example("state_backend.implementation = redis", "The local server."),),
)


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(RedisStreamSource, RedisPubSubSource)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(RedisStreamSink, RedisPubSubSink)


@hookimpl
def eventflux_register_persistence_stores(registry: ExtensionRegistry) -> None:
    registry.register(PERSISTENCE_STORE)


@hookimpl
def eventflux_register_state_backends(registry: ExtensionRegistry) -> None:
    registry.register(STATE_BACKEND)


@hookimpl
def eventflux_register_stores(registry: ExtensionRegistry) -> None:
    registry.register(RedisTable)
