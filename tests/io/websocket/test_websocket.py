"""WebSocket sources and sinks, each against the library's other end and against each other."""

import contextlib
import random
import socket
import subprocess
import sys
import threading
import time

import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.schema import Schema

pytest.importorskip("websockets", reason="the extra websocket is not installed")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

PAIR = Schema.of(k=AttributeType.STRING, n=AttributeType.INT)
SOURCE = {"type": "source", "extension": "websocket", "format": "json"}
SINK = {"type": "sink", "extension": "websocket", "format": "json"}
LISTENING = {"websocket.server.port": "0", "websocket.server.host": "127.0.0.1"}
QUICK = {"websocket.reconnect.delay.ms": "10", "websocket.reconnect.max.delay.ms": "50"}


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Peer:
    """A server that keeps what comes and sends what it is told."""

    def __init__(self, port=0, greeting=()):
        self.received = []
        self.headers = []
        self.greeting = greeting
        self.server = serve(self._serve, "127.0.0.1", port)
        self.port = self.server.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/"

    @property
    def connections(self):
        return len(self.server.connections)

    def _serve(self, connection):
        self.headers.append(connection.request.headers)
        with contextlib.suppress(ConnectionClosed):
            for message in self.greeting:
                connection.send(message)
            for message in connection:
                self.received.append(message)

    def send(self, message):
        for connection in self.server.connections:
            connection.send(message)

    def stop(self):
        self.server.shutdown()
        self.thread.join(10)


@pytest.fixture
def peer():
    made = []

    def start(port=0, greeting=()):
        made.append(Peer(port, greeting))
        return made[-1]

    yield start
    for each in made:
        each.stop()


def test_a_client_source_takes_messages_of_a_server(app, peer):
    server = peer(greeting=['{"k": "a", "n": 1}', b'[{"k": "b", "n": 2}, {"k": "c", "n": 3}]'])
    made = app(PAIR, {**SOURCE, "websocket.url": server.url, "websocket.subscribe.message": "all, please"})
    made.source.start()
    eventually(lambda: len(made.rows.rows) == 3)
    assert made.rows.rows == [("a", 1), ("b", 2), ("c", 3)]
    eventually(lambda: server.received)
    assert server.received == ["all, please"]
    made.source.stop()
    eventually(lambda: server.connections == 0)


def test_a_client_says_who_it_is(app, peer):
    server = peer()
    made = app(PAIR, {**SOURCE, "websocket.url": server.url, "websocket.headers.X-Key": "k"})
    made.source.start()
    eventually(lambda: server.headers)
    assert server.headers[0]["X-Key"] == "k"


def test_a_client_source_connects_again_and_asks_again(app, peer):
    server = peer(greeting=['{"k": "a", "n": 1}'])
    made = app(PAIR, {**SOURCE, **QUICK, "websocket.url": server.url, "websocket.subscribe.message": "go"})
    made.source.start()
    eventually(lambda: made.rows.rows)
    server.stop()
    eventually(lambda: str(made.source.state) == "retrying")
    again = peer(server.port, greeting=['{"k": "b", "n": 2}'])
    eventually(lambda: len(made.rows.rows) == 2)
    assert str(made.source.state) == "connected"
    eventually(lambda: again.received == ["go"])


def test_a_source_that_does_not_reconnect_is_at_its_end(app, peer):
    server = peer()
    made = app(PAIR, {**SOURCE, "websocket.url": server.url, "websocket.reconnect": "false"})
    made.source.start()
    eventually(lambda: server.connections == 1)
    server.stop()
    assert made.finished.wait(10)


