"""Joins in the engine against a slow model of them, on random rows."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.models.joins import CURRENT, EXPIRED, JoinModel, Row, Window

from eventflux import EventBatch, EventFluxManager

WINDOWS = ("none", "length", "time", "batch")
SPELLED = {"length": "#window.length({})", "time": "#window.time({})", "batch": "#window.lengthBatch({})", "none": ""}
JOINS = {
    "join": (False, False),
    "left outer join": (True, False),
    "right outer join": (False, True),
    "full outer join": (True, True),
}


def equal(left: object, right: object) -> bool:
    return left is not None and left == right


def below(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left < right


CONDITIONS = {
    "": lambda left, right: True,
    "on l.k == r.k": lambda left, right: equal(left[0], right[0]),
    "on l.v < r.v": lambda left, right: below(left[1], right[1]),
    "on l.k == r.k and l.v < r.v": lambda left, right: equal(left[0], right[0]) and below(left[1], right[1]),
    "on l.k == r.k and l.v == r.v": lambda left, right: equal(left[0], right[0]) and equal(left[1], right[1]),
    "on l.k == r.k or l.v > r.v": lambda left, right: equal(left[0], right[0]) or below(right[1], left[1]),
    "on l.v + 1 == r.v": lambda left, right: left[1] is not None and equal(left[1] + 1, right[1]),
}

ROWS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["a", "b", "a longer key than twelve", None]),
        st.one_of(st.none(), st.integers(0, 4)),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=40,
)
SIDES = st.tuples(st.sampled_from(WINDOWS), st.integers(1, 4))


def heard(text: str, rows: list[tuple[int, int, Row]], *, bulk: bool) -> tuple[list[tuple[str, Row]], list[Row]]:
    """What the query's callback hears, and what reaches O."""
    told: list[tuple[str, Row]] = []
    reached: list[Row] = []

    def hear(timestamp: int, current: EventBatch | None, expired: EventBatch | None) -> None:
        told.extend((EXPIRED, event.data) for event in expired or ())
        told.extend((CURRENT, event.data) for event in current or ())

    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)
        runtime.add_callback("O", lambda events: reached.extend(event.data for event in events))
        if not bulk:
            runtime.add_query_callback("q", hear)
        runtime.start()
        if bulk:
            runtime.input_handler("S").send_many([(side, *row) for side, _, row in rows], [at for _, at, _ in rows])
        else:
            for side, at, row in rows:
                runtime.input_handler("S").send((side, *row), at)
    return told, reached


@settings(max_examples=150, deadline=None)
@given(
    sides=st.tuples(SIDES, SIDES),
    join=st.sampled_from(sorted(JOINS)),
    condition=st.sampled_from(sorted(CONDITIONS)),
    one_way=st.sampled_from([None, 0, 1]),
    given_rows=ROWS,
)
def test_a_join_gives_what_its_model_gives(
    sides: tuple[tuple[str, int], tuple[str, int]],
    join: str,
    condition: str,
    one_way: int | None,
    given_rows: list[tuple[int, str | None, int | None, int]],
) -> None:
    if sides[0][0] == sides[1][0] == "none":
        return  # neither holds anything: refused by nobody, and nothing comes of it
    left, right = (SPELLED[kind].format(size) for kind, size in sides)
    ways = [" unidirectional" if one_way == side else "" for side in (0, 1)]
    text = (
        "define stream S (side int, k string, v int); define stream L (k string, v int);"
        "define stream R (k string, v int); from S[side == 0] select k, v insert into L;"
        "from S[side == 1] select k, v insert into R; @info(name = 'q') "
        f"from L{left} as l{ways[0]} {join} R{right} as r{ways[1]} {condition} "
        "select l.k as lk, l.v as lv, r.k as rk, r.v as rv insert all events into O;"
    )
    now = 100
    rows: list[tuple[int, int, Row]] = []
    for side, key, value, gap in given_rows:
        now += gap
        rows.append((side, now, (key, value)))
    model = JoinModel(
        windows=(Window(*sides[0]), Window(*sides[1])),
        condition=CONDITIONS[condition],
        preserved=JOINS[join],
        triggers=(one_way != 1, one_way != 0),
        widths=(2, 2),
    )
    wanted = [emitted for side, at, row in rows for emitted in model.send(side, at, row)]

    told, reached = heard(text, rows, bulk=False)
    assert told == wanted
    assert reached == [row for _, row in wanted]
    assert heard(text, rows, bulk=True)[1] == [row for _, row in wanted]
