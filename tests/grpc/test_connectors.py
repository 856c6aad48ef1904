"""Sources and sinks over real sockets: streams, calls, acknowledgements, peers that die."""

import logging
import threading
from contextlib import ExitStack

import grpc
import pytest
from tests.footprint import KILLS, Footprint, nothing_was_left_behind
from tests.grpc.apps import Client, Process, Server, free_port, started, wait

from eventflux import ConfigError, ConnectionUnavailableError, ValidationError
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.wire import Stub


@pytest.mark.parametrize("options", ["", ", ack='false'", ", stream='false'", ", batch.size='1'"])
def test_events_arrive_in_order(options):
    with Server() as server, Client(server.url, options=options) as client:
        client.send([(n,) for n in range(3000)])
        client.send([(3000,)])
        wait(lambda: len(server.rows) == 3001)
        assert server.rows == [(n,) for n in range(3001)]
        assert client.counts.events == 3001
        assert (client.counts.state, client.counts.failed) == ("connected", 0)


def test_all_has_arrived_when_a_sink_has_stopped():
    with Server() as server:
        with Client(server.url) as client:
            client.send([(n,) for n in range(20_000)])
        assert len(server.rows) == 20_000


@pytest.mark.parametrize("codec", ["none", "lz4", "snappy", "zstd"])
def test_payloads_are_compressed(codec):
    with Server("s string") as server, Client(server.url, "s string", options=f", compression='{codec}'") as client:
        client.send([("x" * 1000,)] * 1000)
        wait(lambda: len(server.rows) == 1000)
    assert server.rows == [("x" * 1000,)] * 1000


def test_a_format_without_lines_is_a_message_an_event():
    with Server(format="msgpack") as server, Client(server.url, format="msgpack") as client:
        client.send([(10,), (11,), (12,)])
        wait(lambda: server.rows == [(10,), (11,), (12,)], server.rows)
        assert server.runtime.metrics().connectors["source/In/grpc/0"].figures[0].value == 3


def test_headers_and_properties():
    mapping = ", @attributes(n='n', kind='trp:header.kind', colour='trp:header.colour', who='trp:source')"
    with Server("n long, kind string, colour string, who string", mapping=mapping) as server:
        options = ", headers.kind='fixed', headers.colour='{{c}}'"
        with Client(server.url, "n long, c string", options=options) as client:
            client.send([(1, "red"), (2, "blue"), (3, "red")])
        assert sorted(server.rows) == [
            (1, "fixed", "red", "Client"),
            (2, "fixed", "blue", "Client"),
            (3, "fixed", "red", "Client"),
        ]


def test_what_cannot_be_mapped_is_disposed_of_and_acknowledged():
    with Server() as server:
        with Client(server.url, "s string", format="text", payload=", @payload('{{s}}')") as client:
            client.send([('{"n": 1}',), ("no json",), ('{"n": 2}',)])
            wait(lambda: server.rows == [(1,), (2,)], server.rows)
        assert server.runtime.metrics().connectors["source/In/grpc/0"].failed == 1


def test_a_paused_app_makes_its_clients_wait():
    with Server() as server, Client(server.url) as client:
        client.send([(1,)])
        wait(lambda: server.rows == [(1,)])
        server.runtime.pause()
        sender = threading.Thread(target=client.send, args=([(n,) for n in range(2, 100)],))
        sender.start()
        sender.join(0.5)
        assert server.rows == [(1,)]
        server.runtime.resume()
        sender.join()
        wait(lambda: len(server.rows) == 99, len(server.rows))


def test_foreign_clients_are_answered():
    """A client of the .proto: each call and each kind of message."""
    with Server() as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = Stub(channel)
        answer = stub.send_message(pb.TransportMessage(id="m1", message_type=1, payload=b'{"n": 5}'), timeout=5)
        assert (answer.message_type, dict(answer.headers)) == (8, {"in_reply_to": "m1"})
        assert server.rows == [(5,)]
        answer = stub.send_message(pb.TransportMessage(id="m2", message_type=2, payload=b"select"), timeout=5)
        assert answer.headers["error"] == "this server takes events only"
        answer = stub.send_message(pb.TransportMessage(id="m3", message_type=5), timeout=5)
        assert int(answer.headers["server_time"]) > 1_600_000_000_000
        answer = stub.heartbeat(pb.HeartbeatRequest(node_id="me"), timeout=5)
        assert (answer.server_node_id, answer.server_status.health) == ("Server", pb.NODE_HEALTH_HEALTHY)
        messages = [
            pb.TransportMessage(id=str(n), message_type=1, payload=b'{"n": %d}' % n, headers={"ack": "true"})
            for n in range(100)
        ]
        answers = list(stub.stream_messages(iter(messages), timeout=10))
        assert [each.headers["in_reply_to"] for each in answers] == [str(n) for n in range(100)]


