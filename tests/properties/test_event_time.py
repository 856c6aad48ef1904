"""Watermarks: against a model, under all drivers, and against playback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import EventBatch, EventFluxManager

ENGINES: tuple[dict[str, Any], ...] = ({}, {"slice_rows": 1}, {"slice_rows": 2}, {"slice_rows": 7})
LATE = ("drop", "accept", "stream")

Sent = tuple[str, int, tuple[Any, ...]]
"""Stream, moment by the app's clock, row."""


def run(
    text: str,
    listeners: Sequence[str],
    sent: Sequence[Sent],
    engine: dict[str, Any],
    *,
    bulk: bool,
    restart_at: int | None = None,
) -> dict[str, list[Any]]:
    """What each listener hears. `bulk`: rows that follow each other into one stream go in one call."""
    heard: dict[str, list[Any]] = {name: [] for name in listeners}
    problems: list[str] = []
    text = f"SET 'app.flush-on-shutdown' = false;{text}"  # the end of event time has tests of its own
    with EventFluxManager({"engine": engine}, plugins=False) as manager:

        def opened() -> Any:
            runtime = manager.create_eventflux_app_runtime(text, name="app", playback=True)
            runtime.on_exception(lambda failure: problems.append(str(failure)))
            for listener in listeners:
                into = heard[listener]

                def hear(events: EventBatch, into: list[Any] = into) -> None:
                    into.extend((event.timestamp, event.data) for event in events)

                runtime.add_callback(listener, hear)
            runtime.start()
            return runtime

        runtime = opened()
        runs: list[tuple[str, list[int], list[tuple[Any, ...]]]] = []
        for stream, moment, row in sent:
            if bulk and runs and runs[-1][0] == stream:
                runs[-1][1].append(moment)
                runs[-1][2].append(row)
            else:
                runs.append((stream, [moment], [row]))
        for number, (stream, moments, rows) in enumerate(runs):
            if number == restart_at:
                saved = runtime.snapshot()
                manager.shutdown_app_runtime("app")
                runtime = opened()
                runtime.restore(saved)
            if bulk:
                runtime.input_handler(stream).send_many(rows, moments)
            else:
                runtime.input_handler(stream).send(rows[0], moments[0])
    assert problems == []
    return heard


# ---- the model


def reordered(rows: Sequence[tuple[int, int]], delay: int, late: str) -> tuple[list[Any], list[Any]]:
    """Released rows with their timestamps, and late rows."""
    watermark: int | None = None
    waiting: list[tuple[int, int, tuple[int, int]]] = []
    released: list[Any] = []
    late_rows: list[Any] = []
    for number, row in enumerate(rows):
        moment = row[0]
        if watermark is not None and moment < watermark:
            late_rows.append(row)
            if late != "accept":
                continue
            moment = watermark
        waiting.append((moment, number, row))
        newest = row[0] - delay
        watermark = newest if watermark is None else max(watermark, newest)
        due = sorted(each for each in waiting if each[0] <= watermark)
        waiting = [each for each in waiting if each[0] > watermark]
        released += [(moment, row) for moment, _, row in due]
    return released, late_rows


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), min_size=1, max_size=50),
    st.integers(0, 20),
    st.sampled_from(LATE),
    st.integers(0, 49),
)
def test_rows_leave_as_the_model_says(rows: list[tuple[int, int]], delay: int, late: str, restart_at: int) -> None:
    text = f"""
        @watermark(attribute='ts', delay='{delay} ms', late.policy='{late}'{", late.stream='L'" * (late == "stream")})
        define stream E (ts long, v int);
        define stream L (ts long, v int);
        from E select ts, v insert into O;
    """
    released, late_rows = reordered(rows, delay, late)
    sent = [("E", number, row) for number, row in enumerate(rows)]

    for engine in ({"depth_first": True}, *ENGINES):
        heard = run(text, ["O", "L"], sent, engine, bulk="depth_first" not in engine)
        assert heard["O"] == [(moment, list(row)) for moment, row in released] or heard["O"] == released
        assert [tuple(data) for _, data in heard["L"]] == (late_rows if late == "stream" else [])
    assert run(text, ["O", "L"], sent, {}, bulk=False, restart_at=restart_at) == heard


# ---- drivers

WINDOWS = ("", "#window.length(3)", "#window.time(5)", "#window.timeBatch(7)", "#window.lengthBatch(2)")
SELECTIONS = (
    "select k, v",
    "select k, convert(sum(v), 'int') as v group by k",
    "select k, convert(currentTimeMillis() % 7, 'int') as v",
    "select k, v output last every 6 milliseconds",
    "select k, v output every 2 events",
)


