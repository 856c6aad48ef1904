"""Pausing, handlers, shutdown and figures of connectors in a running app."""

import logging
import threading
import time

import pytest

from eventflux import EventFluxManager
from eventflux.extension import MappedRows, SinkHandler, SourceHandler
from eventflux.io.in_memory_broker import InMemoryBroker


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made
    InMemoryBroker.reset()


IN = "'type' = 'source', 'extension' = 'inMemory', 'inMemory.topic' = 'in'"
OUT = "'type' = 'sink', 'extension' = 'inMemory', 'inMemory.topic' = 'out'"


def test_pausing_waits_for_what_is_being_delivered(manager):
    runtime = manager.create_eventflux_app_runtime(f"CREATE STREAM S (a INT) WITH ({IN});")
    entered, release, seen = threading.Event(), threading.Event(), []

    def take(events):
        entered.set()
        assert release.wait(20)
        seen.extend(event.data[0] for event in events)

    runtime.add_callback("S", take)
    runtime.start()
    publisher = threading.Thread(target=InMemoryBroker.publish, args=("in", (1,)))
    publisher.start()
    assert entered.wait(20)
    pauser = threading.Thread(target=runtime.pause)
    pauser.start()
    time.sleep(0.05)
    assert pauser.is_alive()
    release.set()
    pauser.join(20)
    publisher.join(20)
    assert (seen, runtime.state) == ([1], "paused")


def test_a_callback_of_a_source_may_pause_its_app(manager):
    runtime = manager.create_eventflux_app_runtime(f"CREATE STREAM S (a INT) WITH ({IN});")
    runtime.add_callback("S", lambda events: runtime.pause())
    runtime.start()
    started = time.monotonic()
    InMemoryBroker.publish("in", (1,))
    assert runtime.state == "paused"
    assert time.monotonic() - started < 4


def test_a_file_is_read_to_its_end_across_pauses(manager, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("".join(f"{number}\n" for number in range(200_000)))
    runtime = manager.create_eventflux_app_runtime(f"""
        CREATE STREAM S (a INT) WITH ('type' = 'source', 'extension' = 'file', 'file.path' = '{path}',
            'file.mode' = 'once', 'format' = 'csv');
        INSERT INTO Total SELECT COUNT() AS n, SUM(a) AS s FROM S;""")
    last = []
    runtime.add_callback("Total", lambda events: last.append(events[-1].data))
    runtime.start()
    for _ in range(20):
        runtime.pause()
        before = list(last)
        time.sleep(0.002)
        assert last == before
        runtime.resume()
    assert runtime.wait_finished(30)
    assert last[-1] == (200_000, sum(range(200_000)))


def test_apps_that_feed_each_other_both_ways_do_not_lock(manager):
    texts = [
        f"""@source(type='inMemory', topic='{here}') define stream S (a int);
            @sink(type='inMemory', topic='{there}') define stream O (a int);
            from S[a > 0] select a - 1 as a insert into O;"""
        for here, there in (("one", "two"), ("two", "one"))
    ]
    runtimes = [manager.create_eventflux_app_runtime(text, name=f"app{number}") for number, text in enumerate(texts)]
    for runtime in runtimes:
        runtime.start()
    senders = [
        threading.Thread(target=lambda topic=topic: [InMemoryBroker.publish(topic, (4,)) for _ in range(200)])
        for topic in ("one", "two")
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)
        assert not sender.is_alive()


class Doubles(SourceHandler):
    def __init__(self, context, seen):
        self.context, self.seen = context, seen

    def on_rows(self, rows, properties, next):
        self.seen.append((self.context.stream, self.context.type_name, list(rows.rows)))
        next(rows)
        next(MappedRows(rows=[(-row[0],) for row in rows.rows], timestamps=rows.timestamps))


class Samples(SinkHandler):
    def on_batch(self, batch, next):
        if batch[0].data[0] > 0:
            next(batch)


def test_handlers_stand_between_connectors_and_streams(manager, tmp_path):
    seen, out = [], []
    manager.set_source_handler_factory(lambda context: Doubles(context, seen))
    manager.set_sink_handler_factory(lambda context: Samples() if context.stream == "O" else None)
    path = tmp_path / "in.csv"
    path.write_text("1\n2\nx\n3\n")
    runtime = manager.create_eventflux_app_runtime(f"""
        CREATE STREAM S (a INT) WITH ('type' = 'source', 'extension' = 'file', 'file.path' = '{path}',
            'file.mode' = 'once', 'format' = 'csv');
        CREATE STREAM O (a INT) WITH ({OUT});
        INSERT INTO O SELECT a FROM S;""")
    InMemoryBroker.subscribe("out", lambda event: out.append(event.data[0]))
    runtime.start()
    assert runtime.wait_finished(20)
    runtime.shutdown()
    assert seen == [("S", "file", [(1,)]), ("S", "file", [(2,)]), ("S", "file", [(3,)])]
    assert out == [1, 2, 3]
    manager.set_source_handler_factory(None)
    manager.set_sink_handler_factory(None)


def test_shutdown_does_not_wait_for_a_peer_that_is_away(manager, caplog):
    caplog.set_level(logging.CRITICAL)
    runtime = manager.create_eventflux_app_runtime("""
        @sink(type='tcp', url='tcp://127.0.0.1:1', on.error='WAIT', validation='none') define stream O (a int);""")
    runtime.start()
    sender = threading.Thread(target=lambda: runtime.input_handler("O").send((1,)))
    sender.start()
    time.sleep(0.1)
    assert sender.is_alive()
    started = time.monotonic()
    runtime.shutdown()
    sender.join(10)
    assert not sender.is_alive()
    assert time.monotonic() - started < 10
    assert runtime.metrics().connectors["sink/O/tcp/0"].failed == 1


def test_bytes_are_counted(manager):
    runtime = manager.create_eventflux_app_runtime(f"""
        CREATE STREAM S (a INT) WITH ({IN}, 'format' = 'json');
        CREATE STREAM O (a INT) WITH ({OUT}, 'format' = 'json');
        INSERT INTO O SELECT a FROM S;""")
    runtime.start()
    InMemoryBroker.publish("in", '{"a": 1}')
    counts = runtime.metrics().connectors
    assert counts["source/S/inMemory/0"].bytes == len('{"a": 1}')
    assert counts["sink/O/inMemory/0"].bytes == len('{"a":1}')
