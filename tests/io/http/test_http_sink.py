"""The http sink against a real server that refuses, stalls, goes and comes back."""

import json
import threading
import time

import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.schema import Schema

PAIR = Schema.of(k=AttributeType.STRING, n=AttributeType.INT)


@pytest.fixture
def sink(app, server):
    def make(properties=None, **more):
        options = {
            "type": "sink",
            "extension": "http",
            "http.url": server.url + "/in",
            "http.retry.initial-delay-ms": "10",
            "format": "json",
        }
        made = app(PAIR, {**options, **(properties or {})}, **more)
        made.sink.validate()
        made.sink.start()
        return made

    return make


def test_an_event_is_a_request_on_a_connection_that_is_kept(sink, server):
    made = sink()
    made.publish(("a", 1), ("b", 2))
    assert [(each.method, each.path) for each in server.requests] == [("POST", "/in"), ("POST", "/in")]
    assert server.bodies == [b'{"k":"a","n":1}', b'{"k":"b","n":2}']
    assert server.requests[0].headers["content-type"] == "application/json"
    assert [each.method for each in server.probes] == ["HEAD"]
    assert made.sink.events == 2


def test_options_may_differ_by_event(sink, server):
    made = sink({"http.url": server.url + "/{{k}}", "http.method": "put", "http.headers.X-N": "n{{n}}"})
    made.publish(("a b", 1), ("ä", 2))
    assert [(each.method, each.path, each.headers["x-n"]) for each in server.requests] == [
        ("PUT", "/a%20b", "n1"),
        ("PUT", "/%C3%A4", "n2"),
    ]
    assert server.probes == []


def test_order_is_kept_whatever_events_name(sink, server):
    sink({"http.url": server.url + "/{{k}}"}).publish(("a", 1), ("b", 2), ("a", 3), ("a", 4))
    assert [each.path for each in server.requests] == ["/a", "/b", "/a", "/a"]


def test_a_refusal_in_the_middle_costs_one_event_only(sink, server):
    made = sink({"http.url": server.url + "/{{k}}"})
    server.answers = [(200, {}, b""), (200, {}, b""), (404, {}, b"")]
    made.publish(("a", 1), ("b", 2), ("c", 3), ("d", 4))
    assert [each.path for each in server.requests] == ["/a", "/b", "/c", "/d"]
    assert made.sink.failures.counts.by_action == {"drop": 1}
    assert made.sink.events == 3


def test_a_header_with_a_line_break_fails_its_event_alone(sink, server):
    made = sink({"http.headers.X-K": "{{k}}"})
    made.publish(("a\r\nX-Evil: 1", 1), ("b", 2))
    assert server.bodies == [b'{"k":"b","n":2}']
    assert made.sink.failures.counts.by_action == {"drop": 1}


@pytest.mark.parametrize(
    ("format_", "bodies", "content_type"),
    [
        ("json", [b'[{"k":"a","n":1},{"k":"b","n":2}]', b'[{"k":"c","n":3}]'], "application/json"),
        ("csv", [b"a,1\nb,2", b"c,3"], "text/csv"),
        (
            "msgpack",
            [b"\x92\x82\xa1k\xa1a\xa1n\x01\x82\xa1k\xa1b\xa1n\x02", b"\x91\x82\xa1k\xa1c\xa1n\x03"],
            "application/msgpack",
        ),
    ],
)
def test_a_request_may_hold_many_events(sink, server, format_, bodies, content_type):
    made = sink({"format": format_, "http.batch.size": "2"})
    made.publish(("a", 1), ("b", 2), ("c", 3))
    assert server.bodies == bodies
    assert server.requests[0].headers["content-type"] == content_type
    assert made.sink.events == 3


def test_a_body_of_csv_may_begin_with_names(sink, server):
    sink({"format": "csv", "csv.include-header": "true", "http.batch.size": "9"}).publish(("a", 1), ("b", 2))
    assert server.bodies == [b"k,n\na,1\nb,2"]


@pytest.mark.parametrize("refusal", [(503, {}, b""), (500, {}, b"x"), (408, {}, b""), ("close", {}, b"")])
def test_a_request_is_tried_again(sink, server, refusal):
    made = sink()
    server.answers = [refusal] * 3
    made.publish(("a", 1))
    assert made.sink.retries == 3
    assert len(server.bodies) == 4 if refusal[0] != "close" else len(server.bodies) >= 4
    assert made.sink.events == 1
    assert made.sink.failures.counts.total == 0


def test_attempts_end(sink, server):
    made = sink({"http.retry.max-attempts": "1"})
    server.answers = [(503, {}, b"")] * 2
    made.publish(("a", 1), ("b", 2))
    assert server.bodies == [b'{"k":"a","n":1}'] * 2 + [b'{"k":"b","n":2}']
    assert made.sink.failures.counts.by_action == {"drop": 1}


