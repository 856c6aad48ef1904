"""The sink against a real broker."""

import json
import threading
import time

import pytest
from tests.kafka.messages import consume, eventually, ids, produce, rest, rows

from eventflux import ConfigError, ConnectionUnavailableError
from eventflux.extension import SinkHandler

pytestmark = pytest.mark.service

APP = """
    define stream S (id long, name string);
    @sink(type='kafka', brokers='{address}', topic='{topic}', {options} @map(type='json'))
    define stream Out (id long, name string);
    from S select * insert into Out;
"""


class Writer:
    """An app whose rows go to a topic."""

    def __init__(self, manager, app):
        self.runtime = manager.create_eventflux_app_runtime(app)
        self.failures = []
        self.runtime.on_exception(self.failures.append)
        self.runtime.start()
        self.send = self.runtime.input_handler("S").send_many

    def flush(self):
        for sink in self.runtime.sinks:
            sink.flush()

    @property
    def metrics(self):
        return self.runtime.metrics().connectors["sink/Out/kafka/0"]


@pytest.fixture
def write(manager, broker):
    made = []

    def start(topic, options="", app=APP):
        made.append(Writer(manager, app.format(address=broker.address, topic=topic, options=options)))
        return made[-1]

    yield start
    for each in made:
        each.runtime.close()


def test_rows_become_messages_in_order(write, broker, topic):
    name = topic()
    writer = write(name)
    writer.send([(number, f"n{number}") for number in range(5000)])
    writer.flush()
    found = rest(broker.address, name)
    assert [json.loads(message.value()) for message in found] == [
        {"id": number, "name": f"n{number}"} for number in range(5000)
    ]
    assert {message.key() for message in found} == {None}
    assert writer.metrics.events == 5000


def test_a_key_may_be_an_attribute_and_decides_about_the_partition(write, broker, topic):
    name = topic(partitions=4)
    writer = write(name, "key='{{name}}',")
    writer.send([(number, f"k{number % 10}") for number in range(1000)] + [(1000, None)])
    writer.flush()
    found = rest(broker.address, name)
    places = {}
    for message in found:
        if message.key() is not None:
            places.setdefault(message.key(), set()).add(message.partition())
            assert message.key().decode() == f"k{json.loads(message.value())['id'] % 10}"
    assert len(places) == 10
    assert all(len(partitions) == 1 for partitions in places.values())
    assert sorted(ids(found)) == list(range(1001))


def test_a_key_may_be_a_text_with_attributes_in_it(write, broker, topic):
    name = topic()
    writer = write(name, "key='{{name}}-{{id}}-{{_stream}}',")
    writer.send([(1, "a"), (2, None)])
    writer.flush()
    assert [message.key() for message in consume(broker.address, name, 2)] == [b"a-1-Out", b"null-2-Out"]


def test_headers_and_partitions_may_differ_by_event(write, broker, topic):
    name = topic(partitions=3)
    writer = write(name, "partition='{{id}}', headers.Name='{{name}}', headers.Source='eventflux',")
    writer.send([(0, "a"), (2, "b")])
    writer.flush()
    found = {message.partition(): sorted(message.headers()) for message in rest(broker.address, name)}
    assert found == {
        0: [("Name", b"a"), ("Source", b"eventflux")],
        2: [("Name", b"b"), ("Source", b"eventflux")],
    }


class Traced(SinkHandler):
    def on_batch(self, batch, next):
        next(batch)

    def headers(self):
        return {"traceparent": "00-1-2-01"}


@pytest.mark.parametrize("options", ["", "key='{{id}}', headers.Source='eventflux',"])
def test_a_handler_adds_headers(manager, write, broker, topic, options):
    manager.set_sink_handler_factory(lambda _context: Traced())
    name = topic()
    writer = write(name, options)
    writer.send([(1, "a"), (2, "b")])
    writer.flush()
    found = rest(broker.address, name)
    assert ids(found) == [1, 2]
    own = [("Source", b"eventflux")] if options else []
    assert [message.headers() for message in found] == [[*own, ("traceparent", b"00-1-2-01")]] * 2


def test_a_topic_may_be_an_attribute(write, broker, topic):
    one, two = topic(), topic()
    writer = write("{{name}}")
    writer.send([(1, one), (2, two), (3, one)])
    writer.flush()
    assert ids(rest(broker.address, one)) == [1, 3]
    assert ids(rest(broker.address, two)) == [2]


