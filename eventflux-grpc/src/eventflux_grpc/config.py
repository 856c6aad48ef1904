"""Settings of the gRPC transports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eventflux.extension import TlsConfig, parse_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleGrpcConfig:
    """Settings of a `SimpleGrpcTransport`.

    Attributes:
        connection_timeout_ms: Longest wait for a connection, and for an answer.
        enable_compression: gRPC's own compression (gzip) of what is sent.
        server_address: Where calls without an address go.
    """

    connection_timeout_ms: int = 10_000
    enable_compression: bool = True
    server_address: str = "127.0.0.1:50051"

    def __post_init__(self) -> None:
        if self.connection_timeout_ms < 1:
            raise ValueError("connection_timeout_ms must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcTransportConfig:
    """Settings of a `GrpcTransport`.

    Attributes:
        connection_timeout_ms: Longest wait for a connection.
        request_timeout_ms: Longest wait for an answer.
        keep_alive_interval_secs: How often a server looks after silent connections.
        max_message_size: Of a message, in bytes.
        enable_compression: Whether payloads are compressed.
        preferred_compression: How: ``zstd``, ``lz4`` or ``snappy``.
        http2_keep_alive_enabled: Whether a client looks after silent connections.
        http2_keep_alive_interval: How often it does, as in ``30s``.
        http2_keep_alive_timeout: How long it waits for the other side then.
        max_concurrent_requests: Calls that a server handles, and a client makes, at a time.
        tls: TLS, or None.
        load_balancing: Several servers take turns, or the first one that can be reached has everything.
        node_id: Our name, as the other side learns it.
    """

    connection_timeout_ms: int = 10_000
    request_timeout_ms: int = 30_000
    keep_alive_interval_secs: int = 30
    max_message_size: int = 52_428_800
    enable_compression: bool = True
    preferred_compression: Literal["zstd", "lz4", "snappy"] = "zstd"
    http2_keep_alive_enabled: bool = True
    http2_keep_alive_interval: str = "30s"
    http2_keep_alive_timeout: str = "5s"
    max_concurrent_requests: int = 1000
    tls: TlsConfig | None = None
    load_balancing: Literal["round_robin", "pick_first"] = "round_robin"
    node_id: str = ""

    def __post_init__(self) -> None:
        for name in (
            *("connection_timeout_ms", "request_timeout_ms", "keep_alive_interval_secs"),
            *("max_message_size", "max_concurrent_requests"),
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("http2_keep_alive_interval", "http2_keep_alive_timeout"):
            if parse_duration(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be longer than nothing")
        if self.preferred_compression not in {"zstd", "lz4", "snappy"}:
            raise ValueError("preferred_compression must be one of zstd, lz4, snappy")
        if self.load_balancing not in {"round_robin", "pick_first"}:
            raise ValueError("load_balancing must be one of round_robin, pick_first")

    @property
    def client_options(self) -> tuple[tuple[str, int], ...]:
        """What gRPC's library is told about connections of a client."""
        if not self.http2_keep_alive_enabled:
            return ()
        return (
            ("grpc.keepalive_time_ms", parse_duration(self.http2_keep_alive_interval)),
            ("grpc.keepalive_timeout_ms", parse_duration(self.http2_keep_alive_timeout)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
        )

    @property
    def server_options(self) -> tuple[tuple[str, int], ...]:
        """What gRPC's library is told about connections of a server: to look after them, and to let clients do so."""
        return (
            ("grpc.keepalive_time_ms", self.keep_alive_interval_secs * 1000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 1000),
            ("grpc.http2.max_ping_strikes", 0),
        )
