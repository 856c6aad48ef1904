"""What the endpoint answers."""

from __future__ import annotations

import hmac
import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from eventflux.configuration.secrets import masked
from eventflux.configuration.tree import nested
from eventflux.engine.native_types import EventBatch
from eventflux.engine.version import __version__
from eventflux.observability.prometheus import OPEN_METRICS, TEXT, exposition
from eventflux.observability.rates import STEP_SECONDS
from eventflux.runtime.app_runtime import EventFluxAppRuntime
from eventflux.types.errors import EventFluxError

if TYPE_CHECKING:
    from eventflux.observability.endpoint import Endpoint

_ALIVE_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 1024 * 1024
_TAIL_BATCHES: Final = 1024
_HEARTBEAT_SECONDS: Final = 1.0


def make_server(listener: socket.socket, endpoint: Endpoint) -> Server:
    """A server on a socket that listens already."""
    return Server(listener, endpoint)


class Server(ThreadingHTTPServer):
    """One thread a request."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, endpoint: Endpoint) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.endpoint = endpoint
        self.stopping = threading.Event()
        self._looked = time.monotonic()

    def service_actions(self) -> None:
        """Called between requests: keeps the rates."""
        if time.monotonic() - self._looked >= STEP_SECONDS:
            self._looked = time.monotonic()
            self.endpoint.look()

    def stop_tails(self) -> None:
        """End the answers that would go on for ever."""
        self.stopping.set()


class _RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = f"EventFlux/{__version__}"
    protocol_version = "HTTP/1.1"
    timeout = 30.0

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def do_GET(self) -> None:
        """Metrics, probes, tails."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Control."""
        self._answer(self._post)

    def _answer(self, act: Callable[[str], None]) -> None:
        try:
            act(urlsplit(self.path).path)
        except _RefusedError as refused:
            self._json(refused.status, {"error": str(refused)})
        except EventFluxError as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _get(self, path: str) -> None:
        endpoint = self.server.endpoint
        settings = endpoint.settings
        if path == settings.metrics_path and settings.has_metrics:
            self._metrics()
            return
        match path.strip("/").split("/"):
            case ["live"]:
                alive = all(_is_alive(runtime) for runtime in endpoint.runtimes)
                status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
                self._json(status, {"status": "alive" if alive else "stuck"})
            case ["ready"]:
                reasons = [
                    reason
                    for health in (runtime.health() for runtime in endpoint.runtimes)
                    for reason in health.reasons
                ]
                status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
                self._json(status, {"status": "not ready" if reasons else "ready", "reasons": reasons})
            case ["health"]:
                shown = [runtime.health().to_dict() for runtime in endpoint.runtimes]
                bad = any(each["status"] == "unhealthy" for each in shown)
                status = HTTPStatus.SERVICE_UNAVAILABLE if bad else HTTPStatus.OK
                self._json(status, shown[0] if len(shown) == 1 else {"apps": shown})
            case ["info"]:
                self._json(HTTPStatus.OK, _info(endpoint))
            case ["streams", stream, "tail"]:
                self._control()
                self._tail(unquote(stream))
            case _:
                raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")

    def _post(self, path: str) -> None:
        body = self._body()
        self._control()
        runtime = self.server.endpoint.runtimes[0]
        match path.strip("/").split("/"):
            case ["query"]:
                self._query(runtime, body)
            case ["streams", stream]:
                self._send(unquote(stream), body)
            case ["persist"]:
                self._json(HTTPStatus.OK, {"revision": runtime.persist()})
            case ["errors", "replay"]:
                self._json(HTTPStatus.OK, {"replayed": runtime.replay_errors(self._ids(body))})
            case ["pause"]:
                runtime.pause()
                self._json(HTTPStatus.OK, {"state": runtime.state})
            case ["resume"]:
                runtime.resume()
                self._json(HTTPStatus.OK, {"state": runtime.state})
            case _:
                raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")

    def _control(self) -> None:
        settings = self.server.endpoint.settings
        if not settings.has_control:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "control is off: observability.http.control = true")
        given = self.headers.get("X-EventFlux-Token", "")
        if settings.token is not None and not hmac.compare_digest(given.encode(), settings.token.encode()):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "the header X-EventFlux-Token is missing or wrong")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self.close_connection = True
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {_MOST_BYTES} bytes")
        return self.rfile.read(int(length))

    def _metrics(self) -> None:
        endpoint = self.server.endpoint
        endpoint.look()
        is_open_metrics = "application/openmetrics-text" in self.headers.get("Accept", "")
        text = exposition(
            endpoint.runtimes, endpoint.rates, labels=endpoint.settings.labels, is_open_metrics=is_open_metrics
        )
        self._send_bytes(HTTPStatus.OK, text.encode(), OPEN_METRICS if is_open_metrics else TEXT)

    def _query(self, runtime: EventFluxAppRuntime, body: bytes) -> None:
        text = body.decode("utf-8", errors="replace")
        found = runtime.query(text)
        if isinstance(found, int):
            self._json(HTTPStatus.OK, {"changed": found})
            return
        columns = [attribute.name for attribute in runtime.query_output_attributes(text)]
        self._json(HTTPStatus.OK, {"columns": columns, "rows": [list(event.data) for event in found]})

    def _ids(self, body: bytes) -> list[int] | None:
        try:
            ids = json.loads(body) if body.strip() else None
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
        if ids is not None and not (isinstance(ids, list) and all(type(each) is int for each in ids)):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is a list of ids, or null")
        return ids

    def _send(self, stream: str, body: bytes) -> None:
        try:
            rows = json.loads(body)
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
        if not isinstance(rows, list):
            rows = [rows]
        handler = self._runtime_with(stream).input_handler(stream)
        accepted = handler.send_many([tuple(row) if isinstance(row, list) else row for row in rows])
        self._json(HTTPStatus.OK, {"accepted": accepted})

    def _runtime_with(self, stream: str) -> EventFluxAppRuntime:
        runtimes = self.server.endpoint.runtimes
        return next((runtime for runtime in runtimes if stream in runtime.streams), runtimes[0])

    def _tail(self, stream: str) -> None:
        """Server-sent events, until the reader leaves or the app ends; a reader that is too slow misses events."""
        runtime = self._runtime_with(stream)
        waiting: queue.Queue[EventBatch] = queue.Queue(_TAIL_BATCHES)

        def take(events: EventBatch) -> None:
            if not waiting.full():
                waiting.put_nowait(events)

        runtime.add_callback(stream, take)
        try:
            names = [attribute.name for attribute in runtime.streams.get(stream, runtime.windows.get(stream, ()))]
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            while not self.server.stopping.is_set():
                try:
                    events = waiting.get(timeout=_HEARTBEAT_SECONDS)
                except queue.Empty:
                    self.wfile.write(b": alive\n\n")
                    continue
                for event in events:
                    row = dict(zip(names, event.data, strict=True))
                    document = json.dumps({"timestamp": event.timestamp, "data": row}, default=str)
                    self.wfile.write(f"data: {document}\n\n".encode())
        finally:
            runtime.remove_callback(take)

    def _json(self, status: HTTPStatus, document: Any) -> None:
        self._send_bytes(status, json.dumps(document, default=str).encode(), "application/json")

    def _send_bytes(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_alive(runtime: EventFluxAppRuntime) -> bool:
    """Whether the engine answers: reading its figures takes its lock, which a stuck call would hold."""
    answered = threading.Event()

    def ask() -> None:
        runtime.metrics()
        answered.set()

    threading.Thread(target=ask, name="eventflux-liveness", daemon=True).start()
    return answered.wait(_ALIVE_SECONDS)


def _info(endpoint: Endpoint) -> dict[str, Any]:
    leaves = endpoint.settings.config.leaves
    return {
        "version": __version__,
        "configuration": nested({path: masked(path, leaf.value) for path, leaf in leaves.items()}),
        "apps": [
            {
                "name": runtime.name,
                "state": runtime.state,
                "text_sha256": sha256(runtime.source_text.encode()).hexdigest(),
                "plan_sha256": sha256(runtime.explain().encode()).hexdigest(),
                "streams": list(runtime.streams),
                "tables": list(runtime.tables),
                "queries": list(runtime.queries),
                "restored_revision": runtime.restored_revision,
            }
            for runtime in endpoint.runtimes
        ],
    }
