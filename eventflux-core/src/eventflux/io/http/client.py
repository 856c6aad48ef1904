"""An HTTP/1.1 client with connections that are kept: the standard library's, bounded in size and time."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import field
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from eventflux.io.net.socket_reader import deadline_in
from eventflux.types.errors import ConfigError, ConnectionUnavailableError, EventFluxError
from eventflux.types.record import record

_MOST_KEPT: Final = 64
_READ: Final = 1 << 16
_PLAIN: Final = "/:?#[]@!$&'()*+,;=%-._~"

_Place = tuple[str, str, int]
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class RequestError(EventFluxError):
    """A request can't be made, or its answer is none that we take; trying again won't help."""


@record(frozen=True, slots=True, kw_only=True)
class ClientResponse:
    """An answer; names of headers in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


def parse_url(url: str, *schemes: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        ValueError: It isn't one, or of another scheme; the message says what it must be.
    """
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    parts = urlsplit(url.strip())
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be a URL that begins with {wanted}, got {url!r}")
    try:
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"has a port that is none: {url!r}") from error
    return parts


def check_url(url: str, *schemes: str) -> None:
    """As `parse_url`, for an option.

    Raises:
        ConfigError: It isn't a URL.
    """
    try:
        parse_url(url, *schemes)
    except ValueError as error:
        raise ConfigError(f"url {error}", key="url", value=url) from error


class HttpClient:
    """Sends requests; any number of threads may. Redirects aren't followed."""

    def __init__(self, seconds: float, *, most_bytes: int, tls: ssl.SSLContext | None = None) -> None:
        """Nothing is connected yet.

        Args:
            seconds: For one request, from connecting to the end of the answer.
            most_bytes: Of an answer's body.
            tls: For https; None: the system's authorities.
        """
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._tls = tls
        self._lock = threading.Lock()  # guards _kept
        self._kept: dict[_Place, list[http.client.HTTPConnection]] = {}

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> ClientResponse:
        """Send one request and take its answer.

        Raises:
            ConnectionUnavailableError: There is no answer, or none in time.
            RequestError: URL or headers can't be sent, or the answer is too long.
        """
        try:
            parts = parse_url(url, "http", "https")
        except ValueError as error:
            raise RequestError(f"the URL {error}") from error
        place = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        sent = {**_authorization(parts), **(headers or {})}
        target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=_PLAIN)
        deadline = deadline_in(self._seconds)
        while True:
            connection, is_kept = self._connection(place, deadline)
            try:
                return self._exchange(connection, place, method, target, sent, body, deadline)
            except _STALE as error:
                connection.close()
                if not is_kept:  # else the other side had closed what was kept: once more on a new connection
                    raise _unavailable(place, error) from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if isinstance(error, http.client.InvalidURL):
                    raise RequestError(str(error)) from error
                raise _unavailable(place, error) from error
            except ValueError as error:  # a header with a line break in it
                connection.close()
                raise RequestError(str(error)) from error
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Close all connections that are kept."""
        with self._lock:
            kept = [connection for connections in self._kept.values() for connection in connections]
            self._kept.clear()
        for connection in kept:
            connection.close()

    def _connection(self, place: _Place, deadline: float) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            connections = self._kept.get(place)
            if connections:
                return connections.pop(), True
        scheme, host, port = place
        seconds = max(0.001, deadline - deadline_in(0.0))
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=seconds), False
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=self._tls), False

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        place: _Place,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: float,
    ) -> ClientResponse:
        sock: socket.socket | None = connection.sock
        if sock is None:
            connection.connect()
            sock = connection.sock
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_left(deadline))
        connection.request(method, target, body, {name: value.encode() for name, value in headers.items()})
        sock.settimeout(_left(deadline))
        answer = connection.getresponse()
        received = bytearray()
        while piece := answer.read1(_READ):
            received += piece
            if len(received) > self._most_bytes:
                raise RequestError(f"the answer is longer than {self._most_bytes} bytes")
            sock.settimeout(_left(deadline))
        response = ClientResponse(
            status=answer.status,
            reason=answer.reason,
            headers={name.lower(): value for name, value in answer.getheaders()},
            body=bytes(received),
        )
        if answer.will_close or not answer.isclosed():
            connection.close()
        else:
            self._keep(place, connection)
        return response

    def _keep(self, place: _Place, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            connections = self._kept.setdefault(place, [])
            if len(connections) < _MOST_KEPT:
                connections.append(connection)
                return
        connection.close()


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(user).decode()}"}


def _left(deadline: float) -> float:
    left = deadline - deadline_in(0.0)
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _unavailable(place: _Place, error: Exception) -> ConnectionUnavailableError:
    scheme, host, port = place
    reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return ConnectionUnavailableError(f"{scheme}://{host}:{port}: {reason}")
