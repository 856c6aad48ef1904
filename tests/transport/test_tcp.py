"""The TCP transport over real sockets."""

import dataclasses
import socket
import struct
import subprocess
import sys
import threading
import time

import msgpack
import pytest

from eventflux import ConfigError, TransportError
from eventflux.transport import Message, MessageType, TcpTransport, TcpTransportConfig


def echo(message):
    return dataclasses.replace(message.answer(message.payload), headers={**message.headers, "in_reply_to": message.id})


@pytest.fixture
def transport():
    with TcpTransport(TcpTransportConfig(node_id="one", connection_timeout_ms=2000)) as transport:
        yield transport


@pytest.fixture(params=["tcp", "unix"])
def endpoint(request, transport, tmp_path):
    wanted = "tcp://127.0.0.1:0" if request.param == "tcp" else f"unix://{tmp_path}/socket"
    return transport.listen(wanted, echo).address


@pytest.mark.parametrize("kind", list(MessageType))
def test_each_kind_of_message_is_answered_with_its_headers(transport, endpoint, kind):
    message = Message(
        message_type=kind, payload=bytes(range(256)), headers={"a": "ä"}, source_node="x", target_node="y", priority=0
    )
    answer = transport.request(endpoint, message)
    assert answer.message_type == kind
    assert answer.headers["in_reply_to"] == message.id
    assert (answer.source_node, answer.target_node) == ("y", "x")
    if kind is not MessageType.HEARTBEAT:  # which are answered without the handler
        assert answer.payload == message.payload
        assert answer.headers["a"] == "ä"


def test_heartbeats_tell_the_time(transport, endpoint):
    before = time.time_ns() // 1_000_000
    answer = transport.heartbeat(endpoint, "two")
    assert before - 1 <= answer.server_time <= time.time_ns() // 1_000_000 + 1
    assert (answer.node_id, answer.health) == ("one", "healthy")


def test_messages_keep_their_order_on_a_connection(transport, endpoint):
    connection = transport.connect(endpoint)
    sender = threading.Thread(
        target=lambda: [transport.send(connection, Message.event(b"%d" % n)) for n in range(2000)]
    )
    sender.start()
    assert [transport.receive(connection).payload for _ in range(2000)] == [b"%d" % n for n in range(2000)]
    sender.join()
    transport.close(connection)
    transport.close(connection)


def test_connections_are_used_again(transport, endpoint):
    first = transport.connect(endpoint)
    transport.send(first, Message.event(b"x"))
    transport.receive(first)
    transport.close(first)
    assert transport.connect(endpoint) is first
    second = transport.connect(endpoint)
    assert second is not first
    transport.send(second, Message.event(b"x"))
    transport.close(second)  # its answer is still on the way: nobody else may get it
    third = transport.connect(endpoint)
    assert third is not second
    transport.send(third, Message.event(b"y"))
    assert transport.receive(third).payload == b"y"


def test_the_pool_has_a_limit():
    with TcpTransport(TcpTransportConfig(pool_size=2, connection_timeout_ms=300)) as transport:
        address = transport.listen("tcp://127.0.0.1:0", echo).address
        taken = [transport.connect(address), transport.connect(address)]
        with pytest.raises(TransportError, match="all 2 connections are in use"):
            transport.connect(address)
        threading.Timer(0.1, transport.close, args=(taken[0],)).start()
        assert transport.connect(address) is taken[0]


def test_many_threads_share_the_pool(transport, endpoint):
    answers = []

    def work(number):
        for turn in range(50):
            payload = b"%d-%d" % (number, turn)
            answers.append(transport.request(endpoint, Message.query(payload)).payload == payload)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 1000


