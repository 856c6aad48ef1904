"""Columns in: lists, buffers, NumPy arrays, Arrow arrays."""

from __future__ import annotations

import array
import datetime
import math

import pytest
from tests.engine.graphs import ALL_TYPES

from eventflux.engine.ingest import send_columns
from eventflux.types.errors import EventDataError, RuntimeStoppedError

numpy = pytest.importorskip("numpy")
pyarrow = pytest.importorskip("pyarrow")

SYMBOLS = ["A", "", "a symbol that is long", "äöü", None]
PRICES = [1.5, -2.5, math.inf, 0.0, None]
VOLUMES = [1, -(2**63), 2**63 - 1, 0, None]
ROWS = list(zip(SYMBOLS, PRICES, VOLUMES, strict=True))


def columns(**changes):
    return {"symbol": SYMBOLS, "price": PRICES, "volume": VOLUMES} | changes


def send(graph, given, timestamps=None, **options):
    return send_columns(graph.engine, graph.input, given, timestamps, **options)


def test_lists_become_rows(trades):
    assert send(trades, columns(), timestamps=[1, 2, 3, 4, 5]) == 5
    assert trades.rows == ROWS
    assert trades.timestamps == [1, 2, 3, 4, 5]


def test_every_iterable_is_a_column(trades):
    given = {"symbol": tuple("abc"), "price": iter([1.0, 2.0, 3.0]), "volume": range(3)}
    assert send(trades, given, timestamps=iter([1, 2, 3])) == 3
    assert trades.rows == [("a", 1.0, 0), ("b", 2.0, 1), ("c", 3.0, 2)]


def test_lists_of_all_types(everything):
    rows = [(True, 1, 2, 1.5, 2.5, "text", {"a": 1}), (None,) * 7, (False, -1, -2, -1.5, -2.5, "", [])]
    send(everything, dict(zip(ALL_TYPES.names, zip(*rows, strict=True), strict=True)), timestamps=1)
    assert everything.rows == rows


def test_columns_have_stream_meaning_unless_they_are_a_chunk(trades):
    count = 10_000
    given = {"symbol": ["x"] * count, "price": numpy.zeros(count), "volume": numpy.arange(count)}
    send(trades, given, timestamps=numpy.arange(count))
    assert len(trades.batches) > 1
    assert [row[2] for row in trades.rows] == list(range(count))
    assert trades.timestamps == list(range(count))
    trades.clear()
    send(trades, given, timestamps=count, chunk=True)
    assert [len(batch) for batch in trades.batches] == [count]


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4", "<i8"], ids=str
)
def test_integers_of_any_width_go_into_every_number(everything, dtype):
    values = numpy.array([0, 1, 100, 127], dtype=dtype)
    empty = [None] * 4
    given = {"b": empty, "i": values, "l": values, "f": values, "d": values, "s": empty, "o": empty}
    send(everything, given, timestamps=1)
    assert [row[1:5] for row in everything.rows] == [(n, n, float(n), float(n)) for n in (0, 1, 100, 127)]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_any_width(everything, dtype):
    values = numpy.array([0.0, 1.5, -2.25, math.inf, 6e-5], dtype=dtype)
    empty = [None] * 5
    given = {"b": empty, "i": empty, "l": empty, "f": values, "d": values, "s": empty, "o": empty}
    send(everything, given, timestamps=1)
    assert [row[4] for row in everything.rows] == [float(value) for value in values]
    assert [row[3] for row in everything.rows] == [float(numpy.float32(value)) for value in values]


def test_nan_is_a_value_and_masks_are_nulls(trades):
    given = {
        "symbol": ["a", "b"],
        "price": numpy.array([math.nan, 1.0]),
        "volume": numpy.ma.array([5, 6], mask=[True, False]),
    }
    send(trades, given, timestamps=1)
    assert math.isnan(trades.rows[0][1])
    assert [row[2] for row in trades.rows] == [None, 6]


