"""The webhook over real sockets: what is answered, and what has entered then."""

import gzip
import json
import socket
import threading
import time

import pytest

from eventflux import EventFluxManager
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import BackpressureError, ConfigError, RuntimePausedError, ValidationError
from eventflux.types.schema import Schema

PAIR = Schema.of(k=AttributeType.STRING, n=AttributeType.INT)
WEBHOOK = {
    "type": "source",
    "extension": "http",
    "http.mode": "webhook",
    "http.port": "0",
    "http.host": "127.0.0.1",
    "format": "json",
}


@pytest.fixture
def hook(app):
    def make(schema=PAIR, properties=None, **more):
        made = app(schema, {**WEBHOOK, **(properties or {})}, **more)
        made.source.start()
        return made, made.source.source.port

    return make


def _raw(port, data, *, ends=True):
    """Whatever comes back for these bytes, to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


def test_a_request_is_a_payload_and_connections_are_kept(hook, client):
    made, port = hook()
    caller = client(port)
    assert caller.post({"k": "a", "n": 1})[0] == 200
    assert caller.post([{"k": "b", "n": 2}, {"k": "c", "n": 3}])[0] == 200
    assert made.rows.rows == [("a", 1), ("b", 2), ("c", 3)]


def test_lines_of_json_are_payloads(hook, client):
    made, port = hook()
    lines = b'{"k":"a","n":1}\nnothing\n{"k":"b","n":2}'
    assert client(port).post(lines, Content_Type="application/x-ndjson")[0] == 200
    assert made.rows.rows == [("a", 1), ("b", 2)]
    assert made.source.feed.failures.counts.total == 1


def test_a_body_that_begins_with_a_header_is_an_input_of_its_own(hook, client):
    made, port = hook(properties={"format": "csv", "csv.header": "true"})
    caller = client(port)
    assert caller.post(b"k,n\na,1\nb,2\n")[0] == 200
    assert caller.post(b"n,k\n3,c\n")[0] == 200
    assert made.rows.rows == [("a", 1), ("b", 2), ("c", 3)]


def test_an_empty_body_is_passed_over(hook, client):
    made, port = hook()
    assert client(port).post(b"")[0] == 200
    assert made.rows.rows == []
    assert made.source.feed.failures.counts.total == 0


@pytest.mark.parametrize(
    ("body", "expected"), [(b"not json", 200), (b'{"k": "a", "n": "x"}', 200)], ids=["payload", "field"]
)
def test_what_the_policy_disposes_of_is_answered_as_taken(hook, client, body, expected):
    made, port = hook()
    assert client(port).post(body)[0] == expected
    assert made.rows.rows == []
    assert made.source.feed.failures.counts.by_action == {"drop": 1}


def test_an_event_that_stops_the_app_is_answered_with_500(hook, client):
    made, port = hook(properties={"error.strategy": "fail"})
    status, text, _ = client(port).post(b"not json")
    assert (status, text[:14]) == (500, b"the app stops:")
    assert len(made.failures) == 1


def test_other_paths_and_methods_are_refused(hook, client):
    _, port = hook(properties={"http.path": "/in"})
    caller = client(port)
    assert caller.request("POST", "/", b"{}")[0] == 404
    status, _, headers = caller.request("GET", "/in")
    assert (status, headers["allow"]) == (405, "POST")
    assert caller.post({"k": "a", "n": 1}, "/in?x=1")[0] == 200


def test_a_token_is_asked_for_before_the_body_is_read(hook, client):
    made, port = hook(properties={"http.auth.header": "X-Token", "http.auth.token": "s3cret"})
    assert client(port).post({"k": "a", "n": 1})[0] == 401
    assert client(port).post({"k": "a", "n": 1}, X_Token="s3crets")[0] == 401
    assert client(port).post({"k": "a", "n": 1}, x_token="s3cret")[0] == 200
    assert made.rows.rows == [("a", 1)]
    assert "s3cret" not in repr(made.source.source.inner._ctx.options)


def test_a_body_over_the_limit_is_refused(hook, client):
    made, port = hook(properties={"http.max.body.bytes": "20"})
    assert client(port).post(b" " * 21)[0] == 413
    assert b" 413 " in _raw(port, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n" + b" " * 21)
    assert b" 413 " in _raw(port, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 21\r\n\r\n", ends=False)
    zipped = gzip.compress(b" " * 100_000)
    assert len(zipped) > 20
    assert client(port).post(zipped, Content_Encoding="gzip")[0] == 413
    assert client(port).post(b'{"k":"a","n":1}')[0] == 200
    assert made.rows.rows == [("a", 1)]


def test_a_compressed_body_is_unpacked(hook, client):
    made, port = hook()
    assert client(port).post(gzip.compress(b'{"k":"a","n":1}'), Content_Encoding="gzip")[0] == 200
    assert client(port).post(b"no gzip", Content_Encoding="gzip")[0] == 400
    assert client(port).post(gzip.compress(b'{"k":"a","n":1}')[:-9], Content_Encoding="gzip")[0] == 400
    assert client(port).post(b"{}", Content_Encoding="br")[0] == 415
    assert made.rows.rows == [("a", 1)]


def test_a_slow_body_is_given_up(hook):
    _, port = hook(properties={"http.read.timeout.ms": "100"})
    started = time.monotonic()
    assert b" 408 " in _raw(port, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", ends=False)
    assert time.monotonic() - started < 5


def test_chunks_and_expectations_are_understood(hook):
    made, port = hook()
    chunked = b'6;x=1\r\n{"k":"\r\nB\r\na", "n": 1}\r\n0\r\nTrailer: x\r\n\r\n'
    head = (
        b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    answer = _raw(port, head + chunked)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert made.rows.rows == [("a", 1)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/2.0\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nBad Name: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nA: " + b"x" * 40_000 + b"\r\n\r\n", 431),
    ],
)
def test_malformed_requests_are_refused_and_the_connection_is_closed(hook, data, status):
    made, port = hook()
    answer = _raw(port, data, ends=False)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close\r\n" in answer
    assert made.rows.rows == []


def test_a_peer_that_leaves_in_the_middle_has_sent_nothing(hook, client):
    made, port = hook()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b'POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"k":"a"')
    assert client(port).post({"k": "b", "n": 2})[0] == 200
    assert made.rows.rows == [("b", 2)]


def test_pipelined_requests_are_answered_in_turn(hook):
    made, port = hook()
    request = b'POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"k":"a","n":1}'
    assert _raw(port, request * 3).count(b" 200 OK") == 3
    assert len(made.rows.rows) == 3


def test_transport_properties_can_be_mapped(hook, client):
    schema = Schema.of(k=AttributeType.STRING, user=AttributeType.STRING, query=AttributeType.STRING)
    mapping = {"json.mapping.k": "$.k", "json.mapping.user": "trp:header.X-User", "json.mapping.query": "trp:query"}
    made, port = hook(schema, mapping)
    assert client(port).post({"k": "a"}, "/?q=1", X_User="me")[0] == 200
    assert made.rows.rows == [("a", "me", "q=1")]


def test_a_full_stream_is_answered_with_429(hook, client):
    made, port = hook()
    made.rows.send_many = None

    def full(row, timestamp=None):
        raise BackpressureError("the buffer of stream S is full")

    made.rows.send = full
    status, text, headers = client(port).post({"k": "a", "n": 1})
    assert (status, text, headers["retry-after"]) == (429, b"the buffer of stream S is full\n", "1")


def test_a_paused_source_answers_503_and_a_resumed_one_takes_more(hook, client):
    made, port = hook()
    caller = client(port)
    made.source.pause()
    status, _, headers = caller.post({"k": "a", "n": 1})
    assert (status, headers["retry-after"]) == (503, "1")
    made.source.resume()
    assert client(port).post({"k": "b", "n": 2})[0] == 200
    assert made.rows.rows == [("b", 2)]


def test_a_request_that_the_runtime_refuses_is_answered_with_503(hook, client):
    made, port = hook()

    def refuse(row, timestamp=None):
        raise RuntimePausedError("app 'App' is paused")

    made.rows.send = refuse
    assert client(port).post({"k": "a", "n": 1})[0] == 503


def test_requests_at_a_time_are_bounded(hook, client):
    made, port = hook(properties={"http.max.concurrent.requests": "1"})
    entered, release = threading.Event(), threading.Event()

    def slow(row, timestamp=None):
        entered.set()
        assert release.wait(20)
        return 1

    made.rows.send = slow
    statuses = []
    first = threading.Thread(target=lambda: statuses.append(client(port).post({"k": "a", "n": 1})[0]))
    first.start()
    assert entered.wait(20)
    assert client(port).post({"k": "b", "n": 2})[0] == 503
    release.set()
    first.join(20)
    assert statuses == [200]


def test_stopping_waits_for_the_answer_of_what_is_handled(hook, client):
    made, port = hook()
    entered, release = threading.Event(), threading.Event()
    send = made.rows.send

    def slow(row, timestamp=None):
        entered.set()
        assert release.wait(20)
        return send(row, timestamp)

    made.rows.send = slow
    statuses = []
    caller = client(port)
    sender = threading.Thread(target=lambda: statuses.append(caller.post({"k": "a", "n": 1})[0]))
    sender.start()
    assert entered.wait(20)
    stopper = threading.Thread(target=made.source.stop)
    stopper.start()
    time.sleep(0.05)
    assert stopper.is_alive()
    release.set()
    stopper.join(20)
    sender.join(20)
    assert (statuses, made.rows.rows) == ([200], [("a", 1)])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_sources_share_a_port_by_path(app, client):
    first = app(PAIR, {**WEBHOOK, "http.path": "/a"})
    first.source.start()
    port = first.source.source.port
    second = app(PAIR, {**WEBHOOK, "http.path": "/b", "http.port": str(port)})
    second.source.start()
    caller = client(port)
    assert [caller.post({"k": path, "n": 1}, path)[0] for path in ("/a", "/b", "/c")] == [200, 200, 404]
    assert (first.rows.rows, second.rows.rows) == ([("/a", 1)], [("/b", 1)])
    first.source.stop()
    assert [client(port).post({"k": "x", "n": 2}, path)[0] for path in ("/a", "/b")] == [404, 200]
    third = app(PAIR, {**WEBHOOK, "http.path": "/b", "http.port": str(port)})
    with pytest.raises(ConfigError, match="has a source already"):
        third.source.start()


def test_a_port_that_is_taken_is_tried_again(app):
    with socket.create_server(("127.0.0.1", 0)) as other:
        made = app(PAIR, {**WEBHOOK, "http.port": str(other.getsockname()[1])})
        made.source.start()
        assert str(made.source.state) == "retrying"
    made.source.connection.try_once()
    assert str(made.source.state) == "connected"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"http.auth.header": "X"}, "go together"),
        ({"http.path": "in"}, "must begin with '/'"),
        ({"http.url": "http://h"}, "no meaning with mode 'webhook'"),
        ({"http.tls.key": "k.pem"}, r"tls\.key needs tls\.cert"),
    ],
)
def test_options_that_cannot_work_are_refused(app, properties, message):
    with pytest.raises(ConfigError, match=message):
        app(PAIR, {**WEBHOOK, **properties})


def test_a_webhook_needs_a_port(app):
    with pytest.raises(ConfigError, match="needs the option 'port'"):
        app(PAIR, {name: value for name, value in WEBHOOK.items() if name != "http.port"})


def test_a_mode_that_is_none_is_a_validation_error(manager):
    with pytest.raises(ValidationError, match="must be one of webhook, poll"):
        manager.create_eventflux_app_runtime(
            "CREATE STREAM S (a INT) WITH ('type'='source', 'extension'='http', 'http.mode'='push', 'format'='json');"
        )


def _totals_app(port, more=""):
    return f"""
        CREATE STREAM S (n INT) WITH ('type' = 'source', 'extension' = 'http', 'http.mode' = 'webhook',
            'http.port' = '{port}', 'http.host' = '127.0.0.1', 'format' = 'json'{more});
        INSERT INTO Total SELECT SUM(n) AS total, COUNT() AS events FROM S;
    """


def test_nothing_that_was_acknowledged_is_lost_while_many_clients_come_and_go():
    acknowledged, seen = [], []
    lock = threading.Lock()
    with EventFluxManager(plugins=False) as manager:
        buffered = ", 'async.buffer_size' = '64', 'async.backpressure' = 'fail'"
        runtime = manager.create_eventflux_app_runtime(_totals_app(0, buffered), name="totals")
        runtime.add_callback("Total", lambda events: seen.append(events[-1].data))
        runtime.start()
        port = runtime.sources[0].source.port
        stop = time.monotonic() + 1.5

        def send(number):
            import http.client

            while time.monotonic() < stop:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                for _ in range(10):
                    batch = [{"n": number} for _ in range(20)]
                    try:
                        connection.request("POST", "/", json.dumps(batch))
                        answer = connection.getresponse()
                        answer.read()
                    except (OSError, http.client.HTTPException):
                        break
                    if answer.status == 200:
                        with lock:
                            acknowledged.append(number * 20)
                    else:
                        assert answer.status == 429
                connection.close()

        senders = [threading.Thread(target=send, args=(number,)) for number in range(1, 5)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(20)
        runtime.shutdown()
    assert acknowledged
    assert seen[-1] == (sum(acknowledged), len(acknowledged) * 20)


def test_a_runtime_that_is_paused_takes_nothing(manager, client):
    runtime = manager.create_eventflux_app_runtime(_totals_app(0), name="paused")
    totals = []
    runtime.add_callback("Total", lambda events: totals.extend(event.data for event in events))
    runtime.start()
    port = runtime.sources[0].source.port
    runtime.pause()
    assert client(port).post({"n": 1})[0] == 503
    runtime.resume()
    assert client(port).post({"n": 2})[0] == 200
    assert totals == [(2, 1)]
    assert runtime.metrics().connectors["source/S/http/0"].events == 1


def test_an_app_that_stops_over_an_event_is_waited_for_no_longer(manager, client):
    runtime = manager.create_eventflux_app_runtime(_totals_app(0, ", 'error.strategy' = 'fail'"), name="failing")
    failures = []
    runtime.on_exception(failures.append)
    runtime.start()
    caller = client(runtime.sources[0].source.port)
    assert caller.post(b"not json")[0] == 500
    assert runtime.wait_finished(10)
    assert runtime.state == "failed"
    assert caller.post({"n": 1})[0] == 503
    assert len(failures) == 1


def test_answers_are_counted(manager, client):
    runtime = manager.create_eventflux_app_runtime(_totals_app(0, ", 'http.max.body.bytes' = '20'"), name="counted")
    runtime.start()
    port = runtime.sources[0].source.port
    assert client(port).post({"n": 1})[0] == 200
    assert client(port).post(b"no json")[0] == 200
    figures = runtime.metrics().connectors["source/S/http/0"].figures
    assert {(figure.name, figure.labels.get("status")): figure.value for figure in figures} == {
        ("http_requests_at_a_time", None): 0,
        ("http_answers", "200"): 2,
    }
