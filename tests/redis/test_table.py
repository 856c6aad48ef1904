"""Tables in Redis answer as a table in memory does."""

import logging
import threading
import time

import pytest
from tests.redis.server import free_port
from tests.tables.apps import run

from eventflux import ConfigError, ConnectionUnavailableError, EventFluxManager, ValidationError

pytestmark = pytest.mark.service


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        made.set_extension("redis", "eventflux_redis.plugin")
        yield made


def test_answers_as_memory_does(manager, server):
    table = f"@store(type='redis', url='{server.url}') @PrimaryKey('k') "
    assert run(manager, table) == run(manager, "@PrimaryKey('k') ", name="native")


def test_a_cache_in_front_changes_no_answer(manager, server):
    table = f"@store(type='redis', url='{server.url}') @cache(size='3', cache.policy='LRU') @PrimaryKey('k') "
    assert run(manager, table) == run(manager, "@PrimaryKey('k') ", name="native")


def _app(manager, server, attributes="k string, v long", key="k", options="", name="app"):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        define stream S ({attributes});
        @store(type='redis', url='{server.url}'{options}) @PrimaryKey('{key}') define table T ({attributes});
        from S insert into T;
        """,
        name=name,
    )
    runtime.start()
    return runtime


def test_a_row_is_a_hash(manager, server, client):
    runtime = _app(manager, server, "k string, v long, d double, b bool, o object")
    runtime.input_handler("S").send_batch([("a:%b", 7, 1.5, True, {"x": [1]}), ("n", None, None, None, None)])
    assert client.hgetall("eventflux:table:T:a%3A%25b") == {
        b"k": b"a:%b",
        b"v": b"7",
        b"d": b"1.5",
        b"b": b"true",
        b"o": b"\x81\xa1x\x91\x01",
    }
    assert client.hgetall("eventflux:table:T:n") == {b"k": b"n"}
    assert client.ttl("eventflux:table:T:n") == -1


def test_what_others_write_is_seen(manager, server, client):
    runtime = _app(manager, server)
    client.hset("eventflux:table:T:x", mapping={"k": "x", "v": "5"})
    assert [event.data for event in runtime.query("from T on k == 'x' select k, v")] == [("x", 5)]


def test_prefix_and_time_to_live(manager, server, client):
    runtime = _app(manager, server, options=", key_prefix='shop:', ttl='100 sec'")
    runtime.input_handler("S").send(("a", 1))
    assert 90 < client.ttl("shop:a") <= 100
    client.pexpire("shop:a", 1)
    time.sleep(0.05)
    assert len(runtime.query("from T select k")) == 0


def test_every_type_and_null_comes_back_as_it_went(manager, server):
    attributes = "key string, i int, l long, f float, d double, b bool, s string, o object"
    runtime = _app(manager, server, attributes, key="key")
    rows = [
        ("1", 2**31 - 1, 2**63 - 1, 1.5, 1e300, True, "ünï€😀 ' \" \\", {"a": [1, None, "x"]}),
        ("2", -(2**31), -(2**63), -0.25, 5e-324, False, "", {1, 2}),
        ("3", None, None, None, None, None, None, None),
    ]
    runtime.input_handler("S").send_batch(rows)
    found = [event.data for event in runtime.query("from T select key, i, l, f, d, b, s, o")]
    assert sorted(found) == rows


@pytest.mark.parametrize(
    ("type_", "stored", "same", "other"),
    [
        ("int", 5, "5.0", "5.5"),
        ("long", 2**60, f"{2**60}L", "0.5"),
        ("double", 0.0, "0", "1"),
        ("bool", True, "true", "false"),
    ],
)
def test_keys_are_found_by_equal_values_of_another_type(manager, server, type_, stored, same, other):
    runtime = _app(manager, server, f"k {type_}, v long")
    runtime.input_handler("S").send((stored, 1))
    assert len(runtime.query(f"from T on k == {same} select v")) == 1
    assert len(runtime.query(f"from T on k == {other} select v")) == 0


def test_a_key_of_two_attributes(manager, server, client):
    runtime = _app(manager, server, "a string, b int, v long", key="a', 'b")
    runtime.input_handler("S").send_batch([("x", 1, 10), ("x", 2, 20), ("x:2", 1, 30)])
    assert {key.decode() for key in client.keys("eventflux:table:T:*")} == {
        f"eventflux:table:T:{each}" for each in ("x:1", "x:2", "x%3A2:1")
    }
    assert [event.data[0] for event in runtime.query("from T on b == 2 and a == 'x' and v > 5L select v")] == [20]
    assert runtime.query("update T set T.b = 3 on T.a == 'x' and T.b == 2") == 1
    assert [event.data for event in runtime.query("from T on a == 'x' and b == 3 select v")] == [(20,)]
    assert not client.exists("eventflux:table:T:x:2")


def test_a_look_up_asks_for_one_hash_and_anything_else_looks_at_all(manager, server, client, caplog):
    runtime = _app(manager, server)
    runtime.input_handler("S").send_batch([(f"k{n}", n) for n in range(500)])
    client.config_resetstat()
    assert [event.data[0] for event in runtime.query("from T on k == 'k7' and v < 100L select v")] == [7]
    stats = client.info("commandstats")
    assert stats["cmdstat_hgetall"]["calls"] == 1
    assert "cmdstat_scan" not in stats
    assert not caplog.records
    assert len(runtime.query("from T on v < 100L select v")) == 100
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "does not name the primary key: all rows are looked at" in record.getMessage()


def test_a_row_without_a_key_is_refused(manager, server):
    runtime = _app(manager, server)
    failures = []
    runtime.on_exception(failures.append)
    runtime.input_handler("S").send_batch([(None, 1), ("a", 2)])
    assert [event.data for event in runtime.query("from T select k, v")] == [("a", 2)]
    assert any("must not be null" in str(each.message) for each in failures), failures


def test_what_is_no_row_is_told(manager, server, client):
    runtime = _app(manager, server)
    client.set("eventflux:table:T:text", "x")
    failures = []
    runtime.on_exception(failures.append)
    assert len(runtime.query("from T on k == 'text' select k")) == 0
    assert [failure.message for failure in failures if "WRONGTYPE" in failure.message]


def test_a_table_needs_a_primary_key(manager, server):
    with pytest.raises((ConfigError, ValidationError), match="primary key"):
        manager.create_eventflux_app_runtime(
            f"@store(type='redis', url='{server.url}') define table T (k string); define stream S (k string);"
        )


def test_a_server_that_goes_away_is_waited_for(manager, own_server, monkeypatch):
    monkeypatch.setattr("eventflux.io.retry.CONNECT_DELAYS_SECONDS", (0.1,))
    runtime = _app(manager, own_server)
    runtime.input_handler("S").send(("before", 1))
    own_server.kill()
    sender = threading.Thread(target=runtime.input_handler("S").send, args=(("after", 2),))
    sender.start()
    sender.join(0.5)
    assert sender.is_alive()
    own_server.start()
    sender.join(30)
    assert not sender.is_alive()
    assert sorted(event.data[0] for event in runtime.query("from T select k")) == ["after", "before"]


def test_a_server_that_is_not_there_keeps_the_app_from_starting(manager):
    runtime = manager.create_eventflux_app_runtime(
        f"@store(type='redis', url='redis://127.0.0.1:{free_port()}') @PrimaryKey('k') define table T (k string);"
    )
    with pytest.raises(ConnectionUnavailableError):
        runtime.start()


def test_in_sql(manager, server):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        CREATE TABLE Users (id BIGINT PRIMARY KEY, name STRING)
            WITH ('extension' = 'redis', 'redis.url' = '{server.url}');
        CREATE STREAM Logins (id BIGINT);
        INSERT INTO Known SELECT L.id, U.name FROM Logins L JOIN Users U ON L.id = U.id;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("Known", lambda events: seen.extend(event.data for event in events))
    runtime.start()
    runtime.query("INSERT INTO Users VALUES (1, 'Ann'), (2, 'Bob')")
    runtime.input_handler("Logins").send_batch([(2,), (3,)], [1, 2])
    assert seen == [(2, "Bob")]
