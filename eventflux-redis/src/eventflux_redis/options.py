"""What the connectors of this package share: options, and how a connection's failure is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from redis.exceptions import RedisError

from eventflux.extension import ConnectionUnavailableError, MappingError, Options, Payload
from eventflux_redis.client import UNREACHABLE, RedisLink
from eventflux_redis.config import RedisConfig, masked

VALIDATE_SECONDS: Final = 10


def link_of(options: Options, connections: int, *, raw: Sequence[str] = ()) -> RedisLink:
    """The connection that a connector's options describe. It is not tried again here: the app does that."""
    return RedisLink(
        RedisConfig(
            url=options.text("url"),
            max_connections=connections,
            connection_timeout_ms=options.integer("connect.timeout.ms"),
            retry_attempts=0,
        ),
        raw=raw,
    )


@contextmanager
def reachable(link: RedisLink) -> Iterator[None]:
    """Tell a lost connection, or a server that refuses us, as what it is to the app."""
    try:
        yield
    except (*UNREACHABLE, RedisError) as error:
        place = masked(link.config.url)
        raise ConnectionUnavailableError(f"{place}: {type(error).__name__}: {error}") from error


def as_bytes(payloads: Sequence[Payload]) -> list[bytes]:
    """Payloads as a command takes them.

    Raises:
        MappingError: One is neither bytes nor a text.
    """
    found: list[bytes] = []
    for payload in payloads:
        match payload:
            case bytes():
                found.append(payload)
            case str():
                found.append(payload.encode())
            case bytearray() | memoryview():
                found.append(bytes(payload))
            case _:
                raise MappingError(
                    f"Redis takes bytes or texts, not {type(payload).__name__}",
                    hint="give the sink a format such as json",
                )
    return found
