"""Buckets of aggregations in tables outside, and the calendar of time zones."""

import random
import sqlite3
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from eventflux import ConfigError, EventFluxManager, InMemoryPersistenceStore, InMemoryTable, ValidationError
from eventflux.planner.emit.zones import zone_changes
from eventflux.types.errors import ConnectionUnavailableError, CorruptStateError

H = 1_496_289_600_000  # 2017-06-01 04:00:00 GMT

APP = """
define stream S (k string, p double, q int, o object, ts long);
{store}
define aggregation G from S
    select k, avg(p) as ap, sum(p) as sp, sum(q) as sq, avg(q) as aq, count() as c, min(q) as lo, max(q) as hi,
        distinctCount(q) as dq, o as last
    group by k aggregate by ts every sec ... year;
"""
PERS = ("seconds", "minutes", "hours", "days", "months", "years")


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


def stored(path):
    return f"@store(type='sqlite', path='{path}')"


def started(manager, store, text=APP, name="app", **more):
    runtime = manager.create_eventflux_app_runtime(text.replace("{store}", store), name=name, playback=True, **more)
    runtime.start()
    return runtime


def buckets(runtime, name="G"):
    found = {}
    for per in PERS:
        rows = runtime.query(f"from {name} within 0L, 4102444800000L per '{per}' select *")
        found[per] = [event.data for event in rows]
    return found


def rows(count, seed):
    chosen = random.Random(seed)
    for number in range(count):
        yield (
            chosen.choice(["a", "b", None, "a longer key than fits into twelve bytes"]),
            chosen.choice([None, chosen.uniform(-1e6, 1e6)]),
            chosen.choice([None, chosen.randrange(5)]),
            chosen.choice([None, {"n": number}, "text"]),
            H + chosen.randrange(-400 * 86_400_000, 400 * 86_400_000),
        )


@pytest.mark.parametrize("cut", [0, 1, 57, 120])
def test_buckets_go_on_after_a_restart_where_they_stood(manager, tmp_path, cut):
    sent = list(rows(120, seed=cut))
    whole = started(manager, "", name="whole")
    whole.input_handler("S").send_many(sent, list(range(1, len(sent) + 1)))
    store = stored(tmp_path / "a.db")
    with EventFluxManager(plugins=False) as first:
        runtime = started(first, store)
        for index, row in enumerate(sent[:cut]):
            runtime.input_handler("S").send(row, index + 1)
    with EventFluxManager(plugins=False) as second:
        runtime = started(second, store)
        if sent[cut:]:
            runtime.input_handler("S").send_batch(sent[cut:], list(range(cut + 1, len(sent) + 1)))
        assert buckets(runtime) == buckets(whole)
    with EventFluxManager(plugins=False) as third:
        assert buckets(started(third, store)) == buckets(whole)


def test_others_can_read_what_the_buckets_show(manager, tmp_path):
    runtime = started(manager, stored(tmp_path / "a.db"))
    runtime.input_handler("S").send_batch(
        [("a", 1.5, 1, None, H), ("b", 2.0, 2, None, H + 10), ("a", 0.5, 4, None, H + 1500)], [1, 2, 3]
    )
    database = sqlite3.connect(tmp_path / "a.db")
    assert database.execute("SELECT AGG_TIMESTAMP, k, sp, c FROM G_SECONDS ORDER BY 1, 2").fetchall() == [
        (H, "a", 1.5, 1),
        (H, "b", 2.0, 1),
        (H + 1000, "a", 0.5, 1),
    ]
    assert database.execute("SELECT k, sp, hi FROM G_YEARS ORDER BY 1").fetchall() == [("a", 2.0, 4), ("b", 2.0, 2)]
    assert database.execute("SELECT count(*) FROM G_MINUTES").fetchone() == (2,)


def test_a_revision_that_is_restored_decides(tmp_path):
    revisions = InMemoryPersistenceStore()
    store = stored(tmp_path / "a.db")
    with EventFluxManager(plugins=False) as first:
        first.set_persistence_store(revisions)
        runtime = started(first, store)
        runtime.input_handler("S").send(("a", 1.0, 1, None, H), 1)
        runtime.persist()
        saved = buckets(runtime)
        runtime.input_handler("S").send(("a", 1.0, 1, None, H), 2)
        runtime.shutdown(drain=False)
    with EventFluxManager(plugins=False) as second:
        second.set_persistence_store(revisions)
        assert buckets(started(second, store)) == saved


def test_old_buckets_leave_the_store(manager, tmp_path):
    runtime = started(
        manager,
        stored(tmp_path / "a.db") + " @purge(interval='10 sec', @retentionPeriod(sec='120 sec'))",
        text="""
        define stream S (k string, p double);
        {store} define aggregation G from S select k, sum(p) as sp group by k aggregate every sec, year;
        """,
    )
    handler = runtime.input_handler("S")
    for moment in (H, H + 1000, H + 121_000, H + 131_000):
        handler.send(("a", 1.0), moment)
    database = sqlite3.connect(tmp_path / "a.db")
    found = [row[0] for row in database.execute("SELECT AGG_TIMESTAMP FROM G_SECONDS ORDER BY 1")]
    assert found == [H + 121_000, H + 131_000]
    assert database.execute("SELECT sp FROM G_YEARS").fetchall() == [(4.0,)]


