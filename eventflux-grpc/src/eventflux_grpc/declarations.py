"""All that this package declares. What it makes, and gRPC's library, is imported when it is wanted."""

from __future__ import annotations

from typing import Final

from eventflux.extension import Example, Extension, ExtensionKind, LazyFactory, Parameter

HEADERS: Final = "headers."
MOST_BYTES: Final = Parameter(
    "max.message.bytes", ("LONG",), "The largest message.", default=52_428_800, minimum=1024, unit="bytes"
)
SERVICE: Final = Parameter(
    "service", ("STRING",), "The full name of the service.", default="eventflux.transport.Transport"
)
PROTO: Final = Parameter("proto", ("STRING",), "The file that declares the method.", optional=True)
METHOD: Final = Parameter(
    "method",
    ("STRING",),
    "package.Service/Method: another service than ours; each message is one payload of the format.",
    optional=True,
)
TLS: Final = (
    Parameter("tls.enabled", ("BOOL",), "TLS; any other option of tls implies it.", default=False),
    Parameter("tls.cert", ("STRING",), "PEM file of the own certificate.", optional=True),
    Parameter("tls.key", ("STRING",), "PEM file of its key.", optional=True),
    Parameter("tls.ca", ("STRING",), "PEM file of the authorities that sign the other side's.", optional=True),
)
CLIENT_AUTH: Final = Parameter(
    "tls.client.auth",
    ("STRING",),
    "Whether clients must show a certificate signed by tls.ca.",
    default="none",
    choices=("none", "required"),
)
SERVER_NAME: Final = Parameter(
    "tls.server.name",
    ("STRING",),
    "The name in the server's certificate, where it is not that of the url.",
    optional=True,
)


GRPC_SOURCE: Final = Extension(
    name="grpc",
    kind=ExtensionKind.SOURCE,
    description="Events that gRPC clients send, to eventflux.transport.Transport or a method of another service.",
    default_format="json",
    parameters=(
        Parameter("port", ("INT",), "Where to listen; 0: a port that is free.", minimum=0, maximum=65535),
        Parameter("host", ("STRING",), "The address to listen at.", default="0.0.0.0"),  # noqa: S104 - a server
        Parameter("max.connections", ("INT",), "Calls at a time; each stream is one.", default=64, minimum=1),
        MOST_BYTES,
        SERVICE,
        PROTO,
        METHOD,
        *TLS,
        CLIENT_AUTH,
    ),
    examples=(
        Example(
            "@source(type='grpc', port='50051', @map(type='json')) define stream Trades (symbol string, price double);",
            "What grpc sinks of other apps send.",
        ),
    ),
    factory=LazyFactory("eventflux_grpc.source", "GrpcSource"),
)

GRPC_SINK: Final = Extension(
    name="grpc",
    kind=ExtensionKind.SINK,
    description="Events to gRPC servers: grpc sources of other apps, other servers of that service, or other services.",
    default_format="json",
    parameters=(
        Parameter("url", ("STRING",), "grpc://host:port; several, separated by commas, take turns."),
        Parameter("stream", ("BOOL",), "One stream for all messages, instead of a call each.", default=True),
        Parameter(
            "ack",
            ("BOOL",),
            "On a stream: messages are kept until they are acknowledged, and sent again if need be.",
            default=True,
        ),
        Parameter("batch.size", ("INT",), "Most events in a message; 1: a message an event.", default=4096, minimum=1),
        Parameter(
            "timeout.ms", ("LONG",), "Longest wait for an answer, and for room.", default=30_000, minimum=1, unit="ms"
        ),
        Parameter(
            "connect.timeout.ms", ("LONG",), "Longest wait for a connection.", default=10_000, minimum=1, unit="ms"
        ),
        Parameter(HEADERS, ("STRING",), "Headers of each message.", dynamic=True, is_prefix=True, optional=True),
        Parameter(
            "compression",
            ("STRING",),
            "Of payloads; lz4 and snappy need eventflux-grpc[compression].",
            default="none",
            choices=("none", "lz4", "snappy", "zstd"),
        ),
        MOST_BYTES,
        SERVICE,
        PROTO,
        METHOD,
        *TLS,
        SERVER_NAME,
    ),
    examples=(
        Example(
            "@sink(type='grpc', url='grpc://localhost:50051', compression='zstd', @map(type='json'))"
            " define stream Trades (symbol string, price double);",
            "To the grpc source of another app.",
        ),
    ),
    factory=LazyFactory("eventflux_grpc.sink", "GrpcSink"),
)

TRANSPORT: Final = Extension(
    name="grpc",
    kind=ExtensionKind.TRANSPORT,
    description="Messages over gRPC: streams, TLS, several servers in turn.",
    factory=LazyFactory("eventflux_grpc.transport", "grpc_transport"),
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
