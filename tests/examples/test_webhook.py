"""The app of examples/webhook prints what its page says, in both languages."""

import subprocess
import sys
from pathlib import Path

import pytest

WEBHOOK = Path(__file__).resolve().parents[2] / "examples" / "webhook"


@pytest.mark.parametrize("app", ["app.sql", "app.eventfluxql"])
def test_the_webhook_app_prints_what_is_expected(app: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(WEBHOOK / "run.py"), app], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == (WEBHOOK / "expected.txt").read_text()
    assert ran.stderr == ""
