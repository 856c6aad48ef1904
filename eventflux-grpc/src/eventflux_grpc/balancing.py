"""Several servers for one client: turns among those that can be reached; one that failed comes back after a wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import grpc

from eventflux import TransportError
from eventflux_grpc.endpoints import Endpoint
from eventflux_grpc.wire import Stub, reason

T = TypeVar("T")

_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0


class Server:
    """One of them."""

    def __init__(self, endpoint: Endpoint, channel: grpc.Channel) -> None:
        self.endpoint = endpoint
        self.channel = channel
        self.stub = Stub(channel)
        self.wait = 0.0
        self.not_before = 0.0


class Balancer:
    """Thread-safe."""

    def __init__(self, servers: Sequence[Server], *, in_turn: bool) -> None:
        """Take the servers.

        Args:
            servers: At least one.
            in_turn: Whether each call takes the next one; else the first that can be reached has everything.
        """
        self._servers = tuple(servers)
        self._in_turn = in_turn
        self._lock = threading.Lock()  # guards the waits and _turn
        self._turn = 0

    def call(self, call: Callable[[Server], T]) -> T:
        """Make a call on a server; on the next one if it can't be reached.

        Raises:
            TransportError: None can be reached, or the one that was asked refuses.
        """
        problems: list[str] = []
        for server in self.order():
            try:
                result = call(server)
            except grpc.RpcError as error:
                text = f"grpc://{server.endpoint}: {reason(error)}"
                if not is_away(error):
                    raise TransportError(text) from error
                self.failed(server)
                problems.append(text)
            else:
                self.succeeded(server)
                return result
        raise TransportError("; ".join(problems))

    def order(self) -> list[Server]:
        """All servers, those first that are worth trying."""
        with self._lock:
            start = self._turn % len(self._servers) if self._in_turn else 0
            self._turn += 1
            now = time.monotonic()
            servers = [*self._servers[start:], *self._servers[:start]]
            return sorted(servers, key=lambda server: server.not_before > now)

    def failed(self, server: Server) -> None:
        """It could not be reached."""
        with self._lock:
            server.wait = min(max(server.wait * 2, _FIRST_WAIT), _LONGEST_WAIT)
            server.not_before = time.monotonic() + server.wait

    def succeeded(self, server: Server) -> None:
        """It answered."""
        with self._lock:
            server.wait = server.not_before = 0.0

    def close(self) -> None:
        """Close all channels."""
        for server in self._servers:
            server.channel.close()


def is_away(error: Any) -> bool:
    """Whether another server may do what this one did not."""
    return error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
