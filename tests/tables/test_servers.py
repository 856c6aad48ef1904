"""Tables in servers answer as a table in memory does, and outlive the server's absence."""

import threading

import pytest
from tests.tables.apps import run
from tests.tables.servers import Mysql, Postgres

from eventflux import ConnectionUnavailableError, EventFluxManager


@pytest.fixture(scope="module", params=[Postgres, Mysql], ids=["postgres", "mysql"])
def server(request):
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


@pytest.mark.timeout(240)
@pytest.mark.parametrize("key", ["", "@PrimaryKey('k') ", "@Index('v') "], ids=["no key", "key", "index"])
def test_a_server_answers_as_memory_does(manager, server, key):
    table = f"@store(type='jdbc', url='{server.url}', table='answers', create='recreate') {key}"
    assert run(manager, table) == run(manager, key, name="native")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("policy", ["LRU", "LFU"])
def test_a_cache_in_front_changes_no_answer(manager, server, policy):
    table = f"@store(type='jdbc', url='{server.url}', table='cached', create='recreate') "
    cache = f"@cache(size='3', cache.policy='{policy}') @PrimaryKey('k') "
    assert run(manager, table + cache) == run(manager, "@PrimaryKey('k') ", name="native")


@pytest.mark.timeout(240)
def test_every_type_and_null_comes_back_as_it_went(manager, server):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        define stream S (i int, l long, f float, d double, b bool, s string, o object);
        @store(type='jdbc', url='{server.url}', table='types', create='recreate')
        define table T (i int, l long, f float, d double, b bool, s string, o object);
        from S insert into T;
        """
    )
    runtime.start()
    rows = [
        (2**31 - 1, 2**63 - 1, 1.5, 1e300, True, "ünï€😀%s ? ' \" \\ `", {"a": [1, None, "x"]}),
        (-(2**31), -(2**63), -0.25, 5e-324, False, "", {1, 2}),
        (None, None, None, None, None, None, None),
    ]
    runtime.input_handler("S").send_batch(rows)
    found = [event.data for event in runtime.query("from T select i, l, f, d, b, s, o")]
    assert sorted(found, key=repr) == sorted(rows, key=repr)


@pytest.mark.timeout(240)
def test_texts_are_told_apart_by_case_and_accent(manager, server):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        define stream S (k string);
        @store(type='jdbc', url='{server.url}', table='texts', create='recreate') @PrimaryKey('k')
        define table T (k string);
        from S insert into T;
        """
    )
    runtime.start()
    runtime.input_handler("S").send_batch([("a",), ("A",), ("ä",)])
    assert [event.data for event in runtime.query("from T on k == 'a' select k")] == [("a",)]
    assert len(runtime.query("from T select k")) == 3


@pytest.mark.timeout(240)
def test_a_server_that_goes_away_is_waited_for(manager, server, monkeypatch):
    monkeypatch.setattr("eventflux.io.retry.CONNECT_DELAYS_SECONDS", (0.1,))
    runtime = manager.create_eventflux_app_runtime(
        f"""
        define stream S (k string);
        @store(type='jdbc', url='{server.url}', table='waiting', create='recreate') define table T (k string);
        from S insert into T;
        """
    )
    runtime.start()
    runtime.input_handler("S").send(("before",))
    server.kill()
    sender = threading.Thread(target=runtime.input_handler("S").send, args=(("after",),))
    sender.start()
    sender.join(0.5)
    assert sender.is_alive()
    server.start()
    sender.join(30)
    assert not sender.is_alive()
    assert sorted(event.data[0] for event in runtime.query("from T select k")) == ["after", "before"]


@pytest.mark.timeout(240)
def test_a_server_that_is_not_there_keeps_the_app_from_starting(manager, server):
    scheme = server.url.partition(":")[0]
    runtime = manager.create_eventflux_app_runtime(
        f"@store(type='jdbc', url='{scheme}://nobody@127.0.0.1:9/none') define table T (k string);"
    )
    with pytest.raises(ConnectionUnavailableError, match="cannot be reached"):
        runtime.start()


@pytest.mark.timeout(240)
def test_the_shorthand_of_a_server(manager, server):
    user = "root" if server.name == "mysql" else "tester"
    database = "events" if server.name == "mysql" else "postgres"
    name = server.name
    runtime = manager.create_eventflux_app_runtime(
        f"""
        CREATE TABLE Users (id LONG PRIMARY KEY, name STRING) WITH ('extension' = '{name}',
            '{name}.host' = '127.0.0.1', '{name}.port' = '{server.port}', '{name}.database' = '{database}',
            '{name}.table' = 'users', '{name}.username' = '{user}');
        CREATE STREAM Logins (id LONG);
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
