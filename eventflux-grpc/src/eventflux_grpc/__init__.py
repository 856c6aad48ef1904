"""gRPC for EventFlux: a source, a sink, and transports between processes."""

from eventflux_grpc.config import GrpcTransportConfig, SimpleGrpcConfig
from eventflux_grpc.simple import SimpleGrpcTransport
from eventflux_grpc.transport import GrpcTransport

__all__ = ["GrpcTransport", "GrpcTransportConfig", "SimpleGrpcConfig", "SimpleGrpcTransport"]
