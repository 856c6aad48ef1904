"""The ``http`` source: a webhook or a poll, as its mode says."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import State
from eventflux.extension.kinds.source import Source, SourceCallback, SourceContext
from eventflux.io.http.poll import PollSource
from eventflux.io.http.webhook import WebhookSource
from eventflux.types.errors import ConfigError

_ONLY_WEBHOOK = ("port", "path", "auth.header", "auth.token", "max.concurrent.requests", "read.timeout.ms")
_ONLY_POLL = ("url", "poll.interval.ms", "timeout.ms")


class HttpSource(Source):
    """Hands everything on to the source of its mode."""

    waits_for_room = False  # the sender of a request is told; a poll waits by itself

    def configure(self, ctx: SourceContext) -> None:
        options = ctx.options
        is_poll = options.text("mode") == "poll"
        for name in _ONLY_WEBHOOK if is_poll else _ONLY_POLL:
            if name in options.given:
                raise ConfigError(
                    f"option {name!r} of an http source has no meaning with mode {options.text('mode')!r}", key=name
                )
        self.inner: WebhookSource | PollSource = PollSource() if is_poll else WebhookSource()
        self.inner.configure(ctx)

    @property
    def port(self) -> int | None:
        """Where a webhook listens; None while it doesn't, and for a poll."""
        return self.inner.port if isinstance(self.inner, WebhookSource) else None

    def validate_connectivity(self) -> None:
        self.inner.validate_connectivity()

    def connect(self, on_data: SourceCallback) -> None:
        self.inner.connect(on_data)

    def pause(self) -> None:
        self.inner.pause()

    def resume(self) -> None:
        self.inner.resume()

    def disconnect(self) -> None:
        self.inner.disconnect()

    def figures(self) -> Sequence[Figure]:
        return self.inner.figures()

    def save(self) -> State:
        return self.inner.save()
