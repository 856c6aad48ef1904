"""Rows in: forms of rows, coercion, refusals, meanings."""

from __future__ import annotations

import dataclasses
import datetime
import math

import pytest
from tests.engine.graphs import ALL_TYPES

from eventflux.types.errors import EventDataError, RuntimeStoppedError

GOOD = (True, 1, 2, 1.5, 2.5, "text", {"a": [1, 2.5, None]})


def test_values_of_all_types_come_out_as_they_went_in(everything):
    everything.input.send(GOOD, timestamp=1000)
    assert everything.rows == [GOOD]
    assert everything.timestamps == [1000]


def test_null_is_none_in_every_type(everything):
    everything.input.send((None,) * 7, timestamp=1)
    assert everything.rows == [(None,) * 7]


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (1, 2**31 - 1),
        (1, -(2**31)),
        (2, 2**63 - 1),
        (2, -(2**63)),
        (3, math.inf),
        (4, -math.inf),
        (4, 5e-324),
        (5, ""),
        (5, "twelve bytes"),
        (5, "thirteen bytes"),
        (5, "äöü\U0001f600" * 10),
        (6, {1, "two", (3, 4)}),
        (6, []),
        (6, "a str"),
        (6, b"bytes"),
        (6, datetime.datetime(2024, 5, 17, 12, 30, tzinfo=datetime.timezone.utc)),
    ],
    ids=repr,
)
def test_limits_survive(everything, position, value):
    row = list(GOOD)
    row[position] = value
    everything.input.send(row, timestamp=1)
    assert everything.rows[0][position] == value


@pytest.mark.parametrize(
    ("position", "value", "stored"),
    [(3, 7, 7.0), (4, 7, 7.0), (3, 0.1, 0.10000000149011612), (4, True, None), (6, (1, 2), [1, 2])],
    ids=repr,
)
def test_widening(everything, position, value, stored):
    row = list(GOOD)
    row[position] = value
    if stored is None:
        with pytest.raises(EventDataError):
            everything.input.send(row, timestamp=1)
    else:
        everything.input.send(row, timestamp=1)
        assert everything.rows[0][position] == stored


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, 1),
        (0, "true"),
        (1, 2**31),
        (1, 1.0),
        (1, True),
        (1, "1"),
        (2, 2**63),
        (2, 1.5),
        (3, 1e300),
        (3, "1.5"),
        (4, 10**400),
        (4, "2.5"),
        (5, 5),
        (5, b"bytes"),
        (5, "\ud800"),
        (6, object()),
        (6, 2**64),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_refused_and_named(everything, position, value):
    row = list(GOOD)
    row[position] = value
    with pytest.raises(EventDataError) as caught:
        everything.input.send(row, timestamp=1)
    name = ALL_TYPES.names[position]
    assert caught.value.stream == "In"
    assert caught.value.attribute == name
    assert caught.value.row is None
    assert caught.value.expected
    assert f"attribute {name}" in str(caught.value)
    assert everything.rows == []


@dataclasses.dataclass
class Trade:
    symbol: str
    price: float
    volume: int


@pytest.mark.parametrize(
    "row",
    [
        ("A", 1.5, 3),
        ["A", 1.5, 3],
        {"volume": 3, "symbol": "A", "price": 1.5},
        Trade("A", 1.5, 3),
    ],
    ids=["tuple", "list", "dict", "dataclass"],
)
def test_forms_of_a_row(trades, row):
    assert trades.input.send(row, timestamp=5) == 1
    assert trades.input.send_many([row, row], timestamps=[6, 7]) == 2
    assert trades.input.send_batch(iter([row]), timestamps=8) == 1
    assert trades.rows == [("A", 1.5, 3)] * 4
    assert trades.timestamps == [5, 6, 7, 8]


def test_a_name_that_a_mapping_leaves_out_is_null(trades):
    trades.input.send({"symbol": "A"}, timestamp=1)
    assert trades.rows == [("A", None, None)]


def test_an_unknown_name_in_a_mapping_is_refused(trades):
    with pytest.raises(EventDataError, match="no attribute 'prise'") as caught:
        trades.input.send({"symbol": "A", "prise": 1.0})
    assert caught.value.attribute == "prise"
    assert "symbol, price, volume" in str(caught.value)


def test_objects_of_all_kinds_come_back(everything):
    values = [
        True,
        0,
        -1,
        2**63 - 1,
        2**64 - 1,
        -(2**63),
        1.5,
        math.inf,
        "",
        "a text that is long",
        b"",
        [],
        {},
        {"k": [None]},
    ]
    for value in values:
        everything.input.send([*GOOD[:6], value], timestamp=1)
    assert [row[6] for row in everything.rows] == values
    assert [type(row[6]) for row in everything.rows] == [type(value) for value in values]


def test_objects_nested_too_deeply_are_refused(everything):
    value = []
    for _ in range(60):
        value = [value]
    everything.input.send([*GOOD[:6], value], timestamp=1)
    assert everything.rows[0][6] == value
    for _ in range(10):
        value = [value]
    with pytest.raises(EventDataError, match="at most 64 deep"):
        everything.input.send([*GOOD[:6], value], timestamp=1)


@pytest.mark.parametrize("row", [("A", 1.5), ("A", 1.5, 3, 4), ()], ids=len)
def test_arity_is_exact(trades, row):
    with pytest.raises(EventDataError, match=f"a row has 3 values, got {len(row)}"):
        trades.input.send(row, timestamp=1)


@pytest.mark.parametrize("row", ["ABC", 5, None, b"ABC"], ids=repr)
def test_what_is_no_row_is_refused(trades, row):
    with pytest.raises(EventDataError):
        trades.input.send(row, timestamp=1)