def test_a_source_without_a_server_is_tried_again(app, peer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    made = app(PAIR, {**SOURCE, "websocket.url": f"ws://127.0.0.1:{port}/"})
    made.source.start()
    assert str(made.source.state) == "retrying"
    server = peer(port)
    assert made.source.connection.try_once()
    eventually(lambda: server.connections == 1)


def test_attempts_may_end(app, peer):
    server = peer()
    made = app(PAIR, {**SOURCE, **QUICK, "websocket.url": server.url, "websocket.reconnect.max.attempts": "2"})
    made.source.start()
    eventually(lambda: server.connections == 1)
    server.stop()
    eventually(lambda: made.source.connection._timer is not None)
    assert str(made.source.state) == "retrying"


def test_what_cannot_be_mapped_goes_the_way_of_the_policy(app, peer):
    server = peer(greeting=["no json", '{"k": "a", "n": 1}'])
    made = app(PAIR, {**SOURCE, "websocket.url": server.url})
    made.source.start()
    eventually(lambda: made.rows.rows)
    assert made.source.feed.failures.counts.by_action == {"drop": 1}


def test_a_message_over_the_limit_ends_the_connection_only(app, peer):
    server = peer(greeting=[" " * 200, '{"k": "a", "n": 1}'])
    made = app(PAIR, {**SOURCE, **QUICK, "websocket.url": server.url, "websocket.max.message.bytes": "100"})
    made.source.start()
    eventually(lambda: len(server.headers) > 1)
    assert made.rows.rows == []


@pytest.fixture
def listening(app):
    def make(kind, **more):
        made = app(PAIR, {**kind, **LISTENING, **more})
        end = made.source if kind is SOURCE else made.sink
        end.start()
        port = (end.source if kind is SOURCE else end.sink).port
        return made, f"ws://127.0.0.1:{port}"

    return make


def test_a_server_source_takes_messages_of_many_clients(listening):
    made, url = listening(SOURCE)
    with connect(url) as one, connect(url) as two:
        one.send('{"k": "a", "n": 1}')
        eventually(lambda: made.rows.rows)
        two.send('{"k": "b", "n": 2}')
        eventually(lambda: len(made.rows.rows) == 2)
        made.source.stop()
        with pytest.raises(ConnectionClosed) as caught:
            one.recv(timeout=10)
        assert caught.value.rcvd.code == 1001
    assert made.rows.rows == [("a", 1), ("b", 2)]


def test_a_server_answers_at_its_path_only(listening):
    made, url = listening(SOURCE, **{"websocket.path": "/in", "websocket.max.connections": "1"})
    with pytest.raises(InvalidStatus, match="404"):
        connect(url + "/out")
    with connect(url + "/in?x=1") as client:
        client.send('{"k": "a", "n": 1}')
        eventually(lambda: made.rows.rows)
        with pytest.raises(InvalidStatus, match="503"):
            connect(url + "/in")


def test_a_paused_server_source_takes_nothing_and_loses_nothing(listening):
    made, url = listening(SOURCE)
    with connect(url) as client:
        made.source.pause()
        time.sleep(0.15)
        client.send('{"k": "a", "n": 1}')
        time.sleep(0.25)
        assert made.rows.rows == []
        made.source.resume()
        eventually(lambda: made.rows.rows == [("a", 1)])


def test_a_client_is_told_that_the_app_stops_over_its_event(listening):
    made, url = listening(SOURCE, **{"error.strategy": "fail"})
    with connect(url) as client:
        client.send("no json")
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=10)
    assert caught.value.rcvd.code == 1011
    assert len(made.failures) == 1


def test_transport_properties_can_be_mapped(app):
    mapping = {"json.mapping.k": "trp:path", "json.mapping.n": "$.n"}
    made = app(PAIR, {**SOURCE, **LISTENING, **mapping})
    made.source.start()
    with connect(f"ws://127.0.0.1:{made.source.source.port}/?who=me") as client:
        client.send('{"n": 1}')
        eventually(lambda: made.rows.rows)
    assert made.rows.rows == [("/?who=me", 1)]


def test_a_server_sink_sends_to_all_clients(listening):
    made, url = listening(SINK)
    made.publish(("nobody", 0))
    with connect(url) as one, connect(url) as two:
        eventually(lambda: len(made.sink.sink.inner._clients) == 2)
        made.publish(("a", 1), ("b", 2))
        for client in (one, two):
            assert [client.recv(timeout=10) for _ in range(2)] == ['{"k":"a","n":1}', '{"k":"b","n":2}']
    eventually(lambda: not made.sink.sink.inner._clients)


def test_a_client_that_cannot_keep_up_is_closed_and_holds_nobody_up(listening, monkeypatch):
    monkeypatch.setattr("eventflux.io.websocket.sink._CUT_SECONDS", 60.0)
    made, url = listening(SINK, **{"websocket.client.buffer": "16"})
    with connect(url, max_queue=1, compression=None) as slow, connect(url) as quick:
        eventually(lambda: len(made.sink.sink.inner._clients) == 2)
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(quick.recv(timeout=20) for _ in range(2000)))
        reader.start()
        for number in range(2000):
            made.publish((random.randbytes(10_000).hex(), number))
            while number - len(seen) > 8:
                time.sleep(0.0005)
        reader.join(20)
        assert len(seen) == 2000
        taken = []
        with pytest.raises(ConnectionClosed):
            taken.extend(slow)
        assert len(taken) < 2000
        assert slow.protocol.close_rcvd.code == 1013


def test_a_client_that_takes_nothing_at_all_is_cut_off(listening, monkeypatch):
    monkeypatch.setattr("eventflux.io.websocket.sink._CUT_SECONDS", 0.2)
    made, url = listening(SINK, **{"websocket.client.buffer": "4"})
    with connect(url, max_queue=1, compression=None, close_timeout=0.1):
        eventually(lambda: made.sink.sink.inner._clients)
        client = next(iter(made.sink.sink.inner._clients.values()))
        while not client.is_slow:
            made.publish((random.randbytes(100_000).hex(), 0))
        eventually(lambda: not made.sink.sink.inner._clients)
    assert {figure.name: figure.value for figure in made.sink.figures()} == {
        "websocket_clients": 0,
        "websocket_slow_clients_closed": 1,
    }


