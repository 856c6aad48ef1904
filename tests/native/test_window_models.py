"""Every native window against its model, on random histories, cut in every way, saved and loaded on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.window_harness import INT, LAST, LONG, STRING, Column, Delivery, Out, Row, Step, Window
from tests.properties.models import clock_windows, condition_windows, keyed_windows
from tests.properties.models import windows as models
from tests.properties.models.session_window import Session

TYPES = (STRING, INT, LONG)
TIME = 2  # the column that external windows read
EXTERNAL = Column(TIME)
TEXT = Column(0, STRING)
NUMBER = Column(1, INT)


@dataclass(frozen=True)
class Case:
    name: str
    params: tuple[object, ...]
    model: Callable[[], models.Model]


CASES = [
    *(Case("length", (n,), lambda n=n: models.Length(n)) for n in (0, 1, 2, 5, 40)),
    *(Case("time", (p,), lambda p=p: models.Time(p)) for p in (0, 1, 100, 1000)),
    *(Case("external_time", (EXTERNAL, p), lambda p=p: models.ExternalTime(TIME, p)) for p in (0, 1, 1000)),
    *(
        Case("length_batch", (n, stream), lambda n=n, stream=stream: models.LengthBatch(length=n, streams=stream))
        for n in (0, 1, 2, 5)
        for stream in (False, True)
    ),
    *(
        Case(
            "time_batch",
            (p, s, stream),
            lambda p=p, s=s, stream=stream: models.TimeBatch(period=p, start=s, streams=stream),
        )
        for p, s in ((1, None), (100, None), (1000, None), (1000, 300), (1000, 5000), (700, 0))
        for stream in (False, True)
    ),
    *(
        Case(
            "external_time_batch",
            (EXTERNAL, p, s, timeout, replace),
            lambda p=p, s=s, timeout=timeout, replace=replace: models.ExternalTimeBatch(
                column=TIME,
                period=p,
                start=s if isinstance(s, int) else None,
                start_column=TIME if isinstance(s, Column) else None,
                timeout=timeout,
                replaces=replace,
            ),
        )
        for p, s, timeout, replace in (
            (1000, None, 0, False),
            (1000, 300, 0, False),
            (1000, 5000, 0, True),
            (1000, EXTERNAL, 0, False),
            (1000, None, 500, False),
            (700, 0, 100, True),
            (3000, None, 200, False),
        )
    ),
    *(Case("batch", (n,), lambda n=n: models.Batch(length=n)) for n in (0, 1, 2)),
    *(Case("delay", (p,), lambda p=p: clock_windows.Delay(p)) for p in (1, 100, 1000)),
    *(
        Case("time_length", (p, n), lambda p=p, n=n: clock_windows.TimeLength(p, length=n))
        for p, n in ((1000, 2), (1000, 5), (100, 1), (1000, 0))
    ),
    *(
        Case(
            "hopping",
            (size, hop, start),
            lambda size=size, hop=hop, start=start: clock_windows.Hopping(size, hop, start),
        )
        for size, hop, start in ((1000, 500, None), (1000, 1000, 300), (300, 1000, 5000), (2500, 400, None))
    ),
    *(
        Case("sort", (n, *names), lambda n=n, keys=keys: keyed_windows.Sort(n, keys))
        for n, names, keys in (
            (2, (NUMBER,), ((1, False),)),
            (5, (NUMBER, "desc", TEXT, "asc"), ((1, True), (0, False))),
            (3, (EXTERNAL, "DESC"), ((TIME, True),)),
            (0, (NUMBER,), ((1, False),)),
        )
    ),
    *(
        Case("frequent", (n, *names), lambda n=n, keys=keys: keyed_windows.Frequent(columns=keys, most=n))
        for n, names, keys in (
            (1, (TEXT,), (0,)),
            (2, (NUMBER,), (1,)),
            (3, (), (0, 1, 2)),
            (3, (TEXT, NUMBER), (0, 1)),
        )
    ),
    *(
        Case(
            "lossy_frequent",
            (support, error, *names),
            lambda support=support, error=error, keys=keys: keyed_windows.LossyFrequent(
                columns=keys, support=support, error=error or support / 10
            ),
        )
        for support, error, names, keys in (
            (0.5, 0.25, (TEXT,), (0,)),
            (0.3, None, (NUMBER,), (1,)),
            (0.2, 0.11, (TEXT, NUMBER), (0, 1)),
        )
    ),
    Case("unique", (TEXT,), lambda: keyed_windows.Unique(columns=(0,))),
    Case("unique", (NUMBER, TEXT), lambda: keyed_windows.Unique(columns=(1, 0))),
    Case("first_unique", (NUMBER,), lambda: keyed_windows.Unique(columns=(1,), first_only=True)),
    Case("keep_all", (), keyed_windows.KeepAll),
    *(
        Case("expression", (name, limit, False, False), lambda holds=holds: condition_windows.Expression(holds))
        for name, limit, holds in (
            ("count", 3, condition_windows.count_up_to(3)),
            ("sum", 7, condition_windows.sum_below(7)),
            ("run", 0, condition_windows.ends_equal),
        )
    ),
    *(
        Case(
            "expression_batch",
            (name, limit, includes, streams),
            lambda holds=holds, includes=includes, streams=streams: condition_windows.ExpressionBatch(
                holds, includes, streams
            ),
        )
        for name, limit, holds in (
            ("count", 2, condition_windows.count_up_to(2)),
            ("sum", 7, condition_windows.sum_below(7)),
            ("run", 0, condition_windows.ends_equal),
        )
        for includes in (False, True)
        for streams in (False, True)
    ),
    *(Case("cron", (f"*/{n} * * * * ?",), lambda n=n: clock_windows.EverySeconds(seconds=n)) for n in (1, 2, 5)),
    *(
        Case("session", (gap, key, latency), lambda gap=gap, key=key, latency=latency: Session(gap, key and 0, latency))
        for gap, key, latency in (
            (1000, None, 0),
            (100, TEXT, 0),
            (1000, TEXT, 1000),
            (1000, TEXT, 100),
            (400, TEXT, 300),
            (1000, None, 500),
        )
    ),
]

few_texts = st.sampled_from([None, "", "a", "thirteen byte"])
many_texts = st.one_of(
    st.none(), st.sampled_from(["", "a", "exactly12byt", "thirteen byte", "long " * 5, "é" * 9]), st.text(max_size=20)
)


@st.composite
def histories(draw: st.DrawFn, *, slots: int, chunks: bool) -> list[Step]:
    few = draw(st.booleans())  # so that keys come again
    texts = few_texts if few else many_texts
    numbers = st.sampled_from([None, 0, 1, -5]) if few else st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
    clock = draw(st.integers(0, 3000))
    steps = []
    jumps = st.sampled_from([0, 0, 1, 50, 99, 100, 101, 400, 999, 1000, 1001, 2500])
    for _ in range(draw(st.integers(1, 25))):
        jump = draw(jumps)
        clock += jump
        # A row below the clock moves nothing: no timer runs.
        quiet = bool(steps) and jump == 0 and draw(st.booleans())
        ranks = [LAST] if quiet else sorted(draw(st.lists(st.sampled_from([0, 2, LAST]), max_size=3)))
        deliveries = []
        for rank in ranks[: len(ranks) - max(ranks.count(LAST) - 1, 0)]:
            rows = tuple(
                Row(
                    clock - draw(st.sampled_from([0, 0, 0, 0, 1, 100, 999, 1000, 3000, -700, -5000])),
                    (
                        draw(texts),
                        draw(numbers),
                        clock + draw(st.sampled_from([0, 0, 1, 500, -1, -500, -2000])),
                    ),
                )
                for _ in range(draw(st.integers(1, 4)) if chunks else 1)
            )
            deliveries.append(Delivery(rows, draw(st.integers(0, slots - 1)), rank))
        steps.append(Step(clock, tuple(deliveries), quiet=quiet))
    return steps


def compare(found: list[tuple[int, list[Out]]], wanted: list[tuple[int, list[Out]]]) -> None:
    assert found == wanted


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.name}-{'-'.join(str(p) for p in case.params if not isinstance(p, Column))}"
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_window_agrees_with_its_model(case: Case, data: st.DataObject) -> None:
    slots = data.draw(st.sampled_from([1, 1, 3]), label="slots")
    steps = data.draw(histories(slots=slots, chunks=data.draw(st.booleans())), label="steps")
    wants_expired = data.draw(st.booleans(), label="wants_expired")
    cuts = data.draw(st.lists(st.sampled_from([1, 2, 7, 4096]), min_size=1, max_size=4), label="cuts")
    slot_models: dict[int, models.Model] = {}
    wanted = models.run(case.model, steps, wants_expired=wants_expired, models=slot_models)

    with Window(case.name, *case.params, types=TYPES, wants_expired=wants_expired) as window:
        compare(window.run_depth_first(steps).deliveries, wanted.deliveries)
        if wants_expired and case.name != "cron":
            for slot, model in slot_models.items():
                assert window.find(slot) == model.content()

    window = Window(case.name, *case.params, types=TYPES, wants_expired=wants_expired)
    compare(window.run_slices(steps, cuts).deliveries, wanted.deliveries)
    if wants_expired and case.name != "cron":
        for slot, model in slot_models.items():
            assert window.find(slot) == model.content()
    assert window.close() == 0

    at = data.draw(st.integers(0, len(steps)), label="saved after")
    window = Window(case.name, *case.params, types=TYPES, wants_expired=wants_expired)
    first = window.run_slices(steps[:at], cuts).deliveries
    window.hold_snapshot()
    window = window.reborn()
    rest = window.run_slices(steps[at:], cuts).deliveries
    compare(first + [(at + number, delivery) for number, delivery in rest], wanted.deliveries)
    assert window.close() == 0
