"""Runs the card app against a broker of its own, without containers: `python run.py [app.sql | app.eventfluxql]`.

Needs eventflux-kafka and Java 17; Kafka itself is fetched with Maven once.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from confluent_kafka import Consumer, Producer

from eventflux import EventFluxManager
from eventflux_kafka.testing import KafkaBroker

PAYMENTS = [
    ("4711", "Oslo", 20.0),
    ("0815", "Rome", 12.5),
    ("4711", "Lima", 900.0),
    ("0815", "Rome", 99.0),
    ("4711", "Kyiv", 950.0),
]
ALERTS = 2


def pay(address: str) -> None:
    producer = Producer({"bootstrap.servers": address})
    for card, place, amount in PAYMENTS:
        producer.produce("payments", json.dumps({"card": card, "place": place, "amount": amount}), card)
    producer.flush()


def show_alerts(address: str) -> None:
    reader = Consumer({"bootstrap.servers": address, "group.id": "reader", "auto.offset.reset": "earliest"})
    reader.subscribe(["alerts"])
    found = 0
    while found < ALERTS:
        for message in reader.consume(ALERTS, 1.0):
            alert = json.loads(message.value())
            print(f"card {alert['card']}: {alert['before']}, then {alert['amount']} in {alert['place']}")
            found += 1
    reader.close()


def main(app: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(folder=Path(folder)) as broker:
        for topic in ("payments", "alerts"):
            broker.create_topic(topic)
        os.environ["KAFKA_BROKERS"] = broker.address
        with EventFluxManager() as manager, manager.create_eventflux_app_runtime(app):
            pay(broker.address)
            show_alerts(broker.address)


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
