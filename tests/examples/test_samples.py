"""The samples of the quick start, in both languages, as processes: events in, lines out."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.cli.processes import environment, eventflux, start

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRADES = [("ACME", 120.5, 10), ("IBM", 50.0, 3), ("ACME", 110.0, 20), ("ACME", 130.0, 5), ("IBM", 150.0, 7)]
INPUT = "".join(json.dumps({"symbol": s, "price": p, "volume": v}) + "\n" for s, p, v in TRADES)
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "sample": [("ACME", 120.5), ("ACME", 110.0), ("IBM", 150.0)],
    "simple_filter": [("ACME", 120.5), ("ACME", 110.0), ("ACME", 130.0), ("IBM", 150.0)],
    "length_window": [("ACME", 120.5), ("IBM", 85.25), ("ACME", 93.5), ("ACME", 96.66666666666667), ("IBM", 130.0)],
    "time_window": [("ACME", 1), ("IBM", 1), ("ACME", 2), ("ACME", 3), ("IBM", 2)],
    "partition": [("ACME", 10), ("IBM", 3), ("ACME", 30), ("ACME", 35), ("IBM", 10)],
    "pattern": [("ACME", 120.5, 130.0), ("ACME", 110.0, 130.0)],
    "join": [("ACME", 110.0, 120.5)],
    "table": [("ACME", 110.0, 120.5), ("ACME", 130.0, 110.0), ("IBM", 150.0, 50.0)],
    "extension": [
        ("ACME", 130.5, 120.5),
        ("IBM", 53.0, 170.5),
        ("ACME", 130.0, 160.0),
        ("ACME", 135.0, 240.0),
        ("IBM", 157.0, 280.0),
    ],
    "persistence": [(10,), (13,), (33,), (38,), (45,)],
}
SAMPLES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in {".eventflux", ".sql"})


def rows(text: str) -> list[tuple[Any, ...]]:
    return [tuple(json.loads(line).values()) for line in text.splitlines() if line.startswith("{")]


def test_every_sample_has_a_twin_in_sql() -> None:
    names = "sample simple_filter time_window length_window partition pattern join table trigger extension persistence"
    for name in [*names.split(), "file", "http", "kafka"]:
        assert {f"{name}.eventflux", f"{name}.sql"} <= set(SAMPLES)


@pytest.mark.parametrize("suffix", ["eventflux", "sql"])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_events_in_lines_out(tmp_path: Path, name: str, suffix: str) -> None:
    more = ("-e", EXAMPLES / "custom_extension" / "custom.py") if name == "extension" else ()
    done = eventflux("run", EXAMPLES / f"{name}.{suffix}", "--http-port", "off", *more, stdin=INPUT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout) == EXPECTED[name]


@pytest.mark.parametrize("suffix", ["eventflux", "sql"])
def test_a_sum_lives_over_restarts(tmp_path: Path, suffix: str) -> None:
    for kind in ("--persistence-dir", "--sqlite"):
        for last in (45, 90):
            arguments = ("run", EXAMPLES / f"persistence.{suffix}", kind, kind.strip("-"), "--http-port", "off")
            done = eventflux(*arguments, stdin=INPUT, cwd=tmp_path)
            assert rows(done.stdout)[-1] == (last,)


@pytest.mark.parametrize("suffix", ["eventflux", "sql"])
def test_from_file_to_file(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.jsonl").write_text(INPUT, "utf-8")
    arguments = ("--define", "IN=in.jsonl", "--define", "OUT=out.csv", "--http-port", "off")
    done = eventflux("run", EXAMPLES / f"file.{suffix}", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines][-4:] == ["ACME", "ACME", "ACME", "IBM"]


@pytest.mark.parametrize("name", ["kafka", "http"])
@pytest.mark.parametrize("suffix", ["eventflux", "sql"])
def test_the_queries_of_the_others_are_right(tmp_path: Path, name: str, suffix: str) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(
            json.dumps({"ts": n, "symbol": s, "price": p, "volume": v}) + "\n" for n, (s, p, v) in enumerate(TRADES)
        ),
        "utf-8",
    )
    done = eventflux("replay", EXAMPLES / f"{name}.{suffix}", "--input", f"StockStream={tmp_path / 'a.jsonl'}")
    assert done.returncode == 0, done.stderr
    assert [row[2:] for row in rows(done.stdout)] == EXPECTED["simple_filter"]


@pytest.mark.parametrize("suffix", ["eventflux", "sql"])
def test_a_webhook(tmp_path: Path, suffix: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    arguments = ("--define", f"PORT={port}", "--http-port", "off", "--no-summary")
    process = start("run", EXAMPLES / f"http.{suffix}", *arguments, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/trades",
                    data=INPUT.splitlines()[0].encode(),
                    headers={"Content-Type": "application/json"},
                )
                with urllib.request.urlopen(request, timeout=10) as answer:
                    assert answer.status in {200, 202}
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert rows(out) == [("ACME", 120.5)]


def run_eventflux(*arguments: str | Path, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The second entry point."""
    code = "import sys; from eventflux_cli.main import run_main; sys.exit(run_main())"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
        env=environment(),
    )


def test_run_eventflux_prints_every_stream(tmp_path: Path) -> None:
    done = run_eventflux(EXAMPLES / "sample.eventflux", "--http-port", "off", stdin=INPUT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^StockStream \d+ \['", done.stdout, re.MULTILINE)) == 5
    assert len(re.findall(r"^OutStream \d+ \['", done.stdout, re.MULTILINE)) == 3


@pytest.mark.parametrize("suffix", ["eventflux", "sql"])
def test_run_eventflux_prints_a_tick_a_second(tmp_path: Path, suffix: str) -> None:
    done = run_eventflux(EXAMPLES / f"trigger.{suffix}", "--duration", "2.6", "--http-port", "off", cwd=tmp_path)
    ticks = [int(found) for found in re.findall(r"^OutStream \d+ \[(\d+)\]", done.stdout, re.MULTILINE)]
    assert len(ticks) >= 2
    assert 900 <= ticks[1] - ticks[0] <= 1500


def test_run_eventflux_has_the_four_options(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[application]\nname = 'Named'\n", "utf-8")
    custom = EXAMPLES / "custom_extension" / "custom.py"
    sample = EXAMPLES / "extension.eventflux"
    for store in (("--persistence-dir", "d"), ("--sqlite", "db")):
        options = ("--extension", custom, "--config", "c.toml", *store, "--http-port", "off")
        done = run_eventflux(sample, *options, stdin=INPUT, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Named" in done.stderr
    assert list((tmp_path / "d").rglob("*_Named*"))
    both = run_eventflux(sample, "--persistence-dir", "d", "--sqlite", "db", cwd=tmp_path)
    assert both.returncode == 2


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eventflux", "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.startswith("eventflux ")
