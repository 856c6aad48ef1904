"""``inMemory`` source: a topic of the process."""

from __future__ import annotations

import threading
from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.source import Source, SourceCallback, SourceContext
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.types.attribute_type import AttributeType


class InMemorySource(Source):
    """Delivers on the thread that publishes. While it is paused, publishers wait."""

    waits_for_room = False

    def configure(self, ctx: SourceContext) -> None:
        self._topic = ctx.options.text("topic")
        self._on_data: SourceCallback | None = None
        self._open = threading.Event()
        self._open.set()

    def connect(self, on_data: SourceCallback) -> None:
        self._on_data = on_data
        InMemoryBroker.subscribe(self._topic, self._receive)

    def pause(self) -> None:
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def disconnect(self) -> None:
        self._on_data = None
        InMemoryBroker.unsubscribe(self._topic, self._receive)
        self._open.set()

    def _receive(self, payload: object) -> None:
        self._open.wait()
        on_data = self._on_data
        if on_data is not None:
            on_data(payload)


IN_MEMORY_SOURCE: Final = Extension(
    name="inMemory",
    kind=ExtensionKind.SOURCE,
    description="Payloads of a topic within the process, on the thread that publishes them.",
    factory=InMemorySource,
    default_format="passThrough",
    parameters=(Parameter("topic", (AttributeType.STRING,), "The topic."),),
    examples=(
        Example(
            "@source(type='inMemory', topic='trades') define stream Trades (symbol string, price double);",
            "What anybody publishes to the topic.",
        ),
    ),
)
