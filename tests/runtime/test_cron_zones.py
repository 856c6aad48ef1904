"""Cron triggers and windows follow the calendar of the configured time zone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from eventflux import EventBatch, EventFluxManager

HOUR = timedelta(hours=1)


def fired(cron: str, zone: str, begin: datetime, steps: int, step: timedelta = HOUR) -> list[str]:
    """Local times at which a trigger fires while the clock goes on from `begin` by steps."""
    times: list[str] = []

    def hear(events: EventBatch) -> None:
        for event in events:
            moment = datetime.fromtimestamp(event.timestamp / 1000, timezone.utc)
            times.append(moment.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %Z"))

    text = f"define stream S (a int); define trigger T at '{cron}'; from S select a insert into O;"
    with EventFluxManager({"application": {"timezone": zone}}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)
        runtime.add_callback("T", hear)
        runtime.start()
        for number in range(steps + 1):
            runtime.advance_time(int((begin + number * step).timestamp() * 1000))
    return times


@pytest.mark.parametrize(
    ("cron", "zone", "times"),
    [
        ("0 0 12 * * ?", "UTC", ["01 12:00 UTC", "02 12:00 UTC"]),
        ("0 0 12 * * ?", "Asia/Tokyo", ["01 12:00 JST", "02 12:00 JST"]),
        ("0 30 6 * * ?", "Asia/Kolkata", ["01 06:30 IST", "02 06:30 IST"]),
        ("0 0 23 * * ?", "America/New_York", ["31 23:00 EST", "01 23:00 EST"]),
    ],
)
def test_a_trigger_fires_at_local_times(cron: str, zone: str, times: list[str]) -> None:
    assert fired(cron, zone, datetime(2023, 1, 1, tzinfo=timezone.utc), 48) == times


def test_times_that_clocks_skip_do_not_come() -> None:
    begin = datetime(2023, 3, 25, tzinfo=timezone.utc)  # clocks go from 2 to 3 on the 26th
    assert fired("0 30 2 * * ?", "Europe/Berlin", begin, 72) == ["25 02:30 CET", "27 02:30 CEST"]


def test_times_that_clocks_show_twice_come_twice() -> None:
    begin = datetime(2023, 10, 28, 12, tzinfo=timezone.utc)  # clocks go from 3 to 2 on the 29th
    assert fired("0 30 2 * * ?", "Europe/Berlin", begin, 38) == [
        "29 02:30 CEST",
        "29 02:30 CET",
        "30 02:30 CET",
    ]
    assert len(fired("0 0 * * * ?", "Europe/Berlin", begin, 38)) == 38


def test_a_zone_without_changes_of_its_clocks() -> None:
    begin = datetime(2023, 1, 1, tzinfo=timezone.utc)
    assert fired("0 0 0 1 * ?", "Etc/GMT-5", begin, 60, timedelta(days=1)) == ["01 00:00 +05", "01 00:00 +05"]


@pytest.mark.parametrize("joined", [False, True])
def test_a_window_ticks_at_local_times(joined: bool) -> None:
    heard: list[object] = []
    source = "S#window.cron('0 0 0 * * ?')"
    query = f"from {source} unidirectional join U#window.length(1)" if joined else f"from {source}"
    text = f"define stream S (a int); define stream U (b int); {query} select a insert into O;"
    begin = datetime(2023, 1, 1, 12, tzinfo=timezone.utc)
    with EventFluxManager({"application": {"timezone": "Asia/Tokyo"}}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text, playback=True)
        runtime.add_callback("O", lambda events: heard.extend((moment[-1], event.data) for event in events))
        runtime.start()
        moment = [0]
        runtime.input_handler("U").send((7,), int(begin.timestamp() * 1000))
        runtime.input_handler("S").send((1,), int(begin.timestamp() * 1000))
        for hour in range(1, 6):
            moment.append(hour)
            runtime.advance_time(int((begin + hour * HOUR).timestamp() * 1000))
    assert heard == [(3, (1,))]
