import os
import shutil
from importlib.util import find_spec

from tests.needs import lacking

from eventflux.extension import PluginManager


def test_package_and_broker_are_there():
    missing = [name for name in ("eventflux_kafka", "confluent_kafka") if find_spec(name) is None]
    missing += ["java"] if shutil.which("java") is None else []
    missing += ["mvn"] if shutil.which("mvn") is None and "EVENTFLUX_KAFKA_JARS" not in os.environ else []
    if missing:
        lacking(
            "Kafka",
            f"{', '.join(missing)} not found: apt-get install default-jre-headless maven",
        )


def test_the_plug_in_registers_what_it_says():
    if find_spec("eventflux_kafka") is None:
        lacking("eventflux-kafka", "python -m pip install ./eventflux-kafka")
    manager = PluginManager(plugins=False)
    manager.set_extension("kafka", "eventflux_kafka.plugin")
    names = {(info.kind.value, info.name) for info in manager.registry.infos()}
    assert {("source", "kafka"), ("sink", "kafka")} <= names
