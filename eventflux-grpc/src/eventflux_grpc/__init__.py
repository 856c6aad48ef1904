"""gRPC for EventFlux: a source, a sink, and transports between processes."""
