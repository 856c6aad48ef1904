"""Async streams: rings, back-pressure, the consumer."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time

import pytest
from tests.engine.graphs import ALL_TYPES

from eventflux.engine.async_stream import Backpressure, RingOptions, bucket_bounds
from eventflux.engine.builder import EngineBuilder
from eventflux.engine.engine import Engine
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import BackpressureError, EventFluxError, RuntimeStoppedError
from eventflux.types.schema import Schema

NUMBER = Schema.of(n=AttributeType.LONG, text=AttributeType.STRING)
LIMIT_S = 20


class AsyncGraph:
    """Async streams `In0`, `In1`, … that all go into `Out`."""

    def __init__(self, *options, schema=NUMBER, streams=1):
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        self.sources = [builder.stream(f"In{index}", schema.types) for index in range(streams)]
        target = builder.stream("Out", schema.types)
        for index, source in enumerate(self.sources):
            builder.query(f"q{index}")
            program = builder.program(schema.types)
            for column in range(len(schema)):
                program.output(program.column(column))
            builder.insert(builder.map(source, program), target)
        builder.seal()
        self.rows = []
        self.timestamps = []
        self.sizes = []
        self.engine.listen(target, self.engine.layout("Out", schema), self.hear)
        self.inputs = [
            self.engine.async_input(source, self.engine.layout("In", schema), options[0] if options else RingOptions())
            for source in self.sources
        ]
        self.input = self.inputs[0]
        self.on_batch = lambda batch: None

    def hear(self, batch):
        self.rows.extend(batch.rows())
        self.timestamps.extend(batch.timestamps)
        self.sizes.append(len(batch))
        self.on_batch(batch)

    @property
    def metrics(self):
        return self.engine.async_metrics(self.sources[0])

    @contextlib.contextmanager
    def running(self):
        thread = threading.Thread(target=self.engine.run_consumer)
        thread.start()
        try:
            yield
        finally:
            self.engine.stop_consumer()
            thread.join(LIMIT_S)
            assert not thread.is_alive()

    def wait_for(self, count):
        until = time.monotonic() + LIMIT_S
        while len(self.rows) < count and time.monotonic() < until:
            time.sleep(0.001)
        assert len(self.rows) == count


@pytest.fixture
def graph():
    made = []

    def make(*options, **more):
        made.append(AsyncGraph(*options, **more))
        return made[-1]

    yield make
    for each in made:
        each.engine.close()


def rows_of(*numbers):
    return [(number, f"the row of number {number}") for number in numbers]


def test_rows_wait_in_the_ring_until_they_are_run(graph):
    g = graph()
    assert g.input.send((1, "a"), timestamp=10) == 1
    assert g.input.send_many(rows_of(2, 3), timestamps=[11, 12]) == 2
    assert g.rows == []
    assert g.engine.pending(g.sources[0]) == 3
    g.engine.drain()
    assert g.rows == [(1, "a"), *rows_of(2, 3)]
    assert g.timestamps == [10, 11, 12]
    assert g.engine.pending(g.sources[0]) == 0


def test_values_of_all_types_pass_a_ring(graph):
    g = graph(schema=ALL_TYPES)
    full = (True, 1, 2, 1.5, 2.5, "a text that is long", {"a": [1, {2, 3}], "b": "a text that is long"})
    g.input.send_many([full, (None,) * 7, full], timestamps=1)
    g.engine.drain()
    assert g.rows == [full, (None,) * 7, full]


def test_the_consumer_runs_what_comes(graph):
    g = graph(RingOptions(buffer_size=16))
    with g.running():
        g.input.send_many(rows_of(*range(1000)), timestamps=1)
        g.wait_for(1000)
    assert g.rows == rows_of(*range(1000))


def test_columns_and_chunks_pass_a_ring(graph):
    from eventflux.engine.ingest import send_columns

    g = graph(RingOptions(buffer_size=8))
    with g.running():
        texts = [f"the row of number {number}" for number in range(100)]
        assert send_columns(g.engine, g.input, {"n": range(100), "text": texts}, timestamps=5) == 100
        assert g.input.send_batch(rows_of(*range(100, 150)), timestamps=6) == 50
        g.wait_for(150)
    assert g.rows == rows_of(*range(150))


def test_the_buffer_is_a_power_of_two_and_batches_have_a_limit(graph):
    g = graph(RingOptions(buffer_size=60, batch_size_max=10))
    g.input.send_many(rows_of(*range(35)), timestamps=1)
    assert g.metrics.queue_capacity == 64
    g.engine.drain()
    assert g.sizes == [10, 10, 10, 5]
    assert g.metrics.batches_processed == 4


def test_a_timestamp_is_taken_at_send(graph):
    g = graph()
    g.input.send((1, "a"), timestamp=1000)
    g.engine.drain()
    g.input.send((2, "b"))
    g.input.send((3, "c"), timestamp=2000)
    g.engine.drain()
    assert g.timestamps == [1000, 1000, 2000]


def test_a_bad_row_is_refused_at_send(graph):
    g = graph()
    with pytest.raises(EventFluxError):
        g.input.send_many([(1, "a"), ("x", "b")])
    assert g.engine.pending(g.sources[0]) == 0


def test_block_waits_for_room(graph):
    g = graph(RingOptions(buffer_size=4))
    done = threading.Event()

    def send():
        assert g.input.send_many(rows_of(*range(10)), timestamps=1) == 10
        done.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert not done.wait(0.05)
    while not done.is_set():
        g.engine.drain()
        time.sleep(0.001)
    thread.join(LIMIT_S)
    g.engine.drain()
    assert g.rows == rows_of(*range(10))
    assert g.metrics.backpressure_waits == 1
    assert g.metrics.events_dropped == 0


def test_block_timeout_gives_up_and_says_what_entered(graph):
    g = graph(RingOptions(buffer_size=4, backpressure=Backpressure.BLOCK_TIMEOUT, timeout_ms=30))
    with pytest.raises(BackpressureError) as caught:
        g.input.send_many(rows_of(*range(10)), timestamps=1)
    assert caught.value.accepted == 4
    assert g.metrics.timeouts == 1
    g.engine.drain()
    assert g.rows == rows_of(*range(4))


def test_drop_newest_loses_what_does_not_fit(graph):
    g = graph(RingOptions(buffer_size=4, backpressure=Backpressure.DROP_NEWEST))
    assert g.input.send_many(rows_of(*range(10)), timestamps=1) == 4
    assert g.input.send((10, "x"), timestamp=1) == 0
    g.engine.drain()
    assert g.rows == rows_of(*range(4))
    assert g.metrics.dropped_newest == 7
    assert g.metrics.events_dropped == 7
    assert not g.metrics.is_healthy


def test_drop_oldest_loses_what_waited_longest(graph):
    g = graph(RingOptions(buffer_size=4, backpressure=Backpressure.DROP_OLDEST))
    assert g.input.send_many(rows_of(*range(10)), timestamps=1) == 10
    assert g.input.send((10, "the row of number 10"), timestamp=1) == 1
    g.engine.drain()
    assert g.rows == rows_of(7, 8, 9, 10)
    assert g.metrics.dropped_oldest == 7


def test_fail_takes_all_or_nothing(graph):
    g = graph(RingOptions(buffer_size=4, backpressure=Backpressure.FAIL))
    assert g.input.send_many(rows_of(0, 1, 2), timestamps=1) == 3
    with pytest.raises(BackpressureError) as caught:
        g.input.send_many(rows_of(3, 4), timestamps=1)
    assert caught.value.accepted == 0
    assert g.input.send((5, "x"), timestamp=1) == 1
    with pytest.raises(BackpressureError):
        g.input.send((6, "x"), timestamp=1)
    with pytest.raises(BackpressureError):
        g.input.send_many(rows_of(*range(100)), timestamps=1)
    assert g.metrics.events_rejected == 103
    g.engine.drain()
    assert [row[0] for row in g.rows] == [0, 1, 2, 5]


def test_backoff_tries_again_ever_more_slowly(graph):
    options = RingOptions(
        buffer_size=2, backpressure=Backpressure.BACKOFF, timeout_ms=40, backoff_initial_ms=1, backoff_max_ms=16
    )
    g = graph(options)
    began = time.monotonic()
    with pytest.raises(BackpressureError) as caught:
        g.input.send_many(rows_of(*range(5)), timestamps=1)
    assert time.monotonic() - began >= 0.04
    assert caught.value.accepted == 2
    # 1 + 2 + 4 + 8 + 16 + the rest: some six looks, not one a millisecond.
    assert 4 <= g.metrics.queue_full_events <= 9
    assert g.metrics.backoff_ms >= 30


def test_a_sender_that_waits_is_told_when_the_app_stops(graph):
    g = graph(RingOptions(buffer_size=2))
    errors = []

    def send():
        try:
            g.input.send_many(rows_of(*range(5)), timestamps=1)
        except RuntimeStoppedError as error:
            errors.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while g.engine.pending(g.sources[0]) < 2:
        time.sleep(0.001)
    g.engine.stop_consumer()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert len(errors) == 1


def test_a_listener_of_the_consumer_may_send_into_its_own_full_ring(graph):
    g = graph(RingOptions(buffer_size=2, batch_size_max=1))

    def echo(batch):
        for number, text in batch.rows():
            if number < 50:
                g.input.send((number + 100, text), timestamp=1)
                g.input.send((number + 200, text), timestamp=1)
                g.input.send((number + 300, text), timestamp=1)

    g.on_batch = echo
    with g.running():
        g.input.send_many(rows_of(*range(50)), timestamps=1)
        g.wait_for(200)
    assert sorted(row[0] for row in g.rows) == sorted(
        offset + number for number in range(50) for offset in (0, 100, 200, 300)
    )


def test_a_holder_that_waits_for_room_goes_on_delivering(graph):
    """A synchronous sender delivers, and its listener sends into a full ring whose consumer wants to deliver."""
    g = graph(RingOptions(buffer_size=2))
    direct = g.engine.input(g.sources[0], g.engine.layout("In", NUMBER))

    def echo(batch):
        if batch[0]["n"] == -1:
            assert g.input.send_many(rows_of(*range(20)), timestamps=1) == 20

    g.on_batch = echo
    with g.running():
        direct.send((-1, "the first"), timestamp=1)
        g.wait_for(21)
    assert g.rows == [(-1, "the first"), *rows_of(*range(20))]


def test_consumers_of_two_apps_that_send_into_each_other_do_not_stand_still(graph):
    left, right = (graph(RingOptions(buffer_size=2)) for _ in range(2))

    def pass_to(other):
        def send(batch):
            for number, text in batch.rows():
                if number < 3:
                    other.input.send_many([(number + 1, text)] * 3, timestamps=1)

        return send

    left.on_batch, right.on_batch = pass_to(right), pass_to(left)
    with left.running(), right.running():
        left.input.send_many(rows_of(*[0] * 20), timestamps=1)
        left.wait_for(20 + 20 * 9)
        right.wait_for(20 * 3 + 20 * 27)


def test_rows_that_one_thread_sends_to_two_streams_stay_in_order(graph):
    g = graph(RingOptions(buffer_size=8), streams=2)
    sent = {name: [] for name in "abc"}

    def send(name):
        for number in range(400):
            row = (number, name)
            g.inputs[number % 2].send(row, timestamp=1)
            sent[name].append(row)

    with g.running():
        threads = [threading.Thread(target=send, args=(name,)) for name in sent]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        g.wait_for(1200)
    for name, rows in sent.items():
        assert [row for row in g.rows if row[1] == name] == rows


def test_many_senders_lose_nothing(graph):
    g = graph(RingOptions(buffer_size=32))

    def send(name):
        for number in range(0, 1000, 4):
            g.input.send((number, name), timestamp=1)
            g.input.send_many([(number + k, name) for k in (1, 2, 3)], timestamps=1)

    with g.running():
        threads = [threading.Thread(target=send, args=(f"thread {index}",)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        g.wait_for(4000)
    for index in range(4):
        assert [row[0] for row in g.rows if row[1] == f"thread {index}"] == list(range(1000))
    metrics = g.metrics
    assert metrics.events_published == metrics.events_consumed == 4000
    assert metrics.consumer_lag == 0
    assert metrics.queue_depth == 0
    assert metrics.publish_latency.max_us >= metrics.publish_latency.p99_us >= metrics.publish_latency.p50_us
    assert metrics.consume_latency.avg_us > 0
    assert metrics.p99_publish_latency_us == metrics.publish_latency.p99_us
    assert metrics.avg_consume_latency_us == metrics.consume_latency.avg_us
    assert 0 <= metrics.health_score <= 1


def test_an_exception_of_a_listener_does_not_stop_the_consumer(graph):
    g = graph()
    told = []
    g.engine.on_exception(lambda callback, batch, error: told.append(str(error)))

    def broken(batch):
        raise ValueError("no luck")

    g.on_batch = broken
    with g.running():
        g.input.send((1, "a"), timestamp=1)
        g.wait_for(1)
        g.on_batch = lambda batch: None
        g.input.send((2, "b"), timestamp=1)
        g.wait_for(2)
    assert told == ["no luck"]


def test_nothing_is_left_behind_when_an_engine_with_full_rings_closes(graph):
    g = graph()
    g.input.send_many(rows_of(*range(100)), timestamps=1)
    g.engine.close()
    with pytest.raises(RuntimeStoppedError):
        g.input.send((1, "a"))


def test_buckets_of_the_histogram_are_contiguous():
    bounds = [bucket_bounds(bucket) for bucket in range(200)]
    assert all(low < high for low, high in bounds)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(bounds))
    assert bounds[0] == (0, 1)
