"""On-demand queries through the runtime: parameters, results, life cycle, threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from eventflux import EventBatch, EventFluxAppRuntime, EventFluxManager, ParseError, ValidationError
from eventflux.types.errors import EventDataError, RuntimeStateError, UndefinedStreamError

APP = """
@app:playback
define stream S (k string, v int, f float, d double, b bool, n long);
@PrimaryKey('k') define table T (k string, v int, f float, d double, b bool, n long);
define function twice[python] return int { return data[0] * 2 };
from S insert into T;
"""


@pytest.fixture
def runtime() -> Iterator[EventFluxAppRuntime]:
    with EventFluxManager(plugins=False) as manager:
        made = manager.create_eventflux_app_runtime(APP)
        made.start()
        made.input_handler("S").send_many(
            [("a", 1, 0.5, 1.5, True, 10), ("b", 2, 1.5, 2.5, False, 20), ("c", None, None, None, None, None)],
            [1, 2, 3],
        )
        yield made


def rows(found: EventBatch | int) -> list[tuple[Any, ...]]:
    assert not isinstance(found, int)
    return [event.data for event in found]


def test_parameters_are_values_of_any_type(runtime: EventFluxAppRuntime) -> None:
    assert rows(runtime.query("SELECT k FROM T WHERE v >= ? AND d < ?", (1, 2.0))) == [("a",)]
    assert rows(runtime.query("SELECT k FROM T WHERE k = :key", {"key": "b' OR 1 = 1"})) == []
    assert rows(runtime.query("SELECT k, :x AS x FROM T WHERE b = :b", {"x": 2**40, "b": False})) == [("b", 2**40)]
    assert rows(runtime.query("SELECT k FROM T WHERE n = ?", (20,))) == [("b",)]
    assert rows(runtime.query("SELECT k FROM T WHERE v = ?", (None,))) == []
    assert runtime.query("INSERT INTO T VALUES (?, ?, ?, ?, ?, ?)", ("d", 4, 2.5, 3, None, 5)) == 1
    assert rows(runtime.query("SELECT * FROM T WHERE k = 'd'")) == [("d", 4, 2.5, 3.0, None, 5)]
    assert runtime.query("UPDATE T SET f = ? WHERE k = ?", (0.25, "d")) == 1
    assert rows(runtime.query("SELECT f FROM T WHERE k = 'd'")) == [(0.25,)]


def test_a_parameter_without_a_value_is_named(runtime: EventFluxAppRuntime) -> None:
    with pytest.raises(ValidationError, match="parameter ':key'"):
        runtime.query("SELECT k FROM T WHERE k = :key", {"other": "b"})
    with pytest.raises(ValidationError, match="parameter 2"):
        runtime.query("SELECT k FROM T WHERE k = ? AND v = ?", ("b",))


def test_what_is_found_has_columns_and_an_empty_answer_too(runtime: EventFluxAppRuntime) -> None:
    found = runtime.query("from T on v > 0 select k, v")
    assert isinstance(found, EventBatch)
    assert found.names == ("k", "v")
    nothing = runtime.query("from T on v > 100 select k, v")
    assert isinstance(nothing, EventBatch)
    assert len(nothing) == 0
    assert nothing.names == ("k", "v")
    assert str(runtime.query_output_attributes("from T select k, v + 1L as w")) == "k STRING, w LONG"
    assert len(runtime.query_output_attributes("delete T on T.k == 'a'")) == 0


def test_functions_of_the_app_can_be_called(runtime: EventFluxAppRuntime) -> None:
    assert rows(runtime.query("from T on v > 0 and twice(v) > 2 select k, twice(v) as w")) == [("b", 4)]


def test_a_row_whose_key_is_taken_counts_as_none(runtime: EventFluxAppRuntime) -> None:
    failures: list[object] = []
    runtime.on_exception(failures.append)
    assert runtime.query("INSERT INTO T (k) VALUES ('a'), ('e')") == 1
    assert len(failures) == 1


def test_what_makes_no_sense_is_refused(runtime: EventFluxAppRuntime) -> None:
    with pytest.raises(ValidationError, match="neither a table"):
        runtime.query("from S select *")
    with pytest.raises(ValidationError, match="no table, window or aggregation 'U'"):
        runtime.query("SELECT * FROM U")
    with pytest.raises(ParseError):
        runtime.query("SELECT FROM")
    with pytest.raises(ValidationError):
        runtime.query("from T select nothing")


def test_a_query_needs_a_running_app() -> None:
    with EventFluxManager(plugins=False) as manager:
        made = manager.create_eventflux_app_runtime(APP)
        with pytest.raises(RuntimeStateError):
            made.query("from T")
        made.start()
        assert rows(made.query("from T")) == []
        made.shutdown()
        with pytest.raises(RuntimeStateError):
            made.query("from T")


def test_more_queries_than_are_kept_still_run(runtime: EventFluxAppRuntime) -> None:
    for number in range(120):
        assert rows(runtime.query(f"SELECT k FROM T WHERE v = {number % 60}")) == (
            [("a",)] if number % 60 == 1 else [("b",)] if number % 60 == 2 else []
        )


def test_queries_and_rows_come_from_several_threads(runtime: EventFluxAppRuntime) -> None:
    def send() -> None:
        for number in range(500):
            runtime.input_handler("S").send((f"k{number}", number, 0.0, 0.0, True, number), timestamp=10)

    sender = threading.Thread(target=send)
    sender.start()
    while sender.is_alive():
        counted = rows(runtime.query("from T select count() as c"))[0][0]
        assert 3 <= counted <= 503
    sender.join()
    assert rows(runtime.query("from T select count() as c")) == [(503,)]


def test_rows_of_a_table_come_from_outside(runtime: EventFluxAppRuntime) -> None:
    handler = runtime.table_input_handler("T")
    row = ("z", 1, 0.5, 0.5, True, 1)
    assert handler.add([row]) == 1
    assert handler.update([row], on="T.k == k", set={"v": "T.v + v"}) == 1
    assert handler.update_or_insert([row, ("y", 7, 0.0, 0.0, False, 2)], on="T.k == k", set={"n": "T.n + 5L"}) == 2
    assert rows(runtime.query("from T on k == 'z' or k == 'y' select k, v, n")) == [("z", 2, 6), ("y", 7, 2)]
    assert handler.delete([row], on="T.k == k or T.v is null") == 2
    with pytest.raises(EventDataError):
        handler.add([("too", "few")])
    with pytest.raises(ValidationError):
        handler.delete([row], on="T.nothing == k")
    with pytest.raises(UndefinedStreamError):
        runtime.table_input_handler("Tt")


def test_a_large_answer_outlives_what_made_it(runtime: EventFluxAppRuntime) -> None:
    count = 60_000
    runtime.table_input_handler("T").add([(f"key number {n}", n, 0.0, 0.0, True, n) for n in range(count)])
    for _ in range(2):
        found = runtime.query("from T on n >= 0L and v >= 0 and d == 0.0 select k, v")
        assert len(rows(found)) == count
        assert rows(found)[-1] == (f"key number {count - 1}", count - 1)
