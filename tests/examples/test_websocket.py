"""The app of examples/websocket prints what its page says, in both languages."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("websockets", reason="the extra websocket is not installed")

WEBSOCKET = Path(__file__).resolve().parents[2] / "examples" / "websocket"


@pytest.mark.parametrize("app", ["app.sql", "app.eventfluxql"])
def test_the_websocket_app_prints_what_is_expected(app: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(WEBSOCKET / "run.py"), app], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == (WEBSOCKET / "expected.txt").read_text()
    assert ran.stderr == ""
