"""A server that is killed again and again: each entry is in the output, and nothing is left behind."""

import json
import logging
import threading

import pytest
import redis
from tests.footprint import KILLS, Footprint, nothing_was_left_behind
from tests.redis.apps import COPY, started, wait

pytestmark = [pytest.mark.service, pytest.mark.slow]


class Feeder:
    """Goes on adding numbers, whatever happens to the server; a number counts once the server has it."""

    def __init__(self, server):
        self._server = server
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
        with self._server.client(retry=None) as client:
            while not self._stopping.wait(0.02):
                try:
                    client.xadd("in", {"data": json.dumps({"n": self.count})})
                except (redis.RedisError, OSError):
                    continue  # perhaps the server has it: then it is there twice
                self.count += 1


@pytest.mark.timeout(120 + 40 * KILLS)
def test_a_server_that_is_killed_again_and_again_costs_no_entry(own_server, caplog):
    caplog.set_level(logging.INFO, "eventflux")
    text = COPY.format(url=own_server.url).replace("stream='out',", "stream='out', on.error='WAIT',")
    manager, runtime = started(text)
    source, sink = "source/In/redis-stream/0", "sink/Out/redis-stream/0"
    connectors = lambda: runtime.metrics().connectors  # noqa: E731
    before = None
    with manager:
        with Feeder(own_server) as feeder:
            for number in range(KILLS):
                passed = connectors()[sink].events
                wait(lambda passed=passed: connectors()[sink].events > passed + 50, "nothing passes")
                own_server.kill()
                wait(lambda: connectors()[source].state == "retrying", "the loss was not seen")
                own_server.start()
                wait(lambda: connectors()[source].state == "connected", "it did not come back", 60)
                assert connectors()[source].reconnects > number
                passed = connectors()[sink].events
                wait(lambda passed=passed: connectors()[sink].events > passed + 50, "nothing passes after an outage")
                before = before or Footprint.now()
            nothing_was_left_behind(before)
        with own_server.client() as client:
            wait(lambda: client.xpending("in", "eventflux-App")["pending"] == 0, "not all were acknowledged", 60)
            found = {json.loads(fields[b"data"])["n"] for _, fields in client.xrange("out")}
    assert found >= set(range(feeder.count))
    assert caplog.text.count("source redis-stream of stream In lost its connection") >= KILLS
    assert caplog.text.count("source redis-stream of stream In is connected again") >= KILLS
