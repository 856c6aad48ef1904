"""The simple and the full transport, against each other and against plain clients of the .proto."""

import asyncio
import dataclasses
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from tests.grpc.apps import free_port, wait

from eventflux import ConfigError, EventFluxManager, TransportError
from eventflux.extension import Compression, Message, MessageType
from eventflux_grpc import GrpcTransport, GrpcTransportConfig, SimpleGrpcConfig, SimpleGrpcTransport, aio
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.wire import Stub


def echo(message):
    return dataclasses.replace(message.answer(message.payload), headers={**message.headers, "in_reply_to": message.id})


@pytest.fixture
def transport():
    with GrpcTransport(GrpcTransportConfig(node_id="one", connection_timeout_ms=3000)) as transport:
        yield transport


@pytest.fixture
def endpoint(transport):
    return transport.listen("grpc://127.0.0.1:0", echo).address


def test_defaults():
    assert dataclasses.asdict(SimpleGrpcConfig()) == {
        "connection_timeout_ms": 10000,
        "enable_compression": True,
        "server_address": "127.0.0.1:50051",
    }
    assert dataclasses.asdict(GrpcTransportConfig()) == {
        "connection_timeout_ms": 10000,
        "request_timeout_ms": 30000,
        "keep_alive_interval_secs": 30,
        "max_message_size": 52428800,
        "enable_compression": True,
        "preferred_compression": "zstd",
        "http2_keep_alive_enabled": True,
        "http2_keep_alive_interval": "30s",
        "http2_keep_alive_timeout": "5s",
        "max_concurrent_requests": 1000,
        "tls": None,
        "load_balancing": "round_robin",
        "node_id": "",
    }


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"request_timeout_ms": 0}, "at least 1"),
        ({"http2_keep_alive_interval": "0s"}, "longer than nothing"),
        ({"http2_keep_alive_timeout": "soon"}, "duration"),
        ({"preferred_compression": "rar"}, "must be one of zstd"),
        ({"load_balancing": "random"}, "must be one of round_robin"),
    ],
)
def test_settings_that_cannot_work(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        GrpcTransportConfig(**settings)


@pytest.mark.parametrize("kind", list(MessageType))
def test_each_kind_of_message_is_answered_with_its_headers(transport, endpoint, kind):
    message = Message(
        message_type=kind, payload=bytes(range(256)), headers={"a": "ä"}, source_node="x", target_node="y", priority=9
    )
    answer = transport.request(endpoint, message)
    assert (answer.message_type, answer.headers["in_reply_to"]) == (kind, message.id)
    assert (answer.source_node, answer.target_node) == ("y", "x")
    if kind is not MessageType.HEARTBEAT:  # which are answered without the handler
        assert (answer.payload, answer.headers["a"]) == (message.payload, "ä")


def test_heartbeats(transport, endpoint):
    answer = transport.heartbeat(endpoint, "two")
    assert abs(answer.server_time - time.time_ns() // 1_000_000) < 5000
    assert (answer.node_id, answer.health) == ("one", "healthy")


@pytest.mark.slow
def test_a_stream_of_a_hundred_thousand_messages_in_order(transport, endpoint):
    connection = transport.connect(endpoint)
    number = 100_000
    sender = threading.Thread(
        target=lambda: [transport.send(connection, Message(id=str(n), payload=b"%d" % n)) for n in range(number)]
    )
    sender.start()
    for n in range(number):
        assert transport.receive(connection).payload == b"%d" % n
    sender.join()
    transport.close(connection)
    transport.close(connection)
    with pytest.raises(TransportError):
        transport.send(connection, Message.event(b""))


@pytest.mark.parametrize("codec", ["zstd", "lz4", "snappy"])
def test_payloads_are_smaller_on_the_wire(codec):
    sizes = []

    def handle(message, context):
        sizes.append((message.compression, len(message.payload)))
        return pb.TransportMessage(id="a", message_type=1, headers={"in_reply_to": message.id})

    server = grpc.server(ThreadPoolExecutor(2))
    method = grpc.unary_unary_rpc_method_handler(
        handle, pb.TransportMessage.FromString, pb.TransportMessage.SerializeToString
    )
    handlers = grpc.method_handlers_generic_handler("eventflux.transport.Transport", {"SendMessage": method})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with GrpcTransport(GrpcTransportConfig(preferred_compression=codec)) as transport:
        transport.request(f"grpc://127.0.0.1:{port}", Message.state(b"state " * 10_000))
        transport.request(f"grpc://127.0.0.1:{port}", Message.state(b"small"))
    server.stop(0).wait()
    assert sizes[0][0] == Compression[codec.upper()]
    assert sizes[0][1] < 6000
    assert sizes[1] == (Compression.NONE, 5)


def test_a_small_message_does_not_become_a_huge_one():
    small = GrpcTransportConfig(max_message_size=100_000)
    with GrpcTransport(small) as listening, GrpcTransport() as transport:
        address = listening.listen("grpc://127.0.0.1:0", echo).address
        with pytest.raises(TransportError, match="has more than 100000 bytes"):
            transport.request(address, Message.state(b"x" * 1_000_000))
        with pytest.raises(TransportError, match=r"message of \d+ bytes exceeds 100000"):
            listening.request(address, Message.state(os.urandom(100_000)))


def test_a_handler_that_fails_is_told(transport):
    def fail(message):
        raise RuntimeError("no such query")

    address = transport.listen("grpc://127.0.0.1:0", fail).address
    with pytest.raises(TransportError, match="RuntimeError: no such query"):
        transport.request(address, Message.query(b"x"))


def test_nobody_there(transport):
    port = free_port()
    with pytest.raises(TransportError, match=rf"grpc://127.0.0.1:{port}: UNAVAILABLE"):
        transport.request(f"grpc://127.0.0.1:{port}", Message.event(b""))
    with pytest.raises(TransportError, match="UNAVAILABLE"):
        transport.connect(f"grpc://127.0.0.1:{port}")


def test_no_answer_in_time(transport):
    address = transport.listen("grpc://127.0.0.1:0", lambda message: time.sleep(1)).address
    with pytest.raises(TransportError, match="DEADLINE_EXCEEDED"):
        transport.request(address, Message.event(b"x"), timeout=0.2)


def test_a_port_that_is_taken(transport, endpoint):
    with pytest.raises(TransportError, match="can't be opened"):
        transport.listen(endpoint, echo)


def test_a_connection_ends_with_its_server(transport):
    with GrpcTransport() as listening:
        address = listening.listen("grpc://127.0.0.1:0", echo).address
        connection = transport.connect(address)
        transport.send(connection, Message.event(b"x"))
        assert transport.receive(connection).payload == b"x"
    with pytest.raises(TransportError):
        transport.receive(connection, timeout=10)
    with pytest.raises(TransportError):
        transport.send(connection, Message.event(b"y"))


def test_events_are_given_to_those_who_want_them(transport):
    listener = transport.listen("grpc://127.0.0.1:0", echo)
    everything = transport.events(listener.address)
    some = transport.events(listener.address, stream_names=["a"], message_types=[MessageType.EVENT])
    wait(lambda: listener.publish(Message.control().with_header("stream", "x")) >= 1)
    assert next(everything).message_type is MessageType.CONTROL
    wait(lambda: listener.publish(Message.event(b"1").with_header("stream", "a")) == 2)
    listener.publish(Message.event(b"2").with_header("stream", "b"))
    listener.publish(Message.event(b"3").with_header("stream", "a"))
    listener.close()
    assert [each.payload for each in some][-1] == b"3"
    assert {each.payload for each in everything} >= {b"1", b"2", b"3"}


SERVER = """
import sys, time
from eventflux_grpc import GrpcTransport
GrpcTransport().listen("grpc://127.0.0.1:" + sys.argv[1], lambda message: message.answer(sys.argv[1].encode()))
time.sleep(60)
"""


def test_of_two_servers_one_is_killed_and_comes_back(transport):
    ports = [str(free_port()) for _ in range(2)]
    processes = [subprocess.Popen([sys.executable, "-c", SERVER, port]) for port in ports]
    endpoint = "grpc://" + ",".join(f"127.0.0.1:{port}" for port in ports)

    def answering():
        return {transport.request(endpoint, Message.event(b"")).payload.decode() for _ in range(4)}

    try:
        for port in ports:
            wait(lambda port=port: _answers(transport, f"grpc://127.0.0.1:{port}"))
        wait(lambda: answering() == set(ports), "both do not take turns")
        processes[0].kill()
        processes[0].wait()
        for _ in range(20):
            assert answering() == {ports[1]}
        processes[0] = subprocess.Popen([sys.executable, "-c", SERVER, ports[0]])
        wait(lambda: answering() == set(ports), "the first one does not come back")
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_with_pick_first_one_has_everything():
    with GrpcTransport(GrpcTransportConfig(load_balancing="pick_first")) as transport:
        first, second = (
            transport.listen("grpc://127.0.0.1:0", lambda message, n=n: message.answer(n)) for n in (b"1", b"2")
        )
        endpoint = f"{first.address},{second.address.removeprefix('grpc://')}"
        assert {transport.request(endpoint, Message.event(b"")).payload for _ in range(6)} == {b"1"}
        first.close()
        assert transport.request(endpoint, Message.event(b"")).payload == b"2"


def _answers(transport, endpoint):
    try:
        return transport.heartbeat(endpoint, "me")
    except TransportError:
        return None


def test_the_simple_transport_and_a_foreign_server():
    """A server made of the .proto alone."""
    seen = []

    def send_message(request, context):
        seen.append(dict(context.invocation_metadata()).get("grpc-encoding", "none"))
        return pb.TransportMessage(
            id="a", message_type=request.message_type, payload=request.payload, headers={**request.headers, "h": "1"}
        )

    def heartbeat(request, context):
        status = pb.NodeStatus(health=pb.NODE_HEALTH_DEGRADED)
        return pb.HeartbeatResponse(server_timestamp=42, server_node_id=f"of {request.node_id}", server_status=status)

    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {
        "SendMessage": grpc.unary_unary_rpc_method_handler(
            send_message, pb.TransportMessage.FromString, pb.TransportMessage.SerializeToString
        ),
        "Heartbeat": grpc.unary_unary_rpc_method_handler(
            heartbeat, pb.HeartbeatRequest.FromString, pb.HeartbeatResponse.SerializeToString
        ),
    }
    handler = grpc.method_handlers_generic_handler("eventflux.transport.Transport", handlers)
    server.add_generic_rpc_handlers((handler,))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with SimpleGrpcTransport.with_config(SimpleGrpcConfig(server_address=address)) as transport:
        transport.connect()
        transport.connect(address)
        answer = transport.send_message(address, Message.query(b"who").with_header("source_node", "node-1"))
        assert (answer.payload, answer.headers) == (b"who", {"source_node": "node-1", "h": "1"})
        beat = transport.heartbeat(address, "me")
        assert (beat.server_time, beat.node_id, beat.health) == (42, "of me", "degraded")
    server.stop(0).wait()


def test_the_simple_transport_and_ours(transport, endpoint):
    address = endpoint.removeprefix("grpc://")
    for enabled in (True, False):
        with SimpleGrpcTransport(SimpleGrpcConfig(server_address=address, enable_compression=enabled)) as simple:
            assert simple.send_message(None, Message.event(b"x" * 10_000)).payload == b"x" * 10_000
            assert simple.heartbeat(None, "me").node_id == "one"
    port = free_port()
    with SimpleGrpcTransport(SimpleGrpcConfig(connection_timeout_ms=500)) as simple:
        with pytest.raises(TransportError, match="UNAVAILABLE"):
            simple.connect(f"127.0.0.1:{port}")
        with pytest.raises(ConfigError, match="is not grpc://host:port"):
            simple.connect("nowhere")


def test_with_asyncio(transport, endpoint):
    async def run():
        simple = aio.SimpleGrpcTransport.with_config(SimpleGrpcConfig(server_address=endpoint.removeprefix("grpc://")))
        await simple.connect()
        answer = await simple.send_message(None, Message.event(b"x"))
        beat = await simple.heartbeat(None, "me")
        await simple.close()
        return answer.payload, beat.health

    assert asyncio.run(run()) == (b"x", "healthy")


def test_a_foreign_client(transport, endpoint):
    with grpc.insecure_channel(endpoint.removeprefix("grpc://")) as channel:
        stub = Stub(channel)
        answer = stub.send_message(pb.TransportMessage(id="1", message_type=2, payload=b"x"), timeout=5)
        assert (answer.message_type, answer.payload, answer.headers["in_reply_to"]) == (2, b"x", "1")
        answer = stub.send_message(pb.TransportMessage(id="2", message_type=77), timeout=5)
        assert "77" in answer.headers["error"]
        answer = stub.send_message(pb.TransportMessage(id="3", message_type=1, compression=3, payload=b"x"), timeout=5)
        assert "not zstd" in answer.headers["error"]


def test_the_transport_is_found_by_its_name():
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("grpc", "eventflux_grpc.plugin")
        made = manager.context.registry.get("transport", "grpc").factory(request_timeout_ms=5)
        assert isinstance(made, GrpcTransport)
        assert made.config == GrpcTransportConfig(request_timeout_ms=5)
