"""Messages between processes: over TCP, TLS or a Unix socket here, over gRPC in the package eventflux-grpc."""

from eventflux.extension.kinds.transport import (
    Compression,
    HeartbeatResponse,
    Message,
    MessageType,
    TlsConfig,
    Transport,
    TransportConnection,
    TransportListener,
)
from eventflux.transport.config import TcpTransportConfig
from eventflux.transport.tcp import TcpTransport

__all__ = [
    "Compression",
    "HeartbeatResponse",
    "Message",
    "MessageType",
    "TcpTransport",
    "TcpTransportConfig",
    "TlsConfig",
    "Transport",
    "TransportConnection",
    "TransportListener",
]
