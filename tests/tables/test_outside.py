"""Tables outside answer as a table in memory does, whatever their store can do itself."""

import sqlite3

import pytest
from tests.tables.apps import APP, run

from eventflux import (
    AttributeType,
    ConfigError,
    ConnectionUnavailableError,
    EventFluxManager,
    ExtensionNotFoundError,
    InMemoryPersistenceStore,
    InMemoryTable,
    Schema,
    SqlDataSource,
    ValidationError,
)
from eventflux.extension import UNSUPPORTED, Extension, ExtensionKind, TableDefinition, TableStore
from eventflux.state.tables.data_source import SqlDataSource as DataSource

STRING, LONG, DOUBLE, BOOL, INT = (
    AttributeType.STRING,
    AttributeType.LONG,
    AttributeType.DOUBLE,
    AttributeType.BOOL,
    AttributeType.INT,
)
SCHEMA = Schema.of(k=STRING, v=LONG, d=DOUBLE, b=BOOL)


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


class Plain(InMemoryTable):
    """A store that keeps rows, and can change single ones, but knows no other condition."""

    def __init__(self):
        super().__init__()

    def compile_condition(self, condition):
        compiled = super().compile_condition(condition)
        return compiled if _is_identity(condition) else UNSUPPORTED


def _is_identity(condition):
    """What the runtime asks for when it changes single rows: `(T.a == ?0 or (T.a is null and ?0 is null)) and ...`."""
    parts = condition.operands if condition.operator == "and" else (condition,)
    return all(getattr(part, "operator", "") == "or" for part in parts)


@pytest.fixture
def plain(manager):
    manager.context.registry.register(
        Extension(name="plain", kind=ExtensionKind.STORE, factory=Plain, description="Rows in Python.")
    )


@pytest.fixture
def published(manager):
    manager.add_table("T", InMemoryTable(SCHEMA))
    manager.add_table("K", InMemoryTable(SCHEMA, primary_key=["k"]))


def expected(manager, key=""):
    return run(manager, key, name="native")


@pytest.mark.parametrize("key", ["", "@PrimaryKey('k') ", "@Index('v') "], ids=["no key", "key", "index"])
def test_sqlite_answers_as_memory_does(manager, tmp_path, key):
    assert run(manager, f"@store(type='sqlite', path='{tmp_path / 'a.db'}') {key}") == expected(manager, key)


@pytest.mark.parametrize("key", ["", "@PrimaryKey('k') "], ids=["no key", "key"])
@pytest.mark.parametrize("size", [3, 100], ids=["too small", "large enough"])
@pytest.mark.parametrize("policy", ["FIFO", "LRU", "LFU"])
def test_a_cache_in_front_changes_no_answer(manager, tmp_path, key, size, policy):
    store = f"@store(type='sqlite', path='{tmp_path / 'a.db'}') @cache(size='{size}', cache.policy='{policy}') "
    assert run(manager, store + key) == expected(manager, key)


@pytest.mark.parametrize("key", ["", "@PrimaryKey('k') "], ids=["no key", "key"])
def test_a_store_that_knows_no_condition_is_scanned(manager, plain, key):
    assert run(manager, f"@store(type='plain') {key}") == expected(manager, key)


def test_a_published_table_is_there_without_a_definition(manager, published):
    text = APP.replace("{table} define table T (k string, v long, d double, b bool);", "")
    assert run(manager, "", text=text) == expected(manager)


def test_the_cache_table_answers_as_memory_does_while_there_is_room(manager):
    assert run(manager, "@store(type='cache', max_size='100') @PrimaryKey('k') ") == expected(
        manager, "@PrimaryKey('k') "
    )


def test_both_dialects_spell_a_store(manager, tmp_path):
    path = tmp_path / "a.db"
    runtime = manager.create_eventflux_app_runtime(
        f"""
        CREATE TABLE T (k STRING PRIMARY KEY, v INT) WITH ('extension' = 'SQLite', 'sqlite.path' = '{path}',
            'table' = 'other', 'cache.size' = '10', 'error.strategy' = 'drop');
        CREATE STREAM S (k STRING, v INT);
        INSERT INTO T SELECT k, v FROM S;
        """
    )
    runtime.start()
    runtime.input_handler("S").send(("a", 1))
    assert sqlite3.connect(path).execute("SELECT * FROM other").fetchall() == [("a", 1)]


# ---- what is asked of the store