def test_a_client_sink_sends_messages_of_the_formats_kind(app, peer):
    server = peer()
    made = app(PAIR, {**SINK, "websocket.url": server.url})
    made.sink.start()
    made.publish(("a", 1))
    binary = app(PAIR, {**SINK, "websocket.url": server.url, "format": "msgpack"})
    binary.sink.start()
    binary.publish(("b", 2))
    eventually(lambda: len(server.received) == 2)
    assert server.received == ['{"k":"a","n":1}', b"\x82\xa1k\xa1b\xa1n\x02"]


def test_a_payload_that_is_no_text_fails_alone(app, peer):
    server = peer()
    schema = Schema.of(b=AttributeType.OBJECT)
    made = app(schema, {**SINK, "websocket.url": server.url, "websocket.message.type": "text", "format": "bytes"})
    made.sink.start()
    made.publish((b"\xff",), (b"ok",))
    eventually(lambda: server.received == ["ok"])
    assert made.sink.failures.counts.by_action == {"drop": 1}


def test_a_client_sink_finds_its_server_again(app, peer):
    server = peer()
    made = app(PAIR, {**SINK, **QUICK, "websocket.url": server.url})
    made.sink.start()
    made.publish(("a", 1))
    eventually(lambda: server.received)
    server.stop()
    eventually(lambda: str(made.sink.state) == "retrying")
    again = peer(server.port)
    made.publish(("b", 2))
    eventually(lambda: again.received == ['{"k":"b","n":2}'])
    assert str(made.sink.state) == "connected"


def test_a_client_sink_gives_up_after_its_attempts(app, peer):
    server = peer()
    made = app(PAIR, {**SINK, **QUICK, "websocket.url": server.url, "websocket.reconnect.max.attempts": "1"})
    made.sink.start()
    server.stop()
    made.publish(("a", 1))
    assert made.sink.failures.counts.by_action == {"drop": 1}
    assert str(made.sink.state) == "retrying"


def test_what_the_server_says_to_a_sink_does_not_pile_up(app, peer):
    server = peer(greeting=["x"] * 100)
    made = app(PAIR, {**SINK, "websocket.url": server.url})
    made.sink.start()
    made.publish(("a", 1))
    eventually(lambda: server.received == ['{"k":"a","n":1}'])


def test_sink_and_source_meet_under_tls(app, tmp_path):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    there = app(PAIR, {**SOURCE, **LISTENING, "websocket.tls.cert": str(tmp_path / "server.pem")})
    there.source.start()
    url = f"wss://127.0.0.1:{there.source.source.port}/"
    here = app(PAIR, {**SINK, "websocket.url": url, "websocket.tls.ca": str(tmp_path / "ca.pem")})
    here.sink.start()
    here.publish(("a", 1))
    eventually(lambda: there.rows.rows == [("a", 1)])
    stranger = app(PAIR, {**SINK, "websocket.url": url})
    stranger.sink.start()
    assert str(stranger.sink.state) == "retrying"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs either 'url' or 'server.port'"),
        ({"websocket.url": "ws://h", "websocket.server.port": "1"}, "needs either 'url' or 'server.port'"),
        ({"websocket.url": "http://h"}, "begins with ws:// or wss://"),
        ({"websocket.url": "ws://h", "websocket.path": "/x"}, "has no meaning with 'url'"),
        ({"websocket.url": "ws://h", "websocket.tls.ca": "x"}, "begins with wss://"),
    ],
)
@pytest.mark.parametrize("kind", [SOURCE, SINK], ids=["source", "sink"])
def test_options_that_cannot_work_are_refused(app, kind, options, message):
    with pytest.raises(ConfigError, match=message):
        app(PAIR, {**kind, **options})


def test_a_port_that_is_taken_is_an_unavailable_connection(listening, app):
    _, url = listening(SOURCE)
    made = app(PAIR, {**SOURCE, **LISTENING, "websocket.server.port": url.rsplit(":", 1)[1], "connect.retry": "none"})
    with pytest.raises(ConnectionUnavailableError, match="can't be opened"):
        made.source.start()


def test_the_extra_is_named_where_the_library_is_missing():
    code = """
import sys
sys.modules["websockets"] = None
from eventflux import EventFluxManager
text = "@source(type='websocket', server.port='0', @map(type='json')) define stream S (a int);"
with EventFluxManager(plugins=False) as manager:
    assert manager.validate(text) == []
    try:
        manager.create_eventflux_app_runtime(text)
    except Exception as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install 'eventflux-core[websocket]'" in done.stdout
