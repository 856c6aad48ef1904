"""The app of examples/meters prints what its page says, in both languages."""

import subprocess
import sys
from pathlib import Path

import pytest

METERS = Path(__file__).resolve().parents[2] / "examples" / "meters"


@pytest.mark.parametrize("app", ["app.sql", "app.eventfluxql"])
def test_the_meters_app_prints_what_is_expected(app: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(METERS / "run.py"), app], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == (METERS / "expected.txt").read_text()
    assert ran.stderr == ""
