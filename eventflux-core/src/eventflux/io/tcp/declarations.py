"""What the TCP connectors say about themselves; the code behind is imported when one is made."""

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

TCP_SOURCE: Final = Extension(
    name="tcp",
    kind=ExtensionKind.SOURCE,
    description="A port that tcp sinks of other apps send events to; the sinks wait while the app does not take more.",
    factory=LazyFactory("eventflux.io.tcp.source", "TcpSource"),
    default_format="msgpack",
    parameters=(
        Parameter("host", _TEXT, "Address to listen at.", default="0.0.0.0"),  # noqa: S104 - the documented default
        Parameter("port", _INT, "Where to listen; 0: a port that is free.", default=9892, minimum=0, maximum=65535),
        Parameter(
            "max.frame.bytes",
            _LONG,
            "The longest message, compressed or not; sinks keep to it.",
            default=10_485_760,
            unit="bytes",
            minimum=1024,
            maximum=1 << 30,
        ),
        Parameter("ack", _BOOL, "Acknowledge messages to sinks that ask for it.", default=False),
        Parameter("max.connections", _INT, "Connections at a time.", default=1024, minimum=1),
        Parameter("tls.cert", _TEXT, "PEM file of the certificate; with it, connections are encrypted.", optional=True),
        Parameter("tls.key", _TEXT, "PEM file of its key.", optional=True),
        Parameter("tls.ca", _TEXT, "PEM file of the authorities that sign sinks' certificates.", optional=True),
        Parameter(
            "tls.client.auth",
            _TEXT,
            "Whether sinks show certificates.",
            default="none",
            choices=("none", "optional", "required"),
        ),
    ),
    examples=(
        Example(
            "CREATE STREAM Trades (symbol STRING, price DOUBLE) WITH ('type' = 'source', 'extension' = 'tcp', "
            "'tcp.port' = '9892', 'tcp.ack' = 'true');",
            "Trades from other processes.",
        ),
    ),
)

TCP_SINK: Final = Extension(
    name="tcp",
    kind=ExtensionKind.SINK,
    description="Events for the tcp source of another app, many in a message.",
    factory=LazyFactory("eventflux.io.tcp.sink", "TcpSink"),
    default_format="msgpack",
    parameters=(
        Parameter("url", _TEXT, "tcp://host:port; without a port 9892.", dynamic=True),
        Parameter("connect.timeout.ms", _LONG, "For connecting.", default=5000, unit="ms", minimum=1),
        Parameter(
            "write.timeout.ms",
            _LONG,
            "How long the other side may take nothing, or acknowledge nothing.",
            default=30_000,
            unit="ms",
            minimum=1,
        ),
        Parameter("keepalive", _BOOL, "Have the system find out whether a silent peer is there.", default=True),
        Parameter("keepalive.interval.secs", _INT, "How often, in seconds.", default=30, minimum=1),
        Parameter("nodelay", _BOOL, "Send small messages at once.", default=True),
        Parameter(
            "pool.size", _INT, "Connections; with more than one, order is not kept.", default=1, minimum=1, maximum=64
        ),
        Parameter(
            "ack", _BOOL, "Keep messages until the source acknowledges them, and send them again.", default=False
        ),
        Parameter(
            "compression",
            _TEXT,
            "Of payloads; each is an extra of its name.",
            default="none",
            choices=("none", "lz4", "snappy", "zstd"),
        ),
        Parameter("tls.enabled", _BOOL, "Encrypt; so does any other tls option.", default=False),
        Parameter("tls.ca", _TEXT, "PEM file of the authorities to trust, instead of the system's.", optional=True),
        Parameter("tls.cert", _TEXT, "PEM file of the certificate to show.", optional=True),
        Parameter("tls.key", _TEXT, "PEM file of its key.", optional=True),
        Parameter("tls.server.name", _TEXT, "The name that the server's certificate must have.", optional=True),
    ),
    examples=(
        Example(
            "@sink(type='tcp', url='tcp://localhost:9892', ack='true') define stream O (symbol string, price double);",
            "At least once: what is not acknowledged is sent again.",
        ),
    ),
)
