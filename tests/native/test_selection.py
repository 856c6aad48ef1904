"""What a selection gives, on small examples whose answers are Siddhi's (or, where it is named, ours)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import pytest
from tests.native.operator_harness import (
    BOOL,
    CURRENT,
    DOUBLE,
    EVERY_SLOT,
    EXPIRED,
    INT,
    LONG,
    OBJECT,
    RESET,
    STRING,
    WHOLE,
    Batch,
    OperatorError,
    Row,
    Value,
    lib,
)
from tests.native.selection_harness import ANY_ORDER, FIFO, Aggregate, Call, Column, Constant, Order, Selection, Spec

A, B, C = Column(0), Column(1), Column(2)
SUM = Aggregate("sum_long", LONG, B)
SV = (STRING, LONG)

Event = tuple[int, tuple[Value, ...]]
Emitted = tuple[str, int, tuple[Value, ...]]


def length(size: int, events: Iterable[Event]) -> Iterator[Batch]:
    """Calls of `window.length(size)`, one event each."""
    inside: list[tuple[Value, ...]] = []
    for timestamp, values in events:
        rows = []
        if len(inside) == size:
            rows.append(Row(inside.pop(0), EXPIRED, timestamp))
        inside.append(values)
        yield Batch(rows=(*rows, Row(values, CURRENT, timestamp)), form=WHOLE)


def length_batch(size: int, events: Iterable[Event]) -> Iterator[Batch]:
    """Calls of `window.lengthBatch(size)`, one flush each."""
    before: list[Row] = []
    batch: list[Row] = []
    for timestamp, values in events:
        batch.append(Row(values, CURRENT, timestamp))
        if len(batch) == size:
            leaving = [Row(row.values, EXPIRED, timestamp) for row in before]
            reset = [Row(batch[0].values, RESET, timestamp)]
            yield Batch(rows=(*leaving, *reset, *batch), form=WHOLE, chunk=True)
            before, batch = batch, []


def emitted(spec: Spec, batches: Iterable[Batch]) -> list[list[Emitted]]:
    """Of each call what came out: kind, timestamp, values."""
    with Selection(spec) as selection:
        return [
            [("CX"[row.kind], row.timestamp, row.values) for row in selection.process(batch).rows] for batch in batches
        ]


def chunk(*events: Event) -> Batch:
    return Batch(rows=tuple(Row(values, CURRENT, timestamp) for timestamp, values in events), form=WHOLE)


def column(spec: Spec, batches: Iterable[Batch], index: int = 0) -> list[Value]:
    """One output of all rows."""
    return [values[index] for call in emitted(spec, batches) for _, _, values in call]


def test_a_chunk_without_a_window_gives_a_row_an_event() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,))
    first = chunk((1000, ("a", 1)), (1001, ("b", 2)))
    second = chunk((1100, ("c", 3)))
    assert emitted(spec, [first, second]) == [
        [("C", 1000, ("a", 1)), ("C", 1001, ("b", 3))],
        [("C", 1100, ("c", 6))],
    ]


def test_groups_of_a_chunk_without_a_window_give_a_row_an_event() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(A,))
    batch = chunk((1000, ("a", 1)), (1001, ("b", 2)), (1002, ("a", 5)))
    assert emitted(spec, [batch]) == [[("C", 1000, ("a", 1)), ("C", 1001, ("b", 2)), ("C", 1002, ("a", 6))]]


FOUR = [(1000, ("a", 1)), (1100, ("b", 2)), (1200, ("c", 3)), (1300, ("d", 4))]


def test_the_last_row_of_a_batch_chunk_survives() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), expired=True)
    assert emitted(spec, length_batch(2, FOUR)) == [[("C", 1100, ("b", 3))], [("C", 1300, ("d", 7))]]


def test_an_expired_row_survives_where_current_ones_are_not_wanted() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), current=False, expired=True)
    assert emitted(spec, length_batch(2, FOUR)) == [[], [("X", 1300, ("b", None))]]


SIX = [(1000, ("a", 1)), (1100, ("b", 2)), (1200, ("a", 3)), (1300, ("b", 4)), (1400, ("c", 5)), (1500, ("b", 6))]


def test_the_last_row_of_each_group_survives_at_the_place_of_the_first() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(A,), expired=True)
    assert emitted(spec, length_batch(3, SIX)) == [
        [("C", 1200, ("a", 4)), ("C", 1100, ("b", 2))],
        [("X", 1500, ("a", None)), ("C", 1500, ("b", 10)), ("C", 1400, ("c", 5))],
    ]


def test_groups_without_aggregators_are_reduced_on_batch_chunks_only() -> None:
    spec = Spec(columns=SV, outputs=(A, B), keys=(A,))
    assert emitted(spec, length_batch(3, SIX[:3])) == [[("C", 1200, ("a", 3)), ("C", 1100, ("b", 2))]]
    assert emitted(spec, [chunk(*SIX[:3])]) == [[("C", t, values) for t, values in SIX[:3]]]


def test_nothing_is_kept_of_groups_without_aggregators() -> None:
    with Selection(Spec(columns=SV, outputs=(A, B), keys=(A,))) as selection:
        for batch in length_batch(3, SIX):
            selection.process(batch)
        assert selection.size == 0


def having(limit: int, sum_column: int) -> Call:
    return Call("greater_long", (Column(sum_column), Constant(LONG, limit)))


def test_having_is_tested_on_each_row_and_the_last_that_passes_survives() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), having=having(3, 1))
    events = [(1, ("a", 3)), (2, ("b", 1)), (3, ("c", -2))]
    assert emitted(spec, length_batch(3, events)) == [[("C", 2, ("b", 4))]]


def test_null_is_a_group_of_its_own() -> None:
    spec = Spec(columns=(INT, STRING), outputs=(B, C), aggregates=(Aggregate("count"),), keys=(A, B))
    events = [(1, (1, "x")), (2, (1, "y")), (3, (1, "x")), (4, (None, "x"))]
    assert emitted(spec, [chunk(*events)]) == [
        [("C", 1, ("x", 1)), ("C", 2, ("y", 1)), ("C", 3, ("x", 2)), ("C", 4, ("x", 1))]
    ]


def test_keys_are_compared_by_value_not_by_text() -> None:
    spec = Spec(columns=(STRING, STRING), outputs=(C,), aggregates=(Aggregate("count"),), keys=(A, B))
    events = [(1, (None, "x")), (2, ("null", "x")), (3, ("a:-:b", "c")), (4, ("a", "b:-:c"))]
    assert column(spec, [chunk(*events)]) == [1, 1, 1, 1]


def test_rows_that_having_drops_are_counted() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), having=having(3, 1))
    assert emitted(spec, [chunk((1, ("a", 2))), chunk((2, ("a", 2)))]) == [[], [("C", 2, ("a", 4))]]


THIRTEEN = [(1, ("a", 3)), (2, ("b", 1)), (3, ("c", 2)), (4, ("a", 9))]


def ordered(*order: Order, limit: int = -1, offset: int = 0) -> list[Emitted]:
    spec = Spec(columns=SV, outputs=(A, B), order=order, limit=limit, offset=offset)
    (call,) = emitted(spec, length_batch(4, THIRTEEN))
    return call


def test_order_limit_and_offset_work_within_a_delivery() -> None:
    assert ordered(Order(1), limit=2, offset=1) == [("C", 3, ("c", 2)), ("C", 1, ("a", 3))]
    assert ordered(Order(0), Order(1, descending=True)) == [
        ("C", 4, ("a", 9)),
        ("C", 1, ("a", 3)),
        ("C", 2, ("b", 1)),
        ("C", 3, ("c", 2)),
    ]
    assert ordered(offset=3) == [("C", 4, ("a", 9))]
    assert ordered(limit=0) == []


def test_groups_are_ordered_by_their_aggregates() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(A,), order=(Order(1, descending=True),), limit=2)
    assert emitted(spec, length_batch(4, THIRTEEN)) == [[("C", 4, ("a", 12)), ("C", 3, ("c", 2))]]


def test_runs_of_one_kind_are_sorted_apart() -> None:
    spec = Spec(columns=SV, outputs=(A, B), order=(Order(1),), expired=True)
    events = [(1, ("a", 3)), (2, ("b", 1)), (3, ("c", 2)), (4, ("a", 0))]
    assert emitted(spec, length_batch(2, events)) == [
        [("C", 2, ("b", 1)), ("C", 1, ("a", 3))],
        [("X", 4, ("b", 1)), ("X", 4, ("a", 3)), ("C", 4, ("a", 0)), ("C", 3, ("c", 2))],
    ]


@pytest.mark.parametrize(
    ("descending", "nulls_first", "expected"),
    [
        (False, False, [5, 7, None]),
        (True, False, [7, 5, None]),
        (False, True, [None, 5, 7]),
        (True, True, [None, 7, 5]),
    ],
)
def test_nulls_are_last_both_ways_unless_asked_first(
    descending: bool, nulls_first: bool, expected: list[Value]
) -> None:
    spec = Spec(columns=(INT,), outputs=(A,), order=(Order(0, descending, nulls_first),))
    assert column(spec, length_batch(3, [(1, (None,)), (2, (5,)), (3, (7,))])) == expected


def test_order_of_texts_is_that_of_utf16_code_units() -> None:
    texts = ["b", "a", None, "A", "\uffee", "\U0001f600", "\ud7ff", "a longer text 2", "a longer text 1"]
    spec = Spec(columns=(STRING,), outputs=(A,), order=(Order(0),))
    present = sorted((text for text in texts if text is not None), key=lambda text: text.encode("utf-16-be"))
    assert column(spec, [chunk(*[(1, (text,)) for text in texts])]) == [*present, None]


def test_limit_counts_the_kinds_that_are_output() -> None:
    """Where Siddhi lets every expired row pass (and counts it)."""
    events = [(1, ("a", 1)), (2, ("b", 2)), (3, ("c", 3)), (4, ("d", 4))]
    everything = Spec(columns=SV, outputs=(A, B), limit=3, expired=True)
    assert emitted(everything, length_batch(2, events))[1] == [
        ("X", 4, ("a", 1)),
        ("X", 4, ("b", 2)),
        ("C", 3, ("c", 3)),
    ]
    current = Spec(columns=SV, outputs=(A, B), limit=1)
    assert emitted(current, length_batch(2, events)) == [[("C", 1, ("a", 1))], [("C", 3, ("c", 3))]]


def test_order_and_offset_apply_to_groups_of_chunks_that_are_no_batch() -> None:
    """Where Siddhi ignores both."""
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(A,), order=(Order(1, descending=True),), offset=1)
    batch = chunk((1, ("a", 1)), (2, ("b", 5)), (3, ("a", 2)))
    assert emitted(spec, [batch]) == [[("C", 3, ("a", 3)), ("C", 1, ("a", 1))]]


def test_limits_of_single_rows() -> None:
    events = [chunk((1, ("a", 3)), (2, ("b", 1)), (3, ("c", 2)))]
    assert column(Spec(columns=SV, outputs=(A,), limit=1), events) == ["a"]
    assert column(Spec(columns=SV, outputs=(A,), order=(Order(0, descending=True),)), events) == ["c", "b", "a"]
    assert column(Spec(columns=SV, outputs=(A,), offset=1), events) == ["b", "c"]
    singly = [Batch(rows=tuple(Row(values) for _, values in THIRTEEN))]
    assert column(Spec(columns=SV, outputs=(A,), limit=1), singly) == ["a", "b", "c", "a"]
    assert column(Spec(columns=SV, outputs=(A,), offset=1), singly) == []
    assert column(Spec(columns=SV, outputs=(A,), limit=0), singly) == []


def test_an_expired_row_shows_the_state_without_itself() -> None:
    aggregates = (
        Aggregate("count"),
        Aggregate("avg", LONG, B),
        Aggregate("min_long", LONG, B),
        Aggregate("max_long", LONG, B),
    )
    spec = Spec(
        columns=SV,
        outputs=(A, *map(Column, range(2, 6))),
        aggregates=aggregates,
        expired=True,
        removal=FIFO,
    )
    assert emitted(spec, length(2, [(1000, ("a", 1)), (1100, ("b", 2)), (1200, ("c", 3))])) == [
        [("C", 1000, ("a", 1, 1.0, 1, 1))],
        [("C", 1100, ("b", 2, 1.5, 1, 2))],
        [("X", 1200, ("a", 1, 2.0, 2, 2)), ("C", 1200, ("c", 2, 2.5, 2, 3))],
    ]


INTS = [(1, (1,)), (2, (3,)), (3, (2,)), (4, (None,)), (5, (None,))]


@pytest.mark.parametrize("removal", [ANY_ORDER, FIFO])
@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("sum_long", [1, 4, 5, 2, None]),
        ("avg", [1.0, 2.0, 2.5, 2.0, None]),
        ("min_int", [1, 1, 2, 2, None]),
        ("std_dev", [0.0, 1.0, 0.5, 0.0, None]),
        ("variance", [0.0, 1.0, 0.25, 0.0, None]),
        ("count", [1, 2, 2, 2, 2]),
        ("count_nonnull", [1, 2, 2, 1, 0]),
        ("distinct_count", [1, 2, 2, 2, 1]),
        ("distinct_count_nonnull", [1, 2, 2, 1, 0]),
        ("max_forever_int", [1, 3, 3, 3, 3]),
        ("min_forever_int", [1, 1, 1, 1, 1]),
        ("first", [1, 1, 3, 2, None]),
        ("last", [1, 3, 2, 2, None]),
        ("collect_list", [[1], [1, 3], [3, 2], [2], []]),
    ],
)
def test_aggregators_over_a_sliding_window(aggregate: str, expected: list[Value], removal: int) -> None:
    spec = Spec(columns=(INT,), outputs=(B,), aggregates=(Aggregate(aggregate, INT, A),), removal=removal)
    assert column(spec, length(2, INTS)) == expected


def test_a_window_that_empties_shows_empty_aggregates() -> None:
    spec = Spec(
        columns=(LONG,), outputs=(B, C), aggregates=(Aggregate("sum_long", LONG, A), Aggregate("count")), expired=True
    )
    calls = [Batch(rows=(Row((5,), CURRENT, 1),)), Batch(rows=(Row((5,), EXPIRED, 100), Row((7,), CURRENT, 100)))]
    assert emitted(spec, calls) == [[("C", 1, (5, 1))], [("X", 100, (None, 0)), ("C", 100, (7, 1))]]


@pytest.mark.parametrize(("name", "expected"), [("bool_and", [False, True]), ("bool_or", [True, True])])
def test_and_or_over_batches(name: str, expected: list[Value]) -> None:
    spec = Spec(columns=(BOOL,), outputs=(B,), aggregates=(Aggregate(name, BOOL, A),))
    assert column(spec, length_batch(2, enumerate([(True,), (False,), (True,), (True,)]))) == expected


def test_and_or_pass_over_nulls() -> None:
    """Where Siddhi loses the event."""
    aggregates = (Aggregate("bool_and", BOOL, A), Aggregate("bool_or", BOOL, A))
    spec = Spec(columns=(BOOL,), outputs=(B, C), aggregates=aggregates)
    rows = emitted(spec, length(2, enumerate([(None,), (True,), (None,), (False,)])))
    assert [call[-1][2] for call in rows] == [(False, False), (True, True), (True, True), (False, False)]


def test_aggregators_over_nulls_only() -> None:
    aggregates = tuple(
        Aggregate(name, LONG, A) for name in ("sum_long", "count", "avg", "min_long", "first", "collect_list")
    )
    spec = Spec(columns=(LONG,), outputs=tuple(Column(1 + a) for a in range(6)), aggregates=aggregates)
    assert emitted(spec, length_batch(2, [(1, (None,)), (2, (None,))])) == [[("C", 2, (None, 2, None, None, None, []))]]


@pytest.mark.parametrize("removal", [ANY_ORDER, FIFO])
def test_extremes_of_a_sliding_window(removal: int) -> None:
    aggregates = (Aggregate("min_long", LONG, A), Aggregate("max_long", LONG, A))
    spec = Spec(columns=(LONG,), outputs=(B, C), aggregates=aggregates, removal=removal)
    rows = emitted(spec, length(3, enumerate([(5,), (3,), (8,), (9,), (1,), (1,), (7,)])))
    assert [call[-1][2] for call in rows] == [(5, 5), (3, 5), (3, 8), (3, 9), (1, 9), (1, 9), (1, 7)]


def test_distinct_counts_of_groups() -> None:
    distinct = Aggregate("distinct_count", LONG, B)
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(distinct,), keys=(A,), expired=True)
    rows = emitted(spec, length(2, enumerate([("a", 1), ("a", 1), ("a", 2), ("b", 2)])))
    assert [[(kind, values) for kind, _, values in call] for call in rows] == [
        [("C", ("a", 1))],
        [("C", ("a", 1))],
        [("X", ("a", 1)), ("C", ("a", 2))],
        [("X", ("a", 1)), ("C", ("b", 1))],
    ]


def test_having_and_order_on_groups_of_a_batch() -> None:
    aggregates = (Aggregate("avg", DOUBLE, B), Aggregate("count"))
    spec = Spec(
        columns=(STRING, DOUBLE),
        outputs=(A, Column(2), Column(3)),
        aggregates=aggregates,
        keys=(A,),
        having=having(1, 2),
        order=(Order(1, descending=True),),
    )
    events = [("a", 1.0), ("b", 5.0), ("a", 2.0), ("b", 7.0), ("c", 9.0)]
    (call,) = emitted(spec, length_batch(5, enumerate(events)))
    assert [values for _, _, values in call] == [("b", 6.0, 2), ("a", 1.5, 2)]


def test_floats_are_added_as_doubles() -> None:
    spec = Spec(columns=(4,), outputs=(B,), aggregates=(Aggregate("sum_double", 4, A),))
    assert column(spec, [chunk((1, (0.1,)), (2, (0.2,)))])[1] == 0.30000000447034836


def test_a_union_of_sets_holds_what_is_in_the_window() -> None:
    """Where Siddhi keeps elements that left."""
    spec = Spec(columns=(OBJECT,), outputs=(B,), aggregates=(Aggregate("union_set", OBJECT, A),))
    rows = emitted(spec, length(2, enumerate([({name: None},) for name in "abacd"])))
    assert [list(call[-1][2][0]) for call in rows] == [["a"], ["a", "b"], ["b", "a"], ["a", "c"], ["c", "d"]]


def test_a_row_whose_argument_is_no_set_fails_alone() -> None:
    aggregates = (Aggregate("union_set", OBJECT, A), Aggregate("count"))
    spec = Spec(columns=(OBJECT,), outputs=(B, C), aggregates=aggregates)
    rows = tuple(Row((value,)) for value in ({"a": None}, 5, None, [1], {"b": None}))
    with Selection(spec) as selection:
        result = selection.process(Batch(rows=rows))
    assert result.failed == [1, 3]
    assert [row.values for row in result.rows] == [({"a": None}, 1), ({"a": None}, 2), ({"a": None, "b": None}, 3)]


def test_a_sum_of_longs_wraps() -> None:
    spec = Spec(columns=(LONG,), outputs=(B,), aggregates=(Aggregate("sum_long", LONG, A),))
    assert column(spec, [chunk((1, (2**63 - 1,)), (2, (1,)))])[1] == -(2**63)


def test_slots_do_not_see_each_other() -> None:
    spec = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(A,))
    rows = tuple(Row(("a", value), CURRENT, 0, slot) for value, slot in ((1, 0), (2, 7), (4, 0), (8, 7)))
    with Selection(spec) as selection:
        result = selection.process(Batch(rows=rows, slots=True))
        assert [(row.slot, row.values[1]) for row in result.rows] == [(0, 1), (7, 2), (0, 5), (7, 10)]
        selection.purge(7)
        assert selection.size == 1
        result = selection.process(Batch(rows=rows, slots=True))
        assert [(row.slot, row.values[1]) for row in result.rows] == [(0, 6), (7, 2), (0, 10), (7, 10)]


def test_a_wholly_purged_selection_is_as_a_fresh_one() -> None:
    aggregates = (SUM, Aggregate("distinct_count", STRING, A))
    spec = Spec(columns=SV, outputs=(A, C, Column(3)), aggregates=aggregates, keys=(A,))
    rows = tuple(Row((f"a long key, number {slot}", slot), CURRENT, 0, slot) for slot in range(5))
    batch = Batch(rows=rows, slots=True)
    with Selection(spec) as selection:
        first = selection.process(batch).rows
        state = selection.save()
        selection.purge(EVERY_SLOT)
        assert selection.size == 0
        assert selection.process(batch).rows == first
        selection.purge(EVERY_SLOT)
        selection.load(state)
        assert [row.values[1] for row in selection.process(batch).rows] == [0, 2, 4, 6, 8]


def test_a_reset_empties_its_own_slot() -> None:
    spec = Spec(columns=SV, outputs=(C,), aggregates=(SUM,))
    rows = (
        Row(("", 1), CURRENT, 0, 0),
        Row(("", 2), CURRENT, 0, 1),
        Row(("", 0), RESET, 0, 1),
        Row(("", 4), CURRENT, 0, 0),
        Row(("", 8), CURRENT, 0, 1),
    )
    with Selection(spec) as selection:
        result = selection.process(Batch(rows=rows, slots=True))
    assert [row.values for row in result.rows] == [(1,), (2,), (5,), (8,)]


def test_memory_of_groups_returns_after_a_reset() -> None:
    aggregates = (Aggregate("distinct_count", STRING, A), Aggregate("min_long", LONG, B))
    spec = Spec(columns=SV, outputs=(A, C), aggregates=aggregates, keys=(A,))
    with Selection(spec) as selection:
        many = tuple(Row((f"a key that is long, number {i}", i)) for i in range(5000))
        one = (Row(("", 0), RESET), Row(("a key that stays", 1)))
        selection.process(Batch(rows=one, form=WHOLE, chunk=True))
        selection.process(Batch(rows=many, form=WHOLE, chunk=True))
        full = selection.memory
        assert selection.size == 5001
        result = selection.process(Batch(rows=one, form=WHOLE, chunk=True))
        assert [row.values for row in result.rows] == [("a key that stays", 1)]
        assert selection.size == 1
        assert selection.memory < full - 5000 * 64


def test_an_argument_that_fails_loses_its_row_alone() -> None:
    number = Call("strict_convert_string_long", (A,))
    spec = Spec(columns=(STRING,), outputs=(A, B), aggregates=(Aggregate("sum_long", LONG, number),))
    rows = (Row(("x",), RESET), *(Row((text,)) for text in ("1", "two", "4", "x", "8")))
    with Selection(spec) as selection:
        result = selection.process(Batch(rows=rows, form=WHOLE))
    assert [row.values for row in result.rows] == [("1", 1), ("4", 5), ("8", 13)]
    assert result.failed == [2, 4]


def test_an_output_that_fails_loses_its_row_after_it_was_counted() -> None:
    number = Call("strict_convert_string_long", (A,))
    spec = Spec(columns=(STRING,), outputs=(number, B), aggregates=(Aggregate("count"),), expired=True)
    rows = tuple(Row((text,)) for text in ("1", "two", "4"))
    with Selection(spec) as selection:
        result = selection.process(Batch(rows=rows, form=WHOLE))
    assert [row.values for row in result.rows] == [(1, 1), (4, 3)]
    assert result.failed == [1]


def test_failures_of_all_programs_come_in_the_order_of_rows() -> None:
    text, number = Call("strict_convert_string_long", (A,)), Call("strict_convert_string_long", (B,))
    spec = Spec(
        columns=(STRING, STRING),
        outputs=(number, C),
        aggregates=(Aggregate("sum_long", LONG, text),),
        current=False,
        expired=True,
    )
    rows = tuple(Row(values, EXPIRED) for values in (("1", "x"), ("x", "1"), ("1", "y"), ("2", "2")))
    with Selection(spec) as selection:
        result = selection.process(Batch(rows=rows))
    assert result.failed == [0, 1, 2]
    assert [row.values for row in result.rows] == [(2, -4)]


@pytest.mark.parametrize(
    ("name", "argument", "result"),
    [
        ("sum_long", INT, LONG),
        ("sum_double", 4, DOUBLE),
        ("avg", INT, DOUBLE),
        ("count", 0, LONG),
        ("min_float", 4, 4),
        ("max_forever_int", INT, INT),
        ("first", STRING, STRING),
        ("collect_list", BOOL, OBJECT),
        ("min_float", INT, 0),
        ("sum_long", STRING, 0),
        ("sum_long", 0, 0),
        ("union_set", STRING, 0),
        ("bool_and", INT, 0),
        ("median", LONG, 0),
        ("min_string", STRING, 0),
        ("a_name_that_is_longer_than_any_aggregator_has", LONG, 0),
    ],
)
def test_types_of_aggregators(name: str, argument: int, result: int) -> None:
    assert lib.ef_operator_tester_aggregate_type(name.encode(), argument) == result


def test_unknown_aggregators_are_refused() -> None:
    with pytest.raises(OperatorError, match="there is no aggregator median"):
        Selection(Spec(columns=(LONG,), outputs=(A,), aggregates=(Aggregate("median", LONG, A),)))


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(OperatorError, match="at most 32 keys, not 33"):
        Selection(Spec(columns=(LONG,), outputs=(A,), keys=(A,) * 33))


def test_state_of_another_selection_is_refused() -> None:
    grouped = Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(A,))
    with Selection(grouped) as selection:
        selection.process(chunk((1, ("a", 1))))
        state = selection.save()
    others = (
        Spec(columns=SV, outputs=(A, C), aggregates=(SUM,)),
        Spec(columns=SV, outputs=(A, C), aggregates=(SUM,), keys=(B,)),
        Spec(columns=SV, outputs=(A, C), aggregates=(Aggregate("avg", LONG, B),), keys=(A,)),
        Spec(columns=SV, outputs=(A, C), aggregates=(SUM, SUM), keys=(A,)),
    )
    for other in others:
        with Selection(other) as fresh, pytest.raises(OperatorError, match="other keys or aggregates"):
            fresh.load(state)


def test_results_have_the_same_bits_for_every_slicing() -> None:
    values = [struct.unpack("<d", struct.pack("<q", 0x3FB999999999999A + i * 977))[0] for i in range(300)]
    spec = Spec(
        columns=(DOUBLE,),
        outputs=(B, C),
        aggregates=(Aggregate("sum_double", DOUBLE, A), Aggregate("std_dev", DOUBLE, A)),
    )
    answers = []
    for size in (1, 2, 7, 300):
        batches = [Batch(rows=tuple(Row((v,)) for v in values[i : i + size])) for i in range(0, 300, size)]
        answers.append([struct.pack("<2d", *values) for call in emitted(spec, batches) for _, _, values in call])
    assert answers[0] == answers[1] == answers[2] == answers[3]
