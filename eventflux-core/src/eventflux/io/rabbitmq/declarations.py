"""What the RabbitMQ connectors say about themselves; the code behind is imported when one is made."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.lazy import LazyFactory
from eventflux.types.attribute_type import AttributeType

_TEXT: Final = (AttributeType.STRING,)
_INT: Final = (AttributeType.INT,)
_BOOL: Final = (AttributeType.BOOL,)
_EXTRA: Final = "rabbitmq"

_COMMON: Final = (
    Parameter("host", _TEXT, "The server."),
    Parameter("port", _INT, "Its port.", default=5672, minimum=1, maximum=65535),
    Parameter("username", _TEXT, "The user.", default="guest"),
    Parameter("password", _TEXT, "Its password.", default="guest", secret=True),
    Parameter("vhost", _TEXT, "The virtual host.", default="/"),
    Parameter("tls.enabled", _BOOL, "Speak TLS; also when one of the files is given.", default=False),
    Parameter("tls.ca", _TEXT, "PEM file of the authorities to trust; if not given, the system's.", optional=True),
    Parameter("tls.cert", _TEXT, "PEM file of our certificate.", optional=True),
    Parameter("tls.key", _TEXT, "PEM file of its key.", optional=True),
    Parameter("connect.timeout.ms", _INT, "Longest wait for a connection.", default=5000, unit="ms", minimum=1),
)

RABBITMQ_SOURCE: Final = Extension(
    name="rabbitmq",
    kind=ExtensionKind.SOURCE,
    description="The messages of a queue, acknowledged when what came of them is secured; needs the extra rabbitmq.",
    factory=LazyFactory("eventflux.io.rabbitmq.source", "RabbitSource", extra=_EXTRA),
    parameters=(
        *_COMMON,
        Parameter("queue", _TEXT, "The queue."),
        Parameter("declare.queue", _BOOL, "Make a durable queue if there is none.", default=True),
        Parameter("auto.ack", _BOOL, "Messages count as done when they are sent: at most once.", default=False),
        Parameter(
            "prefetch",
            _INT,
            "Most messages that are not acknowledged, 0 for no bound; 256 if not given, and none where a store of "
            "state is set, since a checkpoint acknowledges then.",
            optional=True,
            minimum=0,
            maximum=65535,
        ),
        Parameter("consumer.tag", _TEXT, "How the server calls us; generated if not given.", optional=True),
    ),
    examples=(
        Example(
            "CREATE STREAM Orders (id BIGINT, amount DOUBLE) WITH ('type' = 'source', 'extension' = 'rabbitmq', "
            "'rabbitmq.host' = 'localhost', 'rabbitmq.queue' = 'orders', 'format' = 'json');",
            "A queue of JSON objects.",
        ),
        Example(
            "@source(type='rabbitmq', host='localhost', queue='orders', @map(type='json', "
            "@attributes(id='id', route='trp:routing_key', origin='trp:header.origin'))) "
            "define stream Orders (id long, route string, origin string);",
            "Routing key and a header as attributes.",
        ),
    ),
)

RABBITMQ_SINK: Final = Extension(
    name="rabbitmq",
    kind=ExtensionKind.SINK,
    description="A message an event to an exchange, confirmed by the server; needs the extra rabbitmq.",
    factory=LazyFactory("eventflux.io.rabbitmq.sink", "RabbitSink", extra=_EXTRA),
    parameters=(
        *_COMMON,
        Parameter("exchange", _TEXT, "The exchange; empty: the default one, which routes to the queue of that name."),
        Parameter("routing.key", _TEXT, "The routing key.", default="", dynamic=True),
        Parameter("headers.", _TEXT, "A header of that name.", optional=True, is_prefix=True, dynamic=True),
        Parameter("content.type", _TEXT, "Of the messages; that of the format if not given.", optional=True),
        Parameter("mandatory", _BOOL, "A message that no queue takes has failed.", default=False),
        Parameter("persistent", _BOOL, "Messages outlive the server's process.", default=True),
        Parameter("declare.exchange", _BOOL, "Make a durable exchange if there is none.", default=False),
        Parameter(
            "exchange.type",
            _TEXT,
            "Of an exchange that is made.",
            default="direct",
            choices=("direct", "fanout", "topic", "headers"),
        ),
        Parameter("confirm", _BOOL, "Wait until the server has the messages of a batch.", default=True),
        Parameter("confirm.timeout.ms", _INT, "Longest wait for a confirmation.", default=30_000, unit="ms", minimum=1),
    ),
    examples=(
        Example(
            "CREATE STREAM Alerts (id BIGINT, level STRING) WITH ('type' = 'sink', 'extension' = 'rabbitmq', "
            "'rabbitmq.host' = 'localhost', 'rabbitmq.exchange' = 'alerts', "
            "'rabbitmq.routing.key' = 'alert.{{level}}', 'format' = 'json');",
            "Routed by an attribute.",
        ),
    ),
)
