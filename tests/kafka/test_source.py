"""The source against a real broker."""

import time

import pytest
from tests.kafka.messages import committed, eventually, produce, rows

from eventflux import ConnectionUnavailableError, InMemoryPersistenceStore

pytestmark = pytest.mark.service

SOURCE = """
    @source(type='kafka', brokers='{address}', topic='{topic}', {options} @map(type='json'))
    define stream S (id long);
"""


class Reader:
    """An app that collects what its source delivers."""

    def __init__(self, manager, app, name):
        self.runtime = manager.create_eventflux_app_runtime(app, name=name)
        self.events = []
        self.runtime.add_callback("S", lambda events: self.events.extend((e.timestamp, *e.data) for e in events))
        self.runtime.start()

    @property
    def ids(self):
        return [event[1] for event in self.events]

    def wait(self, count):
        eventually(lambda: len(self.events) >= count)
        return self.ids

    @property
    def metrics(self):
        return self.runtime.metrics().connectors["source/S/kafka/0"]


@pytest.fixture
def read(manager, broker):
    made = []

    def start(topic, options="auto.offset.reset='earliest',", app=SOURCE, name=None):
        name = name or f"app-{topic}"
        made.append(Reader(manager, app.format(address=broker.address, topic=topic, options=options), name))
        return made[-1]

    yield start
    for each in made:
        each.runtime.close()


def test_messages_become_rows_with_the_times_of_their_records(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows(range(5)), timestamps=[1_700_000_000_000 + n for n in range(5)])
    reader = read(name)
    reader.wait(5)
    assert reader.events == [(1_700_000_000_000 + n, n) for n in range(5)]


