"""Brokers that are killed and come again in the middle: each input is in the output, and the outage is seen."""

import logging
import threading
import time

import pytest
from tests.footprint import KILLS, Footprint, nothing_was_left_behind
from tests.kafka.messages import committed, eventually, ids, produce, rest, rows

pytestmark = [pytest.mark.service, pytest.mark.slow]

APP = """
    @source(type='kafka', brokers='{address}', topic='in', group='g', auto.offset.reset='earliest',
            commit.interval='200ms', @map(type='json'))
    define stream S (id long);
    @sink(type='kafka', brokers='{address}', topic='out', on.error='WAIT', message.timeout.ms='{timeout}',
          flush.timeout.ms='5000', key='{{{{id}}}}', @map(type='json'))
    define stream Out (id long);
    from S select id insert into Out;
"""


class Feeder:
    """Goes on putting numbers into the topic, whatever happens to the broker."""

    def __init__(self, address):
        self._address = address
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(60)

    def _run(self):
        while not self._stopping.wait(0.02):
            produce(self._address, "in", rows(range(self.count, self.count + 50)))
            self.count += 50


@pytest.mark.timeout(120 + 40 * KILLS)
def test_a_broker_that_is_killed_again_and_again_costs_no_event(manager, own_broker, caplog):
    caplog.set_level(logging.INFO, "eventflux")
    broker = own_broker()
    broker.create_topic("in", 2)
    broker.create_topic("out", 2)
    runtime = manager.create_eventflux_app_runtime(APP.format(address=broker.address, timeout=30_000))
    runtime.start()
    connectors = lambda: runtime.metrics().connectors  # noqa: E731
    source, sink = "source/S/kafka/0", "sink/Out/kafka/0"
    before = None
    with Feeder(broker.address) as feeder:
        for number in range(KILLS):
            passed = connectors()[sink].events
            eventually(lambda passed=passed: connectors()[sink].events > passed + 200)
            broker.kill()
            eventually(lambda: connectors()[source].state == "retrying" and connectors()[sink].state == "retrying")
            broker.start()
            eventually(lambda: connectors()[source].state == "connected" and connectors()[sink].state == "connected")
            assert connectors()[source].reconnects > number
            assert connectors()[sink].reconnects > number
            before = before or Footprint.now()
        nothing_was_left_behind(before)
    eventually(lambda: sum(offset or 0 for offset in committed(broker.address, "g", "in", 2)) == feeder.count)
    runtime.close()
    assert set(ids(rest(broker.address, "out"))) == set(range(feeder.count))
    assert caplog.text.count("source kafka of stream S lost its connection and is reconnecting") >= KILLS
    assert caplog.text.count("sink kafka of stream Out is connected again after") >= KILLS


@pytest.mark.timeout(120)
def test_a_sink_that_waits_survives_an_outage_longer_than_its_messages(manager, own_broker):
    """Messages time out, are sent again, and no offset is committed meanwhile."""
    broker = own_broker()
    broker.create_topic("in")
    broker.create_topic("out")
    other = own_broker()
    other.create_topic("out")
    app = APP.replace("brokers='{address}', topic='out'", f"brokers='{other.address}', topic='out'")
    runtime = manager.create_eventflux_app_runtime(app.format(address=broker.address, timeout=1000))
    runtime.start()
    produce(broker.address, "in", rows(range(100)))
    eventually(lambda: committed(broker.address, "g", "in") == [100])
    other.kill()
    eventually(lambda: runtime.sinks[0].state.value == "retrying")
    produce(broker.address, "in", rows(range(100, 150)))
    time.sleep(4)
    assert committed(broker.address, "g", "in") == [100]
    assert runtime.metrics().connectors["sink/Out/kafka/0"].failed == 0
    other.start()
    eventually(lambda: committed(broker.address, "g", "in") == [150])
    assert set(ids(rest(other.address, "out"))) == set(range(150))
    runtime.close()


@pytest.mark.timeout(120)
def test_a_sink_that_does_not_wait_drops_what_it_could_not_deliver_and_says_so(manager, own_broker, caplog):
    broker = own_broker()
    broker.create_topic("in")
    other = own_broker()
    other.create_topic("out")
    app = APP.replace("brokers='{address}', topic='out', on.error='WAIT'", f"brokers='{other.address}', topic='out'")
    runtime = manager.create_eventflux_app_runtime(app.format(address=broker.address, timeout=500))
    runtime.start()
    other.kill()
    produce(broker.address, "in", rows(range(10)))
    eventually(lambda: runtime.metrics().connectors["sink/Out/kafka/0"].failed == 10)
    eventually(lambda: committed(broker.address, "g", "in") == [10])
    assert "ConnectionUnavailableError" in caplog.text or "timed out" in caplog.text
    runtime.close()


@pytest.mark.timeout(120)
def test_an_app_that_stops_while_its_broker_is_down_commits_nothing_that_is_not_out(manager, own_broker):
    broker = own_broker()
    broker.create_topic("in")
    broker.create_topic("out")
    runtime = manager.create_eventflux_app_runtime(APP.format(address=broker.address, timeout=1000), name="stopped")
    runtime.on_exception(lambda _failure: None)
    runtime.start()
    produce(broker.address, "in", rows(range(10)))
    eventually(lambda: committed(broker.address, "g", "in") == [10])
    produce(broker.address, "in", rows(range(10, 20)))
    broker.kill()
    began = time.monotonic()
    runtime.close()
    assert time.monotonic() - began < 40
    broker.start()
    again = manager.create_eventflux_app_runtime(APP.format(address=broker.address, timeout=1000), name="started")
    again.start()
    eventually(lambda: committed(broker.address, "g", "in") == [20])
    assert set(ids(rest(broker.address, "out"))) == set(range(20))
    again.close()