@pytest.mark.parametrize(
    "values",
    [
        numpy.array(["a", "a symbol that is long", "äöü", ""]),
        numpy.array(["a", "a symbol that is long", "äöü", ""], dtype=object),
        pyarrow.array(["a", "a symbol that is long", "äöü", ""]),
        pyarrow.array(["a", "a symbol that is long", "äöü", ""], pyarrow.large_string()),
        pyarrow.array(["a", "a symbol that is long", "äöü", ""], pyarrow.string_view()),
        pyarrow.array(["a", "a symbol that is long", "äöü", ""]).dictionary_encode(),
        pyarrow.array(["?", "a", "a symbol that is long", "äöü", "", "?"])[1:5],
        pyarrow.chunked_array([["a", "a symbol that is long"], [], ["äöü", ""]]),
    ],
    ids=["U", "object", "utf8", "large", "view", "dictionary", "slice", "chunks"],
)
def test_texts_in_every_layout(trades, values):
    send(trades, {"symbol": values, "price": [1.0] * 4, "volume": [1] * 4}, timestamps=1)
    assert [row[0] for row in trades.rows] == ["a", "a symbol that is long", "äöü", ""]


def test_bools(everything):
    for values in (numpy.array([True, False]), pyarrow.array([True, False]), [True, False]):
        send(everything, {name: [None] * 2 for name in ALL_TYPES.names} | {"b": values}, timestamps=1)
    assert [row[0] for row in everything.rows] == [True, False] * 3


@pytest.mark.parametrize("offset", range(10))
def test_bitmaps_that_begin_anywhere(everything, offset):
    flags = [None if number % 3 == 0 else number % 2 == 0 for number in range(200)]
    numbers = [None if number % 5 == 0 else number for number in range(200)]
    length = 100 + offset
    given = {name: pyarrow.nulls(length) for name in ALL_TYPES.names}
    given["b"] = pyarrow.array(flags)[offset : offset + length]
    given["l"] = pyarrow.array(numbers)[offset : offset + length]
    given["d"] = pyarrow.array(numbers, pyarrow.int32())[offset : offset + length]
    send(everything, given, timestamps=1)
    assert [row[0] for row in everything.rows] == flags[offset : offset + length]
    assert [row[2] for row in everything.rows] == numbers[offset : offset + length]
    assert [row[4] for row in everything.rows] == numbers[offset : offset + length]


def test_dictionaries_with_nulls_in_keys_and_values(trades):
    keys = pyarrow.array([0, 1, None, 2, 0], pyarrow.int8())
    values = pyarrow.DictionaryArray.from_arrays(keys, pyarrow.array(["x", None, "a symbol that is long"]))
    send(trades, {"symbol": values, "price": [1.0] * 5, "volume": [1] * 5}, timestamps=1)
    assert [row[0] for row in trades.rows] == ["x", None, None, "a symbol that is long", "x"]


def test_dictionaries_of_numbers(trades):
    values = pyarrow.array([7, 8, 7], pyarrow.int32()).dictionary_encode()
    send(trades, {"symbol": ["a"] * 3, "price": [1.0] * 3, "volume": values}, timestamps=1)
    assert [row[2] for row in trades.rows] == [7, 8, 7]


def test_strided_and_reversed_memory(trades):
    table = numpy.arange(20.0).reshape(10, 2)
    given = {"symbol": ["a"] * 10, "price": table[:, 1], "volume": numpy.arange(10)[::-1]}
    send(trades, given, timestamps=1)
    assert [row[1] for row in trades.rows] == list(table[:, 1])
    assert [row[2] for row in trades.rows] == list(range(10))[::-1]


def test_arrays_of_the_standard_library(trades):
    given = {"symbol": ["a", "b"], "price": array.array("d", [1.5, 2.5]), "volume": array.array("i", [3, 4])}
    send(trades, given, timestamps=array.array("q", [10, 20]))
    assert trades.rows == [("a", 1.5, 3), ("b", 2.5, 4)]
    assert trades.timestamps == [10, 20]


