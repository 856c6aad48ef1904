"""How the TCP transport behaves, and what endpoints look like."""

from __future__ import annotations

from typing import Final, Literal

from eventflux.extension.kinds.transport import TlsConfig
from eventflux.types.errors import ConfigError
from eventflux.types.record import record

_SCHEME: Final = "tcp://"
_UNIX: Final = "unix://"


@record(frozen=True, slots=True, kw_only=True)
class TcpTransportConfig:
    """Settings of a `TcpTransport`.

    Attributes:
        connection_timeout_ms: Longest wait for a connection, greeting included.
        read_timeout_ms: Longest wait for a message.
        write_timeout_ms: Longest wait until a message has left.
        keepalive_enabled: Whether the system looks after silent connections.
        keepalive_interval_secs: How often it does.
        nodelay: Small messages leave at once.
        send_buffer_size: Of the system, in bytes; None: as it likes.
        recv_buffer_size: Likewise.
        max_message_size: Of a message on the wire, in bytes; larger ones are refused on both sides.
        pool_size: Connections to an endpoint at a time; they are used again.
        compression: Of payloads; each needs the extra of eventflux-core of its name.
        tls: TLS, or None.
        node_id: Our name, as the other side learns it.
    """

    connection_timeout_ms: int = 5000
    read_timeout_ms: int = 30_000
    write_timeout_ms: int = 30_000
    keepalive_enabled: bool = True
    keepalive_interval_secs: int = 30
    nodelay: bool = True
    send_buffer_size: int | None = 65_536
    recv_buffer_size: int | None = 65_536
    max_message_size: int = 10_485_760
    pool_size: int = 10
    compression: Literal["none", "lz4", "snappy", "zstd"] = "none"
    tls: TlsConfig | None = None
    node_id: str = ""

    def __post_init__(self) -> None:
        for name in (
            *("connection_timeout_ms", "read_timeout_ms", "write_timeout_ms"),
            *("keepalive_interval_secs", "max_message_size", "pool_size"),
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("send_buffer_size", "recv_buffer_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, or None")
        if self.compression not in {"none", "lz4", "snappy", "zstd"}:
            raise ValueError("compression must be one of none, lz4, snappy, zstd")


@record(frozen=True, slots=True)
class TcpEndpoint:
    """A place to connect to or listen at: a host and a port, or the path of a Unix socket and port 0."""

    host: str
    port: int

    @property
    def is_unix(self) -> bool:
        """Whether it is a Unix socket."""
        return self.host.startswith("/")

    def __str__(self) -> str:
        if self.is_unix:
            return f"{_UNIX}{self.host}"
        return f"{_SCHEME}[{self.host}]:{self.port}" if ":" in self.host else f"{_SCHEME}{self.host}:{self.port}"


def tcp_endpoint(text: str) -> TcpEndpoint:
    """The place that ``tcp://host:port``, ``host:port`` or ``unix:///path`` names.

    Raises:
        ConfigError: It is not like that.
    """
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith("/"):
            raise ConfigError(f"{text!r} is not unix:///path", key="endpoint", value=text)
        return TcpEndpoint(path, 0)
    host, colon, port = text.removeprefix(_SCHEME).rpartition(":")
    if not colon or not host.strip("[]") or "/" in host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"{text!r} is not tcp://host:port", key="endpoint", value=text)
    return TcpEndpoint(host.strip("[]"), int(port))
