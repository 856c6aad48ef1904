"""Async streams from the app's text to the listener."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from eventflux.runtime.manager import EventFluxManager
from eventflux.types.errors import BackpressureError

MISSION = """
CREATE STREAM HighThroughputStream (symbol STRING, price DOUBLE, volume BIGINT) WITH (
    'async.buffer_size' = '1024', 'async.workers' = '2', 'async.batch_size_max' = '10');
CREATE STREAM MinimalAsyncStream (id INT, value STRING) WITH ('async.enabled' = 'true');
INSERT INTO FilteredStream
SELECT symbol, price * volume AS value FROM HighThroughputStream WHERE price > 100.0;
INSERT INTO Copied SELECT id, value FROM MinimalAsyncStream;
"""

ANNOTATED = """
@async(buffer.size = '2', backpressure = '{strategy}', timeout = '20 millisec')
define stream In (n long);
@info(name = 'q') from In select n insert into Out;
"""

LIMIT_S = 20


@pytest.fixture
def manager():
    with EventFluxManager() as made:
        yield made


def wait_for(rows, count):
    until = time.monotonic() + LIMIT_S
    while len(rows) < count and time.monotonic() < until:
        time.sleep(0.001)
    assert len(rows) == count


def test_rows_run_on_the_thread_of_the_consumer(manager):
    runtime = manager.create_eventflux_app_runtime(MISSION, name="mission")
    rows, threads = [], set()

    def hear(batch):
        rows.extend(batch.rows())
        threads.add(threading.current_thread().name)

    runtime.add_callback("FilteredStream", hear)
    runtime.add_callback("Copied", hear)
    with runtime:
        assert runtime.input_handler("HighThroughputStream").send(("A", 150.0, 2)) == 1
        runtime.input_handler("HighThroughputStream").send_many([("B", 50.0, 2), ("C", 200.0, 3)])
        runtime.input_handler("MinimalAsyncStream").send((1, "x"))
        wait_for(rows, 3)
        metrics = runtime.metrics().async_streams
    assert sorted(rows, key=str) == [("A", 300.0), ("C", 600.0), (1, "x")]
    assert threads == {"eventflux-mission-consumer"}
    assert metrics["HighThroughputStream"].events_published == 3
    assert metrics["HighThroughputStream"].queue_capacity == 1024
    assert metrics["MinimalAsyncStream"].queue_capacity == 4096
    assert set(metrics) == {"HighThroughputStream", "MinimalAsyncStream"}


def test_a_draining_shutdown_loses_nothing_and_the_app_starts_again(manager):
    runtime = manager.create_eventflux_app_runtime(MISSION, name="drained")
    rows = []
    runtime.add_callback("Copied", lambda batch: rows.extend(batch.rows()))
    for round_number in (1, 2):
        runtime.start()
        runtime.input_handler("MinimalAsyncStream").send_many([(number, "x") for number in range(3000)])
        runtime.shutdown()
        assert len(rows) == round_number * 3000
        assert runtime.input_handler("MinimalAsyncStream").pending == 0
    assert "eventflux-drained-consumer" not in {thread.name for thread in threading.enumerate()}


def test_a_snapshot_holds_what_was_accepted(manager):
    text = """
    @app:playback
    @async define stream In (n long);
    @info(name = 'q') from In select sum(n) as total insert into Out;
    """
    with EventFluxManager() as other:
        first = other.create_eventflux_app_runtime(text, name="same")
        with first:
            first.input_handler("In").send_many([(number,) for number in range(1000)], timestamps=1)
            snapshot = first.snapshot()
    second = manager.create_eventflux_app_runtime(text, name="same")
    rows = []
    second.add_callback("Out", lambda batch: rows.extend(batch.rows()))
    with second:
        second.restore(snapshot)
        second.input_handler("In").send((1,), timestamp=2)
        wait_for(rows, 1)
    assert rows == [(sum(range(1000)) + 1,)]


@pytest.fixture
def blocked(manager):
    """Makes an app of the strategy whose consumer stands in a listener until `go_on` is set."""
    go_on = threading.Event()
    entered = threading.Event()

    def make(strategy):
        runtime = manager.create_eventflux_app_runtime(ANNOTATED.format(strategy=strategy), name="blocked")
        rows = []

        def hear(batch):
            rows.extend(batch.rows())
            entered.set()
            assert go_on.wait(LIMIT_S)

        runtime.add_callback("Out", hear)
        runtime.start()
        handler = runtime.input_handler("In")
        handler.send((0,))
        assert entered.wait(LIMIT_S)
        handler.send_many([(1,), (2,)])
        assert handler.pending == 2
        return runtime, handler, rows, go_on

    yield make
    go_on.set()


@pytest.mark.parametrize(
    ("strategy", "accepted", "kept"),
    [("drop", 0, [0, 1, 2]), ("drop_newest", 0, [0, 1, 2]), ("drop_oldest", 1, [0, 2, 3])],
)
def test_rows_that_are_lost_are_counted_and_warned_of_once(blocked, caplog, strategy, accepted, kept):
    runtime, handler, rows, go_on = blocked(strategy)
    with caplog.at_level(logging.WARNING):
        assert handler.send((3,)) == accepted
        if accepted == 0:
            assert handler.send((4,)) == 0
    lost = runtime.metrics().async_streams["In"].events_dropped
    go_on.set()
    runtime.shutdown()
    assert [row[0] for row in rows] == kept
    assert lost == 2 - accepted
    warnings = [record for record in caplog.records if "buffer was full" in record.getMessage()]
    assert len(warnings) == 1
    assert "In: 1 rows" in warnings[0].getMessage()


@pytest.mark.parametrize("strategy", ["fail", "block_timeout", "exponentialBackoff"])
def test_a_sender_is_told_when_there_is_no_room(blocked, strategy):
    runtime, handler, rows, go_on = blocked(strategy)
    with pytest.raises(BackpressureError) as caught:
        handler.send_many([(3,), (4,)])
    assert caught.value.accepted == 0
    go_on.set()
    runtime.shutdown()
    assert [row[0] for row in rows] == [0, 1, 2]


def test_one_stream_may_be_synchronous_under_a_default_of_the_app(manager):
    text = """
    SET 'app.async' = 'true';
    CREATE STREAM A (n INT);
    CREATE STREAM B (n INT) WITH ('async.enabled' = 'false');
    INSERT INTO OutA SELECT n FROM A;
    INSERT INTO OutB SELECT n FROM B;
    """
    runtime = manager.create_eventflux_app_runtime(text, name="default")
    rows = []
    runtime.add_callback("OutB", lambda batch: rows.extend(batch.rows()))
    with runtime:
        runtime.input_handler("B").send((1,))
        assert rows == [(1,)]
        assert set(runtime.metrics().async_streams) == {"A"}
