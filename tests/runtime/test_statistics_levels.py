"""How much an app counts: off, basic, detail, from the configuration, the manager or the runtime, while it runs."""

import pytest

from eventflux import EventFluxManager, RuntimeStateError
from eventflux.io.durations import BOUNDS, Durations
from eventflux.observability.prometheus import exposition
from eventflux.observability.rates import Rates
from eventflux.testing import InMemoryBroker

APP = """
@source(type='inMemory', topic='levels-in', @map(type='json')) define stream S (k string, v long);
@sink(type='inMemory', topic='levels-out', @map(type='json')) define stream O (k string, t long);
@info(name='sums') from S#window.length(100) select k, sum(v) as t group by k insert into O;
@info(name='quiet') from S[v > 1000000] select k insert into Quiet;
"""


@pytest.fixture
def manager():
    InMemoryBroker.reset()
    with EventFluxManager(plugins=False) as made:
        yield made
    InMemoryBroker.reset()


def _send(count, first=0):
    for n in range(first, first + count):
        InMemoryBroker.publish("levels-in", b'{"k": "a", "v": %d}' % n)


def _started(manager, **options):
    runtime = manager.create_eventflux_app_runtime(APP, name="App", **options)
    runtime.start()
    return runtime


def _text(runtime):
    return exposition([runtime], Rates(lambda: 0.0))


def test_basic_measures_nothing(manager):
    runtime = _started(manager)
    _send(5)
    assert runtime.statistics_level == "basic"
    metrics = runtime.metrics()
    assert metrics.queries == {}
    assert all(node.busy_ns == 0 for node in metrics.operators)
    assert metrics.connectors["source/S/inMemory/0"].mapping is None
    assert "latency_seconds_bucket" not in _text(runtime)


def test_detail_counts_queries_operators_and_mappers(manager):
    runtime = _started(manager)
    _send(3)
    runtime.set_statistics_level("detail")
    _send(5)
    runtime.input_handler("S").send_many([("b", n) for n in range(500)])
    metrics = runtime.metrics()
    assert set(metrics.queries) == {"sums", "quiet"}
    assert metrics.queries["sums"].count == 6, "a duration a slice: five rows alone, five hundred together"
    assert 0 < metrics.queries["sums"].seconds < 60
    busy = {node.name: node.busy_ns for node in metrics.operators}
    of_query = sum(ns for name, ns in busy.items() if name.startswith("sums/"))
    assert of_query / 1e9 == pytest.approx(metrics.queries["sums"].seconds)
    source, sink = (metrics.connectors[name] for name in ("source/S/inMemory/0", "sink/O/inMemory/0"))
    assert (source.format, source.mapping.count) == ("json", 5)
    assert (sink.format, sink.mapping.count) == ("json", 6)
    text = _text(runtime)
    assert "# TYPE eventflux_query_latency_seconds histogram" in text
    assert 'eventflux_query_latency_seconds_count{app="App",query="sums"} 6' in text
    assert 'eventflux_mapper_seconds_count{app="App",stream="S",direction="in",format="json",n="0"} 5' in text
    assert 'eventflux_operator_rows_in_total{app="App",operator="quiet/filter/0",kind="filter"} 508' in text


def test_going_back_forgets_what_was_measured(manager):
    runtime = _started(manager)
    runtime.set_statistics_level("detail")
    _send(2)
    runtime.set_statistics_level("basic")
    assert runtime.metrics().queries == {}
    _send(2)
    runtime.set_statistics_level("detail")
    assert runtime.metrics().queries["sums"].count == 0
    _send(1)
    assert runtime.metrics().queries["sums"].count == 1


def test_off_shows_the_state_of_the_app_alone(manager):
    runtime = _started(manager)
    runtime.set_statistics_level("off")
    _send(2)
    text = _text(runtime)
    assert "eventflux_app_state" in text
    assert "eventflux_stream_events" not in text
    runtime.set_statistics_level("basic")
    assert 'eventflux_stream_events_total{app="App",stream="S"} 2' in _text(runtime)


def test_the_configuration_and_the_manager_set_it(manager):
    runtime = _started(manager, config={"observability": {"metrics": {"level": "detail"}}})
    assert runtime.statistics_level == "detail"
    manager.set_statistics("off")
    assert runtime.statistics_level == "off"
    other = manager.create_eventflux_app_runtime("define stream X (n long);", name="Other")
    assert other.statistics_level == "off"
    for change in (manager.set_statistics, other.set_statistics_level):
        with pytest.raises(ValueError, match="there are: off, basic, detail"):
            change("much")


def test_a_function_of_a_query_cannot_change_it(manager):
    caught = []

    def nosy(value):
        try:
            runtime.set_statistics_level("detail")
        except RuntimeStateError as error:
            caught.append(str(error))
        return value

    manager.add_scalar_function("nosy", nosy, returns="LONG")
    runtime = manager.create_eventflux_app_runtime(
        "define stream X (n long); from X select nosy(n) as n insert into Y;", name="Nosy"
    )
    runtime.start()
    runtime.input_handler("X").send((1,))
    assert caught
    assert runtime.statistics_level == "basic"


def test_durations_fall_into_the_class_whose_bound_is_next():
    durations = Durations()
    for seconds in (0.0, 1e-6, 1.5e-6, 2e-6, 1.0, 100.0):
        durations.add(seconds)
    counts = durations.counts()
    assert counts.classes[0] == 2
    assert counts.classes[1] == 2
    assert counts.classes[-1] == 1
    assert counts.count == 6
    assert counts.cumulated()[-1] == (float("inf"), 6)
    assert dict(counts.cumulated())[BOUNDS[20]] == 5
