"""All that this package declares. What it makes, and the client, is imported when it is wanted."""

from __future__ import annotations

from typing import Final

from eventflux.extension import Example, Extension, ExtensionKind, LazyFactory, Parameter
from eventflux_redis.config import BACKEND_PREFIX, STORE_PREFIX

URL: Final = Parameter(
    "url",
    ("STRING",),
    "redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.",
    default="redis://localhost:6379",
    secret=True,
)
CONNECT_TIMEOUT: Final = Parameter(
    "connect.timeout.ms",
    ("LONG",),
    "Longest wait for a connection or an answer.",
    default=5000,
    minimum=1,
    unit="ms",
)


REDIS_STREAM_SOURCE: Final = Extension(
    name="redis-stream",
    kind=ExtensionKind.SOURCE,
    description="Entries of a Redis stream, as a member of a consumer group; each is acknowledged when it is secured.",
    default_format="json",
    parameters=(
        Parameter("stream", ("STRING",), "The key of the stream; it is made if it is not there."),
        URL,
        Parameter("group", ("STRING",), "The consumer group; eventflux-<app> if not given.", optional=True),
        Parameter("consumer", ("STRING",), "The name within the group; the host's if not given.", optional=True),
        Parameter(
            "start", ("STRING",), "Where a new group begins: $ (what comes from now on), 0, or an id.", default="$"
        ),
        Parameter("count", ("INT",), "Most entries read at once.", default=256, minimum=1),
        Parameter("block.ms", ("LONG",), "Longest wait for entries.", default=100, minimum=1, maximum=1000, unit="ms"),
        Parameter(
            "claim.idle.ms",
            ("LONG",),
            "Entries that another consumer has not acknowledged for so long are taken over; 0: never.",
            default=60_000,
            minimum=0,
            unit="ms",
        ),
        Parameter("field", ("STRING",), "The field of an entry that holds the payload.", default="data"),
        CONNECT_TIMEOUT,
    ),
    examples=(
        Example(
            "@source(type='redis-stream', stream='trades', start='0', @map(type='json'))"
            " define stream Trades (symbol string, price double);",
            "All entries from the first one on, each once for all members of the group.",
        ),
    ),
    factory=LazyFactory("eventflux_redis.stream_source", "RedisStreamSource"),
)

REDIS_STREAM_SINK: Final = Extension(
    name="redis-stream",
    kind=ExtensionKind.SINK,
    description="Entries of a Redis stream, a payload each.",
    default_format="json",
    parameters=(
        Parameter("stream", ("STRING",), "The key of the stream.", dynamic=True),
        URL,
        Parameter(
            "maxlen", ("LONG",), "The stream is cut to that many entries; none: never.", optional=True, minimum=1
        ),
        Parameter("approximate", ("BOOL",), "Cut a little late, which costs much less.", default=True),
        Parameter("field", ("STRING",), "The field of an entry that holds the payload.", default="data"),
        CONNECT_TIMEOUT,
    ),
    examples=(
        Example(
            "@sink(type='redis-stream', stream='alerts', maxlen='100000', @map(type='json'))"
            " define stream Alerts (symbol string, price double);",
            "A stream of at most about a hundred thousand entries.",
        ),
    ),
    factory=LazyFactory("eventflux_redis.stream_sink", "RedisStreamSink"),
)

REDIS_PUBSUB_SOURCE: Final = Extension(
    name="redis-pubsub",
    kind=ExtensionKind.SOURCE,
    description="Messages of a Redis channel, from the moment of connection on.",
    default_format="json",
    parameters=(
        Parameter("channel", ("STRING",), "The channel, or with a * in it a pattern of channels."),
        URL,
        CONNECT_TIMEOUT,
    ),
    examples=(
        Example(
            "@source(type='redis-pubsub', channel='trades.*', @map(type='json'))"
            " define stream Trades (symbol string, price double);",
            "All channels that begin so.",
        ),
    ),
    factory=LazyFactory("eventflux_redis.pubsub", "RedisPubSubSource"),
)

REDIS_PUBSUB_SINK: Final = Extension(
    name="redis-pubsub",
    kind=ExtensionKind.SINK,
    description="Messages of a Redis channel, for those who listen at that moment.",
    default_format="json",
    parameters=(
        Parameter("channel", ("STRING",), "The channel.", dynamic=True),
        URL,
        CONNECT_TIMEOUT,
    ),
    examples=(
        Example(
            "@sink(type='redis-pubsub', channel='trades.{{symbol}}', @map(type='json'))"
            " define stream Trades (symbol string, price double);",
            "A channel a symbol.",
        ),
    ),
    factory=LazyFactory("eventflux_redis.pubsub", "RedisPubSubSink"),
)

REDIS_TABLE: Final = Extension(
    name="redis",
    kind=ExtensionKind.STORE,
    description="Rows as hashes in Redis, found by the primary key.",
    parameters=(
        URL,
        Parameter("key_prefix", ("STRING",), "Of the keys; eventflux:table:<table>: if not given.", optional=True),
        Parameter(
            "ttl", ("LONG",), "Rows go so long after they were last written.", optional=True, minimum=1, unit="ms"
        ),
        CONNECT_TIMEOUT,
    ),
    examples=(
        Example(
            "@store(type='redis', ttl='1 hour') @PrimaryKey('symbol')"
            " define table Prices (symbol string, price double);",
            "Rows that go an hour after they were last written.",
        ),
    ),
    factory=LazyFactory("eventflux_redis.table", "RedisTable"),
)


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
            "Of values written; zstd, lz4 and snappy need eventflux-redis[compression].",
            default="none",
            choices=("none", "zlib", "zstd", "lz4", "snappy"),
        ),
        Parameter("health_check_secs", ("INT",), "An idle connection is checked after that.", default=30, minimum=0),
        Parameter("cluster", ("BOOL",), "Whether the server is a cluster; else as the url says.", optional=True),
    )


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
    factory=LazyFactory("eventflux_redis.persistence_store", "persistence_store"),
    examples=(Example("persistence.type = redis", "The local server."),),
)

STATE_BACKEND: Final = Extension(
    name="redis",
    kind=ExtensionKind.STATE_BACKEND,
    description="Keys and values in Redis, with checkpoints.",
    parameters=_parameters(BACKEND_PREFIX),
    factory=LazyFactory("eventflux_redis.state_backend", "state_backend"),
    examples=(Example("state_backend.implementation = redis", "The local server."),),
)
