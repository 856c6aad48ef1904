"""The tcp sink and source of two apps, over real sockets: formats, acknowledgements, back-pressure, peers that go."""

import socket
import struct
import threading
import time

import msgpack
import pytest

from eventflux.io.net.socket_reader import SocketReader
from eventflux.io.tcp.frames import Frame, MessageType, encode_frame, hello, read_frame
from eventflux.types.errors import ConnectionUnavailableError, ValidationError

ROWS = [("a", 1), ("b", 2), ("", -3)]


@pytest.mark.parametrize("format_", ["msgpack", "json", "csv"])
@pytest.mark.parametrize("acknowledged", ["false", "true"])
def test_events_travel_in_order(receiver, sender, format_, acknowledged):
    options = {"format": format_, "tcp.ack": acknowledged}
    there = receiver(options=options)
    here = sender(there.port, options)
    here.send(("first", 0))
    here.send_many([("many", number) for number in range(20_000)])
    rows = there.wait(20_001)
    assert rows == [("first", 0), *(("many", number) for number in range(20_000))]
    here.runtime.shutdown()
    assert here.runtime.metrics().connectors["sink/O/tcp/0"].events == 20_001
    assert there.runtime.metrics().connectors["source/S/tcp/0"].events == 20_001


def test_payloads_without_a_block_are_messages_of_their_own(receiver, sender):
    there = receiver(options={"format": "text", "text.regex": "(.*)=(.*)"})
    here = sender(there.port, {"format": "text", "text.template": "{{k}}={{n}}"})
    here.send_many(ROWS)
    assert there.wait(3) == ROWS


def test_events_travel_as_they_are_with_their_time(manager):
    text = """
        @app:playback
        @{0}(type='tcp', {1}, @map(type='passThrough'))
        define stream S (k string, o object);"""
    there = manager.create_eventflux_app_runtime(text.format("source", "host='127.0.0.1', port='0'"), name="there")
    seen, done = [], threading.Event()

    def take(events):
        seen.extend((event.timestamp, event.data) for event in events)
        if len(seen) == 2:
            done.set()

    there.add_callback("S", take)
    there.start()
    url = f"url='tcp://127.0.0.1:{there.sources[0].source.port}'"
    here = manager.create_eventflux_app_runtime(text.format("sink", url), name="here")
    here.start()
    here.input_handler("S").send(("a", [1, {"x": None}]), 1000)
    here.input_handler("S").send((None, {2}), 2000)
    assert done.wait(20)
    assert seen == [(1000, ("a", [1, {"x": None}])), (2000, (None, [2]))]


def test_the_name_of_the_stream_is_a_transport_property(receiver, sender):
    mapping = {"msgpack.mapping.k": "trp:stream", "msgpack.mapping.n": "n"}
    there = receiver(options=mapping)
    here = sender(there.port)
    here.send_many([("x", 1), ("y", 2)])
    assert there.wait(2) == [("O", 1), ("O", 2)]


@pytest.mark.parametrize("compression", ["lz4", "snappy", "zstd"])
def test_payloads_may_be_compressed(receiver, sender, compression):
    pytest.importorskip({"lz4": "lz4.frame", "snappy": "cramjam", "zstd": "zstandard"}[compression])
    there = receiver()
    here = sender(there.port, {"tcp.compression": compression})
    here.send_many([("x" * 100, number) for number in range(1000)])
    assert there.wait(1000)[-1] == ("x" * 100, 999)


def test_what_cannot_be_mapped_goes_the_way_of_the_policy_alone(receiver, sender):
    there = receiver(options={"format": "json"})
    here = sender(there.port, {"format": "json", "json.template": '{"k": {{k}}, "n": {{k}}}'})
    here.send_many([("a", 1), ("b", 2)])
    there_runtime = there.runtime
    deadline = time.monotonic() + 20
    while there_runtime.metrics().connectors["source/S/tcp/0"].failed < 2:
        assert time.monotonic() < deadline
    assert there.rows == []


def test_each_event_may_name_its_address(receiver, manager):
    one, two = receiver(), receiver()
    text = """CREATE STREAM O (k STRING, n INT) WITH ('type' = 'sink', 'extension' = 'tcp',
        'tcp.url' = 'tcp://127.0.0.1:{{n}}');"""
    runtime = manager.create_eventflux_app_runtime(text)
    runtime.start()
    runtime.input_handler("O").send_many([("a", one.port), ("b", two.port), ("c", one.port), ("d", 0)])
    assert [row[0] for row in one.wait(2)] == ["a", "c"]
    assert [row[0] for row in two.wait(1)] == ["b"]
    assert runtime.metrics().connectors["sink/O/tcp/0"].failed == 1


