"""What every test session shares: the header line, so that a report says what was tested."""

import platform
from importlib import metadata

import pytest


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Versions of what runs here and where the package comes from."""
    import eventflux

    location = next(iter(eventflux.__path__))
    return [f"eventflux-core {metadata.version('eventflux-core')} from {location}; {platform.platform()}"]
