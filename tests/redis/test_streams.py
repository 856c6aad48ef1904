"""Redis streams in and out: what is acknowledged when, and what becomes of entries when somebody dies."""

import json
import logging
import random
import time

import pytest
from tests.redis.apps import COPY, Process, started, wait

from eventflux_redis import RedisPersistenceStore

pytestmark = pytest.mark.service


def _add(client, numbers, stream="in"):
    pipeline = client.pipeline()
    for number in numbers:
        pipeline.xadd(stream, {"data": json.dumps({"n": number})})
    pipeline.execute()


def _out(client, stream="out"):
    return [json.loads(fields[b"data"]) for _, fields in client.xrange(stream)]


def _pending(client, group="eventflux-App"):
    return client.xpending("in", group)["pending"]


def test_entries_pass_through_in_order_and_are_acknowledged(server, client):
    _add(client, range(1000))
    manager, runtime = started(COPY.format(url=server.url))
    with manager:
        wait(lambda: client.xlen("out") == 1000, "not all came out")
        wait(lambda: _pending(client) == 0, "not all were acknowledged")
        counts = runtime.metrics().connectors
        assert counts["source/In/redis-stream/0"].events == 1000
        assert counts["sink/Out/redis-stream/0"].events == 1000
    found = _out(client)
    assert [each["n"] for each in found] == list(range(1000))
    assert found[-1]["total"] == sum(range(1000))


def test_a_new_group_begins_with_what_comes_from_now_on(server, client):
    _add(client, [1, 2])
    text = COPY.format(url=server.url).replace("start='0', ", "")
    manager, _ = started(text)
    with manager:
        _add(client, [3])
        wait(lambda: client.xlen("out"), "nothing came out")
    assert [each["n"] for each in _out(client)] == [3]


def test_properties_and_other_fields_can_be_attributes(server, client):
    manager, runtime = started(f"""
        @source(type='redis-stream', url='{server.url}', stream='in', start='0', field='body', @map(type='json',
            @attributes(n='n', id='trp:id', at='trp:timestamp', name='trp:stream', colour='trp:field.colour')))
        define stream In (n long, id string, at long, name string, colour string);
    """)
    seen = []
    with manager:
        runtime.add_callback("In", lambda events: seen.extend(event.data for event in events))
        client.xadd("in", {"colour": "red", "body": '{"n": 7}'}, id="5-1")
        client.xadd("in", {"body": '{"n": 8}'}, id="6-0")
        wait(lambda: len(seen) == 2, seen)
    assert seen == [(7, "5-1", 5, "in", "red"), (8, "6-0", 6, "in", None)]


def test_entries_that_are_not_alike_come_in_order(server, client):
    """Those of one field are taken apart natively, the others are not; both in one answer and over many."""
    manager, runtime = started(f"""
        @source(type='redis-stream', url='{server.url}', stream='in', start='0', count='10', @map(type='json'))
        define stream In (n long, text string);
    """)
    seen = []
    pipeline = client.pipeline()
    for n in range(500):
        payload = json.dumps({"n": n, "text": "x" * (n % 7) if n % 50 else "y" * 300_000})
        pipeline.xadd("in", {"data": payload} if n % 33 else {"data": payload.replace(", ", ",\n"), "more": "z"})
    with manager:
        runtime.add_callback("In", lambda events: seen.extend(event.data for event in events))
        pipeline.execute()
        wait(lambda: len(seen) == 500, "not all came")
        wait(lambda: _pending(client) == 0, "not all were acknowledged")
    assert [n for n, _ in seen] == list(range(500))
    assert [len(text) for n, text in seen if n % 50 == 0] == [300_000] * 10


def test_what_cannot_be_mapped_goes_its_own_way(server, client):
    """And is acknowledged: it would come again for ever."""
    manager, runtime = started(f"""
        CREATE STREAM Dead (originalEvent STRING, errorMessage STRING, errorType STRING, timestamp BIGINT,
            attemptCount INT, streamName STRING);
        CREATE STREAM In (n BIGINT) WITH ('type' = 'source', 'extension' = 'redis-stream', 'redis-stream.stream' = 'in',
            'redis-stream.url' = '{server.url}', 'redis-stream.start' = '0', 'format' = 'json',
            'error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
    """)
    seen, dead = [], []
    with manager:
        runtime.add_callback("In", lambda events: seen.extend(event.data[0] for event in events))
        runtime.add_callback("Dead", lambda events: dead.extend(event.data[1] for event in events))
        client.xadd("in", {"data": '{"n": 1}'})
        client.xadd("in", {"data": "no json"})
        client.xadd("in", {"other": "x"})
        client.xadd("in", {"data": '{"n": 2}'})
        wait(lambda: seen == [1, 2] and len(dead) == 2, (seen, dead))
        wait(lambda: _pending(client) == 0, "not all were acknowledged")
    assert any("not JSON" in each for each in dead)
    assert any("has no field 'data', it has other" in each for each in dead)


def test_a_sink_cuts_its_stream_and_names_it_by_attribute(server, client):
    manager, runtime = started(f"""
        @sink(type='redis-stream', url='{server.url}', stream='s-{{{{k}}}}', maxlen='3', approximate='false',
            field='body', @map(type='text', @payload('{{{{n}}}}')))
        define stream Out (k string, n long);
    """)
    with manager:
        runtime.input_handler("Out").send_many([("ab"[n % 2], n) for n in range(20)])
    assert [fields for _, fields in client.xrange("s-a")] == [{b"body": b"%d" % n} for n in (14, 16, 18)]
    assert [fields for _, fields in client.xrange("s-b")] == [{b"body": b"%d" % n} for n in (15, 17, 19)]


