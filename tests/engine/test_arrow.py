"""Arrow data of pyarrow, polars, pandas, duckdb in, and batches out to them."""

from __future__ import annotations

import pytest
from tests.engine.graphs import ALL_TYPES, TRADE

from eventflux.engine.ingest import send_arrow
from eventflux.types.errors import EventDataError

pyarrow = pytest.importorskip("pyarrow")

ROWS = [("A", 1.5, 1), (None, 2.5, 2), ("a symbol that is long", None, 3), ("äöü", 4.5, None), ("", 5.5, 5)]
SCHEMA = pyarrow.schema([("symbol", pyarrow.string()), ("price", pyarrow.float64()), ("volume", pyarrow.int64())])


def table(rows=ROWS, **more):
    columns = {name: [row[index] for row in rows] for index, name in enumerate(SCHEMA.names)}
    made = pyarrow.table(columns, schema=SCHEMA)
    for name, values in more.items():
        made = made.append_column(name, [values])
    return made


def send(graph, data, *arguments, **options):
    return send_arrow(graph.engine, graph.input, data, *arguments, **options)


@pytest.mark.parametrize(
    "data",
    [
        table(),
        table().to_batches()[0],
        table().to_reader(),
        pyarrow.concat_tables([table(ROWS[:2]), table([]), table(ROWS[2:])]),
        table([("x", 1.0, 1), *ROWS, ("y", 1.0, 1)]).slice(1, 5),
        table().select(["volume", "symbol", "price"]),
        table().to_batches()[0].to_struct_array(),
    ],
    ids=["table", "batch", "reader", "batches", "slice", "other order", "struct"],
)
def test_rows_of_pyarrow(trades, data):
    assert send(trades, data) == 5
    assert trades.rows == ROWS


def test_a_column_may_hold_the_timestamps(trades):
    send(trades, table(at=[10, 20, 30, 40, 50]), "at")
    assert trades.timestamps == [10, 20, 30, 40, 50]
    trades.clear()
    moments = pyarrow.array([10_500, 20_500, 30_500, 40_500, 50_500], pyarrow.timestamp("us"))
    send(trades, table().append_column("at", [moments]), "at")
    assert trades.timestamps == [10, 20, 30, 40, 50]
    trades.clear()
    send(trades, table([("A", 1.0, 70)]), "volume")
    assert trades.rows == [("A", 1.0, 70)]
    assert trades.timestamps == [70]


def test_polars(trades):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(ROWS, schema=TRADE.names, orient="row")
    assert send(trades, frame) == 5
    assert trades.rows == ROWS
    trades.clear()
    frame = polars.concat([frame[:2], frame[2:]], rechunk=False).with_columns(
        polars.col("symbol").cast(polars.Categorical)
    )
    send(trades, frame)
    assert trades.rows == ROWS


def test_pandas(trades):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"symbol": ["a", "b"], "price": [1.5, 2.5], "volume": pandas.array([1, None], "Int64")})
    assert send(trades, frame) == 2
    assert trades.rows == [("a", 1.5, 1), ("b", 2.5, None)]


def test_duckdb(trades):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    relation = connection.sql("select 'A' as symbol, 1.5::double as price, i as volume from range(5000) t(i)")
    assert send(trades, relation) == 5000
    assert trades.rows == [("A", 1.5, number) for number in range(5000)]
    connection.close()


def test_one_batch_may_be_one_chunk_several_may_not(trades):
    send(trades, table(), chunk=True)
    assert [len(batch) for batch in trades.batches] == [5]
    with pytest.raises(EventDataError, match="2 record batches cannot be one chunk"):
        send(trades, pyarrow.concat_tables([table(), table()]), chunk=True)


@pytest.mark.parametrize(
    ("data", "attribute"),
    [
        (table().drop_columns(["price"]), "price"),
        (table(other=[1] * 5), "other"),
        (table().set_column(1, "price", [["x"] * 5]), "price"),
        (table().rename_columns(["symbol", "symbol", "volume"]), "price"),
    ],
    ids=["missing", "unknown", "type", "twice"],
)
def test_tables_that_do_not_fit_are_refused(trades, data, attribute):
    with pytest.raises(EventDataError) as caught:
        send(trades, data)
    assert caught.value.attribute == attribute
    assert trades.rows == []