def test_options_of_the_socket():
    config = TcpTransportConfig(keepalive_interval_secs=7, send_buffer_size=32768, recv_buffer_size=None)
    with TcpTransport(config) as transport:
        connection = transport.connect(transport.listen("tcp://127.0.0.1:0", echo).address)
        read = connection.socket.getsockopt
        assert read(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert read(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        assert read(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
        assert read(socket.SOL_SOCKET, socket.SO_SNDBUF) in {32768, 65536}  # Linux doubles it


def test_a_large_message_is_refused_on_both_sides(transport):
    small = TcpTransportConfig(max_message_size=10_000)
    with TcpTransport(small) as receiver, TcpTransport(small) as sender:
        address = receiver.listen("tcp://127.0.0.1:0", echo).address
        connection = sender.connect(address)
        with pytest.raises(TransportError, match=r"message of 1\d{4} bytes exceeds 10000"):
            sender.send(connection, Message.event(b"x" * 10_001))
        assert connection.is_closed
        other = transport.connect(address)
        transport.send(other, Message.event(b"x" * 10_001))
        assert "exceeds 10000" in transport.receive(other).headers["error"]
        with pytest.raises(TransportError, match="closed the connection"):
            transport.receive(other)


def test_the_default_limit_holds_ten_mebibytes(transport, endpoint):
    assert len(transport.request(endpoint, Message.state(b"x" * (10 * 1024 * 1024 - 1000))).payload) > 10_000_000
    with pytest.raises(TransportError, match=r"bytes exceeds 10485760"):
        transport.request(endpoint, Message.state(b"x" * (10 * 1024 * 1024 + 1)))


@pytest.mark.parametrize("codec", ["lz4", "snappy", "zstd"])
def test_payloads_are_compressed(codec):
    with TcpTransport(TcpTransportConfig(compression=codec, max_message_size=50_000)) as transport:
        address = transport.listen("tcp://127.0.0.1:0", lambda message: message.answer(message.payload)).address
        assert transport.request(address, Message.state(b"x" * 49_000)).payload == b"x" * 49_000
        with pytest.raises(TransportError):
            transport.request(address, Message.state(b"x" * 60_000))  # small on the wire, but not behind it


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with TcpTransport(TcpTransportConfig(connection_timeout_ms=1000)) as transport:
        started = time.monotonic()
        with pytest.raises(TransportError, match=rf"tcp://127.0.0.1:{port}: Connection refused"):
            transport.request(f"tcp://127.0.0.1:{port}", Message.event(b""))
        assert time.monotonic() - started < 1


def test_somebody_who_says_nothing():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        TcpTransport(TcpTransportConfig(connection_timeout_ms=300)) as transport,
    ):
        started = time.monotonic()
        with pytest.raises(TransportError, match=r"no message within 0.3 s"):
            transport.connect(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"id": "0", "message_type": 4, "headers": {"hello": "9"}}, "protocol version 9 is not 1"),
        ({"id": "0", "message_type": 1, "headers": {}}, "does not speak the protocol"),
        ({"id": "0", "message_type": 4, "headers": {"error": "too many"}}, "it refuses: too many"),
        ({"id": 5}, "what came is no message"),
        ([1, 2], "what came is no message"),
    ],
)
def test_somebody_else(said, complaint):
    """A server that says something else than our greeting; it is told why the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server, TcpTransport() as transport:

        def serve():
            accepted, _ = server.accept()
            with accepted:
                data = msgpack.packb(said)
                accepted.sendall(struct.pack(">I", len(data)) + data)
                while accepted.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(TransportError, match=complaint):
            transport.connect(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_a_client_of_another_version_is_told(transport):
    address = transport.listen("tcp://127.0.0.1:0", echo).address
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as client:
        data = msgpack.packb({"id": "0", "message_type": 4, "headers": {"hello": "2"}})
        client.sendall(struct.pack(">I", len(data)) + data)
        stream = client.makefile("rb")
        answers = []
        while head := stream.read(4):
            answers.append(msgpack.unpackb(stream.read(struct.unpack(">I", head)[0])))
    assert answers[0]["headers"]["hello"] == "1"
    assert answers[-1]["headers"]["error"] == "protocol version 2 is not 1"


def test_a_handler_that_fails_is_told(transport):
    def fail(message):
        raise RuntimeError("no such query")

    address = transport.listen("tcp://127.0.0.1:0", fail).address
    for _ in range(2):
        with pytest.raises(TransportError, match="RuntimeError: no such query"):
            transport.request(address, Message.query(b"x"))


def test_no_answer_in_time(transport):
    address = transport.listen("tcp://127.0.0.1:0", lambda message: None).address
    with pytest.raises(TransportError, match="no message within"):
        transport.request(address, Message.event(b"x"), timeout=0.2)


@pytest.mark.parametrize("text", ["http://x:1", "tcp://x", "tcp://:1", "unix://x", "x:y", "x:99999"])
def test_endpoints_that_are_none(transport, text):
    with pytest.raises(ConfigError, match="is not"):
        transport.connect(text)


SERVER = """
import sys, time
from eventflux.transport import TcpTransport
TcpTransport().listen("tcp://127.0.0.1:" + sys.argv[1], lambda message: message.answer(message.payload))
time.sleep(60)
"""


def test_a_peer_that_was_killed_is_found_again(transport):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    for turn in range(2):
        process = subprocess.Popen([sys.executable, "-c", SERVER, port])
        try:
            deadline = time.monotonic() + 20
            while turn == 0:
                try:
                    transport.heartbeat(address, "me")
                    break
                except TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            # The second time the connection of the pool is dead, and nobody listens yet: it is opened anew, with waits.
            assert transport.request(address, Message.event(b"%d" % turn)).payload == b"%d" % turn
        finally:
            process.kill()
            process.wait()


def test_a_transport_is_found_by_its_name(transport):
    from eventflux import EventFluxManager

    with EventFluxManager(plugins=False) as manager:
        for name in ("tcp", "unix"):
            made = manager.context.registry.get("transport", name).factory(pool_size=3)
            assert isinstance(made, TcpTransport)
            assert made.config == TcpTransportConfig(pool_size=3)


def test_nothing_of_it_is_imported_by_an_app():
    code = (
        "import sys; from eventflux import EventFluxManager;"
        "EventFluxManager(plugins=False).create_eventflux_app_runtime('define stream S (a int);').start();"
        "print([name for name in sys.modules if name.startswith('eventflux.transport')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
