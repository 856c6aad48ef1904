"""Kafka to Kafka through a pattern (l), beside the client alone on the same broker: what it consumes when it drops all.

Two topics of 4 partitions each, keyed by id; JSON. From the first message to the last acknowledged output, with a
checkpoint each second. The broker runs on this machine, too: it takes its share of the cores, from both sides alike.

Which A stands before which B is decided by the order of arrival, so in a timed run outputs are checked one by one: a
pair that fits, of an A that was not used before. All events lie within the 10 seconds of the pattern, so that a topic
which is read ahead of the other costs no matches. `check` has all of A read before B comes: then the answer is one.
"""

import json
import os
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import inputs
from benchmarks.checksum import result_of_rows
from benchmarks.goals import KAFKA
from benchmarks.measure import Table, interleave, rate_text
from benchmarks.workloads import WORKLOADS

PARTITIONS = 4
EVENT_SECONDS = 8
CHECKPOINT_SECONDS = 1.0
A_CALL = 1000
Row = tuple[int, str, int, float]


class Place:
    """A broker and two topics on it."""

    def __init__(self, broker: Any, n: int) -> None:
        self.broker = broker
        self.n = n
        suffix = uuid.uuid4().hex[:8]
        self.topics = {stream: f"{stream}-{suffix}" for stream in ("A", "B")}
        for topic in self.topics.values():
            broker.create_topic(topic, PARTITIONS)

    def rows(self) -> Iterator[Row]:
        """Time, stream, id, price."""
        columns = inputs.ab(self.n, rate=max(1, self.n // EVENT_SECONDS))
        yield from zip(*(columns[name].tolist() for name in ("ts", "stream", "id", "price")), strict=True)

    def fill(self, *streams: str) -> int:
        """Put the input of streams into their topics; how many messages that were."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.broker.address, "linger.ms": 20})
        count = 0
        for ts, stream, key, price in self.rows():
            if stream not in streams:
                continue
            count += 1
            payload = json.dumps({"id": key, "price": price}, separators=(",", ":"))
            while True:
                try:
                    producer.produce(self.topics[stream], payload, str(key), timestamp=ts)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        producer.flush()
        return count


@dataclass
class Run:
    """A run of the app."""

    place: Place
    language: str = "sql"
    output: str = ""

    def seconds(self, first: int = 0, between: Callable[[], object] | None = None) -> float:
        """From the first row to the acknowledgement of the last output.

        Args:
            first: How many messages there are at the start.
            between: Called when those have been read: it brings the rest.
        """
        from eventflux import EventFluxManager, FilePersistenceStore

        self.output = f"out-{uuid.uuid4().hex[:8]}"
        self.place.broker.create_topic(self.output)
        topics = self.place.topics
        variables = {"BROKERS": self.place.broker.address, **topics, "OUT": self.output, "GROUP": self.output}
        with (
            tempfile.TemporaryDirectory() as folder,
            FilePersistenceStore(folder) as store,
            EventFluxManager() as manager,
        ):
            manager.set_persistence_store(store)
            app = WORKLOADS["l"].app(self.language)
            runtime = manager.create_eventflux_app_runtime(app, name=self.output, variables=variables)
            runtime.start()
            feeds = [source.feed for source in runtime.sources]
            while not any(feed.events for feed in feeds):
                time.sleep(0.001)
            started = saved = time.perf_counter()
            while sum(feed.events for feed in feeds) < self.place.n:
                time.sleep(0.002)
                if between is not None and sum(feed.events for feed in feeds) == first:
                    between()
                    between = None
                if time.perf_counter() - saved >= CHECKPOINT_SECONDS:
                    runtime.persist()
                    saved = time.perf_counter()
            runtime.persist()
            return time.perf_counter() - started

    def outputs(self) -> list[tuple[int, float, float]]:
        """The rows in the output topic."""
        from confluent_kafka import Consumer, TopicPartition

        place = TopicPartition(self.output, 0, 0)
        consumer = Consumer(
            {"bootstrap.servers": self.place.broker.address, "group.id": "check", "enable.auto.commit": False}
        )
        try:
            end = consumer.get_watermark_offsets(place, timeout=10)[1]
            consumer.assign([place])
            found: list[tuple[int, float, float]] = []
            while len(found) < end:
                values = [json.loads(message.value() or b"") for message in consumer.consume(10_000, 1.0)]
                found += [(row["id"], row["p1"], row["p2"]) for row in values]
            return found
        finally:
            consumer.close()


def client_alone(place: Place) -> float:
    """Seconds in which the client consumes all messages, 1,000 a call, and drops them."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": place.broker.address,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
        }
    )
    consumer.subscribe(list(place.topics.values()))
    count = len(consumer.consume(1, 60))
    started = time.perf_counter()
    while count < place.n:
        count += len(consumer.consume(A_CALL, 1.0))
    seconds = time.perf_counter() - started
    consumer.close()
    return seconds


