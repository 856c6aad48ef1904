"""The apps of examples/tcp print what is expected, in both languages."""

import subprocess
import sys
from pathlib import Path

import pytest

TCP = Path(__file__).resolve().parents[2] / "examples" / "tcp"


@pytest.mark.parametrize("app", ["sql", "eventfluxql"])
def test_the_tcp_app_prints_what_is_expected(app: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(TCP / "run.py"), app], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == (TCP / "expected.txt").read_text()
    assert ran.stderr == ""
