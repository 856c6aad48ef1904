"""Settings of the app and options of streams."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.builtin import plugin
from eventflux.extension import ExtensionRegistry, PluginManager
from eventflux.language import parse
from eventflux.planner import Plan, PlannerOptions, check, plan
from eventflux.planner.binder.async_options import AsyncOptions
from eventflux.planner.binder.stream_options import ErrorStrategy, StreamOptions
from eventflux.planner.settings import Playback, Statistics
from eventflux.types.diagnostic import Diagnostic

Planned = Callable[..., Plan]
Refused = Callable[[str], tuple[Diagnostic, ...]]
_REST = "define stream S (a int); from S select a insert into O;"


def _options(plan: Plan) -> StreamOptions:
    stream = plan.stream("S")
    assert stream is not None
    return stream.options


def test_annotations_and_set_say_the_same(planned: Planned) -> None:
    ql = planned(
        f"@app:name('X') @app:playback(idle.time='100 millisecond', increment='2 sec') @app:statistics {_REST}"
    )
    sql = planned(
        f"""SET 'app.name' = 'X'; SET 'app.playback' = true; SET 'app.playback.idle.time' = '100ms';
        SET 'app.playback.increment' = '2 sec'; SET 'app.statistics' = true; {_REST}"""
    )

    assert ql.settings == sql.settings
    assert ql.settings.playback == Playback(idle_time_ms=100, increment_ms=2000)
    assert ql.settings.statistics == Statistics()


def test_the_caller_decides_about_playback_over_the_text(planned: Planned) -> None:
    assert planned(f"@app:playback {_REST}", playback=False).settings.playback is None
    assert planned(_REST, playback=True).settings.playback == Playback()
    assert planned(f"@app:playback {_REST}").settings.playback == Playback()


@pytest.mark.parametrize(
    ("annotation", "code"),
    [
        ("@app:name('a') @app:name('b')", "SQL2016"),
        ("@app:playback(idle.time='1 sec')", "SQL2016"),
        ("@app:playback(other='1 sec', increment='1 sec')", "SQL2016"),
        ("@app:playback(idle.time='soon', increment='1 sec')", "SQL1006"),
        ("@app:async", "SQL2016"),
        ("@app:statistics('perhaps')", "SQL5009"),
    ],
)
def test_wrong_annotations_of_the_app_are_refused(annotation: str, code: str, refused: Refused) -> None:
    assert [str(each.code) for each in refused(f"{annotation} {_REST}")] == [code]


def test_unknown_annotations_are_ignored(planned: Planned) -> None:
    assert planned(f"@app:foo('x') @foo(bar='1') {_REST}").settings.name is None


def test_async_by_annotation_and_by_properties(planned: Planned) -> None:
    ql = planned(f"@async(buffer.size='1024', workers='2', batch.size.max='10') {_REST}")
    sql = planned(
        """CREATE STREAM S (a INT) WITH ('async.buffer_size' = '1024', 'async.workers' = '2',
        'async.batch_size_max' = 10, 'async.backpressure' = 'drop-oldest', 'async.timeout' = '2s'); SELECT a FROM S;"""
    )

    assert _options(ql).buffer == AsyncOptions(buffer_size=1024, workers=2, batch_size_max=10)
    assert _options(sql).buffer == AsyncOptions(
        buffer_size=1024, workers=2, batch_size_max=10, backpressure="drop_oldest", timeout_ms=2000
    )


def test_error_strategies(planned: Planned, refused: Refused) -> None:
    assert _options(planned(f"@OnError(action='stream') {_REST}")).error_strategy is ErrorStrategy.STREAM
    sql = planned("CREATE STREAM S (a INT) WITH ('error.strategy' = 'fail'); SELECT a FROM S;")
    assert _options(sql).error_strategy is ErrorStrategy.FAIL
    assert [str(each.code) for each in refused(f"@OnError(action='hope') {_REST}")] == ["SQL2016"]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ("'type' = 'sauce', 'extension' = 'timer'", "SQL5002"),
        ("'extension' = 'timer'", "SQL5002"),
        ("'type' = 'source'", "SQL5001"),
        ("'type' = 'source', 'extension' = 'carrierpigeon', 'format' = 'json', 'json.x' = '1'", "SQL5006"),
        ("'async.workers' = '0'", "SQL5009"),
        ("'async.enabled' = 'perhaps'", "SQL5009"),
        ("'async.worker' = '1'", "SQL5004"),
        ("'nonsense' = '1'", "SQL5004"),
        ("'error.strategy' = 'hope'", "SQL5009"),
        ("'error.strategy' = 'dlq'", "SQL5001"),
    ],
)
def test_wrong_properties_are_refused(properties: str, code: str, refused: Refused) -> None:
    found = refused(f"CREATE STREAM S (a INT) WITH ({properties}); SELECT a FROM S;")

    assert code in [str(each.code) for each in found]


def test_a_fault_stream_exists_where_the_stream_asks_for_it(refused: Refused) -> None:
    assert [str(each.code) for each in refused(f"{_REST} from !S select a insert into P;")] == ["SQL2001"]


def test_properties_of_the_configuration_stand_in_for_missing_ones(registry: ExtensionRegistry) -> None:
    app = parse("CREATE STREAM S (a INT) WITH ('async.workers' = '3'); SELECT a FROM S;")
    options = PlannerOptions(stream_properties={"S": {"async.workers": "7", "async.buffer_size": "64"}})

    made = plan(app, registry, options=options)

    assert _options(made).buffer == AsyncOptions(workers=3, buffer_size=64)


def test_an_unknown_rewrite_cannot_be_switched_off() -> None:
    with pytest.raises(ValueError, match="no rewrite 'nix'"):
        PlannerOptions(switched_off=frozenset({"nix"}))


def test_check_tells_warnings_too_and_raises_for_nothing() -> None:
    registry = PluginManager([plugin], plugins=False).registry

    found = check(parse("CREATE STREAM S (a VARCHAR(5), b DECIMAL); SELECT c FROM S;"), registry)

    assert [str(each.code) for each in found] == ["W01", "W02", "SQL2003"]
