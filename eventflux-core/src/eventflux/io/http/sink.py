"""The ``http`` sink: a request a payload, or a payload of many events a request.

Each request is tried again by itself: on a lost connection, 408, 429 (as late as ``Retry-After`` says) and 5xx. Other
answers fail at once. What fails for good is told with its position, so that what stands behind it is sent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Final

from eventflux.extension.environment import Waiter
from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.http.client import ClientResponse, HttpClient, RequestError, check_url
from eventflux.io.net.tls import client_context
from eventflux.io.retry import retry_delays
from eventflux.io.sinks.log import event_text
from eventflux.types.errors import ConfigError, ConnectionUnavailableError

CONTENT_TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv",
    "xml": "application/xml",
    "text": "text/plain",
    "msgpack": "application/msgpack",
}
_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_AGAIN: Final = frozenset({408, 429})
_PROBE_SECONDS: Final = 10.0
_MOST_ANSWER: Final = 1 << 20


class HttpSink(Sink):
    """Sends to one URL, or to the one that each event names; in order, whatever the events name."""

    takes_each = True

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._environment = ctx.environment
        self._format = ctx.format
        self._header = ctx.header
        self._more_headers = ctx.more_headers
        self._url, self._method = options.text("url"), options.text("method").upper()
        self._has_one_url = "url" not in options.dynamic
        if self._has_one_url:
            check_url(self._url, "http", "https")
        if "method" not in options.dynamic:
            _check_method(self._method)
        self._probes = options.text("validation.method")
        self._headers = {
            "Content-Type": options.optional_text("content.type")
            or CONTENT_TYPES.get(ctx.format, "application/octet-stream"),
            "User-Agent": "eventflux",
            **options.family("headers."),
        }
        self._attempts = options.integer("retry.max-attempts")
        self._initial = options.integer("retry.initial-delay-ms")
        self._longest = options.integer("retry.max-delay-ms")
        self._multiplier = options.number("retry.backoff-multiplier")
        self._batch = options.integer("batch.size")
        self._concurrency = options.integer("concurrency")
        if self._concurrency > 1 and options.flag("ordered"):
            raise ConfigError(
                "concurrency above 1 gives up the order of events", key="concurrency", hint="set 'ordered' to false"
            )
        files = [options.optional_text(name) for name in ("tls.ca", "tls.cert", "tls.key")]
        tls = client_context(*files) if any(files) else None
        seconds = options.integer("timeout.ms") / 1000.0
        self._client = HttpClient(seconds, most_bytes=_MOST_ANSWER, tls=tls)
        self._probe_client = HttpClient(min(seconds, _PROBE_SECONDS), most_bytes=_MOST_ANSWER, tls=tls)
        self._stopping: Waiter = ctx.environment.waiter()
        self._pool: ThreadPoolExecutor | None = None
        self._is_proved = False
        self.retries = 0

    def validate_connectivity(self) -> None:
        self._probe()
        self._is_proved = True

    def connect(self) -> None:
        if not self._is_proved:
            self._probe()
        self._is_proved = False
        self._stopping.clear()
        if self._concurrency > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="eventflux-http-sink")

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self._publish_run(payloads, dynamic)

    def publish_each(self, payloads: Sequence[Payload], dynamic: Mapping[str, Sequence[str | None]]) -> None:
        if not dynamic:
            self._publish_run(payloads, {})
            return
        start = 0
        own = [
            {name: "null" if value is None else value for name, value in zip(dynamic, values, strict=True)}
            for values in zip(*dynamic.values(), strict=True)
        ]
        for end in range(1, len(payloads) + 1):
            if end == len(payloads) or own[end] != own[start]:
                try:
                    self._publish_run(payloads[start:end], own[start])
                except PublishError as error:
                    raise PublishError(error.message, sent=start + error.sent) from error
                except ConnectionUnavailableError as error:
                    if start == 0:
                        raise
                    raise PublishError(error.message, sent=start) from error
                start = end

    def _publish_run(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        """Send payloads that go to one place in one way."""
        url, method = dynamic.get("url", self._url), dynamic.get("method", self._method).upper()
        if method not in _METHODS:
            raise PublishError(f"method {method!r} must be one of {', '.join(sorted(_METHODS))}")
        headers = self._headers
        own = {name[len("headers.") :]: value for name, value in dynamic.items() if name.startswith("headers.")}
        more = self._more_headers()
        if own or more:
            headers = {**headers, **own, **more}
        bodies = [self._body(payloads[start : start + self._batch]) for start in range(0, len(payloads), self._batch)]
        if self._pool is None or len(bodies) == 1:
            failures: Iterator[Exception | None] = (self._try(method, url, headers, body) for body in bodies)
        else:
            failures = self._pool.map(lambda body: self._try(method, url, headers, body), bodies)
        for sent, failure in enumerate(failures):
            if isinstance(failure, ConnectionUnavailableError) and sent == 0:
                raise failure
            if failure is not None:
                raise PublishError(str(failure), sent=sent * self._batch) from failure

    def interrupt(self) -> None:
        self._stopping.set()

    def disconnect(self) -> None:
        self._stopping.set()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        self._client.close()
        self._probe_client.close()

    def _probe(self) -> None:
        """Any answer proves that the server can be reached."""
        if self._probes == "none" or not self._has_one_url:
            return
        headers = {name: value for name, value in self._headers.items() if name != "Content-Type" and "{{" not in value}
        try:
            self._probe_client.request(self._probes, self._url, headers)
        except RequestError:
            return  # it has answered, with more than we read

    def _try(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Exception | None:
        """Send one request, again where that may help; why it failed, None: it didn't."""
        delays = retry_delays(
            backoff="exponential",
            initial_ms=self._initial,
            max_ms=self._longest,
            multiplier=self._multiplier,
            jitter=0.0,
            attempts=self._attempts,
            random=self._environment.random,
        )
        while True:
            wait: float | None = None
            failure: Exception
            try:
                answer = self._client.request(method, url, headers, body)
            except RequestError as error:
                return error
            except ConnectionUnavailableError as error:
                failure = error
            else:
                if answer.is_success:
                    return None
                failure = PublishError(f"{method} {url}: {answer.status} {answer.reason}".strip())
                if answer.status not in _AGAIN and answer.status < 500:
                    return failure
                wait = self._retry_after(answer)
            delay = next(delays, None)
            if delay is None or self._stopping.wait(delay if wait is None else max(wait, delay)):
                return failure
            self.retries += 1

    def _retry_after(self, answer: ClientResponse) -> float | None:
        """What the answer says, in seconds, bounded by the longest delay; None: it doesn't."""
        text = answer.headers.get("retry-after", "").strip()
        if not text:
            return None
        if text.isascii() and text.isdecimal():
            seconds = float(text)
        else:
            try:
                moment = parsedate_to_datetime(text)
            except ValueError:
                return None
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            now = datetime.fromtimestamp(self._environment.wall_clock() / 1000.0, timezone.utc)
            seconds = (moment - now).total_seconds()
        return min(max(seconds, 0.0), self._longest / 1000.0)

    def _body(self, payloads: Sequence[Payload]) -> bytes:
        texts = [payload if isinstance(payload, bytes) else event_text(payload).encode() for payload in payloads]
        if self._batch == 1:
            body = texts[0]
        elif self._format == "json":
            body = b"[" + b",".join(texts) + b"]"
        elif self._format == "msgpack":
            body = _msgpack_array(len(texts)) + b"".join(texts)
        else:
            body = b"\n".join(texts)
        return body if self._header is None else self._header + b"\n" + body


def _msgpack_array(count: int) -> bytes:
    if count < 16:
        return bytes([0x90 | count])
    return struct.pack(">BH", 0xDC, count) if count < 1 << 16 else struct.pack(">BI", 0xDD, count)


def _check_method(method: str) -> None:
    if method not in _METHODS:
        raise ConfigError(
            f"method must be one of {', '.join(sorted(_METHODS))}, got {method!r}", key="method", value=method
        )
