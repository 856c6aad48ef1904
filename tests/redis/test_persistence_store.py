"""Revisions in a real server, also one that is killed."""

import threading
import time
import zlib

import pytest
from tests.redis.apps import started

from eventflux import CorruptStateError, EventFluxManager, StateError
from eventflux_redis import RedisConfig, RedisPersistenceStore

pytestmark = pytest.mark.service

FIRST, SECOND, THIRD, FOURTH = (f"000000000000{number}_App" for number in range(1, 5))


@pytest.fixture
def store(server):
    with RedisPersistenceStore(server.url) as store:
        yield store


def test_a_revision_is_a_value_and_an_entry(store, client):
    store.save("App", FIRST, b"one\x00\xff")
    assert client.get(f"eventflux:App:{FIRST}") == b"one\x00\xff"
    assert client.zrange("eventflux:App:revisions", 0, -1) == [FIRST.encode()]
    assert client.ttl(f"eventflux:App:{FIRST}") == -1
    assert store.load("App", FIRST) == b"one\x00\xff"


def test_revisions_are_in_order_and_apart_by_app(store):
    for revision in (SECOND, FIRST, THIRD):
        store.save("App", revision, revision.encode())
    store.save("App:x", FIRST, b"other")
    assert store.revisions("App") == [FIRST, SECOND, THIRD]
    assert store.last_revision("App") == THIRD
    assert store.load("App:x", FIRST) == b"other"
    assert store.last_revision("none") is None
    assert store.load("App", "none") is None


def test_older_revisions_go(server, client):
    with RedisPersistenceStore(server.url, revisions_to_keep=2) as store:
        for revision in (FIRST, SECOND, THIRD):
            store.save("App", revision, b"x")
        assert store.revisions("App") == [SECOND, THIRD]
    assert not client.exists(f"eventflux:App:{FIRST}")


def test_revisions_are_forgotten(store, client):
    for revision in (FIRST, SECOND, THIRD):
        store.save("App", revision, b"x")
    store.delete("App", SECOND)
    store.delete("App", SECOND)
    assert store.revisions("App") == [FIRST, THIRD]
    assert store.clear_all_revisions("App") == 2
    assert client.keys("*") == []


def test_a_large_snapshot_is_cut_into_parts(server, client):
    data = bytes(range(256)) * 40
    with RedisPersistenceStore(server.url, part_bytes=1000) as store:
        store.save("App", FIRST, data)
        assert store.load("App", FIRST) == data
        assert client.strlen(f"eventflux:App:{FIRST}:part:10") == 240
        client.delete(f"eventflux:App:{FIRST}:part:3")
        with pytest.raises(CorruptStateError, match="cut short") as caught:
            store.load("App", FIRST)
        assert (caught.value.expected, caught.value.got) == (10240, 9240)
        store.clear_all_revisions("App")
    assert client.keys("*") == []


def test_keys_expire_and_their_entries_are_passed_over(server, client):
    with RedisPersistenceStore(RedisConfig(url=server.url, ttl_seconds=60)) as store:
        store.save("App", FIRST, b"x")
        assert 0 < client.ttl(f"eventflux:App:{FIRST}") <= 60
        assert 0 < client.ttl("eventflux:App:revisions") <= 60
        store.save("App", SECOND, b"y")
        client.pexpire(f"eventflux:App:{FIRST}", 1)
        time.sleep(0.05)
        assert store.revisions("App") == [SECOND]
        store.save("App", THIRD, b"z")
        assert client.zrange("eventflux:App:revisions", 0, -1) == [SECOND.encode(), THIRD.encode()]


@pytest.mark.parametrize("compression", ["zlib", "zstd", "lz4", "snappy"])
def test_values_are_compressed_and_read_whatever_the_setting(server, client, compression):
    data = b"state " * 1000
    with RedisPersistenceStore(RedisConfig(url=server.url, compression=compression)) as store:
        store.save("App", FIRST, data)
    assert client.strlen(f"eventflux:App:{FIRST}") < 400
    with RedisPersistenceStore(server.url) as plain:
        assert plain.load("App", FIRST) == data
        client.set(f"eventflux:App:{FIRST}", client.get(f"eventflux:App:{FIRST}")[:-5])
        with pytest.raises(CorruptStateError, match="damaged"):
            plain.load("App", FIRST)
        client.set(f"eventflux:App:{FIRST}", b"EFXC9" + data)
        with pytest.raises(CorruptStateError, match="unknown codec"):
            plain.load("App", FIRST)


def test_what_looks_compressed_comes_back_as_it_was(store):
    data = b"EFXC1" + zlib.compress(b"not ours")
    store.save("App", FIRST, data)
    assert store.load("App", FIRST) == data


