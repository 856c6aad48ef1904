"""Patterns when memory runs out, when saved bytes are damaged, when matches are too many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.operator_harness import CORRUPT, EVERY_SLOT, NO_MEMORY, OperatorError, Row
from tests.native.pattern_harness import (
    ABSENT,
    COUNT,
    DROP_OLDEST,
    EQUAL,
    FAIL,
    GREATER,
    ID,
    LIST,
    LOGICAL,
    LOGICAL_ABSENT,
    NUMBER,
    STRING,
    TEXT,
    UNBOUNDED,
    VALUE,
    A,
    B,
    C,
    Capture,
    Joined,
    Pattern,
    PatternSpec,
    State,
    Step,
    V,
)

_SAME_ID = Joined(ID, EQUAL, 0, ID)
_VALUES = (Capture(VALUE, 0, TEXT, STRING), Capture(VALUE, 1, V))

PAIRS = PatternSpec(
    states=(
        State(stream=A, next=1, every=0, group=0, start=True),
        State(stream=B, joined=(_SAME_ID, Joined(V, GREATER, 0, V))),
    ),
    outputs=_VALUES,
    within=400,
)
RISING = PatternSpec(
    states=(
        State(stream=None, next=1, every=0, group=0, start=True),
        State(stream=None, next=2, joined=(Joined(V, GREATER, 0, V),)),
        State(stream=None, joined=(Joined(V, GREATER, 1, V),)),
    ),
    outputs=(*_VALUES, Capture(VALUE, 2, V)),
    sequence=True,
)
COUNTS = PatternSpec(
    states=(
        State(stream=A, kind=COUNT, minimum=1, maximum=UNBOUNDED, next=1, every=0, group=0, start=True),
        State(stream=B),
    ),
    outputs=(Capture(LIST, 0, V), Capture(NUMBER, 0), Capture(VALUE, 1, V)),
    within=300,
)
BOTH = PatternSpec(
    states=(
        State(stream=B, kind=LOGICAL, next=2, start=True, sides=2, group=1, group_is_long=True),
        State(stream=A, kind=LOGICAL, next=2, start=True, sides=2, group=1, group_is_long=True),
        State(stream=C, every=1, group=1, group_is_long=True),
    ),
    outputs=(Capture(VALUE, 1, TEXT, STRING), Capture(VALUE, 0, V)),
)
ABSENCE = PatternSpec(
    states=(
        State(stream=A, next=1, every=0, group=0, start=True),
        State(stream=B, kind=ABSENT, wait=60, next=2, joined=(_SAME_ID,)),
        State(stream=C),
    ),
    outputs=(Capture(VALUE, 0, TEXT, STRING), Capture(VALUE, 2, V)),
    within=500,
)
NEITHER = PatternSpec(
    states=(
        State(stream=A, next=2, every=0, group=0, start=True),
        State(stream=C, kind=LOGICAL, first_side=1, sides=2),
        State(stream=B, kind=LOGICAL_ABSENT, wait=50, first_side=1, sides=2),
    ),
    outputs=(Capture(VALUE, 0, TEXT, STRING), Capture(VALUE, 1, V)),
    within_events=9,
)
CASES = {
    "pairs": PAIRS,
    "pairs, the oldest dropped": replace(PAIRS, most_matches=5, too_many=DROP_OLDEST),
    "pairs, too many fail": replace(PAIRS, most_matches=5, too_many=FAIL),
    "rising": RISING,
    "counts": COUNTS,
    "counts, the oldest dropped": replace(COUNTS, most_matches=2, too_many=DROP_OLDEST),
    "both": BOTH,
    "both, the oldest dropped": replace(
        BOTH.by_slot(),
        states=(*BOTH.states[:2], replace(BOTH.states[2], stream=None)),
        most_matches=3,
        too_many=DROP_OLDEST,
    ),
    "absence": ABSENCE,
    "absence, the oldest dropped": replace(ABSENCE, most_matches=3, too_many=DROP_OLDEST),
    "neither": NEITHER,
    "pairs by slot": PAIRS.by_slot(),
    "counts by slot": COUNTS.by_slot(),
}
SPECS = [pytest.param(spec, id=name) for name, spec in CASES.items()]


def history(spec: PatternSpec, *, count: int = 150) -> list[Step]:
    """Rows enough for several pages; some of them null, late or far apart."""
    steps = []
    clock = 1000
    for i in range(count):
        clock += 7 if i % 17 else 120
        late = 30 if i % 23 == 5 else 0
        which = (A, A, B, A, C, B, A)[i % 7]
        row = (which, None if i % 19 == 4 else i % 5, i * i % 11, f"text {i} longer than inline")
        steps.append(Step(clock, Row(row, timestamp=clock - late, slot=i // 9 % 4 if spec.partitioned else 0)))
    return steps


def attempt(run):
    try:
        return run()
    except OperatorError as error:
        return error


@pytest.mark.parametrize("spec", SPECS)
def test_slices_give_what_single_steps_give(spec: PatternSpec) -> None:
    steps = history(spec)
    with Pattern(spec) as pattern:
        judge = [row for step in steps for delivery in pattern.step(step) for row in delivery]
    assert judge
    for length in (1, 3, 40, len(steps)):
        with Pattern(spec) as pattern:
            found = []
            for at in range(0, len(steps), length):
                found += [row for delivery in pattern.slice(steps[at : at + length]) for row in delivery]
            assert found == judge


@pytest.mark.parametrize("spec", SPECS)
def test_making_survives_want_of_memory(spec: PatternSpec) -> None:
    for allocations in range(200):
        made = attempt(lambda allocations=allocations: Pattern(spec, fail_after=allocations))
        if not isinstance(made, OperatorError):
            made.close()
            assert allocations > 5
            return
        assert made.status == NO_MEMORY
    pytest.fail("never made")


@pytest.mark.parametrize("spec", SPECS)
def test_a_call_that_fails_for_want_of_memory_leaves_a_pattern_that_works(spec: PatternSpec) -> None:
    steps = history(spec)
    failures = 0
    for allocations in range(400):
        with Pattern(spec) as pattern:
            pattern.slice(steps[:60])
            pattern.hold_snapshot()  # pages are shared: writing needs memory, too
            pattern.fail_after(allocations)
            outcome = attempt(lambda pattern=pattern: pattern.slice(steps[60:110]))
            pattern.fail_after(-1)
            failed = isinstance(outcome, OperatorError)
            if failed:
                assert outcome.status == NO_MEMORY
                assert pattern.size == 0
                failures += 1
            pattern.slice(steps[110:])
            saved = pattern.save()
            with Pattern(spec) as other:
                other.load(saved)
                assert other.size == pattern.size
            pattern.purge(EVERY_SLOT)
            assert pattern.size == 0
        if not failed:
            break
    assert failures > 3


@pytest.mark.parametrize("spec", SPECS)
def test_saving_and_loading_survive_want_of_memory(spec: PatternSpec) -> None:
    with Pattern(spec) as pattern:
        pattern.slice(history(spec))
        pattern.fail_after(0)
        refusal = attempt(pattern.save)
        assert isinstance(refusal, OperatorError)
        assert refusal.status == NO_MEMORY
        pattern.fail_after(-1)
        saved = pattern.save()
        held = pattern.size
    for allocations in range(200):
        with Pattern(spec) as fresh:
            fresh.fail_after(allocations)
            outcome = attempt(lambda fresh=fresh: fresh.load(saved))
            fresh.fail_after(-1)
            if not isinstance(outcome, OperatorError):
                assert fresh.size == held
                assert allocations > 3
                return
            assert outcome.status == NO_MEMORY
            assert fresh.size == 0
    pytest.fail("never loaded")


@pytest.mark.parametrize("spec", SPECS)
def test_what_was_loaded_goes_on_as_if_nothing_had_been(spec: PatternSpec) -> None:
    steps = history(spec)
    for cut in (1, 20, 41, 90):
        with Pattern(spec) as judge, Pattern(spec) as other:
            judge.slice(steps[:cut])
            other.now = judge.now
            other.load(judge.save())
            for at in range(cut, len(steps), 25):
                assert other.slice(steps[at : at + 25]) == judge.slice(steps[at : at + 25])


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_state_is_refused_or_works(spec: PatternSpec, data: st.DataObject) -> None:
    steps = history(spec)
    with Pattern(spec) as pattern:
        pattern.slice(steps[:70])
        saved = bytearray(pattern.save())
    if data.draw(st.booleans()):
        del saved[data.draw(st.integers(0, len(saved) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            # The lists at the head and what follows the pages matter most; the pages lie between them.
            place = data.draw(
                st.one_of(
                    st.integers(0, 299), st.integers(0, len(saved) - 1), st.integers(len(saved) - 99, len(saved) - 1)
                )
            )
            saved[min(place, len(saved) - 1)] = data.draw(st.integers(0, 255))
    with Pattern(spec) as fresh:
        outcome = attempt(lambda: fresh.load(bytes(saved)))
        if isinstance(outcome, OperatorError):
            assert outcome.status in (CORRUPT, NO_MEMORY)
            assert fresh.size == 0
        fresh.slice([replace(step, clock=step.clock + 10**6) for step in steps[70:]])
        fresh.save()
        fresh.purge(1)
        fresh.purge(EVERY_SLOT)
        assert fresh.size == 0


def test_state_saved_with_another_overflow_policy_is_refused() -> None:
    with Pattern(PAIRS) as pattern:
        pattern.slice(history(PAIRS))
        saved = pattern.save()
    with Pattern(CASES["pairs, the oldest dropped"]) as other:
        refusal = attempt(lambda: other.load(saved))
        assert isinstance(refusal, OperatorError)
        assert "overflow policy" in str(refusal)


@pytest.mark.parametrize("too_many", [FAIL, DROP_OLDEST])
def test_partial_matches_stay_below_their_limit(too_many: int) -> None:
    spec = replace(PAIRS, most_matches=4, too_many=too_many, within=-1)
    with Pattern(spec) as pattern:
        most = 0
        for step in history(spec, count=400):
            pattern.step(step)
            most = max(most, pattern.size)
        assert most == 4


def test_an_index_that_was_large_is_given_back() -> None:
    def row(which: int, number: int, clock: int) -> Step:
        return Step(clock, Row((which, number, 1, "t"), timestamp=clock))

    with Pattern(PAIRS) as pattern:
        pattern.slice([row(B, 0, 1000)])
        pattern.slice([row(A, number, 1000) for number in range(20_000)])
        pattern.slice([row(B, -1, 1000)])
        full = pattern.memory
        assert pattern.size == 20_000
        pattern.slice([row(B, -1, 5000)])
        assert pattern.size == 0
        assert pattern.memory < full / 4
        pattern.slice([row(A, 7, 5001)])
        assert [out.values for rows in pattern.slice([replace_v(row(B, 7, 5002))]) for out in rows] == [("t", 2)]


def replace_v(step: Step) -> Step:
    assert step.row is not None
    which, number, _, text = step.row.values
    return replace(step, row=replace(step.row, values=(which, number, 2, text)))
