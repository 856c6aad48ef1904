"""The state backend on a real server."""

import asyncio
import time

import pytest
from tests.redis.server import free_port

from eventflux import RevisionNotFoundError, StateBackendError
from eventflux_redis import RedisBackend, RedisConfig, aio

pytestmark = pytest.mark.service


@pytest.fixture
def backend(server):
    backend = RedisBackend(RedisConfig(url=server.url))
    backend.initialize()
    yield backend
    backend.shutdown()


def test_values_come_back(backend, client):
    backend.set("key1", b"value1")
    assert backend.get("key1") == b"value1"
    assert client.get("eventflux:state:key1") == b"value1"
    assert backend.exists("key1")
    assert backend.delete("key1")
    assert not backend.delete("key1")
    assert not backend.exists("key1")
    assert backend.get("key1") is None


def test_checkpoint_and_restore(backend):
    backend.set("key1", b"value1")
    backend.set("gone", b"x")
    backend.checkpoint("checkpoint_1")
    backend.set("key1", b"modified")
    backend.set("counter", b"7")
    backend.delete("gone")
    backend.restore("checkpoint_1")
    assert backend.get("key1") == b"value1"
    assert backend.get("gone") == b"x"
    assert backend.get("counter") is None
    assert list(backend.keys()) == ["gone", "key1"]


def test_a_checkpoint_of_nothing_restores_to_nothing(backend):
    backend.checkpoint("empty")
    backend.set("later", b"x")
    backend.restore("empty")
    assert list(backend.keys()) == []


def test_checkpoints_are_named_and_forgotten(backend):
    backend.checkpoint("c1")
    with pytest.raises(RevisionNotFoundError, match="no checkpoint 'c2'") as caught:
        backend.restore("c2")
    assert caught.value.hint == "checkpoints: c1"
    assert backend.delete_checkpoint("c1")
    assert not backend.delete_checkpoint("c1")
    with pytest.raises(RevisionNotFoundError):
        backend.restore("c1")


def test_a_checkpoint_of_many_keys_is_whole(backend):
    expected = {f"key{number}": str(number).encode() for number in range(2500)}
    for key, value in expected.items():
        backend.set(key, value)
    backend.checkpoint("many")
    for key in expected:
        backend.set(key, b"changed")
    backend.restore("many")
    assert {key: backend.get(key) for key in list(backend.keys())} == expected


def test_time_to_live_is_kept_by_a_checkpoint(backend, client):
    backend.set("short", b"x", ttl_seconds=100)
    backend.set("long", b"y")
    backend.checkpoint("c")
    backend.delete("short")
    backend.restore("c")
    assert 90 < client.ttl("eventflux:state:short") <= 100
    assert client.ttl("eventflux:state:long") == -1


def test_every_key_expires_where_the_configuration_says_so(server, client):
    backend = RedisBackend(RedisConfig(url=server.url, ttl_seconds=50, key_prefix="eventflux:cluster1:"))
    backend.initialize()
    backend.set("a", b"x")
    backend.checkpoint("c")
    backend.shutdown()
    assert all(0 < client.ttl(key) <= 50 for key in client.keys("eventflux:cluster1:*"))
    assert len(client.keys("eventflux:cluster1:*")) == 2


def test_keys_of_others_are_left_alone(backend, client, server):
    other = RedisBackend(RedisConfig(url=server.url, key_prefix="eventflux:state[x]*:"))
    other.initialize()
    other.set("mine", b"1")
    client.set("eventflux:statex:theirs", b"2")
    backend.set("a", b"1")
    assert list(other.keys()) == ["mine"]
    assert list(backend.keys()) == ["a"]
    other.checkpoint("c")
    other.restore("c")
    assert client.get("eventflux:statex:theirs") == b"2"
    other.shutdown()


def test_keys_are_found_by_their_beginning(backend):
    for key in ("a*1", "a*2", "ab", "b"):
        backend.set(key, b"")
    assert list(backend.keys("a*")) == ["a*1", "a*2"]
    with pytest.raises(ValueError, match="are taken"):
        backend.set("@checkpoint:x", b"")


def test_after_shutdown_every_call_is_refused(backend):
    backend.shutdown()
    backend.shutdown()
    with pytest.raises(StateBackendError, match="shut down"):
        backend.get("a")


def test_an_unreachable_server_is_told_within_the_time_out():
    started = time.monotonic()
    backend = RedisBackend(RedisConfig(url=f"redis://127.0.0.1:{free_port()}", connection_timeout_ms=300))
    with pytest.raises(StateBackendError, match=r"^Redis connection failed: "):
        backend.initialize()
    assert time.monotonic() - started < 3


def test_checkpoints_survive_the_death_of_both_sides(own_server):
    backend = RedisBackend(RedisConfig(url=own_server.url))
    backend.initialize()
    backend.set("key1", b"value1")
    backend.checkpoint("c")
    backend.set("key1", b"modified")
    backend.shutdown()
    own_server.kill()
    own_server.start()
    other = RedisBackend(RedisConfig(url=own_server.url))
    other.initialize()
    assert other.get("key1") == b"modified"
    other.restore("c")
    assert other.get("key1") == b"value1"
    other.shutdown()


def test_with_asyncio(server):
    async def run():
        backend = aio.RedisBackend(RedisConfig(url=server.url))
        await backend.initialize()
        await backend.set("key1", b"value1")
        await backend.checkpoint("checkpoint_1")
        await backend.set("key1", b"modified")
        await backend.set("counter", b"1")
        await backend.restore("checkpoint_1")
        found = (await backend.get("key1"), await backend.get("counter"), await backend.keys())
        await backend.shutdown()
        return found

    assert asyncio.run(run()) == (b"value1", None, ["key1"])