class Traced(DataSource):
    """A data source that notes the statements that its database runs."""

    def __init__(self, url):
        super().__init__(url)
        self.statements = []
        opened = self._open

        def open_traced():
            connection = opened()
            connection.set_trace_callback(self.statements.append)
            return connection

        self._open = open_traced
        self.initialised = []

    def init(self, context, name, config):
        self.initialised.append((name, dict(config)))

    def asked(self):
        return [each for each in self.statements if each.startswith(("SELECT", "WITH")) and "pragma" not in each]


def test_a_condition_is_one_statement_for_a_chunk(manager, tmp_path):
    source = Traced(f"sqlite:///{tmp_path / 'a.db'}")
    manager.add_data_source("db", source)
    runtime = manager.create_eventflux_app_runtime(
        """
        define stream S (id int, x int);
        @store(type='jdbc', data_source='db') define table T (id int, x int);
        from S join T on T.id == S.id and T.x > 5 select T.id as id, T.x as x insert into O;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("O", lambda events: seen.extend(event.data for event in events))
    runtime.start()
    runtime.query("select 1 as id, 10 as x insert into T")
    runtime.query("select 2 as id, 3 as x insert into T")
    source.statements.clear()

    runtime.input_handler("S").send_batch([(1, 0), (2, 0), (3, 0), (1, 1)], [1, 2, 3, 4])

    assert seen == [(1, 10), (1, 10)]
    (statement,) = source.asked()
    assert "JOIN" in statement
    assert "> 5" in statement
    assert source.initialised == [("db", {})]


def test_a_data_source_gets_its_section_of_the_configuration(tmp_path):
    source = Traced(f"sqlite:///{tmp_path / 'a.db'}")
    with EventFluxManager({"data_sources": {"db": {"url": "x", "pool_size": 3}}}, plugins=False) as manager:
        manager.add_data_source("db", source)
    assert source.initialised == [("db", {"url": "x", "pool_size": "3"})]


def test_a_data_source_that_fails_is_not_known(manager, tmp_path):
    class Failing(Traced):
        def init(self, context, name, config):
            raise RuntimeError("no luck")

    with pytest.raises(ConfigError, match="no luck"):
        manager.add_data_source("db", Failing(f"sqlite:///{tmp_path / 'a.db'}"))
    with pytest.raises(ConfigError, match="no data source 'db'"):
        manager.create_eventflux_app_runtime("@store(type='jdbc', data_source='db') define table T (id int);")


def test_explain_says_what_the_store_finds_and_what_is_tested(manager, tmp_path, plain):
    text = """
        define stream S (id int, x int);
        @store({store}) define table T (id int, x int, k string);
        from S join T on T.id == S.id and str:length(T.k) > S.x select T.id as id insert into O;
    """
    pushed = manager.create_eventflux_app_runtime(text.format(store=f"type='sqlite', path='{tmp_path}/a.db'"), name="a")
    scanned = manager.create_eventflux_app_runtime(text.format(store="type='plain'"), name="b")
    assert "left finds right by the store: (id == ?0)" in pushed.explain()
    assert "left tests right" in pushed.explain()
    assert "by the store" not in scanned.explain()


def test_an_update_of_all_rows_is_one_statement(manager, tmp_path):
    source = Traced(f"sqlite:///{tmp_path / 'a.db'}")
    manager.add_data_source("db", source)
    runtime = manager.create_eventflux_app_runtime(
        """
        define stream S (x int);
        @store(type='sql', data_source='db') define table T (id int, x int);
        from S select x update T set T.x = T.x + x on T.x >= 0;
        """
    )
    runtime.start()
    for number in range(5):
        runtime.query(f"select {number} as id, {number} as x insert into T")
    source.statements.clear()
    runtime.input_handler("S").send((10,))
    changes = [each for each in source.statements if each.startswith("UPDATE")]
    assert len(changes) == 1
    assert [event.data[0] for event in runtime.query("from T select x")] == [10, 11, 12, 13, 14]


# ---- life


def test_rows_outlive_the_app_and_are_no_part_of_snapshots(tmp_path):
    text = f"""
        define stream S (k string);
        @store(type='sqlite', path='{tmp_path / "a.db"}') define table T (k string);
        from S insert into T;
    """
    store = InMemoryPersistenceStore()
    for round_ in range(2):
        with EventFluxManager(plugins=False) as manager:
            manager.set_persistence_store(store)
            runtime = manager.create_eventflux_app_runtime(text, name="app")
            runtime.start()
            runtime.input_handler("S").send((f"row {round_}",))
            assert len(runtime.query("from T select k")) == round_ + 1
            assert len(runtime.snapshot()) < 4000


def test_two_apps_share_a_published_table(manager):
    table = InMemoryTable(Schema.of(col=INT))
    table.insert([(1,)])
    manager.add_table("MyTable", table)
    reader = manager.create_eventflux_app_runtime(
        "define stream S (a int); from S[MyTable.col == S.a in MyTable] select a insert into O;", playback=True
    )
    writer = manager.create_eventflux_app_runtime(
        "define stream W (a int); from W select a as col insert into MyTable;", name="writer", playback=True
    )
    seen = []
    reader.add_callback("O", lambda events: seen.extend(event.data[0] for event in events))
    reader.start()
    writer.start()

    reader.input_handler("S").send_batch([(1,), (2,)], [1, 2])
    writer.input_handler("W").send((2,), 1)
    reader.input_handler("S").send_batch([(1,), (2,)], [3, 4])

    assert seen == [1, 1, 2]
    assert list(table.rows()) == [(1,), (2,)]


def test_a_definition_of_the_app_hides_a_published_table(manager):
    manager.add_table("T", InMemoryTable(Schema.of(col=INT)))
    runtime = manager.create_eventflux_app_runtime(
        "define table T (k string); define stream S (k string); from S insert into T;"
    )
    assert runtime.tables["T"].names == ("k",)


def test_what_is_no_table_cannot_be_published(manager):
    with pytest.raises(ConfigError, match="TableStore with a definition"):
        manager.add_table("T", object())


class Flaky(InMemoryTable):
    """A store that cannot be reached while it is told so."""

    down = 0
    connects = 0

    def __init__(self):
        super().__init__()

    def connect(self):
        Flaky.connects += 1

    def insert(self, rows):
        if Flaky.down:
            Flaky.down -= 1
            raise ConnectionUnavailableError("the store is away")
        super().insert(rows)


@pytest.fixture
def flaky(manager, monkeypatch):
    manager.add_table_factory("flaky", Flaky)
    monkeypatch.setattr("eventflux.io.retry.CONNECT_DELAYS_SECONDS", (0.01,))
    Flaky.down = 0
    Flaky.connects = 0
    return Flaky


def flaky_app(manager, options=""):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        define stream S (k string);
        @store(type='flaky'{options}) define table T (k string);
        from S insert into T;
        """
    )
    told = []
    runtime.on_exception(told.append)
    runtime.start()
    return runtime, told


