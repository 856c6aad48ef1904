"""The app of examples/kafka prints what its page says, in both languages."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.needs import lacking

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "kafka"

pytestmark = pytest.mark.service


@pytest.mark.parametrize("app", ["app.sql", "app.eventfluxql"])
def test_the_card_app_prints_what_is_expected(broker, app):
    """The broker of the session stands for one that can be started."""
    if not any(point.name == "kafka" for point in entry_points(group="eventflux")):
        lacking("eventflux-kafka with its entry points", "python -m pip install ./eventflux-kafka")
    program = [sys.executable, str(FOLDER / "run.py"), app]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == (FOLDER / "expected.txt").read_text()


@pytest.mark.parametrize("app", ["app.sql", "app.eventfluxql"])
def test_the_card_app_is_valid(manager, app):
    assert manager.validate(FOLDER / app) == []
