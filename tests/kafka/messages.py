"""Messages in and out of a broker, with the client alone."""

import json
import time

from confluent_kafka import Consumer, Producer, TopicPartition


def produce(address, topic, payloads, *, keys=None, partition=None, headers=None, timestamps=None):
    """Put messages into a topic; all are there when this returns."""
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 1})
    failures = []
    for index, payload in enumerate(payloads):
        more = {}
        if keys is not None:
            more["key"] = keys[index]
        if partition is not None:
            more["partition"] = partition
        if headers is not None:
            more["headers"] = headers[index]
        if timestamps is not None:
            more["timestamp"] = timestamps[index]
        producer.produce(
            topic, payload, on_delivery=lambda error, _: error is not None and failures.append(error), **more
        )
        producer.poll(0)
    assert producer.flush(30) == 0
    assert not failures, failures


def rows(numbers):
    return [json.dumps({"id": number}).encode() for number in numbers]


def consume(address, topic, count, *, seconds=30):
    """The first messages of a topic, of all partitions."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            found += consumer.consume(count - len(found), 0.2)
        assert all(message.error() is None for message in found)
        return found
    finally:
        consumer.close()


def rest(address, topic, *, quiet=1.0):
    """All messages of a topic."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = [TopicPartition(topic, number) for number in partitions]
        ends = {place.partition: consumer.get_watermark_offsets(place, 10)[1] for place in places}
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found = []
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found += consumer.consume(10_000, 0.2)
            reached = consumer.position(places)
            if all(place.offset >= ends[place.partition] or ends[place.partition] == 0 for place in reached):
                return found
        raise AssertionError("the topic was not read to its end")
    finally:
        consumer.close()


def ids(messages):
    return [json.loads(message.value())["id"] for message in messages]


def committed(address, group, topic, partitions=1):
    """What a group has committed, by partition; None: nothing."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": group})
    try:
        places = consumer.committed([TopicPartition(topic, number) for number in range(partitions)], 10)
        return [place.offset if place.offset >= 0 else None for place in places]
    finally:
        consumer.close()


def eventually(condition, seconds=120):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
