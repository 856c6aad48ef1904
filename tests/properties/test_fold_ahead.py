"""Batch windows that fold their rows ahead against the same query with one more output, which has to retain them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import EventBatch, EventFluxAppRuntime, EventFluxManager

Row = tuple[str | None, int | None, bool | None, float | None]

AGGREGATES = (
    "SUM(n) AS a, COUNT(*) AS b, MIN(n) AS c, MAX(x) AS d",
    "AVG(x) AS a, distinctCount(n) AS b, collectList(n) AS c, MIN(x) AS d",
    "stdDev(x) AS a, FIRST(n) AS b, LAST(k) AS c, COUNT(n) AS d",
)
KEYS = ((), ("k",), ("n",), ("f", "k"), ("n", "f", "k"))
WINDOWS = ("'timeBatch', 5 MILLISECONDS", "'lengthBatch', 3", "'timeBatch', 5 MILLISECONDS, 2 MILLISECONDS")
TEXTS = ("a", "b", None, "a text that lies outside of its row")

rows_of_time = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.tuples(
            st.sampled_from(TEXTS),
            st.sampled_from((1, 2, -3, None)),
            st.sampled_from((True, False, None)),
            st.sampled_from((0.5, 2.5, None)),
        ),
    ),
    min_size=1,
    max_size=40,
)


def app(keys: Sequence[str], aggregates: str, window: str, *, partitioned: bool, retains: bool) -> str:
    """With `retains` an attribute of the last row goes out too."""
    outputs = ", ".join([*keys, aggregates, *(["x AS last_x"] if retains else [])])
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    query = f"INSERT INTO O SELECT {outputs} FROM S WINDOW({window}){grouped};"
    if partitioned:
        query = f"PARTITION WITH (f OF S) BEGIN {query} END;"
    return f"SET 'app.name' = 'Batches'; CREATE STREAM S (k STRING, n INT, f BOOL, x DOUBLE); {query}"


def started(
    manager: EventFluxManager, text: str, out: list[tuple[int, tuple[Any, ...]]], width: int, saved: bytes | None = None
) -> EventFluxAppRuntime:
    runtime = manager.create_eventflux_app_runtime(text, playback=True)
    if saved is not None:
        runtime.restore(saved)

    def hear(events: EventBatch) -> None:
        out.extend((event.timestamp, event.data[:width]) for event in events)

    runtime.add_callback("O", hear)
    runtime.start()
    return runtime


def heard(text: str, rows: Sequence[Row], moments: Sequence[int], width: int, *, bulk: bool, cut: int) -> list[Any]:
    """Up to the cut in one runtime, from there on in another, which begins with the state of the first."""
    out: list[tuple[int, tuple[Any, ...]]] = []
    all_rows, all_moments = [*rows, (None, None, None, None)], [*moments, moments[-1] + 100]
    saved: bytes | None = None
    for part in (slice(0, cut), slice(cut, None)):
        with EventFluxManager({"engine": {"slice_rows": 7}}, plugins=False) as manager:
            runtime = started(manager, text, out, width, saved)
            handler = runtime.input_handler("S")
            if bulk:
                handler.send_many(all_rows[part], all_moments[part])
            else:
                for row, moment in zip(all_rows[part], all_moments[part], strict=True):
                    handler.send(row, moment)
            saved = runtime.snapshot()
    return out


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("aggregates", AGGREGATES)
@settings(max_examples=15, deadline=None)
@given(rows_of_time, st.sampled_from(KEYS), st.booleans(), st.booleans(), st.floats(0, 1))
def test_what_is_folded_ahead_comes_out_as_if_the_rows_had_been_retained(
    window: str,
    aggregates: str,
    steps: list[tuple[int, Row]],
    keys: tuple[str, ...],
    partitioned: bool,
    bulk: bool,
    cut: float,
) -> None:
    moments, now = [], 1000
    for step, _ in steps:
        now += step
        moments.append(now)
    rows = [row for _, row in steps]
    width = len(keys) + 4
    at = int(cut * len(rows))
    ahead = app(keys, aggregates, window, partitioned=partitioned, retains=False)
    retaining = app(keys, aggregates, window, partitioned=partitioned, retains=True)

    expected = heard(retaining, rows, moments, width, bulk=False, cut=0)

    assert heard(ahead, rows, moments, width, bulk=bulk, cut=at) == expected
    assert heard(retaining, rows, moments, width, bulk=bulk, cut=at) == expected


def test_a_batch_that_is_folded_ahead_retains_a_group_and_not_its_rows() -> None:
    text = app(("k",), "SUM(n) AS a", "'timeBatch', 1 HOUR", partitioned=False, retains=False)
    with EventFluxManager(plugins=False) as manager:
        runtime = started(manager, text, [], 1)
        handler = runtime.input_handler("S")
        handler.send_many([("a", 1, True, 1.0)] * 1000, [1] * 1000)
        few = len(runtime.snapshot())
        handler.send_many([("a", 1, True, 1.0)] * 100_000, [2] * 100_000)

        assert len(runtime.snapshot()) == few
