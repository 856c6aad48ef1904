import threading
import time

import pytest

from eventflux.extension import Extension, ExtensionKind, Parameter, PublishError, Sink
from eventflux.extension.kinds.error_store import Occurrence
from eventflux.io import connection as connection_module
from eventflux.io import retry
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError, EventFluxError
from eventflux.types.schema import Schema

INT, STRING = AttributeType.INT, AttributeType.STRING
SCHEMA = Schema.of(n=INT)


class Outside:
    """What the sink of these tests talks to."""

    def __init__(self):
        self.received = []
        self.is_up = True
        self.refuses = frozenset()
        self.connects = 0


OUTSIDE = Outside()


class OutsideSink(Sink):
    def configure(self, ctx):
        self.target = ctx.options.optional_text("target")

    def connect(self):
        OUTSIDE.connects += 1
        if not OUTSIDE.is_up:
            raise ConnectionUnavailableError("it is down")

    def publish(self, payloads, dynamic):
        for index, payload in enumerate(payloads):
            if not OUTSIDE.is_up:
                if index:
                    raise PublishError("it went down", sent=index)
                raise ConnectionUnavailableError("it is down")
            if payload.data[-1] in OUTSIDE.refuses:
                raise PublishError(f"refuses {payload.data[-1]}", sent=index)
            OUTSIDE.received.append((dynamic.get("target"), payload.data[-1]))

    def disconnect(self):
        pass


@pytest.fixture
def outside(registry):
    declaration = Extension(
        name="outside",
        kind=ExtensionKind.SINK,
        factory=OutsideSink,
        default_format="passThrough",
        parameters=(Parameter("target", (STRING,), dynamic=True, optional=True),),
    )
    registry.register(declaration)
    OUTSIDE.__init__()
    yield OUTSIDE
    registry.remove("sink", "outside")


@pytest.fixture
def fast(monkeypatch):
    """Back-off without the waiting."""
    monkeypatch.setattr(retry, "CONNECT_DELAYS_SECONDS", (0.01,))
    monkeypatch.setattr("eventflux.io.sink_runtime.WAIT_SECONDS", 0.01)
    assert connection_module.ConnectBackoff().next_delay() == 0.01


def made(app, schema=SCHEMA, streams=None, error_store=None, **options):
    properties = {"type": "sink", "extension": "outside"}
    properties |= {key.replace("__", "."): value for key, value in options.items()}
    runtime = app(schema, properties, streams=streams, error_store=error_store)
    runtime.sink.start()
    return runtime