def test_the_pool_stays_within_its_limit(server, client):
    with RedisPersistenceStore(RedisConfig(url=server.url, max_connections=2)) as store:
        before = len(client.client_list())
        most = 0
        threads = [
            threading.Thread(target=lambda n=n: [store.save(f"App{n}", FIRST, b"x" * 100_000) for _ in range(30)])
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            most = max(most, len(client.client_list()))
        for thread in threads:
            thread.join()
        assert most <= before + 2
        assert all(store.load(f"App{n}", FIRST) for n in range(8))


def test_a_killed_server_that_comes_back_is_waited_for(own_server, caplog):
    config = RedisConfig(url=own_server.url, retry_attempts=6, retry_initial_ms=50)
    with RedisPersistenceStore(config) as store:
        store.save("App", FIRST, b"one")
        own_server.kill()
        timer = threading.Timer(0.4, own_server.start)
        timer.start()
        store.save("App", SECOND, b"two")
        timer.join()
        assert store.revisions("App") == [FIRST, SECOND]
        health = store.health()
    assert (health.is_healthy, health.reconnects) == (True, 1)
    assert health.failures >= 1
    assert any("attempt 2 of 7 follows" in record.getMessage() for record in caplog.records)
    assert any("answers again" in record.getMessage() for record in caplog.records)


def test_a_server_that_stays_away_is_an_error_and_the_last_revision_stays(own_server):
    config = RedisConfig(url=own_server.url, retry_attempts=2, retry_initial_ms=10, connection_timeout_ms=500)
    with RedisPersistenceStore(config) as store:
        store.save("App", FIRST, b"one")
        own_server.kill()
        with pytest.raises(StateError, match="could not be written"):
            store.save("App", SECOND, b"two")
        assert not store.health().is_healthy
        own_server.start()
        assert store.revisions("App") == [FIRST]
        assert store.load("App", FIRST) == b"one"
        assert store.health().is_healthy


SUM = """
    define stream In (v int);
    from In#window.length(2) select sum(v) as total insert into Out;
"""


def test_an_app_goes_on_in_a_new_process_where_it_was(own_server):
    """Also when Redis died in between."""

    def totals(*values: int) -> list[int]:
        seen: list[int] = []
        with RedisPersistenceStore(own_server.url) as store, EventFluxManager() as manager:
            manager.set_persistence_store(store)
            runtime = manager.create_eventflux_app_runtime(SUM, name="Sum", playback=True)
            runtime.add_callback("Out", lambda events: seen.extend(event.data[0] for event in events))
            runtime.start()
            for value in values:
                runtime.input_handler("In").send((value,), timestamp=1000)
        return seen

    assert totals(1, 2) == [1, 3]
    own_server.kill()
    own_server.start()
    assert totals(5) == [7]


def test_processing_goes_on_while_the_store_is_away(own_server):
    seen: list[int] = []
    config = RedisConfig(url=own_server.url, retry_attempts=1, retry_initial_ms=10)
    with RedisPersistenceStore(config) as store, EventFluxManager() as manager:
        manager.set_persistence_store(store)
        runtime = manager.create_eventflux_app_runtime(SUM, name="Sum", playback=True)
        runtime.add_callback("Out", lambda events: seen.extend(event.data[0] for event in events))
        runtime.start()
        runtime.input_handler("In").send((1,), timestamp=1000)
        own_server.kill()
        with pytest.raises(StateError):
            runtime.persist()
        runtime.input_handler("In").send((2,), timestamp=1000)
        assert seen == [1, 3]
        own_server.start()
        assert runtime.persist() in store.revisions("Sum")


def test_the_plug_in_offers_the_store(server):
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("redis", "eventflux_redis.plugin")
        registry = manager.context.registry
        with registry.get("persistence_store", "redis").factory(url=server.url, ttl_seconds=9) as store:
            assert store.config == RedisConfig(url=server.url, ttl_seconds=9)
        backend = registry.get("state_backend", "redis").factory(url=server.url)
        assert backend.key_prefix == "eventflux:state:"


def test_the_configuration_names_the_store(own_server):
    """`persistence.type = redis`: restored at start, saved at the end."""
    config = {
        "persistence": {
            "type": "redis",
            "url": own_server.url,
            "revisions_to_keep": 2,
            "options": {"key_prefix": "shop:", "ttl_seconds": "3600", "compression": "zlib"},
        }
    }

    def totals(*values: int) -> list[int]:
        seen: list[int] = []
        with EventFluxManager(config, plugins=False) as manager:
            manager.set_extension("redis", "eventflux_redis.plugin")
            runtime = manager.create_eventflux_app_runtime(SUM, name="Sum", playback=True)
            runtime.add_callback("Out", lambda events: seen.extend(event.data[0] for event in events))
            runtime.start()
            for value in values:
                runtime.input_handler("In").send((value,), timestamp=1000)
        return seen

    assert totals(1, 2) == [1, 3]
    assert totals(5) == [7]
    assert totals(1) == [6]
    client = own_server.client()
    assert client.zcard("shop:Sum:revisions") == 2
    assert 3500 < client.ttl("shop:Sum:revisions") <= 3600


def test_the_health_of_an_app_shows_its_store(own_server):
    config = RedisConfig(url=own_server.url, health_check_secs=0, retry_attempts=0, connection_timeout_ms=1000)
    with RedisPersistenceStore(config) as store:
        manager, runtime = started("define stream S (n long); from S select n insert into Out;", store=store)
        with manager:
            assert runtime.health().checks["state store"].status == "healthy"
            own_server.kill()
            with pytest.raises(StateError):
                runtime.persist()
            check = runtime.health().checks["state store"]
            assert check.status == "degraded"
            assert "Connection refused" in check.message
            assert runtime.health().status == "degraded"
            own_server.start()
            assert runtime.health().checks["state store"].status == "healthy"
            runtime.persist()
