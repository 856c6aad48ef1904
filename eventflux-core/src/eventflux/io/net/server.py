"""A listening socket with a thread that accepts, and a thread a connection."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from eventflux.extension.environment import Environment, Worker
from eventflux.types.errors import ConnectionUnavailableError

_ACCEPT_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 5.0
_BACKLOG: Final = 1024

logger = logging.getLogger("eventflux.io")


class ServedConnection(Protocol):
    """What serves one accepted socket."""

    def serve(self) -> None:
        """Do it, to the end of the connection; closes the socket and never raises."""
        ...

    def finish(self) -> None:
        """End at the next good moment."""
        ...

    def cut(self) -> None:
        """End now."""
        ...


class SocketServer:
    """Accepts connections until it is closed."""

    def __init__(
        self,
        host: str,
        port: int,
        environment: Environment,
        *,
        name: str,
        most: int,
        serve: Callable[[socket.socket, str], ServedConnection],
        turn_away: Callable[[socket.socket], None],
    ) -> None:
        """Open the port and begin to accept.

        Args:
            host: Address to listen at, or the path of a Unix socket.
            port: Number; 0: one that is free.
            environment: For threads.
            name: Of the threads.
            most: Connections at a time.
            serve: Makes what serves a socket, from it and the peer's address; called on the accepting thread.
            turn_away: Says to one connection too many that it is; it is closed afterwards.

        Raises:
            ConnectionUnavailableError: The port can't be opened.
        """
        try:
            if host.startswith("/"):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.bind(host)
                self._socket.listen(_BACKLOG)
            else:
                self._socket = socket.create_server(
                    (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
                )
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ConnectionUnavailableError(f"port {port} of {host} can't be opened: {reason}") from error
        self._socket.settimeout(_ACCEPT_SECONDS)
        self.port: int = 0 if host.startswith("/") else self._socket.getsockname()[1]
        self._environment = environment
        self._name = name
        self._most = most
        self._serve = serve
        self._turn_away = turn_away
        self._changed = threading.Condition()  # guards _connections
        self._connections: set[ServedConnection] = set()
        self._is_closed = False
        self._acceptor: Worker = environment.start_thread(self._accept, name=name)

    @property
    def connections(self) -> int:
        """How many there are."""
        with self._changed:
            return len(self._connections)

    def close(self, seconds: float = _STOP_SECONDS) -> None:
        """Accept no more and end all connections, at a good moment if it comes in time; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept where the system lets it
        self._acceptor.join(_STOP_SECONDS)
        self._socket.close()
        with self._changed:
            for connection in self._connections:
                connection.finish()
            if not self._changed.wait_for(lambda: not self._connections, seconds):
                for connection in self._connections:
                    connection.cut()
                self._changed.wait_for(lambda: not self._connections, 1.0)

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                accepted, peer = self._socket.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if not self._is_closed:
                    logger.warning("port %d can't accept a connection: %s", self.port, error)
                    self._environment.sleep(_ACCEPT_SECONDS)
                continue
            self._admit(accepted, str(peer[0]) if peer else "")

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        with self._changed:
            is_full = len(self._connections) >= self._most
            connection = None if is_full else self._serve(accepted, peer)
            if connection is not None:
                self._connections.add(connection)
        if connection is None:
            with suppress(OSError):
                accepted.settimeout(_ACCEPT_SECONDS)
                self._turn_away(accepted)
            accepted.close()
            return

        def run(connection: ServedConnection = connection) -> None:
            try:
                connection.serve()
            finally:
                with self._changed:
                    self._connections.discard(connection)
                    self._changed.notify_all()

        self._environment.start_thread(run, name=f"{self._name}-connection")
