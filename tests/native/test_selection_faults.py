"""The selection when memory runs out, and when saved state is not what it should be."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest
from tests.native.operator_harness import CORRUPT, NO_MEMORY, STRING, Batch, OperatorError, Row
from tests.native.selection_harness import Aggregate, Column, Selection, Spec
from tests.native.test_selection_model import make_spec, make_steps, plain_rows
from tests.properties.models.selection import Model


def status_of(action: Callable[[], object]) -> int:
    """The status that a call failed with, or 0."""
    try:
        action()
    except OperatorError as error:
        return error.status
    return 0


def make_and_close(spec: Spec, fail_after: int) -> None:
    Selection(spec, fail_after=fail_after).close()


def reload(selection: Selection, spec: Spec) -> Selection:
    """The same state in a fresh selection: loading checks all of it."""
    state = selection.save()
    fresh = Selection(spec, seed=7)
    fresh.load(state)
    selection.close()
    return fresh


@pytest.mark.parametrize("seed", range(25))
def test_state_is_whole_after_any_allocation_failed(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    steps = [step for step in make_steps(rng, spec, 60) if isinstance(step, Batch)]
    selection = Selection(spec, seed=seed)
    try:
        for step in steps:
            held = rng.random() < 0.5
            if held:
                selection.hold_snapshot()
            allocations = 0
            while allocations < 40:
                selection.leave(rng.choice([0, 64, 256, 512, 1024, 2048, 4096, 100_000]))
                selection.fail_after(allocations)
                status = status_of(partial(selection.process, step))
                if status == 0:
                    break
                assert status == NO_MEMORY
                allocations += 1
            selection.fail_after(-1)
            selection = reload(selection, spec)
    finally:
        selection.close()


@pytest.mark.parametrize("seed", range(20))
def test_creation_gives_everything_back_when_an_allocation_fails(seed: int) -> None:
    spec = make_spec(random.Random(seed))
    allocations = 0
    while (status := status_of(partial(make_and_close, spec, allocations))) != 0:
        assert status == NO_MEMORY
        allocations += 1
    assert allocations > 3


@pytest.mark.parametrize("seed", range(10))
def test_loading_gives_everything_back_when_an_allocation_fails(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    steps = make_steps(rng, spec, 80)
    model = Model(spec)
    with Selection(spec) as selection:
        for step in steps[:-1]:
            if isinstance(step, Batch):
                model.process(step)
                selection.process(step)
            else:
                model.purge(step)
                selection.purge(step)
        state = selection.save()
    allocations = 0
    with Selection(spec) as fresh:
        fresh.fail_after(allocations)
        while (status := status_of(partial(fresh.load, state))) != 0:
            assert status == NO_MEMORY
            assert fresh.size == 0
            allocations += 1
            fresh.fail_after(allocations)
        fresh.fail_after(-1)
        last = steps[-1]
        assert isinstance(last, Batch)
        expected = model.process(last)
        assert [plain_rows(rows) for rows in fresh.process(last).deliveries] == [plain_rows(rows) for rows in expected]


@pytest.mark.parametrize("seed", range(30))
def test_damaged_state_is_refused_or_harmless(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    steps = [step for step in make_steps(rng, spec, 200) if isinstance(step, Batch)]
    half = len(steps) // 2
    with Selection(spec) as selection:
        for step in steps[:half]:
            selection.process(step)
        state = selection.save()
    for _ in range(15):
        damaged = bytearray(state)
        match rng.randrange(3):
            case 0:
                del damaged[rng.randrange(len(damaged)) :]
            case 1:
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            case _:
                used = [i for i, byte in enumerate(damaged) if byte != 0]
                for place in rng.sample(used, min(len(used), 4)):
                    damaged[place] = rng.choice([0, 1, 8, 0xFF, rng.randrange(256)])
        with Selection(spec) as fresh:
            if (status := status_of(partial(fresh.load, bytes(damaged)))) != 0:
                assert status == CORRUPT
                assert fresh.size == 0
            for step in steps[half:]:
                fresh.process(step)
            for slot in range(3):
                fresh.purge(slot)


def test_truncated_state_is_refused() -> None:
    rng = random.Random(5)
    spec = make_spec(rng)
    with Selection(spec) as selection:
        for step in make_steps(rng, spec, 50):
            if isinstance(step, Batch):
                selection.process(step)
        state = selection.save()
    for length in range(0, len(state), 97):
        with Selection(spec) as fresh, pytest.raises(OperatorError) as caught:
            fresh.load(state[:length])
        assert caught.value.status == CORRUPT


def test_views_outlive_a_snapshot_that_ends_within_the_slice() -> None:
    spec = Spec(columns=(STRING,), outputs=(Column(1),), aggregates=(Aggregate("first", STRING, Column(0)),))
    with Selection(spec) as selection:
        selection.process(Batch(rows=(Row(("the first text, a long one",)),)))
        selection.hold_snapshot()
        # The first row is a view into a page of the snapshot, which the second row makes the operator leave.
        rows = (Row((None,)), Row(("another text, just as long",)))
        result = selection.process(Batch(rows=rows), snapshot_ends=True)
    assert [row.values for row in result.rows] == [("the first text, a long one",)] * 2