def test_a_slow_app_makes_its_senders_wait(receiver, sender):
    there = receiver()
    gate = threading.Event()
    there.runtime.add_callback("S", lambda _events: gate.wait(20))
    here = sender(there.port, {"tcp.write.timeout.ms": "60000"})
    done = threading.Event()

    def send():
        for _ in range(60):
            here.send_many([("x" * 1000, number) for number in range(2000)])
        done.set()

    threading.Thread(target=send, daemon=True).start()
    assert not done.wait(0.5)
    gate.set()
    assert len(there.wait(120_000, 60)) == 120_000
    assert done.wait(20)


def test_a_full_buffer_makes_senders_wait_whatever_its_policy_is(receiver, sender):
    there = receiver(options={"async.buffer_size": "16", "async.backpressure": "fail"})
    here = sender(there.port, {"tcp.ack": "false"})
    here.send_many([("x", number) for number in range(5000)])
    assert there.wait(5000) == [("x", number) for number in range(5000)]


def test_a_paused_source_takes_nothing_and_loses_nothing(receiver, sender):
    there = receiver()
    here = sender(there.port)
    here.send(("a", 1))
    there.wait(1)
    there.runtime.pause()
    here.send(("b", 2))
    time.sleep(0.2)
    assert there.rows == [("a", 1)]
    there.runtime.resume()
    assert there.wait(2) == [("a", 1), ("b", 2)]


def test_unacknowledged_messages_are_sent_again_to_a_peer_that_came_back(receiver, sender, eventually):
    """A peer that takes messages and dies before it acknowledges them."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def dies():
            for _ in range(2):  # the first connection is the sink's check
                connection, _ = listener.accept()
                reader = SocketReader(connection)
                read_frame(reader, 1 << 20, 20)
                connection.sendall(encode_frame(hello(ack="true", limit=str(1 << 20))))
                try:
                    taken.append(read_frame(reader, 1 << 20, 20))
                except Exception:
                    connection.close()
                    continue
                connection.close()

        peer = threading.Thread(target=dies)
        peer.start()
        here = sender(port, {"tcp.ack": "true"})
        here.send_many(ROWS)
        peer.join(20)
    assert len(taken) == 1
    eventually(lambda: str(here.sink.state) == "retrying")
    there = receiver(port, options={"tcp.ack": "true"})
    assert there.wait(3) == ROWS
    eventually(lambda: str(here.sink.state) == "connected")
    assert here.sink.connection.reconnects == 1
    here.runtime.shutdown()
    assert there.rows == ROWS


def test_every_event_arrives_at_least_once_while_the_receiver_is_restarted(manager, receiver, sender):
    there = receiver(options={"tcp.ack": "true"})
    port = there.port
    here = sender(port, {"tcp.ack": "true", "error.strategy": "retry", "error.retry.max-attempts": "1000"})
    received = set()
    sent = 0
    for _ in range(3):
        for _ in range(50):
            here.send(("x", sent))
            sent += 1
        there.runtime.shutdown()
        received.update(row[1] for row in there.rows)
        there = receiver(port, options={"tcp.ack": "true"})
    here.send(("x", sent))
    here.runtime.shutdown()
    there.runtime.shutdown()
    received.update(row[1] for row in there.rows)
    assert received == set(range(sent + 1))
    assert here.runtime.metrics().connectors["sink/O/tcp/0"].failed == 0


def test_without_acknowledgements_a_lost_peer_is_found_again(receiver, sender, eventually):
    there = receiver()
    port = there.port
    here = sender(port)
    here.send(("a", 1))
    there.wait(1)
    there.runtime.shutdown()
    eventually(lambda: str(here.sink.state) == "retrying")
    here.send(("lost", 0))
    there = receiver(port)
    eventually(lambda: str(here.sink.state) == "connected")
    here.send(("b", 2))
    assert there.wait(1)[-1] == ("b", 2)


def test_an_app_does_not_start_without_its_peer(sender):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionUnavailableError, match=rf"tcp://127.0.0.1:{port}: .*refused"):
        sender(port)
    here = sender(port, {"tcp.validation": "none"})
    assert str(here.sink.state) == "retrying"


def test_a_sink_that_wants_acknowledgements_needs_a_source_that_gives_them(receiver, sender):
    there = receiver()
    with pytest.raises(ConnectionUnavailableError, match="does not acknowledge"):
        sender(there.port, {"tcp.ack": "true"})


class Peer:
    """A sink by hand."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.reader = SocketReader(self.socket)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else encode_frame(data))

    def receive(self):
        return read_frame(self.reader, 1 << 20, 20)

    def greet(self):
        self.send(hello(ack="true"))
        return self.receive()


