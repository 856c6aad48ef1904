"""How to reach a Redis server, and how keys are named there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

STORE_PREFIX: Final = "eventflux:"
BACKEND_PREFIX: Final = "eventflux:state:"

Compression = Literal["none", "zlib", "zstd", "lz4", "snappy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisConfig:
    """Where Redis is and how it is used.

    Attributes:
        url: ``redis://``, ``rediss://`` (TLS), ``unix://``, ``redis+sentinel://host:port,host:port/service`` or
            ``redis+cluster://host:port,host:port``; user, password and database as usual. Options of the client such as
            ``ssl_ca_certs`` may follow as ``?name=value``.
        max_connections: Size of the pool; who finds none free waits up to the connection time-out.
        connection_timeout_ms: Longest wait for a connection, and for an answer unless ``socket_timeout_ms`` says.
        key_prefix: Name space of all keys. `RedisBackend` takes ``eventflux:state:`` instead of this default.
        ttl_seconds: Every key written expires after that; None: never.
        socket_timeout_ms: Longest wait for an answer; None: as ``connection_timeout_ms``.
        retry_attempts: How often an operation is tried again when the connection fails.
        retry_initial_ms: The first wait before that; it doubles.
        retry_max_ms: The longest such wait.
        compression: Of values written: ``none``, ``zlib``, or with ``eventflux-redis[compression]`` ``zstd``, ``lz4``,
            ``snappy``. Read is whatever is there.
        health_check_secs: A connection idle for so long is checked with PING before it is used; so is `health()`.
        cluster: Whether the server is a cluster; None: as the url says.
    """

    url: str = "redis://localhost:6379"
    max_connections: int = 10
    connection_timeout_ms: int = 5000
    key_prefix: str = STORE_PREFIX
    ttl_seconds: int | None = None
    socket_timeout_ms: int | None = None
    retry_attempts: int = 3
    retry_initial_ms: int = 100
    retry_max_ms: int = 5000
    compression: Compression = "none"
    health_check_secs: int = 30
    cluster: bool | None = None

    def __post_init__(self) -> None:
        for name in ("max_connections", "connection_timeout_ms", "retry_initial_ms", "retry_max_ms"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("ttl_seconds", "socket_timeout_ms"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, or None")
        for name in ("retry_attempts", "health_check_secs"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.compression not in {"none", "zlib", "zstd", "lz4", "snappy"}:
            raise ValueError("compression must be one of none, zlib, zstd, lz4, snappy")

    def __repr__(self) -> str:
        # The url may hold a password.
        return f"RedisConfig(url={masked(self.url)!r}, key_prefix={self.key_prefix!r}, ttl_seconds={self.ttl_seconds})"


def masked(url: str) -> str:
    """A url without its password."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    if not at:
        return url
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}:***@{place}"
