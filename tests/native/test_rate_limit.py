"""Rate limiters: small examples with Siddhi's answers, and random histories against a model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.operator_harness import (
    CORRUPT,
    CURRENT,
    EVERY_SLOT,
    EXPIRED,
    LONG,
    NO_MEMORY,
    STRING,
    OperatorError,
    Row,
    Value,
)
from tests.native.rate_limit_harness import ALL, FIRST, LAST, SNAPSHOT, RateLimiter, RateSpec, Step
from tests.properties.models.rate_limit import RateModel

SV = (STRING, LONG)
CYCLE = [Step(1000 + i, (Row(("abc"[i % 3], i + 1), CURRENT, 1000 + i),)) for i in range(7)]


def values(spec: RateSpec, steps: Sequence[Step]) -> list[list[list[tuple[Value, ...]]]]:
    """Of each step the deliveries, as values."""
    with RateLimiter(spec) as limiter:
        return [[[row.values for row in delivery] for delivery in limiter.step(step)] for step in steps]


def numbers(spec: RateSpec, steps: Sequence[Step]) -> dict[int, list[list[Value]]]:
    """By clock the second column of the deliveries; steps that give nothing are left out."""
    found = zip(steps, values(spec, steps), strict=True)
    return {step.clock: [[row[1] for row in delivery] for delivery in gave] for step, gave in found if gave}


def test_all_every_three_events() -> None:
    assert numbers(RateSpec(columns=SV, rate=ALL, every=3), CYCLE) == {1002: [[1, 2, 3]], 1005: [[4, 5, 6]]}


def test_first_every_three_events() -> None:
    assert numbers(RateSpec(columns=SV, rate=FIRST, every=3), CYCLE) == {1000: [[1]], 1003: [[4]], 1006: [[7]]}


def test_last_every_three_events() -> None:
    assert numbers(RateSpec(columns=SV, rate=LAST, every=3), CYCLE) == {1002: [[3]], 1005: [[6]]}


def test_first_every_two_events_of_each_group() -> None:
    spec = RateSpec(columns=SV, rate=FIRST, every=2, keys=(0,))
    assert numbers(spec, CYCLE) == {1000: [[1]], 1001: [[2]], 1002: [[3]], 1006: [[7]]}


def test_last_every_three_events_of_each_group() -> None:
    spec = RateSpec(columns=SV, rate=LAST, every=3, keys=(0,))
    assert numbers(spec, CYCLE) == {1002: [[1, 2, 3]], 1005: [[4, 5, 6]]}


CHUNK = Step(7, tuple(Row((s, v), CURRENT, v) for s, v in zip("abacbaa", range(1, 8), strict=True)))
TWO_MORE = [Step(8, (Row(("b", 8), CURRENT, 8),)), Step(9, (Row(("c", 9), CURRENT, 9),))]


@pytest.mark.parametrize(
    ("rate", "every", "keys", "expected"),
    [
        (ALL, 3, (), [[[1, 2, 3], [4, 5, 6]], [], [[7, 8, 9]]]),
        (FIRST, 2, (), [[[1, 3, 5, 7]], [], [[9]]]),
        (LAST, 2, (), [[[2], [4], [6]], [[8]], []]),
        (FIRST, 2, (0,), [[[1, 2, 4, 6]], [[8]], []]),
        (FIRST, 3, (0,), [[[1, 2, 4, 7]], [], []]),
        (LAST, 3, (0,), [[[3, 2], [4, 5, 6]], [], [[7, 8, 9]]]),
        (LAST, 1, (0,), [[[1], [2], [3], [4], [5], [6], [7]], [[8]], [[9]]]),
        (ALL, 1, (), [[[1], [2], [3], [4], [5], [6], [7]], [[8]], [[9]]]),
    ],
)
def test_rows_of_one_chunk(rate: int, every: int, keys: tuple[int, ...], expected: list[list[list[int]]]) -> None:
    spec = RateSpec(columns=SV, rate=rate, every=every, keys=keys)
    gave = values(spec, [CHUNK, *TWO_MORE])
    assert [[[row[1] for row in delivery] for delivery in step] for step in gave] == expected


def test_first_every_event_is_every_event() -> None:
    """Where Siddhi gives the very first one only."""
    gave = numbers(RateSpec(columns=SV, rate=FIRST, every=1), CYCLE)
    assert [value for deliveries in gave.values() for (value,) in deliveries] == [1, 2, 3, 4, 5, 6, 7]


def test_both_kinds_count_and_are_kept() -> None:
    spec = RateSpec(columns=SV, rate=ALL, every=2)
    rows = [(Row(("a", 1), CURRENT, 1000),), (Row(("a", 1), EXPIRED, 1001), Row(("b", 2), CURRENT, 1001))]
    with RateLimiter(spec) as limiter:
        assert limiter.step(Step(1000, rows[0])) == []
        assert limiter.step(Step(1001, rows[1])) == [[Row(("a", 1), CURRENT, 1000), Row(("a", 1), EXPIRED, 1001)]]


def at(*times: int, name: str = "a") -> list[Step]:
    return [Step(time, (Row((name, time), CURRENT, time),)) for time in times]


def test_first_every_second() -> None:
    spec = RateSpec(columns=SV, rate=FIRST, every=1000, by_time=True)
    assert numbers(spec, at(1000, 1500, 2000, 2500, 3100)) == {1000: [[1000]], 2000: [[2000]], 3100: [[3100]]}
    chunks = [Step(t + 1, (Row(("a", t), CURRENT, t), Row(("b", t + 1), CURRENT, t + 1))) for t in (1000, 2000)]
    assert numbers(spec, chunks) == {1001: [[1000]], 2001: [[2000]]}


def test_first_every_second_of_each_group() -> None:
    spec = RateSpec(columns=SV, rate=FIRST, every=1000, by_time=True, keys=(0,))
    steps = [*at(1000), *at(1500, name="b"), *at(1900, 2000), *at(2600, name="b")]
    assert list(numbers(spec, steps)) == [1000, 1500, 2000, 2600]


def ticks(*times: int) -> list[Step]:
    return [Step(time) for time in times]


def test_periods_begin_with_the_app() -> None:
    spec = RateSpec(columns=SV, rate=ALL, every=200, by_time=True)
    steps = [*ticks(0), *at(50, 100), *ticks(200, 300, 400), *at(900), *ticks(1000)]
    assert numbers(spec, steps) == {200: [[50, 100]], 1000: [[900]]}


def test_a_row_at_the_time_of_a_tick_belongs_to_the_next() -> None:
    spec = RateSpec(columns=SV, rate=ALL, every=200, by_time=True)
    assert numbers(spec, [*at(1000, 1200, 1400), *ticks(1600)]) == {
        1200: [[1000]],
        1400: [[1200]],
        1600: [[1400]],
    }


def test_last_at_ticks() -> None:
    steps = [*ticks(0), *at(50), *at(60, name="b"), *at(70), *ticks(200, 400)]
    assert numbers(RateSpec(columns=SV, rate=LAST, every=200, by_time=True), steps) == {200: [[70]]}
    spec = RateSpec(columns=SV, rate=LAST, every=200, by_time=True, keys=(0,))
    assert numbers(spec, steps) == {200: [[70, 60]]}


def test_a_snapshot_repeats_the_last_row_at_each_tick() -> None:
    steps = [*at(0, 100), *ticks(1000, 2000), *at(2300, 2400), *ticks(3000)]
    spec = RateSpec(columns=SV, rate=SNAPSHOT, every=1000)
    assert numbers(spec, steps) == {1000: [[100]], 2000: [[100]], 3000: [[2400]]}
    grouped = RateSpec(columns=SV, rate=SNAPSHOT, every=1000, keys=(0,))
    steps = [*at(0, 100), *at(150, name="b"), *at(200), *ticks(1000)]
    assert numbers(grouped, steps) == {1000: [[200, 150]]}


def test_a_clock_that_jumps_fires_each_tick() -> None:
    spec = RateSpec(columns=SV, rate=SNAPSHOT, every=1000)
    assert numbers(spec, [*at(0), *ticks(3500)]) == {3500: [[0], [0], [0]]}


def window(*changes: tuple[int, str, int, int]) -> list[Step]:
    """Rows that enter (kind CURRENT) and leave a window, with a running sum in the second column."""
    return [Step(time, (Row((name, total), kind, time),)) for time, name, total, kind in changes]


SLIDING = window((10, "a", 1, CURRENT), (20, "b", 3, CURRENT), (30, "a", 2, EXPIRED), (31, "c", 7, CURRENT))


def test_a_snapshot_of_a_window_has_the_latest_aggregates() -> None:
    steps = [*ticks(0), *SLIDING, *ticks(200, 400)]
    spec = RateSpec(columns=SV, rate=SNAPSHOT, every=200, windowed=True, aggregates=(1,))
    assert values(spec, steps)[-2:] == [[[("b", 7), ("c", 7)]], [[("b", 7), ("c", 7)]]]


def test_a_snapshot_of_aggregates_only_is_one_row() -> None:
    steps = [
        Step(step.clock, tuple(Row((row.values[1],), row.kind, row.timestamp) for row in step.rows)) for step in SLIDING
    ]
    spec = RateSpec(columns=(LONG,), rate=SNAPSHOT, every=200, windowed=True, aggregates=(0,))
    assert values(spec, [*ticks(0), *steps, *ticks(200)])[-1] == [[(7,)]]
    gone = Step(210, (Row((0,), EXPIRED, 210),))
    assert values(spec, [*ticks(0), *steps, *ticks(200), gone, *ticks(400)])[-1] == []


def test_a_snapshot_of_groups_is_the_oldest_row_of_each_with_its_latest_values() -> None:
    spec = RateSpec(columns=SV, rate=SNAPSHOT, every=200, windowed=True, aggregates=(1,), keys=(0,))
    steps = window((1, "a", 1, CURRENT), (2, "b", 2, CURRENT), (3, "a", 6, CURRENT), (4, "c", 7, CURRENT))
    with RateLimiter(spec) as limiter:
        for step in [*ticks(0), *steps]:
            assert limiter.step(step) == []
        assert limiter.step(Step(200)) == [
            [Row(("a", 6), CURRENT, 1), Row(("b", 2), CURRENT, 2), Row(("c", 7), CURRENT, 4)]
        ]
        limiter.step(Step(210, (Row(("a", 5), EXPIRED, 210), Row(("b", 0), EXPIRED, 210))))
        assert limiter.step(Step(400)) == [[Row(("a", 5), CURRENT, 3), Row(("c", 7), CURRENT, 4)]]


def test_hidden_columns_are_read_and_not_put_out() -> None:
    spec = RateSpec(columns=(LONG, STRING), rate=LAST, every=3, keys=(1,), visible=1)
    steps = [Step(i, (Row((i, "ab"[i % 2]), CURRENT, i),)) for i in range(3)]
    assert values(spec, steps)[-1] == [[(2,), (1,)]]


def test_slots_count_for_themselves() -> None:
    spec = RateSpec(columns=SV, rate=LAST, every=2, partitioned=True)
    rows = [Row((name, v), CURRENT, v, "ab".index(name)) for name, v in (("a", 1), ("b", 2), ("a", 3), ("b", 4))]
    with RateLimiter(spec) as limiter:
        gave = [limiter.step(Step(row.timestamp, (row,))) for row in rows]
    assert gave == [[], [], [[rows[2]]], [[rows[3]]]]


@pytest.mark.parametrize("every", [0, -1])
def test_a_rate_of_nothing_is_refused(every: int) -> None:
    with pytest.raises(OperatorError, match="must be above 0"):
        RateLimiter(RateSpec(columns=SV, rate=ALL, every=every))


# ---- against the model ----

TEXTS = ["a", "b", "a longer text than twelve", None]


def make_spec(rng: random.Random) -> RateSpec:
    """Columns: a text, an aggregate, another value, a hidden key."""
    rate = rng.choice([ALL, FIRST, LAST, SNAPSHOT])
    by_time = rate == SNAPSHOT or rng.random() < 0.5
    windowed = rate == SNAPSHOT and rng.random() < 0.7
    visible = rng.choice([1, 2, 3, 4])
    shown = list(range(visible))
    return RateSpec(
        columns=(STRING, LONG, LONG, STRING),
        rate=rate,
        every=rng.choice([5, 10, 37]) if by_time else rng.choice([1, 2, 3, 7]),
        by_time=by_time,
        visible=visible,
        keys=rng.choice([(), (), (3,), (0, 3)]) if rate != ALL else (),
        partitioned=rng.random() < 0.4,
        windowed=windowed,
        aggregates=tuple(rng.choice([[], shown, [c for c in shown if c == 1]])) if windowed else (),
    )


def make_steps(rng: random.Random, spec: RateSpec, count: int, *, chunks: bool) -> list[Step]:
    clock = rng.choice([0, 1_000_000])
    inside: list[Row] = []
    steps = []
    for _ in range(count):
        clock += rng.choice([0, 0, 1, 2, 5, 40])
        slot = rng.randrange(3) if spec.partitioned else 0
        rows: list[Row] = []
        for _ in range(rng.choice([0, 1, 2, 5]) if chunks else rng.choice([0, 1, 1])):
            mine = [row for row in inside if row.slot == slot]
            if mine and rng.random() < 0.4 and (spec.windowed or spec.rate != SNAPSHOT):
                old = rng.choice(mine)
                inside.remove(old)
                left = tuple(
                    rng.randrange(9) if c in spec.aggregates and c in (1, 2) else value
                    for c, value in enumerate(old.values)
                )
                rows.append(Row(left, EXPIRED, clock, slot))
            else:
                new = Row(
                    (rng.choice(TEXTS), rng.randrange(9), rng.randrange(2), rng.choice(TEXTS[:3])), CURRENT, clock, slot
                )
                inside.append(new)
                rows.append(new)
        late = rng.random() < 0.1
        steps.append(Step(clock - 7 if late else clock, tuple(rows)))
    return steps


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_steps_give_what_the_model_gives(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    model = RateModel(spec)
    limiter = RateLimiter(spec, seed=seed)
    try:
        for step in make_steps(rng, spec, 60, chunks=True):
            match rng.randrange(12):
                case 0:
                    state = limiter.save()
                    now = limiter.now
                    limiter.close()
                    limiter = RateLimiter(spec, seed=rng.randrange(2**32))
                    limiter.load(state)
                    limiter.now = now
                case 1:
                    limiter.hold_snapshot()
                case 2 if spec.partitioned:
                    slot = rng.randrange(3)
                    model.purge(slot)
                    limiter.purge(slot)
            assert limiter.step(step) == model.step(step)
    finally:
        limiter.close()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_slices_give_what_the_model_gives(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    model = RateModel(spec)
    steps = make_steps(rng, spec, 80, chunks=False)
    with RateLimiter(spec, seed=seed) as limiter:
        while steps:
            size = rng.choice([1, 2, 7, 40])
            part, steps = steps[:size], steps[size:]
            expected = [delivery for step in part for delivery in model.step(step)]
            assert limiter.slice(part) == expected


@pytest.mark.parametrize("seed", range(20))
def test_state_is_whole_after_any_allocation_failed(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    limiter = RateLimiter(spec, seed=seed)
    try:
        for step in make_steps(rng, spec, 40, chunks=True):
            if rng.random() < 0.5:
                limiter.hold_snapshot()
            for allocations in range(6):
                limiter.leave(rng.choice([0, 64, 1024, 100_000]))
                limiter.fail_after(allocations)
                try:
                    limiter.step(step)
                except OperatorError as error:
                    assert error.status == NO_MEMORY  # noqa: PT017
                limiter.fail_after(-1)
            state, now = limiter.save(), limiter.now
            limiter.close()
            limiter = RateLimiter(spec, seed=seed)
            limiter.load(state)
            limiter.now = now
    finally:
        limiter.close()


@pytest.mark.parametrize("seed", range(20))
def test_damaged_state_is_refused_or_harmless(seed: int) -> None:
    rng = random.Random(seed)
    spec = make_spec(rng)
    steps = make_steps(rng, spec, 120, chunks=True)
    with RateLimiter(spec) as limiter:
        for step in steps[:80]:
            limiter.step(step)
        state, now = limiter.save(), limiter.now
        limiter.purge(EVERY_SLOT)
        assert limiter.size == 0
        limiter.load(state)
    for _ in range(15):
        damaged = bytearray(state)
        used = [i for i, byte in enumerate(damaged) if byte != 0]
        for place in rng.sample(used, min(len(used), rng.choice([1, 4]))):
            damaged[place] ^= 1 << rng.randrange(8)
        if rng.random() < 0.2:
            del damaged[rng.randrange(len(damaged)) :]
        with RateLimiter(spec) as fresh:
            try:
                fresh.load(bytes(damaged))
            except OperatorError as error:
                assert error.status == CORRUPT  # noqa: PT017
                assert fresh.size == 0
            fresh.now = now
            if fresh.next_due > now - 100_000:
                for step in steps[80:]:
                    fresh.step(step)
            fresh.purge(EVERY_SLOT)
            assert fresh.size == 0


def test_creation_gives_everything_back_when_an_allocation_fails() -> None:
    spec = RateSpec(columns=SV, rate=LAST, every=3, keys=(0,))
    for allocations in range(5):
        with pytest.raises(OperatorError, match="memory"):
            partial(RateLimiter, spec, fail_after=allocations)()