@pytest.mark.parametrize(
    "timestamps",
    [
        [1_700_000_000_123, 1_700_000_000_124],
        numpy.array([1_700_000_000_123, 1_700_000_000_124]),
        numpy.array([1_700_000_000_123_456, 1_700_000_000_124_456], dtype="datetime64[us]"),
        pyarrow.array([1_700_000_000_123_456, 1_700_000_000_124_456], pyarrow.timestamp("us", "UTC")),
        pyarrow.array([1_700_000_000_123, 1_700_000_000_124], pyarrow.timestamp("ms")),
        [
            datetime.datetime.fromtimestamp(1_700_000_000.1234, datetime.timezone.utc),
            datetime.datetime.fromtimestamp(1_700_000_000.1245, datetime.timezone.utc),
        ],
    ],
    ids=["list", "int64", "datetime64", "arrow us", "arrow ms", "datetime"],
)
def test_timestamps_in_every_form(trades, timestamps):
    send(trades, {"symbol": ["a", "b"], "price": [1.0, 2.0], "volume": [1, 2]}, timestamps=timestamps)
    assert trades.timestamps == [1_700_000_000_123, 1_700_000_000_124]


def test_one_timestamp_for_all(trades):
    moment = datetime.datetime.fromtimestamp(5, datetime.timezone.utc)
    for timestamp in (5000, numpy.int64(5000), moment):
        send(trades, columns(), timestamps=timestamp)
    assert trades.timestamps == [5000] * 15


def test_moments_before_the_epoch_are_rounded_down(trades):
    values = pyarrow.array([-1, -1000, -1001], pyarrow.timestamp("us"))
    send(trades, {"symbol": ["a"] * 3, "price": [1.0] * 3, "volume": values}, timestamps=1)
    assert [row[2] for row in trades.rows] == [-1, -1, -2]


