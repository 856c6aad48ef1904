"""One connection of an HTTP server: requests and answers in turn, on a thread of its own."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from eventflux.io.http.message import (
    HttpProblem,
    HttpRequest,
    HttpResponse,
    RequestHead,
    read_body,
    read_head,
)
from eventflux.io.net.duplex import shut
from eventflux.io.net.socket_reader import ConnectionEndedError, SocketReader, deadline_in

IDLE_SECONDS: Final = 75.0
HEAD_SECONDS: Final = 30.0
_LINGER_SECONDS: Final = 1.0
_LINGER_READS: Final = 16

logger = logging.getLogger("eventflux.source.http")


class Endpoint(Protocol):
    """What answers at a path."""

    path: str
    method: str
    max_body: int
    read_seconds: float

    def refusal(self, head: RequestHead) -> HttpResponse | None:
        """Why a request may not come in, before its body is read; None: it may. Then `answer` or `gone` follows."""
        ...

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Handle a request that came in."""
        ...

    def gone(self) -> None:
        """A request that came in could not be read to its end."""
        ...


class HttpConnection:
    """Serves one accepted socket until either side ends it."""

    def __init__(
        self,
        accepted: socket.socket,
        peer: str,
        tls: ssl.SSLContext | None,
        find: Callable[[RequestHead], Endpoint],
    ) -> None:
        """Take over a socket.

        Args:
            accepted: Closed by `serve`.
            peer: Address of the other side.
            tls: For the handshake; None: no TLS.
            find: The endpoint of a request; raises `HttpProblem` if there is none.
        """
        self._socket = accepted
        self._peer = peer
        self._tls = tls
        self._find = find
        self._lock = threading.Lock()  # guards _is_idle and _is_last
        self._is_idle = True
        self._is_last = False

    def serve(self) -> None:
        """Answer requests; never raises."""
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                self._socket.settimeout(HEAD_SECONDS)
                self._socket = self._tls.wrap_socket(self._socket, server_side=True)
            reader = SocketReader(self._socket)
            while self._waits(reader) and self._exchange(reader):
                pass
        except (OSError, ConnectionEndedError) as error:  # among them time-outs and failed handshakes
            logger.debug("connection from %s ended: %r", self._peer, error)
        except Exception:
            logger.exception("a connection from %s failed", self._peer)
        finally:
            with suppress(OSError):
                self._socket.close()

    def finish(self) -> None:
        """Close when the request that is being handled, if any, has its answer."""
        with self._lock:
            self._is_last = True
            if self._is_idle:
                shut(self._socket, socket.SHUT_RD)

    def cut(self) -> None:
        """Close now."""
        shut(self._socket, socket.SHUT_RDWR)

    def _waits(self, reader: SocketReader) -> bool:
        """Wait for the next request; False: none will come."""
        with self._lock:
            if self._is_last:
                return False
            self._is_idle = True
        is_there = reader.wait(deadline_in(IDLE_SECONDS))
        with self._lock:
            self._is_idle = False
        return is_there

    def _exchange(self, reader: SocketReader) -> bool:
        """One request and its answer; False: the connection is to be closed."""
        keeps_alive = False
        head: RequestHead | None = None
        try:
            head = read_head(reader, deadline_in(HEAD_SECONDS))
            endpoint = self._find(head)
            response = endpoint.refusal(head)
            if response is None:
                response = self._handled(reader, endpoint, head)
                keeps_alive = head.keeps_alive
            elif head.content_length == 0:
                keeps_alive = head.keeps_alive
        except HttpProblem as problem:
            response = problem.response
        keeps_alive = keeps_alive and not self._is_last
        has_no_body = head is not None and head.method == "HEAD"
        self._send(response.encode(keeps_alive=keeps_alive, without_body=has_no_body))
        if not keeps_alive:
            self._linger()
        return keeps_alive

    def _handled(self, reader: SocketReader, endpoint: Endpoint, head: RequestHead) -> HttpResponse:
        try:
            if head.headers.get("expect", "").lower() == "100-continue" and not head.is_old:
                if (head.content_length or 0) > endpoint.max_body:
                    raise HttpProblem(413, f"the body is longer than {endpoint.max_body} bytes")
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                body = read_body(reader, head, endpoint.max_body, deadline_in(endpoint.read_seconds))
            except TimeoutError as error:
                raise HttpProblem(408, "the body did not come in time") from error
        except BaseException:
            endpoint.gone()
            raise
        return endpoint.answer(HttpRequest(head=head, body=body, peer=self._peer))

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(HEAD_SECONDS)
        self._socket.sendall(data)

    def _linger(self) -> None:
        """Let the other side read the answer before what it still sends makes the system reset the connection."""
        with suppress(OSError):
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.settimeout(_LINGER_SECONDS)
                self._socket.unwrap()
                return
            self._socket.shutdown(socket.SHUT_WR)
            reader, until = SocketReader(self._socket), deadline_in(_LINGER_SECONDS)
            for _ in range(_LINGER_READS):
                if not reader.wait(until):
                    return
                reader.forget()
