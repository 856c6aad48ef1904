"""Rows out: events and batches of them."""

from __future__ import annotations

import io
import pickle

import pytest
from tests.engine.graphs import TRADE

from eventflux.engine.native_types import Event

ROWS = [("AAA", 1.5, 1), (None, 2.5, 2), ("a symbol that is long", None, 3), ("D", 4.5, None), ("E", 5.5, 5)]


@pytest.fixture
def batch(trades):
    trades.input.send_batch(ROWS, timestamps=[10, 11, 12, 13, 14])
    return trades.batches[0]


def test_a_batch_is_a_sequence_of_events(batch):
    assert len(batch) == 5
    assert [event.data for event in batch] == ROWS
    assert [event.timestamp for event in batch] == [10, 11, 12, 13, 14]
    assert batch[-1].data == ROWS[-1]
    assert [event.data for event in reversed(batch)] == ROWS[::-1]
    assert batch[1] in batch
    assert batch.index(batch[3]) == 3
    assert batch.count(batch[3]) == 1
    assert Event(0, ()) not in batch


@pytest.mark.parametrize("index", [5, -6, 2**70], ids=repr)
def test_an_index_beyond_the_end_raises(batch, index):
    with pytest.raises(IndexError):
        batch[index]


@pytest.mark.parametrize(
    "cut",
    [
        slice(None),
        slice(1, 3),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(4, 0, -2),
        slice(3, 3),
        slice(-2, None),
    ],
    ids=repr,
)
def test_slices_are_batches_of_the_same_rows(batch, cut):
    part = batch[cut]
    assert part.rows() == ROWS[cut]
    assert [event.data for event in part] == ROWS[cut]
    assert part.timestamps == [10, 11, 12, 13, 14][cut]
    assert list(part.columns["volume"]) == [row[2] for row in ROWS[cut]]
    assert part[::-1].rows() == ROWS[cut][::-1]


def test_match_takes_a_batch_apart(batch):
    match batch[:2]:
        case [first, second]:
            assert (first["symbol"], second["symbol"]) == ("AAA", None)
        case _:
            pytest.fail("a batch is matched as a sequence")


def test_columns_without_nulls_are_memory(trades):
    trades.input.send_batch([("A", float(k), k) for k in range(6)], timestamps=1)
    columns = trades.batches[0].columns
    assert list(columns) == ["symbol", "price", "volume"]
    assert len(columns) == 3
    assert isinstance(columns["price"], memoryview)
    assert columns["price"].format == "d"
    assert columns["price"].readonly
    assert columns["price"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert columns["volume"].format == "q"
    assert columns["symbol"] == ["A"] * 6
    assert trades.batches[0][4:1:-2].columns["volume"].tolist() == [4, 2]
    with pytest.raises(KeyError):
        columns["prise"]


def test_memory_of_a_column_outlives_batch_and_engine(trades):
    trades.input.send_batch([("A", float(k), k) for k in range(6)], timestamps=1)
    view = trades.batches[0].columns["price"]
    trades.clear()
    trades.engine.close()
    assert view.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_columns_with_nulls_are_lists(batch):
    assert batch.columns["price"] == [1.5, 2.5, None, 4.5, 5.5]
    assert isinstance(batch[3:].columns["price"], memoryview)


def test_to_pylist_gives_dictionaries(batch):
    assert batch.to_pylist() == [dict(zip(TRADE.names, row, strict=True)) for row in ROWS]


def test_what_a_batch_says_of_itself(batch):
    assert batch.names == ("symbol", "price", "volume")
    assert batch.stream == "Out"
    assert batch.expired == [False] * 5
    assert repr(batch[:2]) == "EventBatch(Out, 2 events)\n  10 ('AAA', 1.5, 1)\n  11 (None, 2.5, 2)"


def test_repr_of_a_large_batch_is_short(trades):
    trades.input.send_batch([("A", 1.0, k) for k in range(100)], timestamps=1)
    text = repr(trades.batches[0])
    assert len(text.splitlines()) == 12
    assert text.endswith("... 90 more")


def test_an_event_is_read_by_name_and_position(batch):
    event = batch[0]
    assert event["price"] == 1.5
    assert event[0] == "AAA"
    assert event[1:] == (1.5, 1)
    assert len(event) == 3
    assert tuple(event) == event.data == ("AAA", 1.5, 1)
    assert event.names == ("symbol", "price", "volume")
    assert event.as_dict() == {"symbol": "AAA", "price": 1.5, "volume": 1}
    assert event.is_expired is False
    with pytest.raises(KeyError):
        event["prise"]
    with pytest.raises(IndexError):
        event[3]


def test_events_compare_and_hash_by_content(batch):
    same = Event(10, ("AAA", 1.5, 1))
    assert batch[0] == same
    assert hash(batch[0]) == hash(same)
    assert batch[0] != Event(11, ("AAA", 1.5, 1))
    assert batch[0] != Event(10, ("AAA", 1.5, 1), is_expired=True)
    assert batch[0] != ("AAA", 1.5, 1)


def test_an_event_is_immutable_and_pickles(batch):
    with pytest.raises(AttributeError):
        batch[0].timestamp = 5
    assert pickle.loads(pickle.dumps(batch[0])) == batch[0]
    assert repr(batch[0]) == "Event(timestamp=10, data=('AAA', 1.5, 1), is_expired=False)"


def test_an_event_outlives_its_batch(trades):
    trades.input.send(("a symbol that is long", 1.0, 1), timestamp=1)
    event = trades.batches[0][0]
    trades.clear()
    trades.engine.close()
    assert event["symbol"] == "a symbol that is long"


def test_rich_prints_a_table(batch):
    console_module = pytest.importorskip("rich.console")
    console = console_module.Console(width=80, record=True, file=io.StringIO())
    console.print(batch)
    text = console.export_text()
    assert "Out: 5 events" in text
    assert "symbol" in text
    assert "a symbol that is long" in text
