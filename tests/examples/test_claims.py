"""The app of examples/claims prints what its page says, in both languages."""

import subprocess
import sys
from pathlib import Path

import pytest

CLAIMS = Path(__file__).resolve().parents[2] / "examples" / "claims"


@pytest.mark.parametrize("app", ["app.sql", "app.eventfluxql"])
def test_the_claims_app_prints_what_is_expected(app: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(CLAIMS / "run.py"), app], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == (CLAIMS / "expected.txt").read_text()
    assert ran.stderr == ""
