"""DISTINCT and FILTER of aggregates against a model that looks at all rows of the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import EventBatch, EventFluxManager

Row = tuple[str, int | None, bool | None]


def _values(rows: Sequence[Row]) -> list[int]:
    return list(dict.fromkeys(row[1] for row in rows if row[1] is not None))


def _known(rows: Sequence[Row]) -> list[int]:
    """Values of the rows that pass: null is none, as without a filter."""
    return [row[1] for row in _passing(rows) if row[1] is not None]


def _passing(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row[2] is True]


MODELS: dict[str, Callable[[Sequence[Row]], Any]] = {
    "SUM(DISTINCT v)": lambda rows: sum(_values(rows)) if _values(rows) else None,
    "AVG(DISTINCT v)": lambda rows: sum(_values(rows)) / len(_values(rows)) if _values(rows) else None,
    "SUM(DISTINCT v) FILTER (WHERE b)": lambda rows: sum(_values(_passing(rows))) if _values(_passing(rows)) else None,
    "FIRST(v) FILTER (WHERE b)": lambda rows: next(iter(_known(rows)), None),
    "LAST(v) FILTER (WHERE b)": lambda rows: next(reversed(_known(rows)), None),
    "collectList(v) FILTER (WHERE b)": _known,
    "COUNT(DISTINCT v) FILTER (WHERE b)": lambda rows: len({row[1] for row in _passing(rows)}),
    "COUNT(*) FILTER (WHERE b)": lambda rows: len(_passing(rows)),
}


def heard(text: str, rows: Sequence[Row], *, bulk: bool) -> list[Any]:
    out: list[Any] = []
    with EventFluxManager({"engine": {"slice_rows": 7}}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)

        def hear(events: EventBatch) -> None:
            out.extend(event.data for event in events)

        runtime.add_callback("O", hear)
        runtime.start()
        handler = runtime.input_handler("S")
        if bulk:
            handler.send_many(list(rows), list(range(len(rows))))
        else:
            for moment, row in enumerate(rows):
                handler.send(row, moment)
    return out


@pytest.mark.parametrize("aggregate", MODELS)
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("xy"), st.sampled_from((1, 2, 3, None)), st.sampled_from((True, False, None))),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 6),
)
def test_aggregates_say_what_the_model_says(aggregate: str, rows: list[Row], length: int) -> None:
    text = f"""
        CREATE STREAM S (k STRING, v INT, b BOOL);
        INSERT INTO O SELECT k, {aggregate} AS x FROM S WINDOW LENGTH({length}) GROUP BY k;
    """
    expected = []
    for end in range(1, len(rows) + 1):
        window = [row for row in rows[max(0, end - length) : end] if row[0] == rows[end - 1][0]]
        expected.append((rows[end - 1][0], MODELS[aggregate](window)))

    assert heard(text, rows, bulk=False) == expected
    assert heard(text, rows, bulk=True) == expected
