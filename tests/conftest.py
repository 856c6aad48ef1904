"""What every test session shares: the header line, so that a report says what was tested."""

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes what was found into the golden files instead of comparing; review the diff."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files with what was found")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a golden file: `golden(path, text)`."""
    updates = request.config.getoption("--update-golden")

    def compare(path: Path, text: str) -> None:
        text = text.rstrip("\n") + "\n"
        if updates:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.is_file(), f"{path} is missing: run pytest --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Versions of what runs here and where the package comes from."""
    import eventflux

    location = next(iter(eventflux.__path__))
    return [f"eventflux-core {metadata.version('eventflux-core')} from {location}; {platform.platform()}"]
