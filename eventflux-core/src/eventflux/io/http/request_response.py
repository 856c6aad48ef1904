"""The ``http-request`` source and the ``http-response`` sink: an app answers requests with events.

request ──> events with trp:messageId ──> queries ──> event with that id ──> sink ──> answer
   └────────────── waits, at most connection.timeout.ms, then 504 ─────────────────────┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext, SourceContext
from eventflux.io.http.exchanges import Exchanges
from eventflux.io.http.listener import busy_response
from eventflux.io.http.message import HttpRequest, HttpResponse, text_response
from eventflux.io.http.sink import CONTENT_TYPES
from eventflux.io.http.webhook import RequestProperties, WebhookSource
from eventflux.io.sinks.log import event_text
from eventflux.types.errors import ConfigError

MESSAGE_ID: Final = "messageId"
_HEADER: Final = "headers."


class HttpRequestSource(WebhookSource):
    """A webhook whose requests wait for an event."""

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        self._exchanges = Exchanges.of(ctx.options.text("source.id"))
        self._seconds = ctx.options.integer("connection.timeout.ms") / 1000.0

    def handled(self, request: HttpRequest) -> HttpResponse:
        number = self._exchanges.expect()
        try:
            properties = RequestProperties(request)
            properties[MESSAGE_ID] = number
            taken = self.delivered(request, properties)
            if taken.status != 200:
                return taken
            answer = self._exchanges.wait(number, self._seconds, lambda: not self.is_open)
            if answer is not None:
                return answer
            if not self.is_open:
                return busy_response("the source is stopping")
            return text_response(504, "the app gave no answer in time")
        finally:
            self._exchanges.forget(number)

    def disconnect(self) -> None:
        self.close_gate()
        self._exchanges.wake()
        super().disconnect()


class HttpResponseSink(Sink):
    """Answers requests that wait."""

    takes_each = True

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._exchanges = Exchanges.of(options.text("source.id"))
        self._number = options.text("message.id")
        if "message.id" not in options.dynamic:
            raise ConfigError("message.id must name the attribute that holds the id, as in {{id}}", key="message.id")
        self._status = options.text("status.code")
        if "status.code" not in options.dynamic:
            _status(self._status)
        self._headers = {
            "Content-Type": options.optional_text("content.type")
            or CONTENT_TYPES.get(ctx.format, "application/octet-stream"),
            **options.family(_HEADER),
        }

    def connect(self) -> None:
        """There is nothing to connect to."""

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        for sent, payload in enumerate(payloads):
            self._answer(payload, dynamic, sent)

    def publish_each(self, payloads: Sequence[Payload], dynamic: Mapping[str, Sequence[str | None]]) -> None:
        for sent, payload in enumerate(payloads):
            own = {name: values[sent] for name, values in dynamic.items()}
            self._answer(payload, {name: "" if value is None else value for name, value in own.items()}, sent)

    def disconnect(self) -> None:
        """There is nothing to disconnect from."""

    def _answer(self, payload: Payload, dynamic: Mapping[str, str], sent: int) -> None:
        try:
            status = _status(dynamic.get("status.code", self._status))
        except ConfigError as error:
            raise PublishError(error.message, sent=sent) from error
        headers = {name: value for name, value in self._headers.items() if "{{" not in value}
        headers |= {name[len(_HEADER) :]: value for name, value in dynamic.items() if name.startswith(_HEADER)}
        if any("\r" in text or "\n" in text for pair in headers.items() for text in pair):
            raise PublishError("a header has a line break in it", sent=sent)
        body = payload if isinstance(payload, bytes) else event_text(payload).encode()
        number = dynamic.get("message.id", "")
        if not self._exchanges.answer(number, HttpResponse(status=status, body=body, headers=headers)):
            raise PublishError(f"no request waits for an answer to {number!r}", sent=sent)


def _status(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 200 <= int(text) <= 599):
        raise ConfigError(f"status.code must be a number from 200 to 599, got {text!r}", key="status.code", value=text)
    return int(text)