def test_many_messages_of_many_partitions_come_each_once_and_in_the_order_of_their_partition(read, broker, topic):
    name = topic(partitions=4)
    count = 20_000
    produce(broker.address, name, rows(range(count)), keys=[str(number % 97) for number in range(count)])
    reader = read(name)
    found = reader.wait(count)
    assert sorted(found) == list(range(count))
    by_key = {}
    for number in found:
        by_key.setdefault(number % 97, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_key_headers_and_place_of_a_message_can_be_attributes(read, broker, topic):
    name = topic(partitions=2)
    app = """
        @source(type='kafka', brokers='{address}', topic='{topic}', {options} @map(type='json', @attributes(
            id='$.id', k='trp:key', t='trp:topic', p='trp:partition', o='trp:offset', at='trp:timestamp',
            h='trp:header.trace', none='trp:header.other')))
        define stream S (id long, k string, t string, p int, o long, at long, h string, none string);
    """
    headers = [[("trace", b"one"), ("blob", b"\xff")], [("trace", b"two")]]
    produce(broker.address, name, rows([1, 2]), keys=["a", None], partition=1, headers=headers, timestamps=[1000, 2000])
    reader = read(name, app=app)
    reader.wait(2)
    assert reader.events == [
        (1000, 1, "a", name, 1, 0, 1000, "one", None),
        (2000, 2, None, name, 1, 1, 2000, "two", None),
    ]


def test_a_message_without_a_value_is_passed_over(read, broker, topic):
    name = topic()
    produce(broker.address, name, [b'{"id":1}', None, b'{"id":2}', None])
    reader = read(name)
    assert reader.wait(2) == [1, 2]
    eventually(lambda: [figure.value for figure in reader.metrics.figures] == [0])


def test_a_message_without_a_value_can_be_a_row(read, broker, topic):
    name = topic()
    app = """
        @source(type='kafka', brokers='{address}', topic='{topic}', {options}
                @map(type='json', tombstone='row', @attributes(id='$.id', k='trp:key')))
        define stream S (id long, k string);
    """
    produce(broker.address, name, [b'{"id":1}', None], keys=["a", "b"])
    reader = read(name, app=app)
    reader.wait(2)
    assert [event[1:] for event in reader.events] == [(1, "a"), (None, "b")]


def test_a_message_that_is_no_event_fails_alone(read, broker, topic):
    name = topic()
    produce(broker.address, name, [b'{"id":1}', b"nonsense", b'{"id":"x"}', b"", b'{"id":2}', b'[{"id":3},{"id":4}]'])
    reader = read(name)
    assert reader.wait(4) == [1, 2, 3, 4]
    assert reader.metrics.failed == 3


def test_the_time_of_an_event_can_stand_in_an_attribute(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows([5, 7]), timestamps=[1000, 2000])
    reader = read(name, "auto.offset.reset='earliest', timestamp='attribute:id',")
    reader.wait(2)
    assert reader.events == [(5, 5), (7, 7)]


def test_the_time_of_an_event_can_be_that_of_its_entry(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows([1]), timestamps=[1000])
    before = time.time() * 1000
    reader = read(name, "auto.offset.reset='earliest', timestamp='ingest',")
    reader.wait(1)
    assert before - 1 <= reader.events[0][0] <= time.time() * 1000 + 1


def test_without_a_store_reading_begins_with_what_comes_after_the_start(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows([1, 2]))
    reader = read(name, "")
    eventually(lambda: reader.metrics.figures)
    produce(broker.address, name, rows([3]))
    assert reader.wait(1) == [3]


def test_what_came_while_an_app_that_had_read_nothing_was_down_is_read(read, broker, topic):
    """The end at which it began to listen is its position, so `latest` is asked for once only."""
    name = topic()
    produce(broker.address, name, rows([1]))
    first = read(name, "")
    eventually(lambda: first.metrics.figures)
    first.runtime.close()
    produce(broker.address, name, rows([2]))
    assert read(name, "").wait(1) == [2]


def test_with_a_store_reading_begins_with_what_there_is(manager, read, broker, topic):
    manager.set_persistence_store(InMemoryPersistenceStore())
    name = topic()
    produce(broker.address, name, rows([1, 2]))
    assert read(name, "").wait(2) == [1, 2]


def test_topics_can_be_a_list_or_an_expression(read, broker, topic):
    one, two, other = topic(name="list-a"), topic(name="list-b"), topic(name="other")
    for number, name in enumerate([one, two, other]):
        produce(broker.address, name, rows([number]))
    assert sorted(read(f"{one}, {two}", name="a list").wait(2)) == [0, 1]
    assert sorted(read("^list-[ab]-.*", name="an expression").wait(2)) == [0, 1]


def test_partitions_can_be_fixed_each_with_its_beginning(read, broker, topic):
    name = topic(partitions=3)
    for partition in range(3):
        produce(broker.address, name, rows(range(10 * partition, 10 * partition + 4)), partition=partition)
    reader = read(name, f"partitions='{name}:0@2,{name}:1@latest,{name}:2@earliest',")
    assert sorted(reader.wait(6)) == [2, 3, 20, 21, 22, 23]
    produce(broker.address, name, rows([14]), partition=1)
    assert sorted(reader.wait(7)) == [2, 3, 14, 20, 21, 22, 23]


def test_reference_data_is_there_before_the_next_source_starts(manager, broker, topic):
    names, orders = topic(partitions=2, name="names"), topic(name="orders")
    produce(
        broker.address,
        names,
        [b'{"id":%d,"name":"n%d"}' % (number, number) for number in range(3000)],
        keys=[str(number) for number in range(3000)],
    )
    produce(broker.address, orders, rows(range(0, 3000, 7)))
    app = f"""
        @source(type='kafka', brokers='{broker.address}', topic='{names}', assignment='all', @map(type='json'))
        define stream Names (id long, name string);
        @source(type='kafka', brokers='{broker.address}', topic='{orders}', auto.offset.reset='earliest',
                @map(type='json'))
        define stream Orders (id long);
        @primaryKey('id') define table Known (id long, name string);
        from Names update or insert into Known set Known.name = name on Known.id == id;
        from Orders join Known on Orders.id == Known.id select Orders.id as id, Known.name as name insert into Out;
    """
    runtime = manager.create_eventflux_app_runtime(app, name=f"join {orders}")
    found = []
    runtime.add_callback("Out", lambda events: found.extend(event.data for event in events))
    runtime.start()
    eventually(lambda: len(found) == len(range(0, 3000, 7)))
    assert found == [(number, f"n{number}") for number in range(0, 3000, 7)]
    runtime.close()
    assert committed(broker.address, f"eventflux-join {orders}-all", names, 2) == [None, None]


def test_offsets_are_committed_in_the_interval_and_at_the_end(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows(range(10)))
    reader = read(name, "auto.offset.reset='earliest', commit.interval='100ms', group='g1',")
    reader.wait(10)
    eventually(lambda: committed(broker.address, "g1", name) == [10])
    reader.runtime.close()
    other = read(name, "auto.offset.reset='earliest', commit.interval='10 min', group='g2',", name="other")
    other.wait(10)
    assert committed(broker.address, "g2", name) == [None]
    other.runtime.close()
    assert committed(broker.address, "g2", name) == [10]


def test_with_a_store_offsets_are_committed_when_a_checkpoint_is_durable(manager, read, broker, topic):
    manager.set_persistence_store(InMemoryPersistenceStore())
    name = topic()
    produce(broker.address, name, rows(range(10)))
    reader = read(name, "commit.interval='50ms', group='g3',")
    reader.wait(10)
    time.sleep(0.3)
    assert committed(broker.address, "g3", name) == [None]
    reader.runtime.persist()
    eventually(lambda: committed(broker.address, "g3", name) == [10])
    produce(broker.address, name, rows(range(10, 12)))
    reader.wait(12)
    reader.runtime.close()
    assert committed(broker.address, "g3", name) == [12]


def test_a_restored_app_reads_on_where_its_checkpoint_was_taken_whatever_the_group_says(manager, read, broker, topic):
    store = InMemoryPersistenceStore()
    manager.set_persistence_store(store)
    name = topic(partitions=2)
    for partition in (0, 1):
        produce(broker.address, name, rows(range(10 * partition, 10 * partition + 5)), partition=partition)
    reader = read(name, "group='g4',", name="restored")
    reader.wait(10)
    revision = reader.runtime.persist()
    for partition in (0, 1):
        produce(broker.address, name, rows([10 * partition + 5]), partition=partition)
    reader.wait(12)
    reader.runtime.close()
    for later in store.revisions("restored"):
        if later != revision:
            store.delete("restored", later)
    assert committed(broker.address, "g4", name, 2) == [6, 6]
    assert sorted(read(name, "group='g4',", name="restored").wait(2)) == [5, 15]


def test_the_client_may_commit_by_itself(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows(range(10)))
    reader = read(name, "auto.offset.reset='earliest', enable.auto.commit='true', commit.interval='100ms', group='g5',")
    reader.wait(10)
    eventually(lambda: committed(broker.address, "g5", name) == [10])


def test_partitions_are_shared_by_the_members_of_a_group_and_move_without_a_loss(read, broker, topic):
    name = topic(partitions=4)
    options = "auto.offset.reset='earliest', commit.interval='100ms', group='shared',"
    first = read(name, options, name="first")
    produce(broker.address, name, rows(range(100)), keys=[str(number) for number in range(100)])
    first.wait(100)
    second = read(name, options, name="second")
    eventually(lambda: len(second.metrics.figures) == 2 and len(first.metrics.figures) == 2)
    produce(broker.address, name, rows(range(100, 200)), keys=[str(number) for number in range(100)])
    eventually(lambda: len(first.ids) + len(second.ids) == 200)
    eventually(lambda: sum(committed(broker.address, "shared", name, 4)) == 200)
    time.sleep(0.5)
    assert sum(committed(broker.address, "shared", name, 4)) == 200, "one has put back what another has committed"
    second.runtime.close()
    eventually(lambda: len(first.metrics.figures) == 4)
    produce(broker.address, name, rows(range(200, 300)), keys=[str(number) for number in range(100)])
    eventually(lambda: len(first.ids) + len(second.ids) >= 300)
    assert sorted(first.ids + second.ids) == list(range(300))


def test_a_paused_app_reads_nothing_and_stays_in_its_group(read, broker, topic):
    name = topic()
    produce(broker.address, name, rows([1]))
    reader = read(
        name, "auto.offset.reset='earliest', client.session.timeout.ms='1000', client.heartbeat.interval.ms='200',"
    )
    reader.wait(1)
    reader.runtime.pause()
    produce(broker.address, name, rows([2, 3]))
    time.sleep(1.5)
    assert reader.ids == [1]
    reader.runtime.resume()
    assert reader.wait(3) == [1, 2, 3]


def test_lag_is_a_figure_of_each_partition(read, broker, topic):
    name = topic(partitions=2)
    reader = read(name)
    produce(broker.address, name, rows(range(5)), partition=1)
    reader.wait(5)
    eventually(
        lambda: (
            [(f.name, f.labels, f.value) for f in reader.metrics.figures]
            == [("kafka_lag", {"topic": name, "partition": str(number)}, 0) for number in range(2)]
        )
    )


def test_a_topic_that_does_not_exist_is_said_at_the_start(manager, broker):
    app = SOURCE.format(address=broker.address, topic="trades-in", options="")
    runtime = manager.create_eventflux_app_runtime(app)
    with pytest.raises(
        ConnectionUnavailableError, match=rf"topic 'trades-in' does not exist \(brokers: {broker.address}\)"
    ):
        runtime.start()


def test_a_broker_that_does_not_answer_is_said_at_the_start(manager, monkeypatch):
    from eventflux_kafka import client

    monkeypatch.setattr(client, "CHECK_SECONDS", 1.0)
    runtime = manager.create_eventflux_app_runtime(SOURCE.format(address="127.0.0.1:1", topic="t", options=""))
    with pytest.raises(
        ConnectionUnavailableError, match=r"no broker answers within 1 s \(brokers: 127.0.0.1:1\): .*refused"
    ):
        runtime.start()
