"""The command line, as processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.processes import eventflux

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
GOOD = "CREATE STREAM S (k STRING, v INT); INSERT INTO O SELECT k FROM S WHERE v > 1;"
WRONG = "CREATE STREAM S (k STRING, v INT);\nINSERT INTO O SELECT kk FROM S;"


def written(folder: Path, text: str) -> str:
    path = folder / "app.sql"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_good_app_is_valid(tmp_path: Path) -> None:
    assert eventflux("validate", written(tmp_path, GOOD)).returncode == 0


def test_a_wrong_app_is_shown_with_place_and_caret(tmp_path: Path) -> None:
    done = eventflux("validate", written(tmp_path, WRONG))
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "app.sql:2:22: unknown attribute 'kk' of stream S" in told
    assert "did you mean 'k'?" in told
    assert "^^" in told


def test_explain_shows_the_three_plans(tmp_path: Path) -> None:
    done = eventflux("explain", written(tmp_path, GOOD))
    assert done.returncode == 0
    assert "logical plan" in done.stdout
    assert "native plan" in done.stdout
    assert "filter S.v > 1" in done.stdout or "filter v > 1" in done.stdout


def test_extensions_explains_a_window() -> None:
    done = eventflux("extensions", "lengthBatch")
    assert done.returncode == 0
    assert "lengthBatch" in done.stdout


def test_run_gives_what_an_independent_count_gives() -> None:
    done = eventflux("run", str(FLIGHTS / "delayed_departures.sql"))
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(rows) == 1852
    assert all(row["dep_delay"] > 60 for row in rows) or min(row["dep_delay"] for row in rows) >= 60


def test_an_unknown_file_is_an_error() -> None:
    done = eventflux("run", "no/such/app.sql")
    assert done.returncode not in {0, -11}
    assert "no/such/app.sql" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_leaves_is_no_error_message() -> None:
    command = f"{sys.executable} -m eventflux_cli.main extensions | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
