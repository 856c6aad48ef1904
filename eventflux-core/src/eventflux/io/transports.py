"""The transports of the core, declared. What they make is imported when it is wanted: a single node wants none."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.lazy import LazyFactory

_FACTORY: Final = LazyFactory("eventflux.transport.tcp", "tcp_transport")
_PARAMETERS: Final = (
    Parameter("connection_timeout_ms", ("INT",), "Longest wait for a connection.", default=5000, minimum=1),
    Parameter("read_timeout_ms", ("INT",), "Longest wait for a message.", default=30_000, minimum=1),
    Parameter("write_timeout_ms", ("INT",), "Longest wait until a message has left.", default=30_000, minimum=1),
    Parameter("keepalive_enabled", ("BOOL",), "The system looks after silent connections.", default=True),
    Parameter("keepalive_interval_secs", ("INT",), "How often it does.", default=30, minimum=1),
    Parameter("nodelay", ("BOOL",), "Small messages leave at once.", default=True),
    Parameter("send_buffer_size", ("INT",), "Of the system, in bytes.", default=65_536, minimum=1),
    Parameter("recv_buffer_size", ("INT",), "Likewise.", default=65_536, minimum=1),
    Parameter("max_message_size", ("INT",), "Of a message on the wire, in bytes.", default=10_485_760, minimum=1),
    Parameter("pool_size", ("INT",), "Connections to an endpoint at a time.", default=10, minimum=1),
    Parameter("compression", ("STRING",), "Of payloads.", default="none", choices=("none", "lz4", "snappy", "zstd")),
    Parameter("node_id", ("STRING",), "Our name, as the other side learns it.", default=""),
)

TRANSPORTS: Final = (
    Extension(
        name="tcp",
        kind=ExtensionKind.TRANSPORT,
        description="Messages over TCP, or TLS.",
        factory=_FACTORY,
        parameters=_PARAMETERS,
        examples=(Example("transport.implementation = tcp", "Endpoints are tcp://host:port."),),
    ),
    Extension(
        name="unix",
        kind=ExtensionKind.TRANSPORT,
        description="Messages over Unix sockets, between processes of one machine.",
        factory=_FACTORY,
        parameters=_PARAMETERS,
        examples=(Example("transport.implementation = unix", "Endpoints are unix:///path."),),
    ),
)
