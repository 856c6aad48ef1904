"""The polling source against a real server."""

import threading
import time

import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import BackpressureError, ConfigError
from eventflux.types.schema import Schema

PAIR = Schema.of(k=AttributeType.STRING, n=AttributeType.INT)


@pytest.fixture
def poll(app, server):
    def make(properties=None, schema=PAIR):
        options = {
            "type": "source",
            "extension": "http",
            "http.mode": "poll",
            "http.url": server.url + "/rates?x=1",
            "http.poll.interval.ms": "10",
            "format": "json",
        }
        return app(schema, {**options, **(properties or {})})

    return make


def _wait(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _answers(server, *answers):
    server.default = (204, {}, b"")
    server.answers = list(answers)


def test_answers_are_payloads_and_empty_ones_are_passed_over(poll, server):
    _answers(server, (200, {}, b'{"k":"a","n":1}'), (304, {}, b""), (200, {}, b""), (200, {}, b'[{"k":"b","n":2}]'))
    made = poll({"http.headers.X-Key": "secret"})
    made.source.start()
    _wait(lambda: len(server.requests) > 5)
    made.source.stop()
    assert made.rows.rows == [("a", 1), ("b", 2)]
    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/rates?x=1")
    assert server.requests[0].headers["x-key"] == "secret"
    assert made.source.feed.failures.counts.total == 0
    asked = len(server.requests)
    time.sleep(0.05)
    assert len(server.requests) == asked


def test_other_answers_go_the_way_of_the_policy(poll, server):
    _answers(server, (500, {}, b"broken"), (302, {"Location": server.url}, b""), (200, {}, b'{"k":"a","n":1}'))
    made = poll()
    made.source.start()
    _wait(lambda: made.rows.rows)
    assert made.source.feed.failures.counts.by_action == {"drop": 2}
    assert {each.path for each in server.requests} == {"/rates?x=1"}


def test_an_answer_over_the_limit_is_a_failure(poll, server):
    _answers(server, (200, {}, b" " * 100), (200, {}, b'{"k":"a","n":1}'))
    made = poll({"http.max.body.bytes": "50"})
    made.source.start()
    _wait(lambda: made.rows.rows)
    assert made.source.feed.failures.counts.total == 1


def test_the_grid_is_kept(poll, server):
    _answers(server)
    made = poll({"http.poll.interval.ms": "50"})
    started = time.monotonic()
    made.source.start()
    _wait(lambda: len(server.requests) >= 5)
    assert time.monotonic() - started >= 0.19


def test_a_server_that_is_away_is_found_again(poll, server, start_server):
    _answers(server, (200, {}, b'{"k":"a","n":1}'))
    made = poll()
    made.source.start()
    _wait(lambda: made.rows.rows)
    start_server.stop(server)
    _wait(lambda: str(made.source.state) == "retrying")
    assert not made.source.connection.try_once()
    _answers(server, (200, {}, b'{"k":"b","n":2}'))
    start_server(server.port, server)
    assert made.source.connection.try_once()
    _wait(lambda: len(made.rows.rows) == 2)


def test_an_answer_waits_for_room(poll, server):
    _answers(server, (200, {}, b'{"k":"a","n":1}'))
    made = poll()
    send, refusals = made.rows.send, iter([True, True])

    def full(row, timestamp=None):
        if next(refusals, False):
            raise BackpressureError("full")
        return send(row, timestamp)

    made.rows.send = full
    made.source.start()
    _wait(lambda: made.rows.rows)
    assert made.rows.rows == [("a", 1)]


def test_a_paused_source_asks_nothing(poll, server):
    _answers(server)
    made = poll()
    made.source.start()
    _wait(lambda: server.requests)
    made.source.pause()
    time.sleep(0.15)
    asked = len(server.requests)
    time.sleep(0.1)
    assert len(server.requests) == asked
    made.source.resume()
    _wait(lambda: len(server.requests) > asked)


def test_stopping_does_not_wait_for_the_next_moment(poll, server):
    _answers(server)
    made = poll({"http.poll.interval.ms": "60000"})
    made.source.start()
    _wait(lambda: server.requests)
    stopper = threading.Thread(target=made.source.stop)
    stopper.start()
    stopper.join(5)
    assert not stopper.is_alive()


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"http.url": "file:///etc/passwd"}, "must be a URL that begins with http"),
        ({"http.port": "8080"}, "no meaning with mode 'poll'"),
        ({"http.method": "DELETE"}, "asks with GET or POST"),
    ],
)
def test_options_that_cannot_work_are_refused(poll, properties, message):
    with pytest.raises(ConfigError, match=message):
        poll(properties)
