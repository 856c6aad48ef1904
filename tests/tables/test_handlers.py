"""What a handler sees of a table outside the engine, and what health and metrics tell of it."""

import pytest

from eventflux import ConnectionUnavailableError, EventFluxManager, InMemoryTable, Schema
from eventflux.extension import Extension, ExtensionKind, TableHandler
from eventflux.observability import prometheus_collector
from eventflux.observability.prometheus import exposition
from eventflux.observability.rates import Rates
from eventflux.types.attribute_type import AttributeType

APP = """
define stream S (k string, n long);
define stream Ask (k string);
@store(type='frail', on.error='LOG') @PrimaryKey('k') define table T (k string, n long);
@store(type='frail') define table Other (k string);
@info(name='add') from S insert into T;
@info(name='ask') from Ask join T on Ask.k == T.k select T.k as k, T.n as n insert into Found;
"""


class Frail(InMemoryTable):
    """Rows in Python, that can't be reached while one says so."""

    is_there = True

    def __init__(self):
        super().__init__()

    def insert(self, rows):
        if not Frail.is_there:
            raise ConnectionUnavailableError("the store is away")
        super().insert(rows)


class Watching(TableHandler):
    def __init__(self, context, seen):
        self._table = context.stream
        self._store = context.type_name
        self._seen = seen

    def on_operation(self, operation, rows, next):
        if any("secret" in row for row in rows):
            raise PermissionError("not for this table")
        result = next()
        self._seen.append((self._table, self._store, operation, list(rows)))
        return result


@pytest.fixture
def manager():
    Frail.is_there = True
    with EventFluxManager(plugins=False) as made:
        made.context.registry.register(
            Extension(name="frail", kind=ExtensionKind.STORE, factory=Frail, description="Rows in Python.")
        )
        yield made


def _started(manager):
    runtime = manager.create_eventflux_app_runtime(APP, name="App")
    runtime.start()
    return runtime


def test_a_handler_sees_each_operation_and_may_refuse_it(manager):
    seen, found, failures = [], [], []
    manager.set_table_handler_factory(
        lambda context: Watching(context, seen) if (context.app_name, context.stream) == ("App", "T") else None
    )
    runtime = _started(manager)
    runtime.on_exception(lambda failure: failures.append(str(failure)))
    runtime.add_callback("Found", lambda events: found.extend(event.data for event in events))
    runtime.input_handler("S").send_batch([("a", 1), ("b", 2)])
    runtime.input_handler("S").send(("secret", 3))
    runtime.input_handler("Ask").send(("a",))
    assert [event.data for event in runtime.query("from T select k order by k")] == [("a",), ("b",)]
    assert found == [("a", 1)]
    assert [each for each in seen if each[2] == "insert"] == [("T", "frail", "insert", [("a", 1), ("b", 2)])]
    assert ("T", "frail", "find", [("a",)]) in seen
    assert any("not for this table" in each for each in failures)


def test_tables_that_the_manager_has_are_seen_too(manager):
    seen = []
    manager.add_table("Shared", InMemoryTable(Schema.of(k=AttributeType.STRING)))
    manager.set_table_handler_factory(lambda context: Watching(context, seen))
    runtime = manager.create_eventflux_app_runtime("define stream S (k string); from S insert into Shared;", name="App")
    runtime.start()
    runtime.input_handler("S").send(("x",))
    assert seen == [("Shared", "", "insert", [("x",)])]


def test_health_shows_a_store_that_is_away_and_back(manager):
    runtime = _started(manager)
    assert runtime.health().checks["table/T"].status == "healthy"
    Frail.is_there = False
    runtime.input_handler("S").send(("a", 1))
    check = runtime.health().checks["table/T"]
    assert (check.status, check.message) == ("degraded", "the store is away")
    assert runtime.health().checks["table/Other"].status == "healthy"
    assert runtime.health().status == "degraded"
    Frail.is_there = True
    runtime.input_handler("S").send(("a", 1))
    assert runtime.health().checks["table/T"].status == "healthy"


def test_operations_are_counted_by_how_long_they_took(manager):
    runtime = _started(manager)
    for n in range(5):
        runtime.input_handler("S").send((str(n), n))
    counts = runtime.metrics().tables["T"]["insert"]
    assert counts.count == 5
    assert 0 < counts.seconds < 60
    text = exposition([runtime], Rates(lambda: 0.0))
    labels = 'app="App",table="T",operation="insert"'
    assert "# TYPE eventflux_table_operation_seconds histogram" in text
    assert f'eventflux_table_operation_seconds_bucket{{{labels},le="+Inf"}} 5' in text
    assert f"eventflux_table_operation_seconds_count{{{labels}}} 5" in text
    bounds = [line.partition(',le="')[2].partition('"')[0] for line in text.splitlines() if f"bucket{{{labels}" in line]
    assert bounds[:3] == ["0.000001", "0.000002", "0.000004"]
    assert len(bounds) == 26


def test_histograms_go_to_the_client_of_prometheus(manager):
    client = pytest.importorskip("prometheus_client")
    runtime = _started(manager)
    runtime.input_handler("S").send(("a", 1))
    registry = client.CollectorRegistry()
    registry.register(prometheus_collector(runtime))
    labels = {"app": "App", "table": "T", "operation": "insert"}
    assert registry.get_sample_value("eventflux_table_operation_seconds_count", labels) == 1