def test_an_entry_that_the_server_refuses_fails_alone(server, client):
    client.set("s-a", "no stream")
    manager, runtime = started(f"""
        CREATE STREAM Out (k STRING, n BIGINT) WITH ('type' = 'sink', 'extension' = 'redis-stream',
            'redis-stream.url' = '{server.url}', 'redis-stream.stream' = 's-{{{{k}}}}', 'format' = 'json');
    """)
    with manager:
        runtime.input_handler("Out").send_many([("a", 1), ("b", 2), ("b", 3)])
        wait(lambda: client.xlen("s-b") == 2, "the others did not come")
        counts = runtime.metrics().connectors["sink/Out/redis-stream/0"]
        assert (counts.events, counts.failed) == (2, 1)


def test_entries_of_a_dead_consumer_are_taken_over(server, client):
    client.xgroup_create("in", "eventflux-App", id="0", mkstream=True)
    _add(client, range(10))
    client.xreadgroup("eventflux-App", "dead", {"in": ">"}, count=6)
    text = COPY.format(url=server.url).replace("block.ms='20'", "block.ms='20', claim.idle.ms='200'")
    manager, _ = started(text)
    with manager:
        wait(lambda: client.xlen("out") == 10, "not all came out")
        wait(lambda: _pending(client) == 0, "not all were acknowledged")
    assert sorted(each["n"] for each in _out(client)) == list(range(10))


def test_two_consumers_share_a_stream(server, client):
    one = COPY.format(url=server.url)
    first, _ = started(one)
    second, _ = started(one.replace("consumer='one'", "consumer='two'"))
    with first, second:
        for number in range(0, 2000, 20):
            _add(client, range(number, number + 20))
        wait(lambda: client.xlen("out") == 2000, "not all came out")
        wait(lambda: _pending(client) == 0, "not all were acknowledged")
    assert sorted(each["n"] for each in _out(client)) == list(range(2000))


def test_a_server_that_is_killed_and_comes_back(own_server, caplog):
    """The source goes on, the sink waits; nothing is lost."""
    caplog.set_level(logging.INFO)
    text = COPY.format(url=own_server.url).replace("stream='out',", "stream='out', on.error='WAIT',")
    manager, runtime = started(text)
    with manager:
        _add(own_server.client(), range(100))
        wait(lambda: own_server.client().xlen("out") == 100, "not all came out")
        own_server.kill()
        wait(lambda: runtime.sources[0].state.value == "retrying", "the loss was not seen")
        own_server.start()
        _add(own_server.client(), range(100, 200))
        wait(lambda: {each["n"] for each in _out(own_server.client())} == set(range(200)), "not all came out")
        counts = runtime.metrics().connectors["source/In/redis-stream/0"]
        assert (counts.state, counts.reconnects) == ("connected", 1)
    messages = [record.getMessage() for record in caplog.records]
    assert any("source redis-stream of stream In lost its connection" in each for each in messages)
    assert any("source redis-stream of stream In is connected again" in each for each in messages)


@pytest.mark.timeout(120)
def test_a_process_that_is_killed_loses_nothing(server, client):
    process = Process(server.url)
    choose = random.Random(7)
    for start in range(0, 3000, 500):
        _add(client, range(start, start + 500))
        time.sleep(choose.uniform(0.3, 1.0))
        process.kill()
        process = Process(server.url)
    wait(lambda: {each["n"] for each in _out(client)} == set(range(3000)), "something was lost")
    wait(lambda: _pending(client) == 0, "not all were acknowledged")
    process.kill()


@pytest.mark.timeout(120)
def test_with_checkpoints_each_entry_enters_the_state_once(server, client):
    """The sum is part of the state: one entry twice, or none, would show in it."""
    process = Process(server.url, checkpoint_seconds=0.1)
    choose = random.Random(11)
    for start in range(0, 3000, 500):
        _add(client, range(start, start + 500))
        time.sleep(choose.uniform(0.6, 1.3))
        process.kill()
        process = Process(server.url, checkpoint_seconds=0.1)
    wait(lambda: {each["n"] for each in _out(client)} == set(range(3000)), "something was lost")
    wait(lambda: _pending(client) == 0, "not all were acknowledged")
    process.kill()
    assert max(each["total"] for each in _out(client)) == sum(range(3000))


def test_a_restored_app_takes_what_came_after_its_checkpoint_again(server, client):
    """In one process: the source is sent back to the position of the revision."""
    with RedisPersistenceStore(server.url) as store:
        manager, runtime = started(COPY.format(url=server.url), store=store)
        with manager:
            _add(client, [1, 2])
            wait(lambda: client.xlen("out") == 2, "not all came out")
            runtime.persist()
            _add(client, [4])
            wait(lambda: client.xlen("out") == 3, "not all came out")
            runtime.restore_last_revision()
            wait(lambda: client.xlen("out") == 4, "the entry did not come again")
    assert [(each["n"], each["total"]) for each in _out(client)] == [(1, 1), (2, 3), (4, 7), (4, 7)]


def test_an_unreachable_server_keeps_the_app_from_starting(server):
    from tests.redis.server import free_port

    from eventflux import ConnectionUnavailableError

    with pytest.raises(ConnectionUnavailableError, match=r"source redis-stream of stream In: redis://me:\*\*\*@127"):
        started(COPY.format(url=f"redis://me:secret@127.0.0.1:{free_port()}"))
