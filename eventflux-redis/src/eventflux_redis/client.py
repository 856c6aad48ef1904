"""Connections to Redis: one server, Sentinel or a cluster, and operations that are tried again.

redis-py keeps the pool; trying again is done here, so that a failure is seen (log, health) and a new primary, after
Sentinel or the cluster has named one, is found with the next attempt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    ReadOnlyError,
    RedisClusterException,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from eventflux.extension import ConfigError
from eventflux_redis.config import RedisConfig, masked

T = TypeVar("T")
Client = (
    Any  # redis.Redis or RedisCluster: redis-py types their commands for sync and async at once, which fits neither
)

UNREACHABLE: Final = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MasterNotFoundError,
    ReadOnlyError,
    RedisClusterException,
    TryAgainError,
    OSError,
)
"""What a server that is gone, or is not the primary any more, looks like."""

_SENTINEL: Final = "redis+sentinel"
_CLUSTER: Final = "redis+cluster"
_SENTINEL_PORT: Final = 26379
_CLUSTER_PORT: Final = 6379

logger = logging.getLogger("eventflux.redis")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisHealth:
    """How a connection does.

    Attributes:
        is_healthy: Whether the last operation or PING was answered.
        message: What failed, or empty.
        operations: Operations that were answered.
        failures: Attempts that failed for want of a connection.
        reconnects: How often an operation was answered again after such a failure.
    """

    is_healthy: bool
    message: str
    operations: int
    failures: int
    reconnects: int


def open_client(config: RedisConfig) -> tuple[Client, bool]:
    """A client with its pool, not connected yet, and whether it is one of a cluster.

    Raises:
        ConfigError: The url is not one of Redis.
    """
    parts = urlsplit(config.url)
    scheme = parts.scheme
    if scheme not in {"redis", "rediss", "unix", _SENTINEL, _CLUSTER}:
        raise ConfigError(
            f"{masked(config.url)!r} is not a url of Redis",
            key="url",
            hint="redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://",
        )
    connect = config.connection_timeout_ms / 1000
    common: dict[str, Any] = {
        "socket_connect_timeout": connect,
        "socket_timeout": config.socket_timeout_ms / 1000 if config.socket_timeout_ms else connect,
        "health_check_interval": config.health_check_secs,
        "protocol": 2,
    }
    try:
        if scheme == _SENTINEL:
            return _behind_sentinel(config, common), False
        if scheme == _CLUSTER or config.cluster:
            return _cluster(config, common), True
        pool = redis.BlockingConnectionPool.from_url(
            config.url,
            max_connections=config.max_connections,
            timeout=connect,
            retry=Retry(NoBackoff(), 0),
            **common,
        )
    except ValueError as error:
        raise ConfigError(f"{masked(config.url)!r} is not a url of Redis: {error}", key="url") from error
    return redis.Redis(connection_pool=pool), False


def _hosts(config: RedisConfig, default_port: int) -> list[tuple[str, int]]:
    place = urlsplit(config.url).netloc.rpartition("@")[2]
    found = []
    for each in place.split(","):
        host, _, port = each.rpartition(":") if ":" in each else (each, "", "")
        if not host or (port and not port.isdecimal()):
            raise ValueError(f"{each!r} is not host:port")
        found.append((host.strip("[]"), int(port) if port else default_port))
    return found


def _credentials(config: RedisConfig) -> dict[str, Any]:
    credentials, at, _ = urlsplit(config.url).netloc.rpartition("@")
    if not at:
        return {}
    user, _, password = credentials.partition(":")
    return {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}


def _extras(config: RedisConfig) -> dict[str, Any]:
    """Further options in the url, typed as the client wants them."""
    extras: dict[str, Any] = {}
    for name, value in parse_qsl(urlsplit(config.url).query):
        if value.isdecimal():
            extras[name] = int(value)
        elif value.lower() in {"true", "false"}:
            extras[name] = value.lower() == "true"
        else:
            extras[name] = value
    return extras


def _behind_sentinel(config: RedisConfig, common: dict[str, Any]) -> Client:
    service = unquote(urlsplit(config.url).path.strip("/")) or "mymaster"
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        _hosts(config, _SENTINEL_PORT),
        sentinel_kwargs={key: common[key] for key in ("socket_connect_timeout", "socket_timeout")},
        retry=Retry(NoBackoff(), 0),
        max_connections=config.max_connections,
        **common,
        **_credentials(config),
        **_extras(config),
    )
    return sentinels.master_for(service)  # type: ignore[no-untyped-call]


def _cluster(config: RedisConfig, common: dict[str, Any]) -> Client:
    nodes = [
        ClusterNode(host, port)  # type: ignore[no-untyped-call]
        for host, port in _hosts(config, _CLUSTER_PORT)
    ]
    extras = _extras(config)
    if urlsplit(config.url).scheme == "rediss":
        extras["ssl"] = True
    return RedisCluster(
        startup_nodes=nodes,
        max_connections=config.max_connections,
        **common,
        **_credentials(config),
        **extras,
    )


class RedisLink:
    """A client, and how operations on it are tried again. Thread-safe.

    Args:
        config: Where Redis is.
        raw: Commands whose answers are left as the server sent them.
        sleep: Waits between attempts; tests give their own.
    """

    def __init__(
        self, config: RedisConfig, *, raw: Sequence[str] = (), sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.config = config
        self._raw = tuple(raw)
        self._sleep = sleep
        self._lock = threading.Lock()  # guards what stands below
        self._client: Client | None = None
        self._is_cluster = config.url.startswith(f"{_CLUSTER}:") or bool(config.cluster)
        self._operations = self._failures = self._reconnects = 0
        self._message = ""
        self._checked = 0.0

    @property
    def is_cluster(self) -> bool:
        """Whether keys must share a hash tag to be written together."""
        return self._is_cluster

    def tagged(self, name: str) -> str:
        """A part of a key that decides on its slot: in a cluster all keys with it are on one node."""
        return f"{{{name}}}" if self._is_cluster else name

    def call(self, what: str, operation: Callable[[Client], T]) -> T:
        """Run an operation; while the server is unreachable, again with growing waits, as the configuration says.

        Raises:
            redis.RedisError: The last attempt failed, or it is no failure of the connection.
        """
        delay = self.config.retry_initial_ms / 1000
        attempt = 0
        while True:
            attempt += 1
            try:
                result = operation(self._opened())
            except UNREACHABLE as error:
                self._failed(error)
                if attempt > self.config.retry_attempts:
                    raise
                logger.warning(
                    "redis %s: %s failed (%s), attempt %d of %d follows in %g s",
                    masked(self.config.url),
                    what,
                    error,
                    attempt + 1,
                    self.config.retry_attempts + 1,
                    delay,
                )
                self._sleep(delay)
                delay = min(delay * 2, self.config.retry_max_ms / 1000)
            else:
                self._succeeded()
                return result

    def ping(self) -> None:
        """One attempt to reach the server.

        Raises:
            redis.RedisError: It can't be reached.
        """
        try:
            self._opened().ping()
        except UNREACHABLE as error:
            self._failed(error)
            raise
        self._succeeded()

    def health(self) -> RedisHealth:
        """How the connection does; the server is asked if nothing was heard of it for `health_check_secs`."""
        with self._lock:
            due = time.monotonic() - self._checked >= self.config.health_check_secs
        if due:
            try:
                self.ping()
            except UNREACHABLE:
                logger.debug("redis %s does not answer", masked(self.config.url))
        with self._lock:
            return RedisHealth(
                is_healthy=not self._message,
                message=self._message,
                operations=self._operations,
                failures=self._failures,
                reconnects=self._reconnects,
            )

    def close(self) -> None:
        """Close all connections; idempotent. The next operation opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
            pool = getattr(client, "connection_pool", None)
            if pool is not None:
                pool.disconnect()

    def _opened(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client, self._is_cluster = open_client(self.config)
                for command in self._raw:
                    self._client.set_response_callback(command, _as_it_is)
            return self._client

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            self._message = f"{type(error).__name__}: {error}"
            self._checked = time.monotonic()

    def _succeeded(self) -> None:
        with self._lock:
            if self._message:
                self._reconnects += 1
                logger.warning("redis %s answers again", masked(self.config.url))
            self._operations += 1
            self._message = ""
            self._checked = time.monotonic()


def _as_it_is(reply: object, **_options: object) -> object:
    return reply