def test_events_can_be_spread_over_topics_each_destination_with_its_own_options(write, broker, topic):
    one, two = topic(name="one", **{"max.message.bytes": "2000"}), topic(name="two")
    app = """
        define stream S (id long, name string);
        @sink(type='kafka', brokers='{address}', linger.ms='0', @map(type='json'),
              @distribution(strategy='roundRobin', @destination(topic='"""
    app += f"{one}', key='{{{{{{{{name}}}}}}}}'), @destination(topic='{two}')))"
    app += """
        define stream Out (id long, name string);
        from S select * insert into Out;
    """
    writer = write("", app=app)
    writer.send([(1, "a"), (2, "b"), (3, "x" * 5000), (4, "d"), (5, "e")])
    writer.flush()
    found = rest(broker.address, one)
    assert sorted((number, message.key()) for number, message in zip(ids(found), found, strict=True)) == [
        (1, b"a"),
        (5, b"e"),
    ]
    assert ids(rest(broker.address, two)) == [2, 4]
    assert writer.metrics.failed == 1
    assert {figure.labels["destination"] for figure in writer.metrics.figures} == {"0", "1"}


def test_a_message_that_the_broker_refuses_fails_alone(write, broker, topic):
    name = topic(**{"max.message.bytes": "2000"})
    writer = write(name, "on.error='LOG', linger.ms='0',")
    writer.send([(1, "small")])
    writer.flush()
    writer.send([(2, "x" * 5000)])
    writer.flush()
    writer.send([(3, "small")])
    writer.flush()
    assert ids(rest(broker.address, name)) == [1, 3]
    assert (writer.metrics.events, writer.metrics.failed) == (2, 1)


def test_a_message_that_is_too_large_takes_no_other_of_its_batch_with_it(write, broker, topic):
    name = topic(**{"max.message.bytes": "2000"})
    writer = write(name, "on.error='LOG', linger.ms='100', key='{{id}}', headers.N='{{name}}',")
    writer.send([(number, "x" * 3000 if number == 3 else f"n{number}") for number in range(8)])
    writer.flush()
    found = rest(broker.address, name)
    assert sorted(ids(found)) == [0, 1, 2, 4, 5, 6, 7]
    assert all(message.key() == str(json.loads(message.value())["id"]).encode() for message in found)
    assert all(message.headers() == [("N", json.loads(message.value())["name"].encode())] for message in found)
    assert (writer.metrics.events, writer.metrics.failed) == (7, 1)


def test_a_failed_message_goes_with_its_row_to_a_dead_letter_stream(write, broker, topic):
    name = topic(**{"max.message.bytes": "2000"})
    app = """
        CREATE STREAM S (id BIGINT, name STRING);
        CREATE STREAM Dead (originalEvent STRING, errorMessage STRING, errorType STRING, timestamp BIGINT,
                            attemptCount INT, streamName STRING);
        CREATE STREAM Out (id BIGINT, name STRING) WITH ('type' = 'sink', 'extension' = 'kafka',
            'kafka.brokers' = '{address}', 'kafka.topic' = '{topic}', 'format' = 'json',
            'error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
        INSERT INTO Out SELECT * FROM S;
    """
    writer = write(name, app=app)
    dead = []
    writer.runtime.add_callback("Dead", lambda events: dead.extend(event.data for event in events))
    writer.send([(7, "x" * 5000)], 1234)
    eventually(lambda: dead)
    original, message, kind, timestamp, attempts, stream = dead[0]
    assert json.loads(original)["id"] == 7
    assert "too large" in message.lower()
    assert (kind, timestamp, attempts, stream) == ("PublishError", 1234, 1, "Out")


def test_a_partition_that_is_none_fails_alone(write, broker, topic):
    name = topic()
    writer = write(name, "partition='{{name}}',")
    writer.send([(1, "0"), (2, "no"), (3, "0")])
    writer.flush()
    assert ids(rest(broker.address, name)) == [1, 3]
    assert writer.metrics.failed == 1


def test_a_sink_may_wait_for_each_report(write, broker, topic):
    name = topic()
    writer = write(name, "delivery.sync='true',")
    writer.send([(1, "a")])
    assert ids(rest(broker.address, name)) == [1]


def test_a_full_queue_is_waited_for(write, broker, topic):
    name = topic()
    writer = write(name, "client.queue.buffering.max.messages='100',")
    writer.send([(number, "n") for number in range(3000)])
    writer.flush()
    assert ids(rest(broker.address, name)) == list(range(3000))


