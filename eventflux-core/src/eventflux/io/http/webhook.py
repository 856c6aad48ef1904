"""The ``http`` source as a webhook: a request is a payload, answered when the app has taken it.

An answer of 200 means that the events have entered the stream, or were disposed of as its error policy says. Whatever
has not entered is answered with a status that says so, and the sender still has it.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.source import BlockOrigin, EventRefusedError, Source, SourceCallback, SourceContext
from eventflux.io.http.listener import HttpListener, busy_response
from eventflux.io.http.message import HttpRequest, HttpResponse, RequestHead, text_response
from eventflux.io.net.tls import server_context
from eventflux.types.errors import BackpressureError, ConfigError, RuntimeStateError

_STOP_SECONDS: Final = 5.0
_MAX_BODY: Final = 1 << 20
_LINES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)

logger = logging.getLogger("eventflux.source.http")


class RequestProperties(dict[str, object]):
    """What mappings find as ``trp:``: ``method``, ``path``, ``query``, ``peer``, and ``header.<name>`` in any case."""

    def __init__(self, request: HttpRequest) -> None:
        head = request.head
        super().__init__(method=head.method, path=head.path, query=head.query, peer=request.peer)
        self._headers = head.headers

    def get(self, key: str, default: object = None) -> object:
        """A property."""
        if key.startswith("header."):
            return self._headers.get(key[len("header.") :].lower(), default)
        return super().get(key, default)


class WebhookSource(Source):
    """One path of a port."""

    def configure(self, ctx: SourceContext) -> None:
        options = ctx.options
        port = options.optional_integer("port")
        if port is None:
            raise ConfigError("a webhook needs the option 'port'", key="port")
        self._ctx = ctx
        self._port = port
        self.path = options.text("path")
        if not self.path.startswith("/"):
            raise ConfigError(f"path must begin with '/', got {self.path!r}", key="path", value=self.path)
        self.method = options.optional_text("method") or "POST"
        self.max_body = options.optional_integer("max.body.bytes") or _MAX_BODY
        self.read_seconds = options.integer("read.timeout.ms") / 1000.0
        self._most = options.integer("max.concurrent.requests")
        self._auth = self._authorization()
        certificate, key = options.optional_text("tls.cert"), options.optional_text("tls.key")
        if certificate is None and key is not None:
            raise ConfigError("tls.key needs tls.cert", key="tls.key")
        self._certificate, self._key = certificate, key
        self._changed = threading.Condition()  # guards what follows
        self._answers: Counter[int] = Counter()  # by status, of requests that came in
        self._in_flight = 0  # requests that came in
        self._delivering = 0  # those of them that the app is handling
        self._is_open = False
        self._is_paused = False
        self._listener: HttpListener | None = None
        self._on_data: SourceCallback | None = None
        self._one_input = threading.Lock()  # a body that begins with a header is one input

    def _authorization(self) -> tuple[str, bytes] | None:
        options = self._ctx.options
        header, token = options.optional_text("auth.header"), options.optional_text("auth.token")
        if (header is None) != (token is None):
            raise ConfigError("auth.header and auth.token go together", key="auth.header")
        return None if header is None or token is None else (header.lower(), token.encode())

    @property
    def port(self) -> int | None:
        """Where it listens, None while it doesn't."""
        return None if self._listener is None else self._listener.port

    def connect(self, on_data: SourceCallback) -> None:
        certificate = self._certificate
        self._on_data = on_data
        self._is_open = True
        self._listener = HttpListener.add(
            self,
            self._ctx.options.text("host"),
            self._port,
            self._ctx.environment,
            tls=None if certificate is None else lambda: server_context(certificate, self._key),
            tls_key=(certificate, self._key),
        )

    def pause(self) -> None:
        with self._changed:
            self._is_paused = True
            self._changed.wait_for(lambda: not self._delivering, _STOP_SECONDS)

    def resume(self) -> None:
        with self._changed:
            self._is_paused = False

    @property
    def is_open(self) -> bool:
        """Whether requests may come in."""
        return self._is_open

    def close_gate(self) -> None:
        """Let no more requests come in."""
        with self._changed:
            self._is_open = False

    def disconnect(self) -> None:
        with self._changed:
            self._is_open = False
            if not self._changed.wait_for(lambda: not self._delivering, _STOP_SECONDS):
                logger.warning("%d requests for %s were not handled in time", self._delivering, self.path)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.remove(self)

    # ---- the endpoint

    def refusal(self, head: RequestHead) -> HttpResponse | None:
        if self._auth is not None:
            name, token = self._auth
            given = head.headers.get(name, "").encode("latin-1", "replace")
            if not hmac.compare_digest(given, token):
                return text_response(401, "the token is missing or wrong", {"WWW-Authenticate": "Token"})
        with self._changed:
            closed = self._closed()
            if closed is not None:
                return closed
            if self._in_flight >= self._most:
                return busy_response("there are too many requests at a time")
            self._in_flight += 1
        return None

    def gone(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def answer(self, request: HttpRequest) -> HttpResponse:
        try:
            answer = self.handled(request)
            with self._changed:
                self._answers[answer.status] += 1
            return answer
        finally:
            self.gone()

    def figures(self) -> Sequence[Figure]:
        with self._changed:
            answers = sorted(self._answers.items())
            waiting = Figure(name="http_requests_at_a_time", value=self._in_flight)
        counted = [Figure(name="http_answers", value=count, labels={"status": str(code)}) for code, count in answers]
        return (waiting, *counted)

    def handled(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that came in."""
        return self.delivered(request, RequestProperties(request))

    def delivered(self, request: HttpRequest, properties: Mapping[str, object]) -> HttpResponse:
        """Hand a request to the app; 200, or why it was not taken."""
        with self._changed:
            closed, on_data = self._closed(), self._on_data
            if closed is not None or on_data is None:
                return closed or busy_response("the source is stopping")
            self._delivering += 1
        try:
            return self._answer(on_data, request, properties)
        finally:
            with self._changed:
                self._delivering -= 1
                self._changed.notify_all()

    def _closed(self) -> HttpResponse | None:
        if not self._is_open:
            return busy_response("the source is stopping")
        return busy_response("the source is paused") if self._is_paused else None

    def _answer(self, on_data: SourceCallback, request: HttpRequest, properties: Mapping[str, object]) -> HttpResponse:
        if not request.body:
            return text_response(200, "")
        try:
            self._deliver(on_data, request, properties)
        except EventRefusedError as error:
            return text_response(500, error.message)
        except BackpressureError as error:
            return text_response(429, error.message, {"Retry-After": "1"})
        except RuntimeStateError as error:
            return busy_response(error.message)
        except Exception:
            logger.exception("a request for %s could not be handled", self.path)
            return text_response(500, "the request could not be handled")
        return text_response(200, "")

    def _deliver(self, on_data: SourceCallback, request: HttpRequest, properties: Mapping[str, object]) -> None:
        if request.content_type in _LINES:
            lines = request.body if request.body.endswith(b"\n") else request.body + b"\n"
            origin = BlockOrigin(name=f"{request.head.method} {self.path}", properties=properties)
            on_data.block(lines, b"\n", origin)
        elif on_data.header_payloads:
            with self._one_input:
                on_data.start_of_input()
                on_data(request.body, properties)
        else:
            on_data(request.body, properties)
