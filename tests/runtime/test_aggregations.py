"""Incremental aggregations: buckets by calendar and group, late rows, what is read of them, purging, saved state."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux import (
    CorruptStateError,
    EventFluxAppRuntime,
    EventFluxError,
    EventFluxManager,
    StateError,
    ValidationError,
)

H = 1496289600000  # 2017-06-01 04:00:00 GMT
STREAM = "@app:playback define stream S (k string, p double, q int, ts long);\n"
ROWS = [
    ("a", 10.0, 1, H + 50),
    ("b", 20.0, 2, H + 900),
    ("a", 30.0, 3, H + 950),
    ("a", 40.0, 4, H + 1500),
    ("b", 50.0, 5, H + 61000),
]
ALL = "within 0L, 4102444800000L per"


def run(text: str, rows: list[tuple[Any, ...]], *, arrival: bool = True) -> EventFluxAppRuntime:
    """A running app that has taken the rows; they arrive at their times, or all at one."""
    app = EventFluxManager().create_eventflux_app_runtime(text)
    app.start()
    for row in rows:
        app.input_handler("S").send(row, timestamp=row[-1] if arrival else H + 100_000)
    return app


def read(app: EventFluxAppRuntime, query: str) -> list[tuple[Any, ...]]:
    found = app.query(query)
    assert not isinstance(found, int)
    return found.rows()


def defined(body: str) -> str:
    return STREAM + f"define aggregation G from S {body};"


def test_buckets_of_every_duration() -> None:
    app = run(
        defined(
            "select k, avg(p) as ap, sum(p) as sp, count() as c, min(q) as mi, max(q) as ma group by k every sec...year"
        ).replace(" every", " aggregate every"),
        ROWS,
    )
    assert read(app, f"from G {ALL} 'seconds'") == [
        (H, "a", 20.0, 40.0, 2, 1, 3),
        (H, "b", 20.0, 20.0, 1, 2, 2),
        (H + 1000, "a", 40.0, 40.0, 1, 4, 4),
        (H + 61000, "b", 50.0, 50.0, 1, 5, 5),
    ]
    assert read(app, f"from G {ALL} 'minutes' select AGG_TIMESTAMP, k, sp, c") == [
        (H, "a", 80.0, 3),
        (H, "b", 20.0, 1),
        (H + 60000, "b", 50.0, 1),
    ]
    assert read(app, f"from G {ALL} 'hours' select AGG_TIMESTAMP, k, sp") == [(H, "a", 80.0), (H, "b", 70.0)]
    assert read(app, f"from G {ALL} 'day' select AGG_TIMESTAMP, k, ap") == [
        (1496275200000, "a", 80.0 / 3),
        (1496275200000, "b", 35.0),
    ]
    assert read(app, f"from G {ALL} 'months' select AGG_TIMESTAMP, sum(sp) as t") == [(1496275200000, 150.0)]
    assert read(app, f"from G {ALL} 'year' select AGG_TIMESTAMP, k, c having c > 2") == [(1483228800000, "a", 3)]


def test_no_groups_and_distinct_values() -> None:
    app = run(defined("select sum(p) as s, count() as c, distinctCount(k) as d aggregate every sec, min"), ROWS)
    assert read(app, f"from G {ALL} 'sec'") == [(H, 60.0, 3, 2), (H + 1000, 40.0, 1, 1), (H + 61000, 50.0, 1, 1)]
    assert read(app, f"from G {ALL} 'min'") == [(H, 100.0, 4, 2), (H + 60000, 50.0, 1, 1)]


def test_without_aggregate_by_a_late_row_goes_into_the_open_bucket() -> None:
    rows = [("a", 10.0, 1, H + 50), ("a", 20.0, 1, H + 1500), ("a", 5.0, 1, H + 100)]
    app = run(defined("select k, sum(p) as s group by k aggregate every sec...min"), rows)
    assert read(app, f"from G {ALL} 'sec'") == [(H, "a", 10.0), (H + 1000, "a", 25.0)]


def test_aggregate_by_puts_late_rows_where_they_belong() -> None:
    rows = [("a", float(p), 1, H + at) for at, p in ((50, 10), (1500, 20), (100, 30), (61000, 40), (200, 50))]
    app = run(defined("select p, sum(p) as s, count() as c aggregate by ts every sec...min"), rows, arrival=False)
    assert read(app, f"from G {ALL} 'sec'") == [
        (H, 50.0, 90.0, 3),
        (H + 1000, 20.0, 20.0, 1),
        (H + 61000, 40.0, 40.0, 1),
    ]
    # Last values are those of the latest time, not of the latest arrival.
    assert read(app, f"from G {ALL} 'min'") == [(H, 20.0, 110.0, 4), (H + 60000, 40.0, 40.0, 1)]


def test_times_as_text_and_their_zones() -> None:
    text = (
        "@app:playback define stream S (k string, at string); "
        "define aggregation G from S select k, count() as c aggregate by at every sec...hour;"
    )
    app = EventFluxManager().create_eventflux_app_runtime(text)
    app.start()
    for at in ("2017-06-01 04:00:00", "2017-06-01 09:30:00 +05:30", "2017-06-01 4 o'clock"):
        app.input_handler("S").send(("x", at), timestamp=1)
    assert read(app, f"from G {ALL} 'sec' select AGG_TIMESTAMP, c") == [(H, 2)]


def test_nulls_and_whole_averages() -> None:
    rows = [("a", None, None, H), ("a", 4.0, 1, H), ("a", None, 2, H), ("b", None, None, H)]
    app = run(
        defined("select k, sum(p) as s, avg(q) as a, min(p) as m, count() as c group by k aggregate every sec"), rows
    )
    assert read(app, f"from G {ALL} 'sec'") == [(H, "a", 4.0, 1, 4.0, 3), (H, "b", None, None, None, 1)]


def test_filter_before_the_buckets_and_a_condition_behind_them() -> None:
    app = run(
        STREAM + "define aggregation G from S[p > 15.0] select k, sum(p) as s group by k aggregate every sec;", ROWS
    )
    assert read(app, f"from G on k == 'b' {ALL} 'sec'") == [(H, "b", 20.0), (H + 61000, "b", 50.0)]
    assert read(app, f"from G on s > 20.0 {ALL} 'sec' select k, s order by s desc limit 1") == [("b", 50.0)]


@pytest.mark.parametrize(
    ("within", "found"),
    [
        (f"{H}L, {H + 1000}L", [H]),
        (f"{H}L, {H + 1001}L", [H, H + 1000]),
        ("'2017-06-01 04:00:01'", [H + 1000]),
        ("'2017-06-01 04:00:**'", [H, H + 1000]),
        ("'2017-06-01 04:**:**'", [H, H + 1000, H + 61000]),
        ("'2017-06-01 **:**:**'", [H, H + 1000, H + 61000]),
        ("'2017-06-** **:**:**'", [H, H + 1000, H + 61000]),
        ("'2017-**-** **:**:**'", [H, H + 1000, H + 61000]),
        ("'2018-**-** **:**:**'", []),
        ("'2017-06-01 09:30:** +05:30'", [H, H + 1000]),
        ("'2017-06-01 04:00:01', '2017-06-01 04:01:02'", [H + 1000, H + 61000]),
        ("'2017-06-01 04:00:01', '2017-06-01 09:31:01 +05:30'", [H + 1000]),
    ],
)
def test_ranges(within: str, found: list[int]) -> None:
    app = run(defined("select count() as c aggregate every sec...year"), ROWS)
    assert [row[0] for row in read(app, f"from G within {within} per 'seconds'")] == found


@pytest.mark.parametrize(
    "clause",
    [
        "",
        "within 0L, 1L per 'weeks'",
        "within 0L, 1L per 'days'",
        "within 1L, 1L per 'sec'",
        "within 2L, 1L per 'sec'",
        "within 0, 1 per 'sec'",
        "within 0L per 'sec'",
        "within 'yesterday' per 'sec'",
        "within '2017-06-31 **:**:**' per 'sec'",
        "within '2017-**-01 **:**:**' per 'sec'",
        "within '2017-06-** **:**:**', '2017-07-01 00:00:00' per 'sec'",
    ],
)
def test_ranges_that_are_refused(clause: str) -> None:
    app = run(defined("select count() as c aggregate every sec...min"), ROWS)
    with pytest.raises(EventFluxError):
        app.query(f"from G {clause}")


@pytest.mark.parametrize(
    "body",
    [
        "select sum(p + 1.0) as s aggregate every sec",
        "select sum(p) + 1.0 as s aggregate every sec",
        "select stdDev(p) as s aggregate every sec",
        "select sum(k) as s aggregate every sec",
        "select p as x, q as x aggregate every sec",
        "select p as AGG_TIMESTAMP aggregate every sec",
        "select x aggregate every sec",
        "select p aggregate by p every sec",
        "select p aggregate every year...sec",
        "select p aggregate every week",
        "select p group by nothing aggregate every sec",
    ],
)
def test_definitions_that_are_refused(body: str) -> None:
    with pytest.raises(EventFluxError):
        EventFluxManager().create_eventflux_app_runtime(defined(body))


@pytest.mark.parametrize(
    "purge",
    [
        "@purge(enable='perhaps')",
        "@purge(interval='soon')",
        "@purge(@retentionPeriod(sec='119 sec'))",
        "@purge(@retentionPeriod(min='119 min'))",
        "@purge(@retentionPeriod(day='40 days'))",
        "@purge(@retentionPeriod(weeks='40 days'))",
    ],
)
def test_purges_that_are_refused(purge: str) -> None:
    with pytest.raises(ValidationError):
        EventFluxManager().create_eventflux_app_runtime(
            STREAM + purge + " define aggregation G from S select sum(p) as s aggregate every sec...min;"
        )


def test_one_name_is_one_aggregation() -> None:
    one = "define aggregation G from S select sum(p) as s aggregate every sec;"
    app = EventFluxManager().create_eventflux_app_runtime(STREAM + one + one)
    assert app.aggregations["G"].names == ("AGG_TIMESTAMP", "s")
    with pytest.raises(ValidationError, match="already defined"):
        EventFluxManager().create_eventflux_app_runtime(STREAM + one + one.replace("sum", "max"))
    with pytest.raises(ValidationError, match="already defined"):
        EventFluxManager().create_eventflux_app_runtime(STREAM + one.replace("G", "S", 1))


def test_an_aggregation_is_no_stream() -> None:
    with pytest.raises(ValidationError, match="cannot be read as a stream"):
        EventFluxManager().create_eventflux_app_runtime(
            defined("select sum(p) as s aggregate every sec") + "from G select s insert into O;"
        )


def test_old_buckets_are_purged_by_the_clock_of_the_app() -> None:
    text = STREAM + (
        "@purge(interval='10 sec', @retentionPeriod(sec='120 sec', min='all')) "
        "define aggregation G from S select count() as c aggregate every sec...min;"
    )
    app = run(text, [("a", 1.0, 1, H), ("a", 1.0, 1, H + 60_000)])
    count = f"from G {ALL} 'sec' select AGG_TIMESTAMP"
    app.advance_time(H + 120_000)
    assert read(app, count) == [(H,), (H + 60_000,)]
    app.advance_time(H + 129_999)
    assert read(app, count) == [(H,), (H + 60_000,)]
    app.advance_time(H + 130_000)
    assert read(app, count) == [(H + 60_000,)]
    app.input_handler("S").send(("a", 1.0, 1, 0), timestamp=H + 400_000)
    assert read(app, count) == [(H + 400_000,)]
    assert read(app, f"from G {ALL} 'min' select AGG_TIMESTAMP") == [(H,), (H + 60_000,), (H + 360_000,)]


def test_without_purge_everything_stays() -> None:
    text = STREAM + "@purge(enable='false') define aggregation G from S select count() as c aggregate every sec;"
    app = run(text, [("a", 1.0, 1, H), ("a", 1.0, 1, H + 900_000_000)])
    assert read(app, f"from G {ALL} 'sec'") == [(H, 1), (H + 900_000_000, 1)]


def test_sql() -> None:
    app = EventFluxManager().create_eventflux_app_runtime(
        "SET 'app.playback' = true; CREATE STREAM E (k STRING, ts BIGINT, v INT); "
        "CREATE AGGREGATION G AS SELECT k, SUM(v) AS t, COUNT(*) AS n FROM E WHERE v > 0 GROUP BY k "
        "AGGREGATE BY ts EVERY SECONDS...MINUTES;"
    )
    app.start()
    for at, row in ((1, ("a", 1000, 1)), (2, ("a", 2500, 4)), (3, ("b", 1100, 0)), (4, ("a", 1500, 2))):
        app.input_handler("E").send(row, timestamp=at)
    assert read(app, "SELECT AGG_TIMESTAMP, k, t FROM G WITHIN 0, 60000 PER 'seconds'") == [
        (1000, "a", 3),
        (2000, "a", 4),
    ]
    assert read(app, "SELECT t, n FROM G WHERE k = 'a' WITHIN '1970-01-01 **:**:**' PER 'minutes'") == [(7, 3)]


# ---- joins

JOIN = (
    STREAM + "define stream J (jk string, st long, en long, pr string);\n"
    "define aggregation G from S select k, sum(p) as sp, count() as c group by k aggregate every sec...min;\n"
)


def joined(query: str, probe: tuple[Any, ...], text: str = JOIN) -> list[tuple[Any, ...]]:
    """What one row of J finds."""
    app = EventFluxManager().create_eventflux_app_runtime(text + query)
    found: list[tuple[Any, ...]] = []
    app.add_callback("O", lambda events: found.extend(event.data for event in events))
    app.start()
    for row in ROWS:
        app.input_handler("S").send(row, timestamp=row[-1])
    app.input_handler("J").send(probe, timestamp=H + 70_000)
    app.shutdown()
    return found


PROBE = ("a", H, H + 1000, "seconds")


def test_a_join_finds_the_buckets_of_a_range() -> None:
    query = (
        "from J {} G on J.jk == G.k within '2017-06-01 **:**:**' per 'seconds' "
        "select J.jk, AGG_TIMESTAMP, sp, c insert all events into O;"
    )
    assert joined(query.format("join"), PROBE) == [("a", H, 40.0, 2), ("a", H + 1000, 40.0, 1)] * 2
    assert joined(query.format("left outer join"), ("zz", 0, 0, "")) == [("zz", None, None, None)] * 2
    assert joined(query.replace("J {} G", "G right outer join J"), ("zz", 0, 0, ""))[0] == ("zz", None, None, None)


def test_the_range_may_come_with_the_row() -> None:
    query = "from J join G on J.jk == G.k within J.st, J.en per J.pr select jk, AGG_TIMESTAMP, sp, c insert into O;"
    assert joined(query, PROBE) == [("a", H, 40.0, 2)]
    assert joined(query, ("b", H, H + 61_000, "minutes")) == [("b", H, 20.0, 1), ("b", H + 60_000, 50.0, 1)]
    for bad in (("a", H, H, "seconds"), ("a", H, H + 1, "days"), ("a", H, H + 1, "x"), ("a", None, H, "sec")):
        assert joined(query, bad) == []


def test_aggregates_and_order_over_what_was_found() -> None:
    ranged = f"within {H}L, {H + 100_000}L per 'seconds'"
    assert joined(
        f"from J join G {ranged} select k, sum(sp) as t group by k order by k desc insert into O;", PROBE
    ) == [
        ("b", 70.0),
        ("a", 80.0),
    ]
    assert joined(f"from J join G on sp > 20.0 {ranged} select * insert into O;", PROBE) == [
        (*PROBE, H, "a", 40.0, 2),
        (*PROBE, H + 1000, "a", 40.0, 1),
        (*PROBE, H + 61_000, "b", 50.0, 1),
    ]


def test_sql_join() -> None:
    text = (
        "SET 'app.playback' = true; CREATE STREAM S (k STRING, p DOUBLE, q INT, ts BIGINT); "
        "CREATE STREAM J (jk STRING, st BIGINT, en BIGINT, pr STRING); "
        "CREATE AGGREGATION G AS SELECT k, SUM(p) AS sp FROM S GROUP BY k AGGREGATE BY ts EVERY SECONDS, MINUTES; "
        "INSERT INTO O SELECT G.k, AGG_TIMESTAMP, sp FROM J JOIN G ON J.jk = G.k WITHIN st, en PER pr;"
    )
    assert joined("", PROBE, text) == [("a", H, 40.0)]


@pytest.mark.parametrize(
    "query",
    [
        "from J join G on J.jk == G.k select jk, sp insert into O;",
        "from J join G within 0, 1 per 'sec' select jk, sp insert into O;",
        "from J join G within 0L per 'sec' select jk, sp insert into O;",
        "from J join G within 0L, 1L per 5 select jk, sp insert into O;",
        "from J join G within 0L, 1L per 'test' select jk, sp insert into O;",
        "from J join S within 0L, 1L per 'sec' select jk, p insert into O;",
        "from G join G within 0L, 1L per 'sec' select sp insert into O;",
    ],
)
def test_joins_that_are_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        EventFluxManager().create_eventflux_app_runtime(JOIN + query)


def test_both_drivers_join_what_came_before() -> None:
    """Rows of one push that are aggregated and then joined through a stream between them."""
    text = JOIN + (
        "from S select k as jk, ts as st, ts as en, 'sec' as pr insert into J; "
        f"from J join G on J.jk == G.k within 0L, {2 * H}L per 'min' select jk, sum(c) as n insert into O;"
    )
    answers = []
    for in_columns in (True, False):
        app = EventFluxManager().create_eventflux_app_runtime(text)
        found: list[tuple[Any, ...]] = []
        app.add_callback("O", lambda events, found=found: found.extend(event.data for event in events))
        app.start()
        if in_columns:
            columns = {name: [row[at] for row in ROWS] for at, name in enumerate(("k", "p", "q", "ts"))}
            app.input_handler("S").send_columns(columns, timestamps=[row[-1] for row in ROWS])
        else:
            for row in ROWS:
                app.input_handler("S").send(row, timestamp=row[-1])
        app.shutdown()
        answers.append(found)
    assert answers[0] == answers[1] == [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2)]


# ---- against a slow model, and cut anywhere

BODY = (
    "select k, sum(q) as s, avg(p) as a, min(p) as mi, max(q) as ma, count() as c, distinctCount(q) as d, q as last "
    "group by k aggregate by ts every sec...year"
)
_KEYS = st.sampled_from(["a", "b", "a key that is longer than twelve bytes", None])
_TIMES = st.one_of(
    st.integers(H, H + 5000),
    st.integers(-(10**12), 4 * 10**12),
    st.sampled_from([-1, 0, 951782400000 - 1, 951868800000]),
)
_ROWS = st.lists(
    st.tuples(
        _KEYS, st.one_of(st.none(), st.integers(-8, 8).map(float)), st.one_of(st.none(), st.integers(-3, 3)), _TIMES
    ),
    max_size=40,
)


def start_of(duration: str, time: int) -> int:
    """The start of the bucket, by datetime."""
    moment = datetime.fromtimestamp(time // 1000, timezone.utc)
    match duration:
        case "sec":
            pass
        case "min":
            moment = moment.replace(second=0)
        case "hour":
            moment = moment.replace(minute=0, second=0)
        case "day":
            moment = moment.replace(hour=0, minute=0, second=0)
        case "month":
            moment = moment.replace(day=1, hour=0, minute=0, second=0)
        case _:
            moment = moment.replace(month=1, day=1, hour=0, minute=0, second=0)
    return round(moment.timestamp()) * 1000


def expected(rows: list[tuple[Any, ...]], duration: str) -> list[tuple[Any, ...]]:
    """What each bucket has to hold, from its rows."""
    arrivals: dict[str | None, int] = {}
    buckets: dict[tuple[int, str | None], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        arrivals.setdefault(row[0], len(arrivals))
        buckets[start_of(duration, row[3]), row[0]].append(row)
    found: list[tuple[Any, ...]] = []
    for (start, key), held in sorted(buckets.items(), key=lambda item: (item[0][0], arrivals[item[0][1]])):
        prices = [row[1] for row in held if row[1] is not None]
        numbers = [row[2] for row in held if row[2] is not None]
        latest = max(row[3] for row in held)
        last = [row for row in held if row[3] == latest][-1]
        found.append(
            (
                start,
                key,
                sum(numbers) if numbers else None,
                sum(prices) / len(prices) if prices else None,
                min(prices, default=None),
                max(numbers, default=None),
                len(held),
                len({row[2] for row in held}),
                last[2],
            )
        )
    return found


def check(app: EventFluxAppRuntime, rows: list[tuple[Any, ...]]) -> None:
    for duration in ("sec", "min", "hour", "day", "month", "year"):
        query = f"from G within -9000000000000L, 9000000000000L per '{duration}'"
        assert read(app, query) == expected(rows, duration), duration


@settings(max_examples=40, deadline=None)
@given(rows=_ROWS, cut=st.integers(0, 40), in_columns=st.booleans())
def test_every_bucket_holds_what_its_rows_say_wherever_the_state_is_cut(
    rows: list[tuple[Any, ...]], cut: int, in_columns: bool
) -> None:
    text = STREAM + f"@purge(enable='false') define aggregation G from S {BODY};"
    manager = EventFluxManager()
    app = manager.create_eventflux_app_runtime(text)
    app.start()
    first, rest = rows[:cut], rows[cut:]
    for row in first:
        app.input_handler("S").send(row, timestamp=1)
    saved = app.snapshot()
    check(app, first)
    app.shutdown()
    other = EventFluxManager().create_eventflux_app_runtime(text)
    other.start()
    other.restore(saved)
    check(other, first)
    if in_columns and rest:
        columns = {name: [row[at] for row in rest] for at, name in enumerate(("k", "p", "q", "ts"))}
        other.input_handler("S").send_columns(columns, timestamps=2)
    else:
        for row in rest:
            other.input_handler("S").send(row, timestamp=2)
    check(other, rows)
    other.restore(saved)
    check(other, first)
    other.shutdown()


def test_changed_bytes_of_saved_state_never_crash() -> None:
    text = STREAM + f"@purge(enable='false') define aggregation G from S {BODY};"
    app = run(text, [("a key that is longer than twelve bytes", 1.0, 2, H), ("b", None, None, H + 1)])
    saved = bytearray(app.snapshot())
    other = EventFluxManager().create_eventflux_app_runtime(text)
    other.start()
    for at in range(0, len(saved), 7):
        changed = bytes(saved[:at]) + bytes([saved[at] ^ 0x55]) + bytes(saved[at + 1 :])
        try:
            other.restore(changed)
        except (StateError, CorruptStateError):
            continue
    other.restore(bytes(saved))
    assert len(read(other, f"from G {ALL} 'sec'")) == 2


@pytest.mark.parametrize("in_order", [True, False])
def test_a_large_push_is_counted_as_its_rows_one_by_one(in_order: bool) -> None:
    """More rows and groups than are handled together; late rows go where they belong."""
    source = random.Random(7)
    keys = [None, *(f"{number}" * (1 + number % 20) for number in range(400))]
    rows = [
        (
            source.choice(keys),
            source.choice([None, -2.5, 0.25, 7.0]),
            source.choice([None, -3, 0, 5]),
            H + (number * 3 if in_order else source.randrange(9000)),
        )
        for number in range(3000)
    ]
    for in_columns in (True, False):
        app = run(STREAM + f"@purge(enable='false') define aggregation G from S {BODY};", [])
        if in_columns:
            columns = {name: [row[at] for row in rows] for at, name in enumerate(("k", "p", "q", "ts"))}
            app.input_handler("S").send_columns(columns, timestamps=2)
        else:
            for row in rows:
                app.input_handler("S").send(row, timestamp=2)
        check(app, rows)


def test_groups_by_several_values_and_items_that_share_a_sum() -> None:
    rows = [(f"k{number % 3}", [1.5, -0.0, 0.0, None][number % 4], number, H + number) for number in range(700)]
    app = run(
        STREAM + "@purge(enable='false') define aggregation G from S "
        "select k, p, sum(q) as total, avg(q) as mean, sum(p) as prices group by k, p aggregate by ts every sec...min;",
        [],
    )
    app.input_handler("S").send_columns(
        {name: [row[at] for row in rows] for at, name in enumerate(("k", "p", "q", "ts"))}, timestamps=2
    )
    wanted: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        wanted.setdefault((row[0], row[1]), []).append(row[2])
    found = {(row[1], row[2]): row[3:] for row in read(app, f"from G {ALL} 'min'")}
    assert found == {
        key: (sum(held), sum(held) // len(held), None if key[1] is None else key[1] * len(held))
        for key, held in wanted.items()
    }
