"""The events behind rows of queries over patterns."""

from __future__ import annotations

from typing import Any

import pytest

from eventflux import Event, EventBatch, EventFluxManager, MatchExplanation
from eventflux.runtime.match_explanations import MatchExplanations
from eventflux.types.errors import IncompatibleStateError, RuntimeStateError

STREAMS = "CREATE STREAM A (k STRING, v INT); CREATE STREAM B (k STRING, v INT);\n"
PAIRS = STREAMS + (
    "INSERT INTO O SELECT e2.v AS b, e1.k AS k FROM PATTERN (EVERY e1=A[v > 0] -> e2=B[k = e1.k]) "
    "WITHIN 10 MILLISECONDS ON TIMEOUT INSERT INTO M;"
)


def explained(
    text: str, rows: list[tuple[str, int, tuple[Any, ...]]], *, streams: tuple[str, ...] = ("O",), bulk: bool = False
) -> list[tuple[str, tuple[Any, ...], MatchExplanation | None]]:
    """What callbacks hear, with the explanation that they get there."""
    heard: list[tuple[str, tuple[Any, ...], MatchExplanation | None]] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True, explain_matches=True)
        for stream in streams:

            def hear(events: EventBatch, stream: str = stream) -> None:
                heard.extend((stream, event.data, runtime.explain_match(event)) for event in events)

            runtime.add_callback(stream, hear)
        runtime.start()
        if bulk:
            timestamps = [timestamp for _, timestamp, _ in rows]
            runtime.input_handler(rows[0][0]).send_many([row for _, _, row in rows], timestamps)
        for stream, timestamp, row in [] if bulk else rows:
            runtime.input_handler(stream).send(row, timestamp)
        runtime.advance_time(100)
    return heard


def told(explanation: MatchExplanation | None) -> list[tuple[Any, ...]]:
    assert explanation is not None
    return [(each.element, each.stream, each.timestamp, dict(each.data)) for each in explanation.events]


def test_a_match_is_its_events_with_all_their_attributes() -> None:
    rows = [("A", 1, ("x", 1)), ("A", 2, ("y", 2)), ("B", 5, ("x", 7))]

    (match, missed) = explained(PAIRS, rows, streams=("O", "M"))

    assert match[:2] == ("O", (7, "x"))
    assert told(match[2]) == [("e1", "A", 1, {"k": "x", "v": 1}), ("e2", "B", 5, {"k": "x", "v": 7})]
    assert match[2] is not None
    assert str(match[2]) == "query1 5 [7, 'x']\n  e1=A 1 {k: 'x', v: 1}\n  e2=B 5 {k: 'x', v: 7}"
    assert missed[:2] == ("M", (None, "y"))
    assert told(missed[2]) == [("e1", "A", 2, {"k": "y", "v": 2})]


@pytest.mark.parametrize("bulk", [False, True])
def test_a_counting_element_has_all_its_events(bulk: bool) -> None:
    text = "define stream S (v int); from every e1=S[v < 5]<2:3> -> e2=S[v > 5] select e2.v insert into O;"
    rows = [("S", 1, (1,)), ("S", 2, (2,)), ("S", 3, (9,))]

    (match,) = explained(text, rows, bulk=bulk)

    assert told(match[2]) == [("e1", "S", 1, {"v": 1}), ("e1", "S", 2, {"v": 2}), ("e2", "S", 3, {"v": 9})]


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("selection", ["*", "k, n, total", "COUNT(*) AS c, k"])
def test_match_recognize_has_the_rows_of_the_match(bulk: bool, selection: str) -> None:
    text = STREAMS + (
        f"INSERT INTO O SELECT {selection} FROM A MATCH_RECOGNIZE (PARTITION BY k "
        "MEASURES COUNT(*) AS n, SUM(Y.v * 2) AS total PATTERN (X Y* Z) DEFINE Y AS v > PREV(v), Z AS v < PREV(v));"
    )
    rows = [("A", 1, ("x", 1)), ("A", 2, ("y", 5)), ("A", 3, ("x", 2)), ("A", 4, ("x", 0))]

    (match,) = explained(text, rows, bulk=bulk)

    assert told(match[2]) == [
        ("X", "A", 1, {"k": "x", "v": 1}),
        ("Y", "A", 3, {"k": "x", "v": 2}),
        ("Z", "A", 4, {"k": "x", "v": 0}),
    ]


def test_other_events_have_no_explanation() -> None:
    text = PAIRS + "INSERT INTO P SELECT v FROM A; INSERT INTO Q SELECT b FROM O;"

    heard = explained(text, [("A", 1, ("x", 1)), ("B", 5, ("x", 7))], streams=("A", "P", "Q"))

    assert sorted(stream for stream, _, _ in heard) == ["A", "P", "Q"]
    assert [explanation for _, _, explanation in heard] == [None, None, None]


def test_an_app_that_does_not_keep_them_says_so() -> None:
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(PAIRS, playback=True)
        with pytest.raises(RuntimeStateError, match="explain_matches=True"):
            runtime.explain_match(Event(1, (7, "x")))


def test_it_shows_nothing_more_of_the_app_and_keeps_its_state_apart() -> None:
    with EventFluxManager(plugins=False) as manager:
        plain = manager.create_eventflux_app_runtime(PAIRS, playback=True, name="plain")
        explaining = manager.create_eventflux_app_runtime(PAIRS, playback=True, name="explaining", explain_matches=True)
        assert (plain.streams, plain.queries) == (explaining.streams, explaining.queries)
        plain.start()
        explaining.start()
        with pytest.raises(IncompatibleStateError):
            explaining.restore(plain.snapshot())


def test_a_restored_app_goes_on_explaining() -> None:
    heard: list[MatchExplanation | None] = []
    saved = b""
    for restore in (False, True):
        with EventFluxManager(plugins=False) as manager:
            runtime = manager.create_eventflux_app_runtime(PAIRS, playback=True, name="app", explain_matches=True)
            runtime.add_callback("O", lambda events, r=runtime: heard.extend(map(r.explain_match, events)))  # type: ignore[misc]
            runtime.start()
            if restore:
                runtime.restore(saved)
                runtime.input_handler("B").send(("x", 7), 5)
            else:
                runtime.input_handler("A").send(("x", 1), 1)
                saved = runtime.snapshot()

    assert [told(each) for each in heard] == [[("e1", "A", 1, {"k": "x", "v": 1}), ("e2", "B", 5, {"k": "x", "v": 7})]]


def test_the_oldest_are_forgotten() -> None:
    kept = MatchExplanations(limit=2)
    for timestamp in (1, 1, 2):
        kept._add(MatchExplanation(query="q", timestamp=timestamp, data=(timestamp,), events=()))

    assert kept.find(Event(1, (1,))) is not None
    kept._add(MatchExplanation(query="q", timestamp=3, data=(float("nan"),), events=()))
    assert kept.find(Event(1, (1,))) is None
    assert kept.find(Event(2, (2.0,))) is not None
    assert kept.find(Event(3, (float("nan"),))) is not None