@pytest.mark.parametrize("status", [400, 404, 301])
def test_other_answers_fail_at_once(sink, server, status):
    made = sink()
    server.answers = [(200, {}, b""), (status, {"Location": server.url + "/other"}, b"")]
    made.publish(("a", 1), ("b", 2), ("c", 3))
    assert len(server.requests) == 3
    assert {each.path for each in server.requests} == {"/in"}
    assert made.sink.events == 2
    assert made.sink.failures.counts.by_action == {"drop": 1}


def test_retry_after_is_waited_for_but_not_longer_than_the_longest_delay(sink, server):
    made = sink({"http.retry.max-delay-ms": "300"})
    server.answers = [(429, {"Retry-After": "3600"}, b"")]
    started = time.monotonic()
    made.publish(("a", 1))
    assert 0.29 < time.monotonic() - started < 10
    assert len(server.requests) == 2


def test_a_server_that_is_away_is_found_again(sink, start_server, server, environment):
    made = sink({"http.retry.max-attempts": "0"})
    made.publish(("a", 1))
    start_server.stop(server)
    made.publish(("b", 2))
    assert str(made.sink.state) == "retrying"
    assert made.sink.failures.counts.by_action == {"drop": 1}
    start_server(server.port, server)
    assert made.sink.connection.try_once()
    made.publish(("c", 3))
    assert server.bodies == [b'{"k":"a","n":1}', b'{"k":"c","n":3}']


def test_a_connection_that_the_server_closed_in_between_costs_no_attempt(sink, start_server, server):
    made = sink({"http.retry.max-attempts": "0"})
    made.publish(("a", 1))
    start_server.stop(server)
    start_server(server.port, server)
    made.publish(("b", 2))
    assert server.bodies[-1] == b'{"k":"b","n":2}'
    assert made.sink.failures.counts.total == 0


def test_a_server_that_does_not_answer_is_given_up_in_time(sink, server):
    made = sink({"http.timeout.ms": "100", "http.retry.max-attempts": "0", "http.validation.method": "none"})
    server.delay = threading.Event()
    started = time.monotonic()
    made.publish(("a", 1))
    assert time.monotonic() - started < 5
    assert made.sink.failures.counts.total == 1
    server.delay.set()


def test_stopping_ends_the_waits_of_retries(sink, server):
    made = sink({"http.retry.initial-delay-ms": "60000", "http.retry.max-delay-ms": "60000"})
    server.default = (503, {}, b"")
    publisher = threading.Thread(target=lambda: made.publish(("a", 1)))
    publisher.start()
    deadline = time.monotonic() + 10
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    started = time.monotonic()
    made.sink.stop()
    publisher.join(10)
    assert not publisher.is_alive()
    assert time.monotonic() - started < 10
    assert made.sink.failures.counts.total == 1


def test_requests_may_run_beside_each_other(sink, server):
    made = sink({"http.concurrency": "4", "http.ordered": "false"})
    server.delay = threading.Event()
    publisher = threading.Thread(target=lambda: made.publish(*[("a", number) for number in range(8)]))
    publisher.start()
    deadline = time.monotonic() + 10
    while len(server.requests) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    server.delay.set()
    publisher.join(20)
    assert sorted(json.loads(body)["n"] for body in server.bodies) == list(range(8))
    assert made.sink.events == 8


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"http.url": "ftp://h/x"}, "must be a URL that begins with http:// or https://"),
        ({"http.url": "http://h:99999/"}, "has a port that is none"),
        ({"http.method": "GET"}, "method must be one of"),
        ({"http.concurrency": "2"}, "gives up the order"),
        ({"http.tls.ca": "/nowhere/ca.pem"}, "authorities '/nowhere/ca.pem' can't be used"),
    ],
)
def test_options_that_cannot_work_are_refused(sink, properties, message):
    with pytest.raises(ConfigError, match=message):
        sink(properties)


def test_an_app_does_not_start_without_its_server(manager, start_server, server):
    start_server.stop(server)
    text = """CREATE STREAM S (a INT) WITH ('type' = 'sink', 'extension' = 'http', 'http.url' = '{url}',
        'format' = 'json'{more});"""
    runtime = manager.create_eventflux_app_runtime(text.format(url=server.url, more=""), name="a")
    with pytest.raises(ConnectionUnavailableError, match=r"sink http of stream S: http://127.0.0.1:\d+: .*refused"):
        runtime.start()
    more = ", 'http.validation.method' = 'none'"
    manager.create_eventflux_app_runtime(text.format(url=server.url, more=more), name="b").start()
