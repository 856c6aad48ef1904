import json
import logging

import pytest
from tests.redis.apps import started, wait

pytestmark = pytest.mark.service

LISTEN = """
    @source(type='redis-pubsub', url='{url}', channel='{channel}',
        @map(type='json', @attributes(n='n', channel='trp:channel')))
    define stream In (n long, channel string);
"""


def test_messages_of_a_channel_and_of_a_pattern(server, client):
    for channel in ("news", "new*"):
        seen = []
        manager, runtime = started(LISTEN.format(url=server.url, channel=channel))
        with manager:
            runtime.add_callback("In", lambda events, seen=seen: seen.extend(event.data for event in events))
            for number in range(5000):
                client.publish("news", json.dumps({"n": number}))
            client.publish("old", '{"n": -1}')
            wait(lambda seen=seen: len(seen) == 5000, "not all came")
        assert seen == [(number, "news") for number in range(5000)]


def test_what_a_sink_publishes_a_source_gets(server):
    sink, publisher = started(f"""
        @sink(type='redis-pubsub', url='{server.url}', channel='c-{{{{k}}}}', @map(type='json'))
        define stream Out (k string, n long);
        @sink(type='redis-pubsub', url='{server.url}', channel='c-block', @map(type='json'))
        define stream Block (n long);
    """)
    source, listener = started(LISTEN.format(url=server.url, channel="c-*"))
    seen = []
    with source, sink:
        listener.add_callback("In", lambda events: seen.extend(event.data for event in events))
        publisher.input_handler("Out").send_many([("ab"[n % 2], n) for n in range(2500)])
        publisher.input_handler("Block").send_many([(n,) for n in range(2500)])
        wait(lambda: len(seen) == 5000, "not all came")
    assert sorted(seen) == sorted(
        [(n, "c-" + "ab"[n % 2]) for n in range(2500)] + [(n, "c-block") for n in range(2500)]
    )


def test_a_channel_is_listened_to_again_when_the_server_is_back(own_server, caplog):
    caplog.set_level(logging.INFO)
    manager, runtime = started(LISTEN.format(url=own_server.url, channel="news"))
    seen = []
    with manager:
        runtime.add_callback("In", lambda events: seen.extend(event.data[0] for event in events))
        own_server.client().publish("news", '{"n": 1}')
        wait(lambda: seen == [1], seen)
        own_server.kill()
        wait(lambda: runtime.sources[0].state.value == "retrying", "the loss was not seen")
        own_server.start()
        wait(lambda: own_server.client().publish("news", '{"n": 2}') == 1, "nobody listens again", 60)
        wait(lambda: seen == [1, 2], seen)
        assert runtime.metrics().connectors["source/In/redis-pubsub/0"].reconnects == 1
    assert any("is connected again" in record.getMessage() for record in caplog.records)
