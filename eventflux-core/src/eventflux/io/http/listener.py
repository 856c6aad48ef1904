"""A port that HTTP requests come in at, shared by all sources that name it.

    accept thread ── connection ──> a thread each: head ─> endpoint by path ─> may it come in? ─> body ─> endpoint
                                                   404, 405      401, 503       408, 413     its answer

A connection's thread does everything for its requests, the engine's work included: whoever sends faster than the app
takes waits for the answer. Threads are bounded: one connection too many is turned away with 503.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from typing import ClassVar, Final

from eventflux.extension.environment import Environment
from eventflux.io.http.connection import Endpoint, HttpConnection
from eventflux.io.http.message import HttpProblem, HttpResponse, RequestHead, text_response
from eventflux.io.net.server import SocketServer
from eventflux.types.errors import ConfigError

MOST_CONNECTIONS: Final = 1024


class HttpListener:
    """One open port."""

    _open: ClassVar[dict[tuple[str, int], HttpListener]] = {}
    _registry: ClassVar[threading.Lock] = threading.Lock()  # guards _open; taken before a listener's own lock

    def __init__(
        self, host: str, port: int, environment: Environment, tls: ssl.SSLContext | None, tls_key: object
    ) -> None:
        self.tls_key = tls_key
        self._tls = tls
        self._lock = threading.Lock()  # guards _endpoints
        self._endpoints: dict[str, Endpoint] = {}
        self._server = SocketServer(
            host,
            port,
            environment,
            name=f"eventflux-http-{port}",
            most=MOST_CONNECTIONS,
            serve=lambda accepted, peer: HttpConnection(accepted, peer, tls, self._endpoint),
            turn_away=self._turn_away,
        )

    @classmethod
    def add(
        cls,
        endpoint: Endpoint,
        host: str,
        port: int,
        environment: Environment,
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        tls_key: object = None,
    ) -> HttpListener:
        """Have an endpoint answer at a port; port 0 is one that is free.

        Args:
            endpoint: For its path.
            host: Address to listen at.
            port: Number.
            environment: For threads.
            tls: Makes the context; None: no TLS.
            tls_key: What makes the context; sources that share a port agree on it.

        Raises:
            ConnectionUnavailableError: The port can't be opened.
            ConfigError: The path is taken, or TLS differs.
        """
        with cls._registry:
            listener = cls._open.get((host, port)) if port else None
            if listener is None:
                listener = HttpListener(host, port, environment, None if tls is None else tls(), tls_key)
                cls._open[host, listener.port] = listener
            elif listener.tls_key != tls_key:
                raise ConfigError(f"sources at port {port} differ in their certificates", key="tls.cert")
            listener._enter(endpoint)
            return listener

    @property
    def port(self) -> int:
        """The number, also where 0 was asked for."""
        return self._server.port

    def remove(self, endpoint: Endpoint) -> None:
        """Answer there no more; the last one closes the port."""
        with HttpListener._registry:
            with self._lock:
                if self._endpoints.get(endpoint.path) is endpoint:
                    del self._endpoints[endpoint.path]
                if self._endpoints:
                    return
            for place, listener in tuple(HttpListener._open.items()):
                if listener is self:
                    del HttpListener._open[place]
            self._server.close()

    def _enter(self, endpoint: Endpoint) -> None:
        with self._lock:
            if endpoint.path in self._endpoints:
                raise ConfigError(
                    f"path {endpoint.path!r} of port {self.port} has a source already", key="path", value=endpoint.path
                )
            self._endpoints[endpoint.path] = endpoint

    def _endpoint(self, head: RequestHead) -> Endpoint:
        with self._lock:
            endpoint = self._endpoints.get(head.path)
        if endpoint is None:
            raise HttpProblem(404, "there is nothing at this path")
        if head.method != endpoint.method:
            raise HttpProblem(405, f"only {endpoint.method} is taken here", {"Allow": endpoint.method})
        return endpoint

    def _turn_away(self, connection: socket.socket) -> None:
        if self._tls is None:
            connection.sendall(busy_response("there are too many connections").encode(keeps_alive=False))


def busy_response(text: str) -> HttpResponse:
    """503, try again in a second."""
    return text_response(503, text, {"Retry-After": "1"})