def eventually(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_refused_event_fails_alone(app, outside):
    outside.refuses = {2, 3}
    runtime = made(app)
    runtime.publish((1,), (2,), (3,), (4,))
    assert outside.received == [(None, 1), (None, 4)]
    assert runtime.sink.failures.counts.by_action == {"drop": 2}
    assert runtime.sink.events == 2


def test_events_are_grouped_by_dynamic_options_in_first_seen_order(app, outside):
    runtime = made(app, Schema.of(k=STRING, n=INT), outside__target="{{k}}-{{_stream}}")
    runtime.publish(("b", 1), ("a", 2), ("b", 3))
    assert outside.received == [("b-S", 1), ("b-S", 3), ("a-S", 2)]


def test_a_template_that_names_nothing_is_refused(app, outside):
    with pytest.raises(ConfigError, match="template names 'zz'"):
        made(app, outside__target="{{zz}}")


def test_a_lost_connection_drops_events_and_is_restored_beside(app, outside, fast):
    runtime = made(app)
    runtime.publish((1,))
    outside.is_up = False
    runtime.publish((2,))
    assert runtime.sink.state.value == "retrying"
    runtime.publish((3,))
    outside.is_up = True
    eventually(lambda: runtime.sink.connection.is_connected)
    runtime.publish((4,))
    assert outside.received == [(None, 1), (None, 4)]
    assert runtime.sink.failures.counts.by_action == {"drop": 2}


def test_a_connection_that_is_back_at_once_loses_nothing(app, outside):
    runtime = made(app)
    publish = runtime.sink.sink.publish
    failures = [ConnectionUnavailableError("reset by peer")]

    def once(payloads, dynamic):
        if failures:
            raise failures.pop()
        publish(payloads, dynamic)

    runtime.sink.sink.publish = once
    runtime.publish((1,))
    assert outside.received == [(None, 1)]
    assert outside.connects == 2


def test_waiting_holds_the_stream_until_the_connection_is_back(app, outside, fast):
    runtime = made(app, error__strategy="wait")
    outside.is_up = False
    sender = threading.Thread(target=lambda: runtime.publish((1,), (2,)))
    sender.start()
    time.sleep(0.05)
    assert sender.is_alive()
    outside.is_up = True
    sender.join(10)
    assert outside.received == [(None, 1), (None, 2)]
    assert not runtime.sink.failures.counts.total


def test_waiting_ends_with_the_app(app, outside, fast, monkeypatch):
    monkeypatch.setattr("eventflux.io.sink_runtime.WAIT_SECONDS", 60)
    runtime = made(app, error__strategy="wait")
    outside.is_up = False
    sender = threading.Thread(target=lambda: runtime.publish((1,)))
    sender.start()
    time.sleep(0.05)
    runtime.sink.stop()
    sender.join(10)
    assert not sender.is_alive()
    assert runtime.sink.failures.counts.by_action == {"drop": 1}


def test_retrying_tries_so_often_and_then_drops(app, outside):
    outside.refuses = {1}
    runtime = made(
        app, error__strategy="retry", **{"error.retry.initial-delay": "1ms", "error.retry.max-attempts": "3"}
    )
    calls = []
    publish = runtime.sink.sink.publish
    runtime.sink.sink.publish = lambda payloads, dynamic: (calls.append(1), publish(payloads, dynamic))
    runtime.publish((1,), (2,))
    assert len(calls) == 5
    assert outside.received == [(None, 2)]
    assert runtime.sink.failures.counts.by_action == {"drop": 1}


def test_retries_count_anew_when_something_was_sent(app, outside):
    outside.refuses = {3}
    runtime = made(
        app, error__strategy="retry", **{"error.retry.initial-delay": "1ms", "error.retry.max-attempts": "1"}
    )
    runtime.publish((1,), (2,), (3,), (4,))
    assert outside.received == [(None, 1), (None, 2), (None, 4)]


def test_failed_events_go_to_the_dead_letter_stream_after_the_last_attempt(app, outside):
    outside.refuses = {1}
    dead = Schema.of(n=INT, _error=STRING, attemptCount=INT)
    options = {"error.strategy": "retry", "error.dlq.stream": "Dead", "error.retry.initial-delay": "1ms"}
    runtime = made(app, streams={"Dead": dead}, **options)
    runtime.publish((1,))
    assert runtime.streams["Dead"][1].rows == [(1, "refuses 1", 4)]
    assert runtime.streams["Dead"][1].timestamps == [1000]


def test_a_dead_letter_stream_that_does_not_fit_is_refused(app, outside):
    options = {"error.strategy": "dlq", "error.dlq.stream": "Dead"}
    with pytest.raises(ConfigError, match="attributes that nothing fills: zz"):
        made(app, streams={"Dead": Schema.of(zz=INT)}, **options)
    with pytest.raises(ConfigError, match="its own dead-letter stream"):
        made(app, streams={"S": SCHEMA}, **{"error.strategy": "dlq", "error.dlq.stream": "S"})


def test_failed_events_go_to_the_fault_stream(app, outside):
    outside.refuses = {1}
    runtime = made(app, streams={"!S": SCHEMA}, error__strategy="stream")
    runtime.publish((1,))
    [(number, error)] = runtime.streams["!S"][1].rows
    assert number == 1
    assert str(error) == "refuses 1"


def test_failed_events_go_to_the_error_store(app, outside):
    saved = []

    class Store:
        def save(self, entry):
            saved.append(entry)
            return len(saved)

    outside.refuses = {1}
    with pytest.raises(ConfigError, match="no error store is set"):
        made(app, error__strategy="store")
    made(app, error__strategy="store", error_store=Store()).publish((1,))
    [entry] = saved
    assert (entry.app, entry.stream, entry.cause, entry.occurrence) == ("App", "S", "refuses 1", Occurrence.SINK)


def test_a_failed_event_can_stop_the_app(app, outside):
    outside.refuses = {1}
    runtime = made(app, error__strategy="fail", **{"error.fail.message": "no more"})
    runtime.publish((1,))
    [failure] = runtime.failures
    assert isinstance(failure, EventFluxError)
    assert str(failure) == "no more"


def test_repeated_failures_are_logged_once_a_minute(app, outside, caplog):
    outside.refuses = set(range(100))
    made(app).publish(*[(number,) for number in range(100)])
    assert len([message for message in caplog.messages if "dropped" in message]) == 1


def test_back_off_grows_to_a_limit_and_begins_anew():
    backoff = retry.ConnectBackoff()
    assert [backoff.next_delay() for _ in range(10)] == [5, 10, 15, 30, 60, 60, 120, 300, 300, 300]
    backoff.succeeded()
    assert backoff.next_delay() == 5


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("exponential", [0.1, 0.2, 0.4, 0.8, 1.0]),
        ("linear", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("fixed", [0.1, 0.1, 0.1, 0.1, 0.1]),
    ],
)
def test_retry_delays(kind, expected, environment):
    delays = retry.retry_delays(
        backoff=kind,
        initial_ms=100,
        max_ms=1000,
        multiplier=2.0,
        jitter=0.0,
        attempts=5,
        random=environment.random,
    )
    assert list(delays) == pytest.approx(expected)


def test_delays_of_an_outage_that_lasts_are_the_longest_one(environment):
    delays = retry.retry_delays(
        backoff="exponential",
        initial_ms=100,
        max_ms=5000,
        multiplier=2.0,
        jitter=0.0,
        attempts=100_000,
        random=environment.random,
        tried=99_998,
    )
    assert list(delays) == [5.0, 5.0]
