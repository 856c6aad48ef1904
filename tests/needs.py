"""What a test needs of the machine it runs on."""

import os
from typing import NoReturn

import pytest


def lacking(what: str, remedy: str) -> NoReturn:
    """Skip the running test for want of something, or fail with EVENTFLUX_REQUIRE_SERVICES=1.

    Args:
        what: What is missing.
        remedy: The command that gets it.
    """
    reason = f"{what} not available, skipping test: {remedy}"
    if os.environ.get("EVENTFLUX_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