def expected_behind(place: Place) -> Iterator[tuple[int, float, float]]:
    """The matches where all of A stands before B."""
    waiting: defaultdict[int, list[float]] = defaultdict(list)
    for _, stream, key, price in place.rows():
        if stream == "A":
            waiting[key].append(price)
    for _, stream, key, price in place.rows():
        if stream == "B":
            yield from ((key, first, price) for first in waiting[key] if price > first)
            waiting[key] = [first for first in waiting[key] if not price > first]


def wrong_output(run: Run) -> str | None:
    """What is wrong with one of the outputs of a timed run; None: nothing."""
    waiting: Counter[tuple[int, float]] = Counter()
    second: set[tuple[int, float]] = set()
    for _, stream, key, price in run.place.rows():
        if stream == "A":
            waiting[key, price] += 1
        else:
            second.add((key, price))
    found = run.outputs()
    for key, p1, p2 in found:
        waiting[key, p1] -= 1
        if waiting[key, p1] < 0 or (key, p2) not in second or not p2 > p1:
            return f"no match of the input: {(key, p1, p2)}"
    return None if found else "no output"


def check(n: int) -> Table:
    table = Table(["workload", "language", "outputs", "verdict"])
    unavailable = _why_not()
    if unavailable is not None:
        required = os.environ.get("EVENTFLUX_REQUIRE_SERVICES") == "1"
        record: dict[str, Any] = {"workload": "l"} | ({"right": False} if required else {})
        table.add(["l", "", "", f"skipped: {unavailable}"], **record)
        return table
    from eventflux_kafka.testing import KafkaBroker

    with tempfile.TemporaryDirectory() as folder, KafkaBroker(folder=Path(folder) / "broker") as broker:
        for language in ("sql", "eventfluxql"):
            place = Place(broker, n)
            run = Run(place, language)
            run.seconds(place.fill("A"), partial(place.fill, "B"))
            found, wanted = result_of_rows(run.outputs()), result_of_rows(expected_behind(place))
            verdict = "right" if found == wanted else f"WRONG: expected {wanted.outputs} {wanted.checksum}"
            table.add(
                ["l", language, str(found.outputs), verdict],
                workload="l",
                language=language,
                right=found == wanted,
            )
    return table


def _why_not() -> str | None:
    try:
        from eventflux_kafka import testing
    except ImportError as error:
        return str(error)
    try:
        testing.jars()
    except testing.KafkaUnavailableError as error:
        return str(error)
    return None


def measure(n: int, *, pairs: int) -> Table:
    from eventflux_kafka.testing import KafkaBroker

    table = Table(["workload", "EventFlux", "client alone", "ratio", "spread", "floor -> goal", "verdict"])
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(folder=Path(folder) / "broker") as broker:
        place = Place(broker, n)
        place.fill("A", "B")
        run = Run(place)
        taken = interleave(
            run.seconds,
            partial(client_alone, place),
            subject_events=n,
            baseline_events=n,
            pairs=pairs,
            least_seconds=0,
        )
        wrong = wrong_output(run)
        if wrong is not None:
            raise ValueError(f"l: {wrong}")
    low, high = taken.spread
    table.add(
        [
            "l",
            rate_text(taken.subject_rate),
            rate_text(taken.baseline_rate),
            f"{taken.ratio:.2f}",
            f"{low:.2f}..{high:.2f}",
            f"{KAFKA.floor:g} -> {KAFKA.goal:g}",
            KAFKA.verdict(taken.ratio),
        ],
        workload="l",
        rate=taken.subject_rate,
        ratio=taken.ratio,
        spread=taken.spread,
    )
    return table
