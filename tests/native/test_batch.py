"""Views and gathers of batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.native.window_harness import BOOL, CURRENT, DOUBLE, FLOAT, INT, LONG, STRING, Out, Row, Window, make_cause

TYPES = (BOOL, INT, LONG, FLOAT, DOUBLE, STRING)

values = st.tuples(
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(width=32, allow_nan=False),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.text(max_size=30),
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[tuple[Row, int, int]], list[int]]:
    """Rows with causes and slots, and where deliveries end: rows of a delivery share both."""
    rows: list[tuple[Row, int, int]] = []
    ends = []
    for delivery in range(draw(st.integers(1, 8))):
        slot = draw(st.integers(0, 3))
        cause = make_cause(delivery, 5, 1)
        stamped = st.builds(Row, st.integers(-(2**63), 2**63 - 1), values)
        rows += [(row, cause, slot) for row in draw(st.lists(stamped, min_size=1, max_size=8))]
        ends.append(len(rows))
    return rows, ends


def out_of(entry: tuple[Row, int, int]) -> Out:
    row, _, slot = entry
    return Out(CURRENT, row.timestamp, row.values, slot)


@given(batch=batches(), data=st.data())
def test_view_shows_the_rows_of_a_range(
    batch: tuple[list[tuple[Row, int, int]], list[int]], data: st.DataObject
) -> None:
    rows, ends = batch
    delivery = data.draw(st.integers(0, len(ends) - 1))
    begin = ends[delivery - 1] if delivery else 0
    start = data.draw(st.integers(begin, ends[delivery] - 1))
    count = data.draw(st.integers(1, ends[delivery] - start))
    with Window("batch", 0, types=TYPES) as window:
        assert window.view(rows, ends, start, count) == [out_of(entry) for entry in rows[start : start + count]]


@given(batch=batches(), data=st.data())
def test_gather_takes_rows_and_drops_empty_deliveries(
    batch: tuple[list[tuple[Row, int, int]], list[int]], data: st.DataObject
) -> None:
    rows, ends = batch
    picked = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1))))
    wanted = []
    for begin, end in zip([0, *ends], ends, strict=False):
        part = [out_of(rows[i]) for i in picked if begin <= i < end]
        if part:
            wanted.append(part)
    with Window("batch", 0, types=TYPES) as window:
        assert window.gather(rows, ends, picked) == wanted
