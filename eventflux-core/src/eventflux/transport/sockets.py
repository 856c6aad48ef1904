"""Options of sockets."""

from __future__ import annotations

import socket

from eventflux.transport.config import TcpTransportConfig


def tune(connected: socket.socket, config: TcpTransportConfig) -> None:
    """Set the options of a socket that is not wrapped in TLS yet."""
    if config.send_buffer_size is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, config.send_buffer_size)
    if config.recv_buffer_size is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, config.recv_buffer_size)
    if connected.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(config.nodelay))
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(config.keepalive_enabled))
    if config.keepalive_enabled:
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), config.keepalive_interval_secs)
