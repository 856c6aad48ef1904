"""The apps of examples/flights, checked against the same questions asked of DuckDB."""

import csv
import functools
import gzip
import importlib.util
import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import ModuleType

import pytest

from eventflux import EventBatch, EventFluxManager

FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"
DATA = FLIGHTS / "flights-2013-01.csv.gz"
LANGUAGES = ("sql", "eventfluxql")
LIMIT_SECONDS = 60
Rows = list[tuple[object, ...]]


def _run(app: Path, stream: str, last: int, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """What reaches the stream; `last` is how many rows are expected, to know when to stop waiting."""
    monkeypatch.setenv("FLIGHTS", str(DATA))
    seen: Rows = []
    complete = threading.Event()

    def take(events: EventBatch) -> None:
        seen.extend(event.data for event in events)
        if len(seen) >= last:
            complete.set()

    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback(stream, take)
        runtime.start()
        arrived = complete.wait(LIMIT_SECONDS)
        runtime.shutdown()
    assert arrived, f"{len(seen)} of {last} rows after {LIMIT_SECONDS} s"
    return seen


@functools.cache
def _ask_duckdb(query: str) -> Rows:
    """The rows of a query on the table `departures`, whose `row` is the place in the file; in a process of its own."""
    code = """
        import duckdb, json, sys
        connection = duckdb.connect()
        table = "CREATE TABLE departures AS SELECT row_number() OVER () AS row, * FROM read_csv(?, header = true)"
        connection.execute(table, [sys.argv[1]])
        print(json.dumps(connection.execute(sys.argv[2]).fetchall()))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(DATA), query]
    return [tuple(row) for row in json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_departures_an_hour_late_are_those_that_duckdb_finds(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = _ask_duckdb(
        "SELECT ts, carrier, flight, origin, dest, dep_delay FROM departures WHERE dep_delay >= 60 ORDER BY row"
    )
    assert len(wanted) > 1000
    assert _run(FLIGHTS / f"delayed_departures.{language}", "Delayed", len(wanted), monkeypatch) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_hours_of_carriers_are_those_that_duckdb_groups(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = _ask_duckdb("""
        SELECT ts // 3600000 * 3600000 AS hour, carrier, count(*), avg(dep_delay)
        FROM departures
        WHERE dep_delay IS NOT NULL
          AND ts // 3600000 < (SELECT max(ts) // 3600000 FROM departures WHERE dep_delay IS NOT NULL)
        GROUP BY hour, carrier ORDER BY hour, carrier
    """)
    found = _run(FLIGHTS / f"carrier_delay_by_hour.{language}", "CarrierHours", len(wanted), monkeypatch)
    hours = [row[0] for row in found]
    assert hours == sorted(hours)
    found.sort(key=lambda row: (row[0], row[1]))
    assert [row[:3] for row in found] == [row[:3] for row in wanted]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in wanted])


@pytest.mark.parametrize("language", LANGUAGES)
def test_rolling_counts_are_those_that_duckdb_counts(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Rows of the same minute that stand behind a departure have not happened yet: hence the condition on the row.
    wanted = _ask_duckdb("""
        SELECT one.ts, one.origin, count(*)
        FROM departures AS one
        JOIN departures AS other
          ON other.origin = one.origin AND other.row <= one.row AND other.ts > one.ts - 3600000
        GROUP BY one.row, one.ts, one.origin ORDER BY one.row
    """)
    assert len(wanted) == 27_004
    assert _run(FLIGHTS / f"origin_rolling_counts.{language}", "OriginCounts", len(wanted), monkeypatch) == wanted


@functools.cache
def _departures() -> list[dict[str, str]]:
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("language", LANGUAGES)
def test_streaks_are_those_that_a_look_at_three_neighbours_finds(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest: dict[tuple[str, str], list[dict[str, str]]] = {}
    wanted: Rows = []
    for row in _departures():
        three = latest.setdefault((row["carrier"], row["origin"]), [])
        three.append(row)
        del three[:-3]
        delays = [int(each["dep_delay"] or 0) for each in three]
        if len(three) == 3 and min(delays) >= 60:
            wanted.append((row["carrier"], row["origin"], int(three[0]["ts"]), int(row["ts"]), sum(delays)))
    assert len(wanted) > 100
    assert _run(FLIGHTS / f"delay_streaks.{language}", "Streaks", len(wanted), monkeypatch) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_flights_not_seen_are_those_without_a_next_one_in_time(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: Rows = []
    starts: list[int] = []
    again: dict[tuple[str, str, str], int] = {}
    for row in reversed(_departures()):
        key, ts = (row["carrier"], row["flight"], row["origin"]), int(row["ts"])
        if row["dep_delay"]:
            if again.get(key, ts + 30 * 3_600_000 + 1) - ts > 30 * 3_600_000:
                starts.append(ts)
                wanted.insert(0, (ts, row["carrier"], int(row["flight"]), row["origin"], None))
            again[key] = ts
    # Of those that left last the time may not be over when the input ends.
    sure = sum(ts + 30 * 3_600_000 < int(_departures()[-1]["ts"]) for ts in starts)
    assert sure > 1000
    found = _run(FLIGHTS / f"not_seen.{language}", "NotSeen", sure, monkeypatch)
    assert len(found) >= sure
    assert found == wanted[: len(found)]


@pytest.fixture
def prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", FLIGHTS / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sample_is_what_the_script_makes(prepare: ModuleType, tmp_path: Path) -> None:
    made = tmp_path / "made.csv.gz"
    assert prepare.write(made, range(1, 2)) == 27_004
    assert gzip.decompress(made.read_bytes()) == gzip.decompress(DATA.read_bytes())
