"""``inMemory`` sink: a topic of the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.types.attribute_type import AttributeType


class InMemorySink(Sink):
    """Publishes each payload, one after the other, on the thread of the stream."""

    def configure(self, ctx: SinkContext) -> None:
        self._topic = ctx.options.text("topic")

    def connect(self) -> None:
        """There is nothing to connect to."""

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        topic = dynamic.get("topic", self._topic)
        for payload in payloads:
            InMemoryBroker.publish(topic, payload)

    def disconnect(self) -> None:
        """There is nothing to disconnect from."""


IN_MEMORY_SINK: Final = Extension(
    name="inMemory",
    kind=ExtensionKind.SINK,
    description="Payloads to a topic within the process, synchronously.",
    factory=InMemorySink,
    default_format="passThrough",
    parameters=(Parameter("topic", (AttributeType.STRING,), "The topic.", dynamic=True),),
    examples=(
        Example(
            "@sink(type='inMemory', topic='{{symbol}}') define stream Quotes (symbol string, price double);",
            "A topic a symbol.",
        ),
    ),
)
