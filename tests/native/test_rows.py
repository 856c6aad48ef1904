"""Retained rows: what goes into pages comes out as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.native.test_batch import TYPES, values
from tests.native.window_harness import CORRUPT, OBJECT, STRING, Delivery, Row, Step, Window, WindowError


def send(window: Window, rows: list[Row]) -> None:
    window.run_slices([Step(0, (Delivery((row,)),)) for row in rows])


@given(rows=st.lists(values, max_size=40))
def test_rows_of_every_type_are_kept(rows: list[tuple[object, ...]]) -> None:
    kept = [Row(number, row) for number, row in enumerate(rows)]
    with Window("length", 40, types=TYPES) as window:
        send(window, kept)
        assert window.find() == kept
        reborn = window.reborn()
        assert reborn.find() == kept
        assert reborn.close() == 0


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 4095, 4096, 4097, 100_000])
def test_strings_of_every_length_are_kept(length: int) -> None:
    rows = [Row(0, ("x" * length, b"\xc4" + bytes([min(length, 255)]) + b"y" * min(length, 255)))]
    with Window("length", 1, types=(STRING, OBJECT)) as window:
        send(window, rows)
        assert window.find() == rows


def test_rows_wider_than_a_page_are_kept() -> None:
    rows = [Row(i, tuple(f"{i} {c} in a long string" for c in range(300))) for i in range(5)]
    with Window("length", 3, types=(STRING,) * 300) as window:
        send(window, rows)
        assert window.find() == rows[2:]


def test_a_row_without_columns_is_kept() -> None:
    with Window("length", 2, types=()) as window:
        send(window, [Row(1, ()), Row(2, ()), Row(3, ())])
        assert window.find() == [Row(2, ()), Row(3, ())]


def test_memory_returns_to_its_level_when_rows_leave() -> None:
    with Window("time", 100, types=(STRING,)) as window:
        rows = [Row(i, (f"a string that is not short {i}",)) for i in range(20_000)]
        send(window, rows[:1])
        window.run_slices([Step(10_000), Step(10_000)], cuts=(1, 1))
        level = window.memory
        for _ in range(3):
            clock = window.before
            steps = [Step(clock + 1, (Delivery((Row(clock + 1, row.values),)),)) for row in rows[:8192]]
            window.run_slices(steps)
            assert window.memory > level
            window.run_slices([Step(clock + 10_000), Step(clock + 10_000)], cuts=(1, 1))
            assert window.size == 0
        # Pages that are kept for reuse: 64 of them, and the tables.
        assert window.memory < level + 64 * 4200 + 200_000


def test_a_snapshot_that_is_being_written_does_not_change() -> None:
    rows = [Row(i, (f"the string of row {i}",)) for i in range(1000)]
    with Window("length", 500, types=(STRING,)) as window:
        send(window, rows[:500])
        data = window.save()
        window.hold_snapshot()
        send(window, rows[500:])
        assert window.find() == rows[500:]
        before = Window("length", 500, types=(STRING,))
        before.load(data)
        assert before.find() == rows[:500]
        assert before.close() == 0


def test_saved_text_that_is_not_utf8_is_refused() -> None:
    with Window("length", 1, types=(STRING,)) as window:
        send(window, [Row(0, ("a text of some length",))])
        data = window.save().replace(b"of some", b"of\xffsome"[:7])
        fresh = Window("length", 1, types=(STRING,))
        with pytest.raises(WindowError) as refusal:
            fresh.load(data)
        assert refusal.value.status == CORRUPT
        assert fresh.close() == 0