def test_a_full_queue_may_be_an_error(write, broker, topic):
    name = topic()
    writer = write(name, "client.queue.buffering.max.messages='100', queue.full.strategy='error', linger.ms='1000',")
    writer.send([(number, "n") for number in range(150)])
    writer.flush()
    assert ids(rest(broker.address, name)) == list(range(100))
    assert writer.metrics.failed == 50


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_messages_can_be_compressed(write, broker, topic, compression):
    name = topic()
    writer = write(name, f"compression='{compression}', batch.size='100000', acks='1',")
    writer.send([(number, "a name") for number in range(100)])
    writer.flush()
    assert ids(rest(broker.address, name)) == list(range(100))


def test_kafka_to_kafka(manager, broker, topic):
    incoming, outgoing = topic(partitions=2), topic()
    produce(broker.address, incoming, rows(range(5000)), keys=[str(number) for number in range(5000)])
    app = f"""
        CREATE STREAM S (id BIGINT) WITH ('type' = 'source', 'extension' = 'kafka', 'format' = 'json',
            'kafka.bootstrap.servers' = '{broker.address}', 'kafka.topic' = '{incoming}',
            'kafka.auto.offset.reset' = 'earliest');
        CREATE STREAM Out (id BIGINT) WITH ('type' = 'sink', 'extension' = 'kafka', 'format' = 'json',
            'kafka.brokers' = '{broker.address}', 'kafka.topic' = '{outgoing}', 'kafka.key' = '{{{{id}}}}');
        INSERT INTO Out SELECT id FROM S WHERE id % 2 = 0;
    """
    runtime = manager.create_eventflux_app_runtime(app)
    runtime.start()
    found = consume(broker.address, outgoing, 2500)
    assert sorted(ids(found)) == list(range(0, 5000, 2))
    runtime.close()


def test_a_sink_goes_on_sending_while_nothing_is_flushed(write, broker, topic):
    name = topic()
    writer = write(name)
    writer.send([(1, "a")])
    assert ids(consume(broker.address, name, 1, seconds=10)) == [1]
    eventually(lambda: [figure.value for figure in writer.metrics.figures] == [0])


def test_no_thread_is_left(write, topic):
    writer = write(topic())
    writer.send([(1, "a")])
    assert threads() == {"eventflux-EventFluxApp-sink-Out", "eventflux-EventFluxApp-timers"}
    writer.runtime.close()
    assert threads() == set()


def threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("eventflux-EventFluxApp")}


def test_a_topic_that_does_not_exist_is_said_at_the_start(manager, broker):
    runtime = manager.create_eventflux_app_runtime(APP.format(address=broker.address, topic="nowhere", options=""))
    began = time.monotonic()
    with pytest.raises(ConnectionUnavailableError, match=r"topic 'nowhere' does not exist \(brokers: "):
        runtime.start()
    assert time.monotonic() - began < 10


REFUSED = [
    ("acks='1', enable.idempotence='true',", "enable.idempotence needs acks 'all', not '1'"),
    ("client.acks='1',", "option 'client.acks': the property is set by the option 'acks'"),
    ("rdkafka.bootstrap.servers='x:1',", "option 'rdkafka.bootstrap.servers': .* set by the option 'brokers'"),
    ("partition='first',", "partition must be a number or a template"),
    ("security.username='u',", "do nothing with security.protocol PLAINTEXT"),
    ("security.ca='ca.pem',", "security.ca does nothing with security.protocol PLAINTEXT"),
    ("security.protocol='sasl_ssl',", "SASL_SSL needs security.username or security.mechanism"),
    ("security.protocol='sasl_ssl', security.mechanism='SCRAM-SHA-256',", "SCRAM-SHA-256 needs security.username"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_options_that_contradict_each_other_are_refused_when_the_app_is_made(manager, options, message):
    with pytest.raises(ConfigError, match=message):
        manager.create_eventflux_app_runtime(APP.format(address="x:1", topic="t", options=options))


def test_a_property_that_the_client_does_not_have_is_refused(manager):
    app = APP.format(address="127.0.0.1:1", topic="t", options="client.no.such='1',")
    with pytest.raises(ConfigError, match=r'refuses its configuration: No such configuration property: "no.such"'):
        manager.create_eventflux_app_runtime(app)
