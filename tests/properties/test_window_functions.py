"""Window functions against a model that knows all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import EventBatch, EventFluxManager

Row = tuple[str, int, int]
"""Key, time, value."""

END = 100_000


def windows(kind: str, times: Sequence[int], size: int, hop: int, offset: int) -> list[tuple[int, int]]:
    """All windows that hold one of the times, by end and start."""
    found = set()
    for time in times:
        if kind == "SESSION":
            continue
        for end in range(time + 1, time + size + 1):
            if (end - offset) % hop:
                continue
            start = end - size if kind != "CUMULATE" else (end - 1 - offset) // size * size + offset
            if start <= time < end:
                found.add((end, start))
    if kind == "SESSION":
        first = last = None
        for time in sorted(times):
            if last is None or time >= last + size:
                if first is not None:
                    found.add((last + size, first))
                first = time
            last = time
        found.add((last + size, first))
    return sorted(found)


def expected(kind: str, rows: Sequence[Row], size: int, hop: int, offset: int) -> list[Any]:
    """Sums by key of each window, groups in the order of their first rows."""
    ordered = sorted(rows, key=lambda row: row[1])
    if kind == "SESSION":
        by_key = {key: [row for row in ordered if row[0] == key] for key in dict.fromkeys(row[0] for row in ordered)}
        sessions = [
            (end, start, key)
            for key, of_key in by_key.items()
            for end, start in windows(kind, [row[1] for row in of_key], size, hop, offset)
        ]
        places = {key: place for place, key in enumerate(by_key)}
        return [
            (end - 1, (key, start, end, sum(row[2] for row in by_key[key] if start <= row[1] < end)))
            for end, start, key in sorted(sessions, key=lambda each: (each[0], places[each[2]]))
        ]
    found: list[Any] = []
    for end, start in windows(kind, [row[1] for row in ordered], size, hop, offset):
        sums: dict[str, int] = {}
        for key, time, value in ordered:
            if start <= time < end:
                sums[key] = sums.get(key, 0) + value
        found += [(end - 1, (key, start, end, total)) for key, total in sums.items()]
    return found


def run(text: str, rows: Sequence[tuple[Any, ...]], *, bulk: bool) -> list[Any]:
    heard: list[Any] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)

        def hear(events: EventBatch) -> None:
            heard.extend((event.timestamp, event.data) for event in events)

        runtime.add_callback("O", hear)
        runtime.start()
        handler = runtime.input_handler("E")
        if bulk:
            handler.send_many(list(rows), list(range(len(rows))))
        else:
            for moment, row in enumerate(rows):
                handler.send(row, moment)
    return heard


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(("TUMBLE", "HOP", "CUMULATE", "SESSION")),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(0, 5),
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(20, 80), st.integers(1, 9)), min_size=1, max_size=30),
)
def test_windows_hold_what_the_model_says(kind: str, hop: int, times: int, offset: int, rows: list[Row]) -> None:
    size = hop if kind == "TUMBLE" else hop * times
    arguments = {"TUMBLE": f"{size}, {offset}", "SESSION": f"{size}"}.get(kind, f"{hop}, {size}, {offset}")
    offset = 0 if kind == "SESSION" else offset
    operand = "TABLE E PARTITION BY k" if kind == "SESSION" else "TABLE E"
    text = f"""
        SET 'app.flush-on-shutdown' = false;
        CREATE STREAM E (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts - 100);
        INSERT INTO O SELECT k, window_start AS s, window_end AS e, SUM(v) AS t
        FROM TABLE({kind}({operand}, DESCRIPTOR(ts), {arguments})) GROUP BY window_start, window_end, k;
    """
    sent = [*rows, ("x", END, 0)]

    judge = expected(kind, rows, size, hop, offset)

    assert run(text, sent, bulk=False) == judge
    assert run(text, sent, bulk=True) == judge
