"""What the entry point names: the hooks that this package answers."""

from __future__ import annotations

from typing import Final

from eventflux.extension import Example, Extension, ExtensionKind, ExtensionRegistry, Parameter, hookimpl
from eventflux_grpc.sink import GrpcSink
from eventflux_grpc.source import GrpcSource
from eventflux_grpc.transport import grpc_transport

EVENTFLUX_API = (1, 0)

TRANSPORT: Final = Extension(
    name="grpc",
    kind=ExtensionKind.TRANSPORT,
    description="Messages over gRPC: streams, TLS, several servers in turn.",
    factory=grpc_transport,
    parameters=(
        Parameter("connection_timeout_ms", ("INT",), "Longest wait for a connection.", default=10_000, minimum=1),
        Parameter("request_timeout_ms", ("INT",), "Longest wait for an answer.", default=30_000, minimum=1),
        Parameter("keep_alive_interval_secs", ("INT",), "How often a server looks after connections.", default=30),
        Parameter("max_message_size", ("INT",), "Of a message, in bytes.", default=52_428_800, minimum=1),
        Parameter("enable_compression", ("BOOL",), "Whether payloads are compressed.", default=True),
        Parameter("preferred_compression", ("STRING",), "How.", default="zstd", choices=("zstd", "lz4", "snappy")),
        Parameter("http2_keep_alive_enabled", ("BOOL",), "A client looks after silent connections.", default=True),
        Parameter("http2_keep_alive_interval", ("STRING",), "How often it does.", default="30s"),
        Parameter("http2_keep_alive_timeout", ("STRING",), "How long it waits then.", default="5s"),
        Parameter("max_concurrent_requests", ("INT",), "Calls at a time.", default=1000, minimum=1),
        Parameter(
            "load_balancing",
            ("STRING",),
            "Several servers take turns, or the first has everything.",
            default="round_robin",
            choices=("round_robin", "pick_first"),
        ),
        Parameter("node_id", ("STRING",), "Our name, as the other side learns it.", default=""),
    ),
    examples=(Example("transport.implementation = grpc", "Endpoints are grpc://host:port."),),
)


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(GrpcSource)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(GrpcSink)


@hookimpl
def eventflux_register_transports(registry: ExtensionRegistry) -> None:
    registry.register(TRANSPORT)
