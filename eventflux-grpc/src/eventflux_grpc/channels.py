"""Channels to servers, with what all clients of this package want of them."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from eventflux import ConnectionUnavailableError
from eventflux.extension import TlsConfig
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.credentials import channel_credentials
from eventflux_grpc.endpoints import Endpoint
from eventflux_grpc.wire import Stub, reason

_RECONNECT_MS = (("initial", 100), ("min", 100), ("max", 5000))


def open_channel(
    endpoint: Endpoint,
    *,
    most_bytes: int,
    tls: TlsConfig | None,
    name: str | None = None,
    options: Sequence[tuple[str, int]] = (),
) -> grpc.Channel:
    """A channel, which connects when it is used.

    Args:
        endpoint: The server.
        most_bytes: The largest message.
        tls: Of the connection, or None.
        name: That the server's certificate must carry, where it is not the endpoint's.
        options: Further options of gRPC's library.

    Raises:
        ConfigError: TLS can't be had like that.
    """
    settings: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", most_bytes),
        ("grpc.max_send_message_length", most_bytes),
        # A channel of its own: gRPC would share the connection, and its state, with others to that server.
        ("grpc.use_local_subchannel_pool", 1),
        *((f"grpc.{name}_reconnect_backoff_ms", value) for name, value in _RECONNECT_MS),
        *options,
    ]
    if tls is None or not tls.enabled:
        return grpc.insecure_channel(str(endpoint), options=settings)
    wanted = tls.server_name or name
    if wanted is not None:
        settings.append(("grpc.ssl_target_name_override", wanted))
    return grpc.secure_channel(str(endpoint), channel_credentials(tls), options=settings)


def check(channel: grpc.Channel, endpoint: Endpoint, node_id: str, seconds: float) -> None:
    """Find out whether a server answers.

    Raises:
        ConnectionUnavailableError: It does not, with the reason.
    """
    try:
        Stub(channel).heartbeat(pb.HeartbeatRequest(node_id=node_id), timeout=seconds)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:  # another service: it lives, which is what was asked
            return
        raise ConnectionUnavailableError(f"grpc server {endpoint}: {reason(error)}") from error
