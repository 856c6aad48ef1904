"""A broker for tests of eventflux-kafka. Where the package is not installed, only that is reported."""

import uuid
from importlib.util import find_spec
from pathlib import Path

import pytest

from eventflux import EventFluxManager

if find_spec("eventflux_kafka") is None or find_spec("confluent_kafka") is None:
    collect_ignore = [file.name for file in Path(__file__).parent.glob("test_*.py") if file.stem != "test_installed"]
else:
    from eventflux_kafka.pytest_plugin import kafka_service, unavailable  # noqa: F401 - a fixture


@pytest.fixture
def broker(kafka_service):
    return kafka_service


@pytest.fixture
def own_broker(tmp_path):
    """Makes brokers that the test may kill."""
    from eventflux_kafka.testing import KafkaBroker, KafkaUnavailableError

    made = []

    def start(**options):
        broker = KafkaBroker(folder=tmp_path / f"broker{len(made)}", **options)
        made.append(broker)
        try:
            broker.start()
        except KafkaUnavailableError as error:
            unavailable(str(error))
        return broker

    yield start
    for each in made:
        each.kill()


@pytest.fixture
def topic(broker):
    """Makes topics of names of their own."""

    def make(partitions=1, name="t", **config):
        full = f"{name}-{uuid.uuid4().hex[:8]}"
        broker.create_topic(full, partitions, **config)
        return full

    return make


@pytest.fixture
def manager():
    with EventFluxManager() as made:
        if not any(info.name == "kafka" for info in made.extensions("source")):
            made.set_extension("kafka", "eventflux_kafka.plugin")
        yield made
