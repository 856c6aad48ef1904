"""Whole apps between files."""

import json
from collections import defaultdict

import pytest

from eventflux import EventFluxManager

ROWS = 30_000


@pytest.fixture
def trades(tmp_path):
    path = tmp_path / "trades.jsonl"
    with path.open("w") as file:
        for number in range(ROWS):
            row = {
                "symbol": f"S{number % 50:02d}",
                "price": number % 1000 / 4,
                "volume": number % 7,
                "ts": 1000 + number,
            }
            file.write(json.dumps(row) + "\n")
    return path


def run(app):
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.start()
        assert runtime.wait_finished(60)
        runtime.shutdown()
        return runtime


def source(path, *more):
    options = "".join(f", {each}" for each in more)
    return (
        "CREATE STREAM Trade (symbol STRING, price DOUBLE, volume BIGINT, ts BIGINT) WITH ('type' = 'source', "
        f"'extension' = 'file', 'format' = 'json', 'file.path' = '{path}', 'file.mode' = 'once'{options});"
    )


def sink(path, columns, format_="json"):
    return (
        f"CREATE STREAM Out ({columns}) WITH ('type' = 'sink', 'extension' = 'file', 'format' = '{format_}', "
        f"'file.path' = '{path}');"
    )


@pytest.mark.parametrize(
    "more", [(), ("'async.enabled' = 'true'", "'async.buffer_size' = '64'")], ids=["sync", "async"]
)
def test_lines_are_filtered_and_computed(trades, tmp_path, more):
    out = tmp_path / "out.jsonl"
    run(
        source(trades, *more)
        + sink(out, "symbol STRING, value DOUBLE")
        + "INSERT INTO Out SELECT symbol, price * volume AS value FROM Trade WHERE price > 200.0;"
    )
    expected = [
        {"symbol": row["symbol"], "value": row["price"] * row["volume"]}
        for row in map(json.loads, trades.read_text().splitlines())
        if row["price"] > 200.0
    ]
    assert [json.loads(line) for line in out.read_text().splitlines()] == expected


def test_windows_by_the_time_of_a_field(trades, tmp_path):
    out = tmp_path / "out.csv"
    run(
        source(trades)
        + sink(out, "symbol STRING, total BIGINT, n BIGINT", "csv")
        + "INSERT INTO Out SELECT symbol, SUM(volume) AS total, COUNT(*) AS n FROM Trade "
        "WINDOW externalTimeBatch(ts, 10 SECONDS) GROUP BY symbol;"
    )
    totals = defaultdict(lambda: [0, 0])
    for row in map(json.loads, trades.read_text().splitlines()):
        key = ((row["ts"] - 1000) // 10_000, row["symbol"])
        totals[key][0] += row["volume"]
        totals[key][1] += 1
    expected = sorted(f"{symbol},{total},{n}" for (batch, symbol), (total, n) in totals.items() if batch < 2)
    assert sorted(out.read_text().splitlines()) == expected


def test_event_time_comes_from_the_file(trades, tmp_path):
    out = tmp_path / "out.jsonl"
    run(
        "SET 'app.playback' = true;"
        + source(trades, "'json.timestamp' = 'ts'")
        + sink(out, "n BIGINT")
        + "INSERT INTO Out SELECT COUNT(*) AS n FROM Trade WINDOW timeBatch(10 SECONDS);"
    )
    assert [json.loads(line)["n"] for line in out.read_text().splitlines()] == [10_000, 10_000]


def test_bad_lines_go_to_the_dead_letter_stream(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"symbol": "A", "ts": 1}\n{"symbol": 5}\noops\n{"symbol": "B", "ts": 2}\n')
    seen = []
    dead = []
    app = "CREATE STREAM Dead (originalEvent STRING, errorMessage STRING, streamName STRING);" + source(
        path, "'error.strategy' = 'dlq'", "'error.dlq.stream' = 'Dead'"
    )
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback("Trade", lambda events: seen.extend(event.data[0] for event in events))
        runtime.add_callback("Dead", lambda events: dead.extend(event.data for event in events))
        runtime.start()
        assert runtime.wait_finished(60)
        runtime.shutdown()
    assert seen == ["A", "B"]
    assert [row[0] for row in dead] == ['{"symbol": 5}', "oops"]
    assert dead[0][1:] == ("field 'symbol' must be a text (STRING), got 5", "Trade")