def test_a_store_that_is_away_is_waited_for(manager, flaky):
    runtime, told = flaky_app(manager)
    flaky.down = 3
    runtime.input_handler("S").send(("a",))
    assert [event.data for event in runtime.query("from T select k")] == [("a",)]
    assert flaky.connects == 4
    assert told == []


def test_rows_are_lost_where_the_text_says_so(manager, flaky):
    runtime, told = flaky_app(manager, ", on.error='LOG'")
    flaky.down = 1
    runtime.input_handler("S").send(("a",))
    runtime.input_handler("S").send(("b",))
    assert [event.data for event in runtime.query("from T select k")] == [("b",)]
    assert ["the store is away" in failure.message for failure in told] == [True]


def test_waiting_for_a_store_ends_when_the_app_stops(manager, flaky, monkeypatch):
    import threading

    monkeypatch.setattr("eventflux.io.retry.CONNECT_DELAYS_SECONDS", (60.0,))
    runtime, _ = flaky_app(manager)
    flaky.down = 1000
    sender = threading.Thread(target=runtime.input_handler("S").send, args=(("a",),))
    sender.start()
    while flaky.down == 1000:
        sender.join(0.01)
    runtime.shutdown()
    sender.join(10)
    assert not sender.is_alive()


def test_rows_that_a_store_refuses_go_to_the_fault_stream_alone(manager, tmp_path):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        @OnError(action='STREAM') define stream S (k string, v int);
        @store(type='sqlite', path='{tmp_path / "a.db"}') @PrimaryKey('k') define table T (k string, v int);
        from S select k, v update or insert into T set T.k = 'x' on T.v == v;
        from !S select k insert into E;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("E", lambda events: seen.extend(event.data[0] for event in events))
    runtime.start()
    runtime.input_handler("S").send_batch([("a", 1), ("b", 2), ("c", 1), ("d", 2)], [1, 2, 3, 4])
    assert sorted(event.data for event in runtime.query("from T select k, v")) == [("b", 2), ("x", 1)]
    assert seen == ["d"]


# ---- errors


def test_a_table_with_other_columns_is_refused_at_start(manager, tmp_path):
    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE T (k TEXT, other INT)")
    runtime = manager.create_eventflux_app_runtime(
        f"@store(type='sqlite', path='{tmp_path / 'a.db'}') define table T (k string, v int);"
    )
    with pytest.raises(ConfigError, match="other columns: v missing"):
        runtime.start()
    assert runtime.state == "stopped"


