import dataclasses
import time
import uuid

import pytest

from eventflux.transport import Compression, Message, MessageType, TcpTransportConfig, TlsConfig


def test_defaults_of_a_message():
    before = time.time_ns() // 1_000_000
    message = Message(payload=b"x")
    assert uuid.UUID(message.id).version == 4
    assert before <= message.timestamp <= time.time_ns() // 1_000_000
    assert (message.priority, message.source_node, message.target_node) == (5, "", "")
    assert (message.headers, message.compression) == ({}, Compression.NONE)


def test_one_constructor_a_type():
    made = [
        *(Message.event(b"e"), Message.query(b"q"), Message.state(b"s"), Message.control(b"c")),
        *(Message.heartbeat(), Message.checkpoint(b"p")),
    ]
    assert [each.message_type for each in made] == list(MessageType)[:6]
    assert [int(each) for each in MessageType][:6] == [1, 2, 3, 4, 5, 6]


def test_headers_are_added_to_a_copy():
    plain = Message.event(b"x")
    marked = plain.with_header("source_node", "node-1").with_header("b", "2")
    assert (plain.headers, marked.headers) == ({}, {"source_node": "node-1", "b": "2"})
    assert marked.id == plain.id


@pytest.mark.parametrize("priority", [-1, 10])
def test_priorities_have_limits(priority):
    with pytest.raises(ValueError, match="from 0"):
        Message(priority=priority)


def test_defaults_of_the_tcp_transport():
    assert dataclasses.asdict(TcpTransportConfig()) == {
        "connection_timeout_ms": 5000,
        "read_timeout_ms": 30000,
        "write_timeout_ms": 30000,
        "keepalive_enabled": True,
        "keepalive_interval_secs": 30,
        "nodelay": True,
        "send_buffer_size": 65536,
        "recv_buffer_size": 65536,
        "max_message_size": 10485760,
        "pool_size": 10,
        "compression": "none",
        "tls": None,
        "node_id": "",
    }


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"cert_file": "a"}, "belong together"),
        ({"client_auth": "required"}, "needs ca_file"),
        ({"client_auth": "maybe"}, "must be one of"),
    ],
)
def test_tls_settings_that_cannot_work(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        TlsConfig(enabled=True, **settings)
