"""The windows' traces of the language reference, at the window itself: before any selection, with RESET rows.

A trace has one line a step: `1000,1001 a,b -> C 1000 a | X 1001 b R 1001`. The timestamps of its rows, their names
(`a/100`: with 100 in the attribute that external windows read), then the deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.native.window_harness import LONG, STRING, Column, Delivery, Out, Row, Step, Window

TIME = Column(1)


@dataclass(frozen=True)
class Trace:
    name: str
    window: str
    params: tuple[object, ...]
    lines: str


TRACES = [
    Trace(
        "T21 length expires the oldest before the current row",
        "length",
        (2,),
        """
        1000 a -> C 1000 a
        1100 b -> C 1100 b
        1200 c -> X 1200 a C 1200 c
        1300 d -> X 1300 b C 1300 d
    """,
    ),
    Trace(
        "T22 length stamps expired rows of a chunk with the clock",
        "length",
        (2,),
        """
        1000,1001,1002,1003 a,b,c,d -> C 1000 a C 1001 b X 1003 a C 1002 c X 1003 b C 1003 d
    """,
    ),
    Trace(
        "T24 length(0) lets each row expire at once, with its own timestamp",
        "length",
        (0,),
        """
        1000 a -> C 1000 a X 1000 a R 1000
        1001,1002,1003 b,c,d -> C 1001 b X 1001 b R 1003 C 1002 c X 1002 c R 1003 C 1003 d X 1003 d R 1003
        500 e -> C 500 e X 500 e R 1003
    """,
    ),
    Trace(
        "T25 lengthBatch expires the former batch",
        "length_batch",
        (2, False),
        """
        1000 a -> .
        1100 b -> R 1100 C 1000 a C 1100 b
        1200 c -> .
        1300 d -> X 1300 a X 1300 b R 1300 C 1200 c C 1300 d
    """,
    ),
    Trace(
        "T27 lengthBatch(stream) emits rows at once",
        "length_batch",
        (2, True),
        """
        1000 a -> C 1000 a
        1100 b -> C 1100 b
        1200 c -> X 1200 a X 1200 b R 1200 C 1200 c
        1300 d -> C 1300 d
        1400 e -> X 1400 c X 1400 d R 1400 C 1400 e
    """,
    ),
    Trace(
        "T28 lengthBatch closes batches in the middle of a chunk",
        "length_batch",
        (2, False),
        """
        1000,1001,1002,1003,1004 a,b,c,d,e -> R 1004 C 1000 a C 1001 b | X 1004 a X 1004 b R 1004 C 1002 c C 1003 d
    """,
    ),
    Trace(
        "lengthBatch(stream) makes a delivery of each row of a chunk",
        "length_batch",
        (2, True),
        """
        1,2,3,4,5 a,b,c,d,e -> C 1 a | C 2 b | X 5 a X 5 b R 5 C 3 c | C 4 d | X 5 c X 5 d R 5 C 5 e
        10 f -> C 10 f
    """,
    ),
    Trace(
        "T29 lengthBatch(0) lets each row expire at once, with the clock",
        "length_batch",
        (0, False),
        """
        1,2,3 a,b,c -> C 1 a X 3 a R 3 | C 2 b X 3 b R 3 | C 3 c X 3 c R 3
    """,
    ),
    Trace(
        "T30 T31 time fires timers before the row of the same ms",
        "time",
        (1000,),
        """
        1000 a -> C 1000 a
        1500 b -> C 1500 b
        2000 c -> X 2000 a | C 2000 c
        2600 d -> X 2600 b | C 2600 d
        5000 e -> X 5000 c X 5000 d | C 5000 e
    """,
    ),
    Trace(
        "T32 time expires rows of a chunk while it is handled",
        "time",
        (1000,),
        """
        1000,1500,2000,2500 a,b,c,d -> C 1000 a X 2500 a C 1500 b X 2500 b C 2000 c C 2500 d
        3000 e -> X 3000 c | C 3000 e
    """,
    ),
    Trace(
        "T33 time keeps a late row behind the younger one",
        "time",
        (1000,),
        """
        3000 a -> C 3000 a
        1500 late -> C 1500 late
        4100 d -> X 4100 a X 4100 late | C 4100 d
    """,
    ),
    Trace(
        "T34 time with two rows of one ms",
        "time",
        (100,),
        """
        1000 a -> C 1000 a
        1000 b -> C 1000 b
        1100 c -> X 1100 a X 1100 b | C 1100 c
    """,
    ),
    Trace(
        "T34 time(0)",
        "time",
        (0,),
        """
        1000 a -> C 1000 a
        1000 b -> X 1000 a | C 1000 b
        1100 c -> X 1100 b C 1100 c
    """,
    ),
    Trace(
        "a late row in an empty time window has no timer",
        "time",
        (1000,),
        """
        3000 a -> C 3000 a
        4100 -> X 4100 a
        1500 late -> C 1500 late
        4200 -> .
        4400 b -> X 4400 late C 4400 b
        9000 -> X 9000 b
        5000 late2 -> C 5000 late2
        5100 late3 -> X 9000 late2 C 5100 late3
        9100 -> X 9100 late3
    """,
    ),
    Trace(
        "T35 timeBatch expires the former batch",
        "time_batch",
        (1000, None, False),
        """
        1000 a -> .
        1500 b -> .
        2000 c -> R 2000 C 1000 a C 1500 b
        2600 d -> .
        3000 e -> X 3000 a X 3000 b R 3000 C 2000 c C 2600 d
    """,
    ),
    Trace(
        "T36 timeBatch handles ends that run late one after the other",
        "time_batch",
        (1000, None, False),
        """
        1000 a -> .
        2000 b -> R 2000 C 1000 a
        3000 e -> X 3000 a R 3000 C 2000 b
        5500 f -> X 5500 b R 5500 C 3000 e | X 5500 e
    """,
    ),
    Trace(
        "T37 timeBatch with a start time",
        "time_batch",
        (1000, 300, False),
        """
        1000 a -> .
        1299 b -> .
        1300 c -> R 1300 C 1000 a C 1299 b
        2299 d -> .
        2301 e -> X 2301 a X 2301 b R 2301 C 1300 c C 2299 d
        5500 f -> X 5500 c X 5500 d R 5500 C 2301 e | X 5500 e
    """,
    ),
    Trace(
        "timeBatch before its start time ends one period later than one expects",
        "time_batch",
        (1000, 300, False),
        """
        100 a -> .
        1299 b -> .
        1300 c -> R 1300 C 100 a C 1299 b
    """,
    ),
    Trace(
        "T38 timeBatch(stream) emits rows at once",
        "time_batch",
        (1000, None, True),
        """
        1000 a -> C 1000 a
        1500 b -> C 1500 b
        2000 c -> X 2000 a X 2000 b R 2000 | C 2000 c
        2600 d -> C 2600 d
        3000 e -> X 3000 c X 3000 d R 3000 | C 3000 e
    """,
    ),
    Trace(
        "T40 timeBatch's grid goes on through silence",
        "time_batch",
        (1000, None, False),
        """
        1000 a -> .
        6500 b -> R 6500 C 1000 a | X 6500 a
        7100 c -> R 7100 C 6500 b
    """,
    ),
    Trace(
        "T42 externalTime follows its attribute",
        "external_time",
        (TIME, 1000),
        """
        1000 a/100 -> C 1000 a/100
        1001 b/600 -> C 1001 b/600
        1002 c/1100 -> X 1100 a/100 C 1002 c/1100
        1003 d/900 -> C 1003 d/900
        1004 e/2100 -> X 2100 b/600 X 2100 c/1100 X 2100 d/900 C 1004 e/2100
    """,
    ),
    Trace(
        "T43 externalTimeBatch collects late rows in the open batch",
        "external_time_batch",
        (TIME, 1000, None, 0, False),
        """
        1000 a/100 -> .
        1001 b/600 -> .
        1002 c/1100 -> R 1100 C 1000 a/100 C 1001 b/600
        1003 d/900 -> .
        1004 e/2100 -> X 2100 a/100 X 2100 b/600 R 2100 C 1002 c/1100 C 1003 d/900
    """,
    ),
    Trace(
        "T44 externalTimeBatch leaves gaps",
        "external_time_batch",
        (TIME, 1000, None, 0, False),
        """
        1000 a/100 -> .
        1001 b/3600 -> R 3600 C 1000 a/100
        1002 c/4099 -> .
        1003 d/4100 -> X 4100 a/100 R 4100 C 1001 b/3600 C 1002 c/4099
    """,
    ),
    Trace(
        "T45 externalTimeBatch replaces the attribute by the end",
        "external_time_batch",
        (TIME, 1000, 0, 0, True),
        """
        1000 a/100 -> .
        1001 b/600 -> .
        1002 c/1700 -> R 1700 C 1000 a/1000 C 1001 b/1000
        1003 d/2000 -> X 2000 a/1000 X 2000 b/1000 R 2000 C 1002 c/2000
    """,
    ),
    Trace(
        "T46b externalTimeBatch before its start",
        "external_time_batch",
        (TIME, 1000, 300, 0, False),
        """
        1000 a/100 -> .
        1001 b/299 -> .
        1002 c/300 -> .
        1003 d/1300 -> R 1300 C 1000 a/100 C 1001 b/299 C 1002 c/300
    """,
    ),
    Trace(
        "T46 externalTimeBatch's timeout",
        "external_time_batch",
        (TIME, 1000, 0, 500, False),
        """
        1000 a/100 -> .
        1200 b/600 -> .
        1800 c/700 -> R 600 C 1000 a/100 C 1200 b/600
        2400 d/800 -> X 700 a/100 X 700 b/600 R 700 C 1000 a/100 C 1200 b/600 C 1800 c/700
        3000 e/1100 -> X 800 a/100 X 800 b/600 X 800 c/700 R 800 C 1000 a/100 C 1200 b/600 C 1800 c/700 C 2400 d/800
    """,
    ),
    Trace(
        "T47 batch",
        "batch",
        (0,),
        """
        1000,1001 a,b -> R 1001 C 1000 a C 1001 b
        1100,1101,1102 c,d,e -> X 1102 a X 1102 b R 1102 C 1100 c C 1101 d C 1102 e
    """,
    ),
    Trace(
        "T47 batch(2)",
        "batch",
        (2,),
        """
        1000,1001 a,b -> R 1001 C 1000 a C 1001 b
        1100,1101,1102 c,d,e -> X 1102 a X 1102 b R 1102 C 1100 c C 1101 d | R 1102 C 1102 e
        1200 f -> X 1200 c X 1200 d X 1200 e R 1200 C 1200 f
    """,
    ),
]


def _values(name: str) -> tuple[object, ...]:
    text, _, time = name.partition("/")
    return (text, int(time) if time else None)


def _read_out(text: str) -> list[list[Out]]:
    deliveries = []
    for part in text.split("|"):
        words = iter(part.split())
        delivery = []
        for kind in words:
            if kind != ".":
                timestamp = int(next(words))
                delivery.append(Out(kind, timestamp, None if kind == "R" else _values(next(words))))
        if delivery:
            deliveries.append(delivery)
    return deliveries


def _read(lines: str) -> tuple[list[Step], list[tuple[int, list[Out]]]]:
    steps: list[Step] = []
    wanted = []
    clock = 0
    for number, line in enumerate(lines.strip().splitlines()):
        before, _, after = line.partition("->")
        times, _, names = before.strip().partition(" ")
        stamps = [int(time) for time in times.split(",")]
        rows = tuple(Row(ts, _values(name)) for ts, name in zip(stamps, names.split(","), strict=True)) if names else ()
        quiet = stamps[-1] < clock
        clock = max(clock, stamps[-1])
        steps.append(Step(clock, (Delivery(rows),) if rows else (), quiet=quiet))
        wanted += [(number, delivery) for delivery in _read_out(after)]
    return steps, wanted


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
@pytest.mark.parametrize("how", ["depth first", "one slice", "slices of two"])
def test_trace(trace: Trace, how: str) -> None:
    steps, wanted = _read(trace.lines)
    with Window(trace.window, *trace.params, types=(STRING, LONG)) as window:
        match how:
            case "depth first":
                assert window.run_depth_first(steps).deliveries == wanted
            case "one slice":
                assert window.run_slices(steps).deliveries == wanted
            case _:
                assert window.run_slices(steps, cuts=[2] * len(steps)).deliveries == wanted


def test_chained_time_batches_close_with_the_row_that_finds_the_end_reached() -> None:
    """T7: a row of a timer that runs before this window's own, at the very end."""
    first = Delivery((Row(1000, ("a", None)),), rank=0)
    at_end = Delivery((Row(2000, ("b", None)),), rank=0)
    steps = [Step(2000, (first,)), Step(3000, (at_end,)), Step(4000, (Delivery((Row(3000, ("c", None)),), rank=0),))]
    wanted = [
        (1, [Out("R", 3000, None), Out("C", 1000, ("a", None)), Out("C", 2000, ("b", None))]),
        (
            2,
            [
                Out("X", 4000, ("a", None)),
                Out("X", 4000, ("b", None)),
                Out("R", 4000, None),
                Out("C", 3000, ("c", None)),
            ],
        ),
    ]
    for run in (Window.run_depth_first, Window.run_slices):
        with Window("time_batch", 1000, None, False, types=(STRING, LONG)) as window:
            assert run(window, steps).deliveries == wanted


def test_chained_time_batch_that_holds_nothing_knows_which_ends_have_passed() -> None:
    """Idle, at 6000 it gets a timer's row before its own pass of that step, and at 9500 another between two ends."""
    first = Delivery((Row(1000, ("a", None)),), rank=0)
    steps = [
        Step(1000, (first,)),
        Step(2000),
        Step(3000),
        Step(5500),
        Step(6000, (Delivery((Row(6000, ("b", None)),), rank=0),)),
        Step(7000),
        Step(9300),
        Step(9500, (Delivery((Row(9500, ("c", None)),), rank=0),)),
        Step(10000),
    ]
    wanted = [
        (1, [Out("R", 2000, None), Out("C", 1000, ("a", None))]),
        (4, [Out("R", 6000, None), Out("C", 6000, ("b", None))]),
        (8, [Out("R", 10000, None), Out("C", 9500, ("c", None))]),
    ]
    for run in (Window.run_depth_first, Window.run_slices):
        with Window("time_batch", 1000, None, False, types=(STRING, LONG), wants_expired=False) as window:
            assert run(window, steps).deliveries == wanted