def test_a_bad_value_in_a_late_batch_refuses_all(make):
    from eventflux.types.attribute_type import AttributeType
    from eventflux.types.schema import Schema

    graph = make(Schema.of(n=AttributeType.INT))
    good, bad = pyarrow.table({"n": [1, 2]}), pyarrow.table({"n": [1, 2**40]})
    with pytest.raises(EventDataError) as caught:
        send(graph, pyarrow.concat_tables([good, good, bad]))
    assert caught.value.row == 1
    assert graph.rows == []


def test_a_stream_that_fails_is_reported(trades):
    def batches():
        yield table().to_batches()[0]
        raise ValueError("the disk is full")

    reader = pyarrow.RecordBatchReader.from_batches(SCHEMA, batches())
    with pytest.raises(EventDataError, match="the disk is full"):
        send(trades, reader)
    assert trades.rows == []


def test_what_is_no_arrow_data_is_a_type_error(trades):
    with pytest.raises(TypeError, match="no Arrow PyCapsule interface"):
        send(trades, [1, 2, 3])
    with pytest.raises(EventDataError, match="single column"):
        send(trades, pyarrow.array([1, 2, 3]))


def test_null_rows_are_refused(trades):
    struct = pyarrow.StructArray.from_arrays(
        [pyarrow.array(["a", "b"]), pyarrow.array([1.0, 2.0]), pyarrow.array([1, 2])],
        names=list(TRADE.names),
        mask=pyarrow.array([False, True]),
    )
    with pytest.raises(EventDataError, match="a row as a whole is null"):
        send(trades, struct)


# ---- out


@pytest.fixture
def batch(trades):
    trades.input.send_batch(ROWS, timestamps=1)
    return trades.batches[0]


def test_a_batch_becomes_a_table(batch):
    assert pyarrow.table(batch).equals(table())
    assert pyarrow.record_batch(batch).to_pylist() == batch.to_pylist()
    assert pyarrow.schema(batch).equals(SCHEMA)


@pytest.mark.parametrize("cut", [slice(1, 3), slice(None, None, 2), slice(None, None, -1), slice(2, 2)], ids=repr)
def test_slices_become_tables(batch, cut):
    assert pyarrow.table(batch[cut]).to_pylist() == batch.to_pylist()[cut]


def test_all_types_become_arrow_and_come_back(everything):
    rows = [(True, 1, 2, 1.5, 2.5, "text", None), (None,) * 7, (False, -1, -2, -1.5, -2.5, "a text that is long", None)]
    everything.input.send_batch(rows, timestamps=1)
    made = pyarrow.table(everything.batches[0])
    assert [field.type for field in made.schema] == [
        pyarrow.bool_(),
        pyarrow.int32(),
        pyarrow.int64(),
        pyarrow.float32(),
        pyarrow.float64(),
        pyarrow.string(),
        pyarrow.binary(),
    ]
    assert [tuple(row.values()) for row in made.to_pylist()] == rows
    everything.clear()
    columns = {name: made[name] for name in ALL_TYPES.names[:6]} | {"o": [None] * 3}
    from eventflux.engine.ingest import send_columns

    send_columns(everything.engine, everything.input, columns, timestamps=2)
    assert everything.rows == rows


def test_a_batch_goes_into_another_stream(batch, make):
    other = make(TRADE)
    assert send(other, batch) == 5
    assert send(other, batch[::-2]) == 3
    assert other.rows == ROWS + ROWS[::-2]


def test_polars_and_pandas_and_duckdb_read_a_batch(batch):
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    duckdb = pytest.importorskip("duckdb")
    assert polars.DataFrame(batch).rows() == ROWS
    assert polars.DataFrame(batch).columns == list(TRADE.names)
    assert list(pandas.DataFrame.from_arrow(batch).columns) == list(TRADE.names)
    assert duckdb.sql("select sum(price) from batch").fetchall() == [(14.0,)]


def test_arrow_data_outlives_batch_and_engine(trades):
    trades.input.send_batch(ROWS, timestamps=1)
    made = pyarrow.table(trades.batches[0])
    price = made["price"]
    trades.clear()
    trades.engine.close()
    del made
    assert price.to_pylist() == [row[1] for row in ROWS]


def test_capsules_that_nobody_takes_free_what_they_hold(batch):
    for _ in range(3):
        batch.__arrow_c_array__()
        batch.__arrow_c_stream__(None)
        batch.__arrow_c_schema__()


def test_a_stream_gives_its_schema_more_than_once(batch):
    reader = pyarrow.RecordBatchReader.from_stream(batch)
    assert reader.schema.equals(SCHEMA)
    assert reader.read_all().equals(table())
