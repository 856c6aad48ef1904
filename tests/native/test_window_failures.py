"""Windows when memory runs out, when saved bytes are damaged, when parameters make no sense."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.test_window_models import CASES, EXTERNAL, NUMBER, TEXT, TYPES, Case, histories
from tests.native.window_harness import (
    ALL_SLOTS,
    CORRUPT,
    NO_MEMORY,
    Column,
    Delivery,
    Out,
    Row,
    Step,
    Window,
    WindowError,
    attempt,
)
from tests.properties.models import windows as models

CHOSEN = [
    ("length", (5,)),
    ("time", (1000,)),
    ("external_time", (EXTERNAL, 1000)),
    ("length_batch", (5, False)),
    ("length_batch", (2, True)),
    ("time_batch", (1000, None, False)),
    ("time_batch", (1000, 300, True)),
    ("external_time_batch", (EXTERNAL, 1000, None, 500, False)),
    ("external_time_batch", (EXTERNAL, 700, 0, 100, True)),
    ("batch", (2,)),
    ("delay", (1000,)),
    ("time_length", (1000, 5)),
    ("hopping", (1000, 500, None)),
    ("sort", (5, NUMBER, "desc", TEXT, "asc")),
    ("frequent", (3,)),
    ("lossy_frequent", (0.5, 0.25, TEXT)),
    ("unique", (NUMBER, TEXT)),
    ("first_unique", (NUMBER,)),
    ("keep_all", ()),
    ("expression", ("count", 3, False, False)),
    ("expression_batch", ("count", 2, False, False)),
    ("expression_batch", ("run", 0, True, True)),
    ("cron", ("*/2 * * * * ?",)),
    ("session", (100, TEXT, 0)),
    ("session", (1000, TEXT, 100)),
]
FEW = [case for case in CASES if (case.name, case.params) in CHOSEN]
assert len(FEW) == len(CHOSEN)
# Windows that change their state at the end of a call; the others change it row by row.
ATOMIC = {
    "length",
    "length_batch",
    "time",
    "delay",
    "time_length",
    "time_batch",
    "external_time",
    "external_time_batch",
    "batch",
    "keep_all",
    "cron",
}
SHOWS_ALL = {"length", "time", "delay", "time_length", "external_time", "keep_all", "sort", "frequent", "unique"}


def history(*, slots: int) -> list[Step]:
    """Rows enough for several pages, some in chunks, with jumps of the clock."""
    steps = []
    clock = 1000
    for i in range(120):
        clock += (0, 7, 100, 7, 2300)[i % 5] if i % 11 == 0 else 9
        row = Row(clock - (500 if i % 13 == 0 else 0), (f"text {i} longer than inline", None if i % 3 else i, clock))
        deliveries = [Delivery((row,) * (3 if i % 10 == 0 else 1), i % slots)]
        steps.append(Step(clock, tuple(deliveries)))
    return steps


def make(case: Case) -> Window:
    return Window(case.name, *case.params, types=TYPES)


@pytest.mark.parametrize("case", [case for case in FEW if case.name in ATOMIC], ids=str)
def test_a_call_that_fails_for_want_of_memory_leaves_the_window_as_it_was(case: Case) -> None:
    steps = history(slots=1)
    wanted = models.run(case.model, steps, wants_expired=True).deliveries
    window = make(case)
    found = []
    failures = 0
    for at in range(0, len(steps), 40):
        part = steps[at : at + 40]
        for allocations in range(10_000):
            if allocations == 1:
                window.hold_snapshot()  # pages are shared: writing needs memory, too
            before = window.before
            window.fail_after(allocations)
            outcome = attempt(lambda part=part: window.run_slices(part))
            window.fail_after(-1)
            if not isinstance(outcome, WindowError):
                found += [(at + number, delivery) for number, delivery in outcome.deliveries]
                break
            assert outcome.status == NO_MEMORY
            assert window.before == before
            failures += 1
    assert failures > 3
    assert found == wanted
    assert window.close() == 0


@pytest.mark.parametrize("case", FEW, ids=str)
def test_a_call_by_slot_that_fails_leaves_a_window_that_works(case: Case) -> None:
    steps = history(slots=4)
    failures = 0
    for allocations in range(400):
        window = make(case)
        window.run_slices(steps[:40])
        window.hold_snapshot()
        window.fail_after(allocations)
        outcome = attempt(lambda window=window: window.run_slices(steps[40:80]))
        window.fail_after(-1)
        if failed := isinstance(outcome, WindowError):
            assert outcome.status == NO_MEMORY
            failures += 1
        window.run_slices(steps[80:])
        window = window.reborn()
        held = window.size
        if case.name in SHOWS_ALL:
            assert held == sum(len(window.find(slot)) for slot in range(4))
        window.purge(ALL_SLOTS)
        assert window.size == 0
        assert window.next_due == 2**63 - 1
        assert window.close() == 0
        if not failed:
            break
    assert failures > 3


@pytest.mark.parametrize("case", FEW, ids=str)
def test_saving_and_loading_survive_want_of_memory(case: Case) -> None:
    window = make(case)
    window.run_slices(history(slots=3))
    window.fail_after(0)
    with pytest.raises(WindowError) as refusal:
        window.save()
    assert refusal.value.status == NO_MEMORY
    window.fail_after(-1)
    data = window.save()
    assert window.close() == 0
    for allocations in range(200):
        fresh = make(case)
        fresh.fail_after(allocations)
        outcome = attempt(lambda fresh=fresh: fresh.load(data))
        fresh.fail_after(-1)
        if isinstance(outcome, WindowError):
            assert outcome.status == NO_MEMORY
            assert fresh.close() == 0
            continue
        assert fresh.save() == data or case.name.startswith("expression")
        assert fresh.close() == 0
        assert allocations > 3
        return
    pytest.fail("never loaded")


@pytest.mark.parametrize("case", FEW, ids=str)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_state_is_refused_or_works(case: Case, data: st.DataObject) -> None:
    window = make(case)
    window.run_slices(history(slots=2)[:60])
    saved = bytearray(window.save())
    assert window.close() == 0
    if data.draw(st.booleans()):
        del saved[data.draw(st.integers(0, len(saved) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            # The numbers of the head and of the tail matter most; pages lie between them.
            place = data.draw(
                st.one_of(
                    st.integers(0, 99), st.integers(0, len(saved) - 1), st.integers(len(saved) - 99, len(saved) - 1)
                )
            )
            saved[place] = data.draw(st.integers(0, 255))
    fresh = make(case)
    outcome = attempt(lambda: fresh.load(bytes(saved)))
    if isinstance(outcome, WindowError):
        assert outcome.status in (CORRUPT, NO_MEMORY)
    else:
        fresh.run_slices([Step(10**6, (Delivery((Row(10**6, ("x", 1, 10**6)),), slot),)) for slot in (0, 1, 0)])
        if case.name != "cron":
            fresh.find(0)
            fresh.find(1)
    assert fresh.close() == 0


@pytest.mark.parametrize("case", [case for case in FEW if case.name != "cron"], ids=str)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_purged_slot_begins_anew(case: Case, data: st.DataObject) -> None:
    steps = data.draw(histories(slots=3, chunks=True))
    at = data.draw(st.integers(0, len(steps)))
    slot_models: dict[int, models.Model] = {}
    models.run(case.model, steps[:at], wants_expired=True, models=slot_models)
    slot_models.pop(1, None)
    wanted = models.run(case.model, steps[at:], wants_expired=True, models=slot_models).deliveries
    with make(case) as window:
        window.run_slices(steps[:at])
        window.purge(1)
        assert window.find(1) == []
        assert window.run_slices(steps[at:]).deliveries == wanted


def test_a_purged_slot_of_a_cron_window_waits_for_no_tick() -> None:
    steps = [Step(1000, (Delivery((Row(1000, ("x", 1, 1)),), slot),)) for slot in (0, 1)]
    with Window("cron", "*/2 * * * * ?", types=TYPES) as window:
        window.run_slices(steps)
        window.purge(0)
        assert [out for _, delivery in window.run_slices([Step(9000)]).deliveries for out in delivery] == [
            Out("C", 1000, ("x", 1, 1), 1)
        ]
        window.purge(1)
        assert window.size == 0


@pytest.mark.parametrize("name", ["external_time", "external_time_batch"])
def test_rows_without_the_time_attribute_fail_alone(name: str) -> None:
    rows = [Row(1, ("a", 1, 100)), Row(2, ("b", 2, None)), Row(3, ("c", 3, 200)), Row(4, ("d", 4, 5000))]
    steps = [Step(i, (Delivery((row,)),)) for i, row in enumerate(rows)]
    for run in (Window.run_slices, Window.run_depth_first):
        with Window(name, EXTERNAL, 1000, types=TYPES) as window:
            outcome = run(window, steps)
            assert outcome.failed == 1
            out = [row.values and row.values[0] for _, delivery in outcome.deliveries for row in delivery]
            assert out == (["a", "c", "a", "c", "d"] if name == "external_time" else [None, "a", "c"])


REFUSED = [
    ("length", (), "length of a length window is missing"),
    ("length", (-1,), "at least 0, got -1"),
    ("length", (2**31,), "below 2^31"),
    ("length", ("3",), "constant INT or LONG"),
    ("length", (None,), "is missing"),
    ("length", (Column(1),), "constant INT or LONG"),
    ("length_batch", (2, 1), "constant BOOL"),
    ("length_batch", (-2,), "at least 0"),
    ("time", (-1,), "at least 0"),
    ("time_batch", (0,), "at least 1"),
    ("time_batch", (1000, "x"), "start time"),
    ("external_time", (1000, 1000), "must be an attribute"),
    ("external_time", (Column(1), 1000), "wrong type"),
    ("external_time", (Column(7), 1000), "column 7 of 3"),
    ("external_time_batch", (EXTERNAL, 0), "at least 1"),
    ("external_time_batch", (EXTERNAL, 1000, Column(0)), "wrong type"),
    ("external_time_batch", (EXTERNAL, 1000, None, -1), "at least 0"),
    ("external_time_batch", (EXTERNAL, 1000, None, 0, 1.5), "constant BOOL"),
    ("batch", (-1,), "at least 0"),
    ("delay", (-1,), "at least 0"),
    ("time_length", (1000,), "length of a timeLength window is missing"),
    ("sort", (2,), "attribute of a sort window is missing"),
    ("sort", (2, "asc"), "takes attributes"),
    ("sort", (2, TEXT, "up"), "takes attributes"),
    ("sort", (2, TEXT, "asc", "desc"), "takes attributes"),
    ("sort", (2, Column(9)), "column 9 of 3"),
    ("frequent", (0,), "at least 1"),
    ("frequent", (1, 2), "must be an attribute"),
    ("lossy_frequent", (), "support of a lossyFrequent window is missing"),
    ("lossy_frequent", (2.0,), "at most 1"),
    ("lossy_frequent", (0.5, 0.0), "above 0"),
    ("lossy_frequent", (0.5, 1e-17), "at least 1e-15"),
    ("lossy_frequent", (1,), "constant DOUBLE"),
    ("unique", (), "key of a unique window is missing"),
    ("first_unique", (), "key of a firstUnique window is missing"),
    ("unique", (3,), "must be an attribute"),
    ("hopping", (1000,), "hop of a hopping window is missing"),
    ("hopping", (1000, 0), "at least 1"),
    ("session", (1000, NUMBER), "wrong type"),
    ("cron", (5,), "must be a constant STRING"),
    ("cron", ("* * *",), "."),
    ("session", (1000, TEXT, 1001), "must not be above its gap"),
    ("session", (-1,), "at least 0"),
]


@pytest.mark.parametrize(("name", "params", "message"), REFUSED, ids=str)
def test_nonsense_is_refused_with_a_reason(name: str, params: tuple[object, ...], message: str) -> None:
    with pytest.raises(WindowError, match=message.replace("^", r"\^")):
        Window(name, *params, types=TYPES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_extreme_times_do_not_overflow(case: Case) -> None:
    ends = (-(2**63), -(2**63) + 1, 0, 2**63 - 2, 2**63 - 1)
    steps = [Step(end, (Delivery((Row(end, ("x", 1, end)),)),)) for end in ends]
    with make(case) as window:
        window.run_slices(steps)
        if case.name != "cron":
            window.find()


def test_a_hopping_window_far_from_its_rows_does_not_walk_there() -> None:
    case = next(case for case in FEW if case.name == "hopping")
    window = make(case)
    window.run_slices([Step(5000, (Delivery((Row(5000, ("x", 1, 5000)),), 0),))])
    saved = window.save()
    assert window.close() == 0
    # The state ends with the next tick: in this damage it lies thousands of years before the row.
    assert int.from_bytes(saved[-8:], "little", signed=True) == 5500
    fresh = make(case)
    fresh.load(saved[:-8] + (-(2**50) + 500).to_bytes(8, "little", signed=True))
    out = [rows for _, rows in fresh.run_slices([Step(5600, ())]).deliveries]
    assert [row.values[1] for rows in out for row in rows if row.kind == "C"] == [1]
    assert fresh.close() == 0