def test_health_and_reflection():
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    with Server() as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        request = health_pb2.HealthCheckRequest(service="eventflux.transport.Transport")
        assert health_pb2_grpc.HealthStub(channel).Check(request, timeout=5).status == 1
        assert "eventflux.transport.Transport" in ProtoReflectionDescriptorDatabase(channel).get_services()


def test_a_message_that_is_too_long_fails_alone():
    with Server("s string") as server, Client(server.url, "s string", options=", max.message.bytes='20000'") as client:
        client.send([("a",), ("x" * 30_000,), ("b",)])
        wait(lambda: server.rows == [("a",), ("b",)])
        assert client.counts.failed == 1


def test_a_server_that_takes_less_refuses_and_goes_on():
    with Server("s string", options=", max.message.bytes='20000'") as server, Client(server.url, "s string") as client:
        client.send([("x" * 30_000,)])
        wait(lambda: client.counts.failed == 1)
        client.send([("b",)])
        wait(lambda: server.rows == [("b",)])


def test_a_sink_without_a_server_keeps_the_app_from_starting():
    with pytest.raises(
        ConnectionUnavailableError, match=r"sink grpc of stream Out: grpc server 127.0.0.1:\d+: UNAVAIL"
    ):
        Client(f"grpc://127.0.0.1:{free_port()}", options=", connect.timeout.ms='500'")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("url='http://x'", "is not grpc://host:port"),
        ("url='grpc://a:1,a:1'", "names a server twice"),
        ("url='grpc://a:1', proto='x.proto'", "needs method"),
        ("url='grpc://a:1', method='x'", "is not package.Service/Method"),
        ("url='grpc://a:1', tls.ca='/nowhere'", "can't be read: No such file"),
    ],
)
def test_options_that_cannot_work(options, complaint):

    with pytest.raises((ConfigError, ValidationError), match=complaint):
        started(f"@sink(type='grpc', {options}, @map(type='json')) define stream Out (n long);")


def test_a_port_that_is_taken_is_tried_again(caplog):
    with Server() as first:
        port = first.port
        with Server(port=port) as second:
            assert second.runtime.sources[0].state.value == "retrying"
            assert any(f"port {port} of 127.0.0.1 can't be opened" in each.getMessage() for each in caplog.records)
            first.manager.shutdown()
            wait(lambda: second.runtime.sources[0].state.value == "connected")
            with Client(second.url) as client:
                client.send([(1,)])
            assert second.rows == [(1,)]


@pytest.mark.timeout(120 + 30 * KILLS)
def test_a_server_that_is_killed_again_and_again_loses_nothing(tmp_path, caplog):
    """Messages that it did not acknowledge are sent again when it is back; nothing is dropped or left behind."""
    caplog.set_level(logging.INFO)
    file, port = tmp_path / "numbers.csv", free_port()
    with ExitStack() as servers:
        server = servers.enter_context(Process(port, file))
        wait(lambda: _listens(port), "the server did not start")
        before = None
        with Client(f"grpc://127.0.0.1:{port}") as client:
            sent = 0
            for _ in range(KILLS):
                for _ in range(10):
                    client.send([(n,) for n in range(sent, sent + 100)])
                    sent += 100
                server.kill()
                client.send([(n,) for n in range(sent, sent + 100)])
                sent += 100
                server = servers.enter_context(Process(port, file))
                wait(lambda sent=sent: _numbers(file) == set(range(sent)), "something was lost")
                before = before or Footprint.now()
            assert client.counts.reconnects >= KILLS
            assert client.counts.failed == 0
            nothing_was_left_behind(before)
    messages = [record.getMessage() for record in caplog.records]
    assert any("lost its connection and is reconnecting: grpc server" in each for each in messages)
    assert any("is connected again after" in each for each in messages)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("options", ["", ", stream='false'"])
def test_of_two_servers_one_dies_and_its_messages_go_to_the_other(tmp_path, options):
    one, two = tmp_path / "a.csv", tmp_path / "b.csv"
    with Process(free_port(), one) as first, Process(free_port(), two) as second:
        wait(lambda: _listens(first.port) and _listens(second.port), "a server did not start")
        with Client(f"grpc://127.0.0.1:{first.port},127.0.0.1:{second.port}", options=options) as client:
            for number in range(20):
                client.send([(number,)])
            wait(lambda: len(_numbers(one)) == len(_numbers(two)) == 10, "both did not get their share")
            first.kill()
            for number in range(20, 200):
                client.send([(number,)])
            wait(lambda: _numbers(one) | _numbers(two) == set(range(200)), "something was lost")
            assert client.counts.failed == 0
        assert len(_numbers(two)) >= 190


def _listens(port):
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            Stub(channel).heartbeat(pb.HeartbeatRequest(), timeout=1)
    except grpc.RpcError:
        return False
    return True


def _numbers(file):
    return {int(line) for line in file.read_text().split()} if file.exists() else set()