def test_an_empty_table_sends_nothing(trades):
    assert send(trades, {"symbol": [], "price": numpy.array([]), "volume": pyarrow.array([], "int64")}) == 0
    assert trades.batches == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": ["x"] * 5}, "row 0, attribute price: DOUBLE takes"),
        ({"price": [1.0, 2.0, True, 3.0, 4.0]}, "row 2, attribute price"),
        ({"price": [1.0] * 3}, "attribute price: 3 values for 5 rows"),
        ({"price": numpy.zeros(4)}, "attribute price"),
        ({"price": 5.0}, "5.0 is not a column"),
        ({"price": "12345"}, "is not a column"),
        ({"volume": numpy.zeros(5)}, "attribute volume"),
        ({"volume": numpy.array([True] * 5)}, "attribute volume"),
        ({"volume": pyarrow.array([1.0] * 5)}, "attribute volume"),
        ({"volume": pyarrow.array(["1"] * 5)}, "attribute volume"),
        ({"volume": numpy.array([1, 2, 2**63, 3, 4], dtype="uint64")}, "row 2, attribute volume: LONG takes"),
        ({"symbol": numpy.zeros(5)}, "attribute symbol"),
        ({"symbol": [b"x"] * 5}, "row 0, attribute symbol: STRING takes"),
        ({"symbol": pyarrow.array([b"x"] * 5)}, "attribute symbol"),
        ({"price": pyarrow.array([[1.0]] * 5)}, "attribute price"),
        ({"other": [1] * 5}, "no attribute 'other'"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
def test_columns_that_do_not_fit_are_refused(trades, changes, message):
    with pytest.raises(EventDataError) as caught:
        send(trades, columns(**changes))
    assert message in str(caught.value)
    assert caught.value.stream == "In"
    assert caught.value.attribute == next(iter(changes))
    assert trades.rows == []


def test_a_missing_column_is_named(trades):
    with pytest.raises(EventDataError, match="no column 'price'") as caught:
        send(trades, {"symbol": ["a"], "volume": [1]})
    assert caught.value.attribute == "price"


@pytest.mark.parametrize("position", [0, 4095, 4096, 9999])
def test_a_value_out_of_range_anywhere_refuses_all(everything, position):
    values = numpy.zeros(10_000, dtype=numpy.int64)
    values[position] = 2**31
    given = {name: pyarrow.nulls(10_000) for name in ALL_TYPES.names} | {"i": values}
    with pytest.raises(EventDataError) as caught:
        send(everything, given, timestamps=1)
    assert caught.value.row == position
    assert caught.value.attribute == "i"
    assert everything.rows == []
    values[position] = -(2**31)
    assert send(everything, given, timestamps=1) == 10_000


def test_a_double_that_no_float_holds_is_refused(everything):
    given = {name: pyarrow.nulls(2) for name in ALL_TYPES.names} | {"f": numpy.array([1.0, 1e39])}
    with pytest.raises(EventDataError) as caught:
        send(everything, given, timestamps=1)
    assert caught.value.row == 1


def test_what_lies_below_a_null_does_not_matter(everything):
    validity = pyarrow.py_buffer(bytes([0b1]))
    values = pyarrow.py_buffer(numpy.array([5, 2**40], dtype=numpy.int64))
    column = pyarrow.Array.from_buffers(pyarrow.int64(), 2, [validity, values])
    given = {name: pyarrow.nulls(2) for name in ALL_TYPES.names} | {"i": column, "l": column}
    send(everything, given, timestamps=1)
    assert [row[1:3] for row in everything.rows] == [(5, 5), (None, None)]


def _utf8(data: bytes, *offsets: int) -> pyarrow.Array:
    buffers = [None, pyarrow.py_buffer(numpy.array(offsets, dtype=numpy.int32)), pyarrow.py_buffer(data)]
    return pyarrow.Array.from_buffers(pyarrow.string(), len(offsets) - 1, buffers)


@pytest.mark.parametrize(
    ("column", "row"),
    [
        (_utf8(b"ok\xff\xfe", 0, 2, 4), 1),
        (_utf8("äö".encode(), 0, 1, 4), 0),
        (_utf8(b"\xed\xa0\x80ok", 0, 3, 5), 0),
        (_utf8(b"abcd", 0, 3, 2), 1),
        (_utf8(b"abcd", 0, -1, 4), 0),
    ],
    ids=["not utf8", "within a character", "surrogate", "offsets fall", "negative offset"],
)
def test_malformed_text_is_refused(trades, column, row):
    with pytest.raises(EventDataError) as caught:
        send(trades, {"symbol": column, "price": [1.0] * 2, "volume": [1] * 2}, timestamps=1)
    assert caught.value.row == row
    assert trades.rows == []


def test_malformed_text_below_a_null_does_no_harm(trades):
    column = pyarrow.Array.from_buffers(
        pyarrow.string(),
        2,
        [
            pyarrow.py_buffer(bytes([0b01])),
            pyarrow.py_buffer(numpy.array([0, 2, 4], dtype=numpy.int32)),
            pyarrow.py_buffer(b"ok\xff\xfe"),
        ],
    )
    send(trades, {"symbol": column, "price": [1.0] * 2, "volume": [1] * 2}, timestamps=1)
    assert [row[0] for row in trades.rows] == ["ok", None]


def test_keys_that_point_nowhere_are_refused(trades):
    keys = pyarrow.array([0, 7], pyarrow.int8())
    column = pyarrow.DictionaryArray.from_arrays(keys, pyarrow.array(["x"]), safe=False)
    with pytest.raises(EventDataError) as caught:
        send(trades, {"symbol": column, "price": [1.0] * 2, "volume": [1] * 2}, timestamps=1)
    assert caught.value.row == 1


@pytest.mark.parametrize("timestamps", [[1, 2], numpy.array([1, 2]), pyarrow.array([1, None, 3, 4, 5])], ids=str)
def test_timestamps_that_do_not_fit_are_refused(trades, timestamps):
    with pytest.raises(EventDataError):
        send(trades, columns(), timestamps=timestamps)
    assert trades.rows == []


def test_a_column_must_stay_as_it_is_only_until_the_call_returns(trades):
    values = numpy.array([1.0, 2.0])
    symbols = pyarrow.array(["a symbol that is long", "another one that is long"])
    send(trades, {"symbol": symbols, "price": values, "volume": [1, 2]}, timestamps=1)
    values[:] = 0
    del symbols
    assert trades.rows == [("a symbol that is long", 1.0, 1), ("another one that is long", 2.0, 2)]


def test_columns_of_a_stopped_app_are_refused(trades):
    trades.engine.refuse(lambda: RuntimeStoppedError("the app has stopped"))
    with pytest.raises(RuntimeStoppedError):
        send(trades, columns())