@pytest.mark.parametrize("method", ["send_many", "send_batch"])
def test_a_bad_row_refuses_the_whole_call(trades, method):
    rows = [("A", 1.0, 1)] * 6000 + [("A", "x", 1)] + [("A", 1.0, 1)]
    with pytest.raises(EventDataError, match="row 6000") as caught:
        getattr(trades.input, method)(rows, timestamps=1)
    assert caught.value.row == 6000
    assert caught.value.attribute == "price"
    assert trades.rows == []


def test_rows_of_many_slices_keep_their_order(trades):
    rows = [(f"symbol number {k}", k / 2, k if k % 3 else None) for k in range(10_000)]
    assert trades.input.send_many(rows, timestamps=list(range(10_000))) == 10_000
    assert trades.rows == rows
    assert trades.timestamps == list(range(10_000))
    assert len(trades.batches) > 1


def test_a_chunk_reaches_its_listener_in_one_call(trades):
    trades.input.send_batch([("A", float(k), k) for k in range(10_000)], timestamps=1)
    assert [len(batch) for batch in trades.batches] == [10_000]


def test_an_empty_call_does_nothing(trades):
    assert trades.input.send_many([]) == 0
    assert trades.input.send_batch(()) == 0
    assert trades.batches == []


@pytest.mark.parametrize("timestamps", [[1], [1, 2, 3], [1, 2, 3, 4]], ids=len)
def test_timestamps_are_one_or_as_many_as_rows(trades, timestamps):
    rows = [("A", 1.0, 1)] * 2
    with pytest.raises(EventDataError, match=f"{len(timestamps)} timestamps for 2 rows"):
        trades.input.send_many(rows, timestamps=timestamps)


def test_a_moment_with_a_zone_is_a_timestamp(trades):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2024, 5, 17, 14, 30, 1, 999_999, tzinfo=zone)
    trades.input.send(("A", 1.0, 1), timestamp=moment)
    trades.input.send_many([("A", 1.0, 1)], timestamps=[moment])
    assert trades.timestamps == [1_715_949_001_999] * 2


@pytest.mark.parametrize("timestamp", [datetime.datetime(2024, 5, 17), "now", 1.5, True], ids=repr)
def test_what_is_no_timestamp_is_refused(trades, timestamp):
    with pytest.raises(EventDataError):
        trades.input.send(("A", 1.0, 1), timestamp=timestamp)
    assert trades.rows == []


def test_without_a_timestamp_playback_takes_the_time_reached(trades):
    trades.input.send(("A", 1.0, 1), timestamp=5000)
    trades.input.send(("B", 1.0, 1))
    trades.input.send_many([("C", 1.0, 1)] * 2)
    assert trades.timestamps == [5000] * 4


def test_without_a_timestamp_the_wall_clock_counts(make):
    graph = make(ALL_TYPES, playback=False)
    graph.engine.set_clock(1_700_000_000_000)
    graph.input.send(GOOD)
    graph.engine.set_clock(1_700_000_000_500)
    graph.input.send_many([GOOD] * 3)
    assert graph.timestamps == [1_700_000_000_000] + [1_700_000_000_500] * 3


@pytest.mark.parametrize(
    "arguments",
    [((), {}), ((("A", 1.0, 1), 1, 2), {}), ((("A", 1.0, 1),), {"time": 1}), ((("A", 1.0, 1), 1), {"timestamp": 2})],
    ids=["none", "three", "unknown keyword", "twice"],
)
def test_send_with_other_arguments_is_a_type_error(trades, arguments):
    positional, named = arguments
    with pytest.raises(TypeError):
        trades.input.send(*positional, **named)


def test_send_by_keywords(trades):
    trades.input.send(timestamp=3, row=("A", 1.0, 1))
    assert trades.timestamps == [3]


def test_numpy_scalars_follow_their_type(everything):
    numpy = pytest.importorskip("numpy")
    everything.input.send(
        (
            numpy.bool_(True),
            numpy.int32(1),
            numpy.int64(2),
            numpy.float32(1.5),
            numpy.float64(2.5),
            numpy.str_("t"),
            numpy.int8(3),
        ),
        timestamp=numpy.int64(77),
    )
    assert everything.rows == [(True, 1, 2, 1.5, 2.5, "t", 3)]
    assert everything.timestamps == [77]
    with pytest.raises(EventDataError):
        everything.input.send((True, numpy.float64(1.0), 2, 1.5, 2.5, "t", None))


def test_a_stream_of_many_attributes(make):
    from eventflux.types.attribute_type import AttributeType
    from eventflux.types.schema import Attribute, Schema

    wide = Schema(Attribute(f"a{index}", AttributeType.INT) for index in range(100))
    graph = make(wide)
    graph.input.send(tuple(range(100)), timestamp=1)
    graph.input.send([None] * 100, timestamp=2)
    assert graph.rows == [tuple(range(100)), (None,) * 100]


def test_a_refusal_is_raised_and_taken_back(trades):
    trades.engine.refuse(lambda: RuntimeStoppedError("the app has stopped"))
    for call in (trades.input.send, trades.input.send_many, trades.input.send_batch):
        with pytest.raises(RuntimeStoppedError, match="the app has stopped"):
            call([("A", 1.0, 1)])
    trades.engine.refuse(None)
    trades.input.send(("A", 1.0, 1), timestamp=1)
    assert len(trades.rows) == 1


def test_after_close_rows_are_refused_and_batches_stay(trades):
    trades.input.send(("a symbol that is long", 1.0, 1), timestamp=1)
    trades.engine.close()
    trades.engine.close()
    with pytest.raises(RuntimeStoppedError):
        trades.input.send(("A", 1.0, 1))
    assert trades.rows == [("a symbol that is long", 1.0, 1)]
