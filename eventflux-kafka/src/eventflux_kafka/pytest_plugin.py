"""Fixtures for tests that need a broker: `kafka_service`, one broker a test session.

Where no broker can be started the test is skipped with the reason; with EVENTFLUX_REQUIRE_SERVICES=1 it fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eventflux_kafka.testing import KafkaBroker


@pytest.fixture(scope="session")
def kafka_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A running broker."""
    testing = import_module("eventflux_kafka.testing")  # most sessions want no client
    broker: KafkaBroker = testing.KafkaBroker(folder=tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
    except testing.KafkaUnavailableError as error:
        unavailable(str(error))
    yield broker
    broker.stop()


def unavailable(reason: str) -> None:
    """Skip the test, or fail it where services are required."""
    if os.environ.get("EVENTFLUX_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason} (EVENTFLUX_REQUIRE_SERVICES=1)")
    pytest.skip(reason)
