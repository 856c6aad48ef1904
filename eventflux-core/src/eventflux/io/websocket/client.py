"""The client's end of a WebSocket, with the errors of this package; the protocol is the library's."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import field
from typing import Final

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from eventflux.extension.kinds.source import ConnectorContext
from eventflux.io.http.client import check_url
from eventflux.io.net.tls import client_context
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.record import record

CLOSE_SECONDS: Final = 2.0
OPEN_SECONDS: Final = 10.0
_SERVER_ONLY: Final = ("server.host", "path")


@record(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How to reach a server."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    subprotocol: str | None
    subscribe_message: str | None
    ping_seconds: float | None
    most_bytes: int
    tls: ssl.SSLContext | None


def is_server(ctx: ConnectorContext) -> bool:
    """Whether a connector listens instead of connecting.

    Raises:
        ConfigError: The options say both, or neither.
    """
    given = ctx.options.given
    if ("url" in given) == ("server.port" in given):
        raise ConfigError("a websocket needs either 'url' or 'server.port'", key="url")
    if "url" in given:
        for name in _SERVER_ONLY:
            if name in given:
                raise ConfigError(f"option {name!r} of a websocket has no meaning with 'url'", key=name)
    return "server.port" in given


def client_settings(ctx: ConnectorContext) -> ClientSettings:
    """The options of a client.

    Raises:
        ConfigError: One can't work.
    """
    options = ctx.options
    url = options.text("url")
    check_url(url, "ws", "wss")
    files = [options.optional_text(name) for name in ("tls.ca", "tls.cert", "tls.key")]
    if any(files) and not url.startswith("wss:"):
        raise ConfigError("tls options need a URL that begins with wss://", key="tls.ca")
    ping = options.integer("ping.interval.ms")
    return ClientSettings(
        url=url,
        headers=dict(options.family("headers.")),
        subprotocol=options.optional_text("subprotocol"),
        subscribe_message=options.optional_text("subscribe.message"),
        ping_seconds=ping / 1000.0 if ping else None,
        most_bytes=options.integer("max.message.bytes"),
        tls=client_context(*files) if any(files) else None,
    )


def open_connection(settings: ClientSettings) -> ClientConnection:
    """Connect, and say what has to be said first.

    Raises:
        ConnectionUnavailableError: It can't be done.
    """
    try:
        with ExitStack() as stack:
            connection = stack.enter_context(
                connect(
                    settings.url,
                    ssl=settings.tls,
                    additional_headers=settings.headers,
                    subprotocols=None if settings.subprotocol is None else [Subprotocol(settings.subprotocol)],
                    open_timeout=OPEN_SECONDS,
                    ping_interval=settings.ping_seconds,
                    close_timeout=CLOSE_SECONDS,
                    max_size=settings.most_bytes,
                )
            )
            stack.pop_all()  # the library wants a context; ours ends with `close`
    except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, EOFError) as error:  # time-outs are OSErrors
        raise unavailable(settings.url, error) from error
    if settings.subscribe_message is not None:
        try:
            connection.send(settings.subscribe_message)
        except ConnectionClosed as error:
            raise unavailable(settings.url, error) from error
    return connection


def unavailable(url: str, error: Exception) -> ConnectionUnavailableError:
    """The error of a connection that isn't."""
    shown = url.rpartition("@")[2] if "@" in url else url
    return ConnectionUnavailableError(f"{shown}: {str(error) or type(error).__name__}")