FUNCTIONS = (
    "TUMBLE({}, ts, 7)",
    "HOP({}, ts, 3, 9)",
    "TABLE(CUMULATE(TABLE {}, DESCRIPTOR(ts), 2, 8, 1))",
    "TABLE(SESSION(TABLE {}, DESCRIPTOR(ts), 4))",
    "TUMBLE({}, 6)",
)
GROUPINGS = (
    "SELECT k, CAST(window_end % 1000 AS INT) AS v FROM {}",
    "SELECT k, CAST(SUM(v) AS INT) AS v FROM {} GROUP BY k, window_start, window_end",
    "SELECT 'x' AS k, CAST(COUNT(*) AS INT) AS v FROM {} GROUP BY window_end",
)


@st.composite
def apps(draw: st.DrawFn) -> str:
    """Queries over two watermarked streams, what they make, and a table."""
    text = ""
    for stream in "AB":
        delay, late = draw(st.integers(0, 6)), draw(st.sampled_from(("drop", "accept")))
        text += f"@watermark(attribute='ts', delay='{delay} ms', late.policy='{late}')"
        text += f"define stream {stream} (k string, v int, ts long);"
    text += "define table T (k string, v int);"
    sources = ["A", "B"]
    for _ in range(draw(st.integers(1, 4))):
        target = draw(st.sampled_from("MNO"))
        readable = [name for name in sources if name < target]
        source, other = draw(st.sampled_from(readable)), draw(st.sampled_from(readable))
        window, select = draw(st.sampled_from(WINDOWS)), draw(st.sampled_from(SELECTIONS))
        match draw(st.integers(0, 4)):
            case 4:
                function, grouping = draw(st.sampled_from(FUNCTIONS)), draw(st.sampled_from(GROUPINGS))
                text += f"INSERT INTO {target} {grouping.format(function.format(draw(st.sampled_from('AB'))))};"
            case 0:
                text += f"from {source}#window.length(3) as l join {other}#window.time(9) as r on l.k == r.k "
                text += f"select l.k as k, l.v + r.v as v insert into {target};"
            case 1:
                text += f"from every a={source} -> b={other}[v >= a.v] within 9 milliseconds "
                text += f"select a.k as k, b.v as v insert into {target};"
            case _:
                text += f"from {source}{window} {select} insert all events into {target};"
        sources.append(target)
    if draw(st.booleans()):
        text += "from A select k, v insert into T; from B[T.k == k in T] select k, v insert into P;"
    return text


MOVES = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.integers(0, 5), st.integers(-6, 6)),
    min_size=1,
    max_size=30,
)


def moved(moves: Sequence[tuple[str, str, int, int]]) -> list[Sent]:
    """Rows whose times go up and down, with the app's clock beside them."""
    times = {"A": 50, "B": 50}
    sent: list[Sent] = []
    for number, (stream, key, value, step) in enumerate(moves):
        times[stream] += step
        sent.append((stream, 1000 + number, (key, value, times[stream])))
    return sent


@settings(max_examples=150, deadline=None)
@given(apps(), MOVES)
def test_slices_say_what_single_steps_say(text: str, moves: list[tuple[str, str, int, int]]) -> None:
    listeners = [name for name in "ABMNOP" if f"into {name};" in text or name in "AB"]
    sent = moved(moves)

    judge = run(text, listeners, sent, {"depth_first": True}, bulk=False)

    for engine in ENGINES:
        assert run(text, listeners, sent, engine, bulk=True) == judge
    assert run(text, listeners, sent, {}, bulk=False, restart_at=len(sent) // 2) == judge


# ---- playback


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(WINDOWS),
    st.sampled_from(SELECTIONS),
    st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=30),
)
def test_a_watermarked_app_says_what_playback_says_of_ordered_rows(
    window: str, select: str, steps: list[tuple[str, int, int]]
) -> None:
    stream = "define stream E (k string, v int, ts long);"
    query = f"from E{window} {select} insert all events into O;"
    moment, sent = 100, []
    for key, value, step in steps:
        moment += step
        sent.append(("E", moment, (key, value, moment)))

    by_playback = run(stream + query, ["O"], sent, {}, bulk=False)
    by_watermark = run(f"@watermark(attribute='ts') {stream}{query}", ["O"], sent, {}, bulk=False)

    assert by_watermark == by_playback


@pytest.mark.parametrize("window", WINDOWS)
@settings(max_examples=40, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 4))
def test_disorder_within_the_delay_changes_nothing(window: str, order: list[int], step: int) -> None:
    text = f"""
        @watermark(attribute='ts', delay='{12 * step} ms')
        define stream E (k string, v int, ts long);
        from E{window} select k, sum(v) as v insert all events into O;
    """
    rows = [("xy"[number % 2], number, 100 + number * step) for number in range(12)]
    last = ("x", 99, 10_000)

    def data(numbers: Sequence[int]) -> list[Any]:
        sent = [("E", place, rows[number]) for place, number in enumerate(numbers)]
        return [row for _, row in run(text, ["O"], [*sent, ("E", 99, last)], {}, bulk=False)["O"]]

    assert data(order) == data(range(12))