def test_a_table_that_may_not_be_made_has_to_be_there(manager, tmp_path):
    runtime = manager.create_eventflux_app_runtime(
        f"@store(type='sqlite', path='{tmp_path / 'a.db'}', create='never') define table T (k string);"
    )
    with pytest.raises(ConfigError, match="not in the database"):
        runtime.start()


def test_a_table_is_made_anew_where_that_is_asked_for(manager, tmp_path):
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE T (other INT)")
    connection.close()
    runtime = manager.create_eventflux_app_runtime(
        f"@store(type='sqlite', path='{tmp_path / 'a.db'}', create='recreate') define table T (k string);"
    )
    runtime.start()
    assert runtime.query("select 'a' as k insert into T") == 1


def test_a_database_that_cannot_be_opened_keeps_the_app_from_starting(manager, tmp_path):
    runtime = manager.create_eventflux_app_runtime(
        f"@store(type='sqlite', path='{tmp_path / 'no' / 'a.db'}') define table T (k string);"
    )
    with pytest.raises(ConnectionUnavailableError, match="cannot be reached"):
        runtime.start()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@store(path='x') define table T (k string);", "needs a type"),
        ("@store(type='sqlite') define table T (k string);", "path"),
        ("@store(type='sqlite', path='x', pathh='y') define table T (k string);", "pathh"),
        ("@store(type='sqlite', path='x', create='maybe') define table T (k string);", "create"),
        ("@cache(size='3') define table T (k string);", "@cache needs a @store"),
        ("@store(type='sqlite', path='x') @cache(size='0') define table T (k string);", "size"),
        ("@store(type='sqlite', path='x') @cache(size='3', cache.policy='XYZ') define table T (k string);", "policy"),
        ("@store(type='sqlite', path='x', on.error='SHRUG') define table T (k string);", "RETRY, LOG or STORE"),
        ("@store(type='cache') define table T (k string);", "max_size"),
        ("CREATE TABLE T (k STRING) WITH ('extension' = 'sqlite');", "path"),
        ("CREATE TABLE T (k STRING) WITH ('path' = 'x');", "unknown property 'path'"),
    ],
)
def test_a_store_that_cannot_be_is_refused_at_creation(manager, text, message):
    with pytest.raises(ValidationError, match=message):
        manager.create_eventflux_app_runtime(text)


def test_a_store_that_is_not_installed_is_named(manager):
    with pytest.raises(ExtensionNotFoundError, match="no store 'zz'"):
        manager.create_eventflux_app_runtime("@store(type='zz') define table T (k string);")


def test_a_url_that_means_no_database_is_refused(manager):
    with pytest.raises(ConfigError, match="no database is known"):
        SqlDataSource("oracle://host/db")
    with pytest.raises(ConfigError, match="'data_source' or 'url'"):
        manager.create_eventflux_app_runtime("@store(type='jdbc') define table T (k string);")


class Mute(TableStore):
    """A store that can do nothing but give its rows."""

    def init(self, definition: TableDefinition):
        pass

    def connect(self):
        pass

    def disconnect(self):
        pass

    def insert(self, rows):
        raise NotImplementedError("read only")

    def find(self, condition, parameters):
        raise AssertionError("nothing was compiled")

    def update(self, condition, update_set, parameters):
        raise AssertionError("nothing was compiled")

    def delete(self, condition, parameters):
        raise AssertionError("nothing was compiled")

    def update_or_insert(self, condition, update_set, parameters, rows):
        raise AssertionError("nothing was compiled")

    def rows(self):
        return [("a", 1), ("b", 2)]


def test_a_store_that_can_only_be_read_is_joined_and_not_changed(manager):
    manager.add_table_factory("mute", Mute)
    runtime = manager.create_eventflux_app_runtime(
        """
        define stream S (k string);
        @store(type='mute') define table T (k string, v int);
        from S join T on T.k == S.k select T.v as v insert into O;
        from S select k delete T on T.k == k;
        from S select k, 1 as v insert into T;
        """,
        playback=True,
    )
    seen, told = [], []
    runtime.add_callback("O", lambda events: seen.extend(event.data[0] for event in events))
    runtime.on_exception(lambda failure: told.append(failure.message))
    runtime.start()
    runtime.input_handler("S").send_batch([("b",), ("q",)], [1, 2])
    assert seen == [2]
    assert any("cannot change single rows" in message for message in told)
    assert any("read only" in message for message in told)
