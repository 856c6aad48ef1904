"""What the WebSocket connectors say about themselves; the code behind is imported when one is made."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.lazy import LazyFactory
from eventflux.types.attribute_type import AttributeType

_TEXT: Final = (AttributeType.STRING,)
_INT: Final = (AttributeType.INT,)
_LONG: Final = (AttributeType.LONG,)
_BOOL: Final = (AttributeType.BOOL,)
_EXTRA: Final = "websocket"

_COMMON: Final = (
    Parameter("url", _TEXT, "Client: the server, ws:// or wss://.", optional=True),
    Parameter(
        "server.port",
        _INT,
        "Server: where to listen, instead of url; 0: a port that is free.",
        optional=True,
        minimum=0,
        maximum=65535,
    ),
    Parameter("server.host", _TEXT, "Server: address to listen at.", default="0.0.0.0"),  # noqa: S104 - as documented
    Parameter("path", _TEXT, "Server: the path; others are answered with 404.", default="/"),
    Parameter("max.connections", _INT, "Server: clients at a time.", default=1024, minimum=1),
    Parameter("reconnect", _BOOL, "Client: connect again when the connection is gone.", default=True),
    Parameter("reconnect.delay.ms", _LONG, "Client: the first wait, then twice as long.", default=1000, unit="ms"),
    Parameter("reconnect.max.delay.ms", _LONG, "Client: the longest wait.", default=30_000, unit="ms"),
    Parameter(
        "headers.", _TEXT, "Client: a header of the opening request.", optional=True, is_prefix=True, secret=True
    ),
    Parameter("subprotocol", _TEXT, "What both sides speak above WebSocket.", optional=True),
    Parameter("subscribe.message", _TEXT, "Client: what is sent first on each connection.", optional=True),
    Parameter(
        "ping.interval.ms", _LONG, "How often to ask whether the peer is there; 0: never.", default=20_000, unit="ms"
    ),
    Parameter("max.message.bytes", _LONG, "The longest message.", default=1_048_576, unit="bytes", minimum=1),
    Parameter("tls.ca", _TEXT, "Client: PEM file of the authorities to trust.", optional=True),
    Parameter("tls.cert", _TEXT, "PEM file of the certificate; with it a server is wss.", optional=True),
    Parameter("tls.key", _TEXT, "PEM file of its key.", optional=True),
)
_ATTEMPTS: Final = "Client: how often to try before the connection counts as lost; -1: for ever."

WEBSOCKET_SOURCE: Final = Extension(
    name="websocket",
    kind=ExtensionKind.SOURCE,
    description="Messages of a server, or of the clients that connect; needs the extra websocket.",
    factory=LazyFactory("eventflux.io.websocket.source", "WebSocketSource", extra=_EXTRA),
    parameters=(*_COMMON, Parameter("reconnect.max.attempts", _INT, _ATTEMPTS, default=-1, minimum=-1)),
    examples=(
        Example(
            "CREATE STREAM Ticks (symbol STRING, price DOUBLE) WITH ('type' = 'source', 'extension' = 'websocket', "
            "'websocket.url' = 'wss://example.org/ticks', "
            """'websocket.subscribe.message' = '{"subscribe": "all"}', 'format' = 'json');""",
            "A feed that wants to be asked.",
        ),
        Example(
            "@source(type='websocket', server.port='8765', path='/in', @map(type='json')) "
            "define stream In (device string, value double);",
            "Whatever clients send to ws://localhost:8765/in.",
        ),
    ),
)

WEBSOCKET_SINK: Final = Extension(
    name="websocket",
    kind=ExtensionKind.SINK,
    description="A message an event, to a server, or to all clients that are connected; needs the extra websocket.",
    factory=LazyFactory("eventflux.io.websocket.sink", "WebSocketSink", extra=_EXTRA),
    parameters=(
        *_COMMON,
        Parameter("reconnect.max.attempts", _INT, _ATTEMPTS, default=3, minimum=-1),
        Parameter(
            "message.type",
            _TEXT,
            "Kind of the messages; if not given binary for avro, bytes, msgpack and protobuf.",
            optional=True,
            choices=("text", "binary"),
        ),
        Parameter(
            "client.buffer",
            _INT,
            "Server: messages that may wait for a client; it is closed at more.",
            default=1024,
            minimum=1,
        ),
    ),
    examples=(
        Example(
            "CREATE STREAM Alerts (text STRING) WITH ('type' = 'sink', 'extension' = 'websocket', "
            "'websocket.server.port' = '8766', 'format' = 'json');",
            "Alerts for every browser that is connected.",
        ),
    ),
)