@pytest.fixture
def peer(receiver):
    made = []

    def connect(**options):
        there = receiver(options=options)
        made.append(Peer(there.port))
        return there, made[-1]

    yield connect
    for each in made:
        each.socket.close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "exceeds 65536"),
        (struct.pack(">I", 3) + b"\xc1\xc1\xc1", "what came is no message"),
        (struct.pack(">I", 1) + msgpack.packb([]), "what came is no message"),
        (Frame(id="1", message_type=MessageType.EVENT), "does not speak the protocol"),
        (Frame(id="1", message_type=MessageType.CONTROL, headers={"hello": "9"}), "protocol version 9 is not 1"),
    ],
    ids=["http", "garbage", "list", "no hello", "version"],
)
def test_strangers_are_refused_with_the_reason(peer, data, reason):
    there, stranger = peer()
    stranger.send(data)
    answer = stranger.receive()
    assert reason in answer.headers["error"]
    assert stranger.socket.recv(1) == b""
    assert there.rows == []


def test_a_message_over_the_limit_is_refused(peer):
    _there, stranger = peer(**{"tcp.max.frame.bytes": "2048"})
    assert stranger.greet().headers["limit"] == "2048"
    stranger.send(struct.pack(">I", 2049))
    assert stranger.receive().headers["error"] == "message of 2049 bytes exceeds 2048"


def test_a_payload_that_unpacks_beyond_the_limit_is_refused(peer):
    zstandard = pytest.importorskip("zstandard")
    _there, stranger = peer(**{"tcp.max.frame.bytes": "2048"})
    stranger.greet()
    bomb = zstandard.ZstdCompressor().compress(b"\x00" * 1_000_000)
    stranger.send(Frame(id="1", message_type=MessageType.EVENT, payload=bomb, compression=3))
    assert stranger.receive().headers["error"] == "the payload is longer than 2048 bytes"


def test_sinks_keep_to_the_limit_of_the_source(receiver, sender):
    there = receiver(options={"tcp.max.frame.bytes": "2048"})
    here = sender(there.port)
    here.send_many([("x" * 1000, 1), ("y" * 3000, 2), ("z" * 1000, 3)])
    assert [row[1] for row in there.wait(2)] == [1, 3]
    assert here.runtime.metrics().connectors["sink/O/tcp/0"].failed == 1


def test_heartbeats_are_answered_with_the_time(peer):
    _, stranger = peer()
    stranger.greet()
    stranger.send(Frame(id="7", message_type=MessageType.HEARTBEAT))
    answer = stranger.receive()
    assert answer.headers["in_reply_to"] == "7"
    assert abs(int(answer.headers["server_time"]) - time.time() * 1000) < 60_000


def test_other_messages_are_refused(peer):
    _, stranger = peer()
    stranger.greet()
    stranger.send(Frame(id="7", message_type=MessageType.QUERY))
    assert "messages of type 2 are not taken here" in stranger.receive().headers["error"]


def test_a_peer_that_leaves_in_the_middle_of_a_message_has_sent_nothing(peer, sender):
    there, stranger = peer()
    stranger.greet()
    stranger.send(encode_frame(Frame(id="1", message_type=MessageType.EVENT, payload=msgpack.packb(["x"] * 99)))[:-5])
    stranger.socket.close()
    sender(there.port).send(("a", 1))
    assert there.wait(1) == [("a", 1)]
    assert there.runtime.metrics().connectors["source/S/tcp/0"].failed == 0


def test_a_message_is_acknowledged_when_its_events_have_entered(peer):
    there, stranger = peer(**{"tcp.ack": "true"})
    stranger.greet()
    stranger.send(Frame(id="5", message_type=MessageType.EVENT, payload=msgpack.packb({"k": "a", "n": 1})))
    answer = stranger.receive()
    assert (answer.message_type, answer.headers) == (MessageType.ACKNOWLEDGEMENT, {"in_reply_to": "5"})
    assert there.rows == [("a", 1)]


def test_an_event_that_stops_the_app_is_not_acknowledged(peer):
    there, stranger = peer(**{"tcp.ack": "true", "error.strategy": "fail"})
    there.runtime.on_exception(lambda failure: None)
    stranger.greet()
    stranger.send(Frame(id="5", message_type=MessageType.EVENT, payload=msgpack.packb({"k": "a", "n": "x"})))
    assert "the app stops" in stranger.receive().headers["error"]
    assert there.runtime.state == "failed"


def test_connections_at_a_time_are_bounded(peer, receiver):
    there, stranger = peer(**{"tcp.max.connections": "1"})
    stranger.greet()
    other = Peer(there.port)
    assert other.receive().headers["error"] == "there are too many connections"
    other.socket.close()


def test_an_address_that_is_none_is_refused(manager):
    with pytest.raises(Exception, match="must be a URL that begins with tcp://"):
        manager.create_eventflux_app_runtime(
            "CREATE STREAM O (a INT) WITH ('type' = 'sink', 'extension' = 'tcp', 'tcp.url' = 'http://h:1');"
        )
    with pytest.raises(ValidationError, match="must be one of none, lz4, snappy, zstd"):
        manager.create_eventflux_app_runtime(
            "@sink(type='tcp', url='tcp://h:1', compression='rar') define stream O (a int);"
        )
