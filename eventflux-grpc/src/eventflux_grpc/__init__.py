"""gRPC for EventFlux: a source, a sink, and transports between processes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventflux_grpc.config import GrpcTransportConfig, SimpleGrpcConfig
    from eventflux_grpc.simple import SimpleGrpcTransport
    from eventflux_grpc.transport import GrpcTransport

__all__ = ["GrpcTransport", "GrpcTransportConfig", "SimpleGrpcConfig", "SimpleGrpcTransport"]

# The plug-in is imported wherever the package is installed; gRPC's library only where it is used.
_HOMES = {
    "GrpcTransport": "eventflux_grpc.transport",
    "GrpcTransportConfig": "eventflux_grpc.config",
    "SimpleGrpcConfig": "eventflux_grpc.config",
    "SimpleGrpcTransport": "eventflux_grpc.simple",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
