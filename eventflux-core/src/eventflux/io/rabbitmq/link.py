"""A connection to RabbitMQ: the protocol is the library's, what goes wrong is told in the errors of this package."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import amqp
from amqp.exceptions import AccessRefused, AMQPError

from eventflux.extension.kinds.source import ConnectorContext
from eventflux.io.net.tls import client_context
from eventflux.types.errors import ConnectionUnavailableError

WAITING: Final = (socket.timeout, ssl.SSLWantReadError)
"""Nothing has come in time."""
_KEEPALIVE: Final = {
    name: value
    for name, value in (
        (getattr(socket, "TCP_KEEPIDLE", None), 30),
        (getattr(socket, "TCP_KEEPINTVL", None), 10),
        (getattr(socket, "TCP_KEEPCNT", None), 3),
    )
    if name is not None
}


class RabbitLink:
    """Opens connections as the options of a connector say. A connection is for one thread at a time."""

    def __init__(self, ctx: ConnectorContext) -> None:
        """Read the options.

        Raises:
            ConfigError: A file of TLS can't be used.
        """
        options = ctx.options
        self.host, self._port = options.text("host"), options.integer("port")
        self._user, self._password = options.text("username"), options.text("password")
        self._vhost = options.text("vhost")
        self._timeout = options.integer("connect.timeout.ms") / 1000
        authorities, certificate, key = (options.optional_text(f"tls.{name}") for name in ("ca", "cert", "key"))
        self._tls: dict[str, Any] | None = None
        if options.flag("tls.enabled") or authorities or certificate:
            client_context(authorities, certificate, key)  # what can't work is an error now
            given = {"ca_certs": authorities, "certfile": certificate, "keyfile": key}
            self._tls = {name: value for name, value in given.items() if value is not None}
            self._tls |= {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": self.host}

    @property
    def place(self) -> str:
        """For messages."""
        return f"rabbitmq {self.host}:{self._port}{'' if self._vhost == '/' else '/' + self._vhost}"

    def open(self) -> Any:
        """A connection.

        Raises:
            ConnectionUnavailableError: The server can't be reached, or refuses us.
        """
        connection = amqp.Connection(
            f"{self.host}:{self._port}",
            userid=self._user,
            password=self._password,
            virtual_host=self._vhost,
            ssl=False if self._tls is None else self._tls,
            connect_timeout=self._timeout,
            heartbeat=0,  # a consumer that waits for its app would miss them; keepalive finds a dead peer
            socket_settings=_KEEPALIVE,
        )
        with self.reachable():
            try:
                connection.connect()
            except BaseException:
                shut(connection)
                raise
        return connection

    def check(self) -> None:
        """Find out whether a connection can be had.

        Raises:
            ConnectionUnavailableError: It can't.
        """
        shut(self.open())

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Tell a lost connection, or a server that refuses, as what it is to the app."""
        try:
            yield
        except AccessRefused as error:
            raise ConnectionUnavailableError(f"{self.place}: refused: {error.reply_text}") from error
        except (AMQPError, OSError) as error:
            text = str(error) or type(error).__name__
            raise ConnectionUnavailableError(f"{self.place}: {text}") from error


def shut(connection: Any) -> None:
    """Close a connection, whatever its state is."""
    with suppress(AMQPError, OSError, AttributeError):
        connection.close()
    with suppress(AMQPError, OSError, AttributeError):
        connection.collect()