class Away(InMemoryTable):
    """A store that is away while it is told so."""

    is_away = False

    def __init__(self):
        super().__init__()

    def update_or_insert(self, condition, update_set, parameters, rows):
        if Away.is_away:
            raise ConnectionUnavailableError("the store is away")
        return super().update_or_insert(condition, update_set, parameters, rows)


def test_what_could_not_be_written_is_written_later(manager, caplog):
    manager.add_table_factory("away", Away)
    text = """
    define stream S (k string, p double);
    {store} define aggregation G from S select k, sum(p) as sp group by k aggregate every sec;
    """
    runtime = started(manager, "@store(type='away', on.error='LOG')", text=text)
    Away.is_away = True
    runtime.input_handler("S").send_batch([("a", 1.0), ("b", 2.0)], [H, H + 1])
    runtime.input_handler("S").send(("a", 4.0), H + 2)
    Away.is_away = False
    runtime.input_handler("S").send(("c", 8.0), H + 3)
    table = runtime._outside._buckets[0].store
    assert sorted(row[2:4] for row in table.rows()) == [("a", 5.0), ("b", 2.0), ("c", 8.0)]
    assert "will be tried again" in caplog.text


def test_sql_spells_the_store_of_an_aggregation(manager, tmp_path):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        CREATE STREAM S (k STRING, p DOUBLE);
        CREATE AGGREGATION G WITH ('extension' = 'sqlite', 'sqlite.path' = '{tmp_path / "a.db"}',
            'purge.interval' = '10 min')
            AS SELECT k, SUM(p) AS sp FROM S GROUP BY k AGGREGATE EVERY SECONDS, DAYS;
        """,
        playback=True,
    )
    runtime.start()
    runtime.input_handler("S").send(("a", 1.5), H)
    database = sqlite3.connect(tmp_path / "a.db")
    assert database.execute("SELECT k, sp FROM G_DAYS").fetchall() == [("a", 1.5)]
    assert "kept by store sqlite" in runtime.explain()


def test_a_store_of_an_aggregation_that_cannot_be_is_refused(manager):
    with pytest.raises(ValidationError, match=r"aggregation 'G': .*path"):
        started(manager, "@store(type='sqlite')")
    with pytest.raises(Exception, match="no store 'zz'"):
        started(manager, "@store(type='zz')")


def test_a_store_that_is_damaged_keeps_the_app_from_starting(manager, tmp_path):
    runtime = started(manager, stored(tmp_path / "a.db"))
    runtime.input_handler("S").send(("a", 1.0, 1, None, H), 1)
    manager.shutdown()
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute("UPDATE G_SECONDS SET AGG_STATE = x'c403010203'")
    database.commit()
    database.close()
    with EventFluxManager(plugins=False) as second, pytest.raises(CorruptStateError, match="ends too early"):
        started(second, stored(tmp_path / "a.db"))


# ---- time zones

ZONED = """
define stream S (ts long);
define aggregation G from S select count() as c aggregate by ts every sec ... year;
"""


def moments(zone):
    """Around each change of the clocks, and at random."""
    chosen = random.Random(zone)
    changes = [moment for moment, _ in zone_changes(zone) if moment >= 0][-80:]
    near = [moment + shift for moment in changes for shift in (-3_600_000, -1, 0, 1, 3_599_999)]
    return near + [chosen.randrange(4_000_000_000_000) for _ in range(200)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
def test_buckets_begin_where_the_calendar_of_the_zone_says(zone):
    with EventFluxManager({"application": {"timezone": zone}}, plugins=False) as manager:
        runtime = started(manager, "", text=ZONED)
        sent = moments(zone)
        runtime.input_handler("S").send_many([(moment,) for moment in sent], 1)
        for per, cut in (("days", 3), ("months", 2), ("years", 1)):
            found = runtime.query(f"from G within -9999999999999L, 9999999999999L per '{per}' select AGG_TIMESTAMP, c")
            wanted: dict[tuple[int, ...], int] = {}
            for moment in sent:
                local = datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))
                start = (local.year, local.month, local.day)[:cut]
                wanted[start] = wanted.get(start, 0) + 1
            shown = {}
            for event in found:
                local = datetime.fromtimestamp(event.data[0] / 1000, ZoneInfo(zone))
                assert (local.hour, local.minute) in {(0, 0), (1, 0), (0, 30)}, (per, local)
                shown[(local.year, local.month, local.day)[:cut]] = event.data[1]
            assert shown == wanted


def test_a_day_of_berlin_begins_there_at_midnight():
    with EventFluxManager({"application": {"timezone": "Europe/Berlin"}}, plugins=False) as manager:
        runtime = started(manager, "", text=ZONED)
        runtime.input_handler("S").send((H,), 1)
        found = {per: runtime.query(f"from G within 0L, {H + 1}L per '{per}' select AGG_TIMESTAMP") for per in PERS}
    starts = {per: found[per][0].data[0] for per in PERS}
    two_hours, one_hour = 7_200_000, 3_600_000
    assert starts["hours"] == H
    assert starts["days"] == 1_496_275_200_000 - two_hours
    assert starts["months"] == 1_496_275_200_000 - two_hours
    assert starts["years"] == 1_483_228_800_000 - one_hour


def test_a_zone_that_nobody_knows_is_refused():
    with (
        EventFluxManager({"application": {"timezone": "Europe/Atlantis"}}, plugins=False) as manager,
        pytest.raises(ConfigError, match="Europe/Atlantis"),
    ):
        started(manager, "", text=ZONED)
