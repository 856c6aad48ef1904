"""The ``http`` source as a poll: asks a URL every so often; a successful answer with a body is a payload."""

from __future__ import annotations

import logging

from eventflux.extension.environment import Waiter
from eventflux.extension.kinds.source import BlockOrigin, SourceContext
from eventflux.extension.kinds.threaded_source import ThreadedSource
from eventflux.io.http.client import ClientResponse, HttpClient, RequestError, check_url
from eventflux.io.net.tls import client_context
from eventflux.types.errors import BackpressureError, ConfigError, ConnectionUnavailableError, MappingError

_MAX_BODY = 10 << 20
_WITHOUT_EVENTS = frozenset({204, 205, 304})

logger = logging.getLogger("eventflux.source.http")


class AnswerProperties(dict[str, object]):
    """What mappings find as ``trp:``: ``status``, ``url``, and ``header.<name>`` in any case."""

    def get(self, key: str, default: object = None) -> object:
        """A property."""
        return super().get(key.lower() if key.startswith("header.") else key, default)


class PollSource(ThreadedSource):
    """Asks on a grid: an answer that takes longer than the interval makes it skip moments, not catch up."""

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        options = ctx.options
        url = options.optional_text("url")
        if url is None:
            raise ConfigError("a poll needs the option 'url'", key="url")
        check_url(url, "http", "https")
        self._url = url
        self._interval = options.integer("poll.interval.ms") / 1000.0
        self._method = options.optional_text("method") or "GET"
        if self._method not in {"GET", "POST"}:
            raise ConfigError(f"a poll asks with GET or POST, not {self._method}", key="method", value=self._method)
        self._headers = dict(options.family("headers."))
        files = [options.optional_text(name) for name in ("tls.ca", "tls.cert", "tls.key")]
        self._client = HttpClient(
            options.integer("timeout.ms") / 1000.0,
            most_bytes=options.optional_integer("max.body.bytes") or _MAX_BODY,
            tls=client_context(*files) if any(files) else None,
        )

        self._was_lost = False
        self._first: ClientResponse | None = None

    def open(self) -> None:
        if self._was_lost:  # it counts as connected again when it has answered
            self._first = self._ask()
            self._was_lost = False

    def run(self, stopping: Waiter) -> None:
        due = self.ctx.environment.monotonic()
        while self.paused(stopping):
            self._poll(stopping)
            now = self.ctx.environment.monotonic()
            due = max(due + self._interval, now)
            if stopping.wait(due - now):
                return

    def close(self) -> None:
        self._client.close()

    def _ask(self) -> ClientResponse | None:
        """The answer; None: there is none that could be taken, which the error policy knows."""
        try:
            return self._client.request(self._method, self._url, self._headers)
        except RequestError as error:
            self._failed(str(error))
            return None
        except ConnectionUnavailableError:
            self._was_lost = True
            raise

    def _poll(self, stopping: Waiter) -> None:
        """Ask once; raises what ends the connection, so that it is tried again with growing waits."""
        first, self._first = self._first, None
        answer = first or self._ask()
        if answer is None:
            return
        if answer.status in _WITHOUT_EVENTS or (answer.is_success and not answer.body):
            return
        if not answer.is_success:
            self._failed(f"{answer.status} {answer.reason}".strip(), answer.body)
            return
        properties = AnswerProperties(status=answer.status, url=self._url)
        properties.update({f"header.{name}": value for name, value in answer.headers.items()})
        while True:
            try:
                self.on_data(answer.body, properties)
            except BackpressureError as error:  # the answer is here only: it waits for room
                logger.debug("poll of %s waits: %s", self._url, error)
                if stopping.wait(self._interval):
                    return
            else:
                return

    def _failed(self, what: str, body: bytes | None = None) -> None:
        self.on_data.failed(
            MappingError(f"{self._method} {self._url}: {what}", payload=body), BlockOrigin(name="http poll")
        )
