"""``kafka`` source: the messages of topics, polled in batches, whose offsets are committed when they are secured.

    poll ──1,000 messages──> on_data.messages ──> position moves ──(sinks acknowledge, or a checkpoint)──> commit

Everything that the client does happens on the source's thread, rebalances too: they are told inside of a poll. (A call
from another thread would wait for a poll that returns without another one behind it.) What comes from outside leaves
word: `save` takes the position as it is (a mapping that is replaced, never changed), offsets that a checkpoint secures
are committed between two polls, figures are those of the last look.

Position: partition -> next offset. It has every partition that is ours from the moment of its assignment on, so that
one on which nothing has come yet has a place to begin, too; those that have moved to others are out of it, since their
offsets are no longer ours to commit. After a crash reading goes on at the last position that was secured: in the
checkpoint that was restored, else in the group.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Place

from eventflux import CorruptStateError, RuntimePausedError
from eventflux.extension import (
    AttributeType,
    ConfigError,
    Figure,
    MessageBatch,
    Payload,
    SourceContext,
    State,
    ThreadedSource,
    Waiter,
)
from eventflux_kafka.client import BrokerWatch, check_properties, check_reachable, client_config, made, plain_topics
from eventflux_kafka.client_log import CLIENT_LOGGER
from eventflux_kafka.commits import OffsetCommits
from eventflux_kafka.partitions import (
    EARLIEST,
    LATEST,
    FixedPartition,
    Partition,
    pack_offsets,
    parse_partitions,
    parse_topics,
    unpack_offsets,
)

_OWNED: Final = {
    "group.id": "group",
    "auto.offset.reset": "auto.offset.reset",
    "enable.auto.commit": "enable.auto.commit",
    "enable.auto.offset.store": "enable.auto.commit",
    "auto.commit.interval.ms": "commit.interval",
    "partition.assignment.strategy": "assignment",
}
_DEFAULTS: Final[Mapping[str, Any]] = {
    "session.timeout.ms": 10_000,
    # A member learns of a rebalance with its next heartbeat: all wait for the slowest.
    "heartbeat.interval.ms": 1000,
    # A sink that waits makes the source wait; that is no reason to take its partitions away.
    "max.poll.interval.ms": 3_600_000,
    # How long fetching stops after the client's buffer was full: long waits starve a source that is faster than that.
    "fetch.queue.backoff.ms": 10,
    "partition.assignment.strategy": "cooperative-sticky",
    "enable.partition.eof": False,
    "enable.auto.offset.store": True,
}
_ASK_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.5
_ATTRIBUTE: Final = "attribute:"

logger = logging.getLogger("eventflux.kafka")


class KafkaSource(ThreadedSource):
    """Reads topics as a member of a group, or fixed partitions of them."""

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        options = ctx.options
        fixed = options.optional_text("partitions")
        self._fixed: tuple[FixedPartition, ...] | None = None if fixed is None else parse_partitions(fixed)
        self._topics = parse_topics(options.text("topic"))
        self._reads_all = options.text("assignment") == "all"
        self._check_fixed()
        self._group = options.optional_text("group") or f"eventflux-{ctx.app_name}"
        self._reset = options.optional_text("auto.offset.reset")
        self._commits_itself = options.flag("enable.auto.commit")
        self._interval = options.integer("commit.interval") / 1000.0
        self._timeout = options.integer("poll.timeout.ms") / 1000.0
        self._most = options.integer("max.poll.records")
        self._time_of_record, self._time_attribute = self._times(options.text("timestamp"))
        self._config = {**_DEFAULTS, **client_config(options, _OWNED), "group.id": self._group}
        self._config["enable.auto.commit"] = self._commits_itself
        self._config["auto.commit.interval.ms"] = options.integer("commit.interval")
        check_properties(options, lambda: Consumer({**self._config, "logger": CLIENT_LOGGER}).close())
        self._position: Mapping[Partition, int] = {}
        self._restored: Mapping[Partition, int] = {}
        self._before: Mapping[Partition, int] = {}  # how far we were in partitions that have moved to others
        self._assigned: frozenset[Partition] = frozenset()
        self._commits = OffsetCommits(ctx.stream, self._config, ctx.environment)
        self._lags: tuple[Figure, ...] = ()
        self._looked_at = 0.0
        self._consumer: Consumer | None = None
        self._is_paused = False

    def validate_connectivity(self) -> None:
        topics = plain_topics(self._topics) if self._fixed is None else {each.partition[0] for each in self._fixed}
        known = check_reachable(self._config, sorted(topics), self.ctx.environment)
        for each in self._fixed or ():
            topic, number = each.partition
            if number >= known[topic]:
                raise ConfigError(f"topic {topic!r} has {known[topic]} partitions, none of number {number}")

    def open(self) -> None:
        self._watch = BrokerWatch(self.on_data.interrupted, self.on_data.restored)
        reset = self._reset or (EARLIEST if self._reads_all or self.on_data.is_checkpointed else LATEST)
        self._resets_to = OFFSET_BEGINNING if reset == EARLIEST else OFFSET_END
        self._is_reset_an_error = reset == "error"
        config = {
            **self._config,
            **self._watch.config(),
            "auto.offset.reset": reset,
            "on_commit": self._commits.answered,
        }
        if self._reads_all:
            config["group.id"] = f"{self._group}-all"
            config["enable.auto.commit"] = False
        consumer: Consumer = made(lambda: Consumer(config))
        self._consumer = consumer
        self._commits.open(consumer)
        self._is_paused = False
        self._secured_at = self.ctx.environment.monotonic()
        try:
            if self._reads_all:
                self._assign_all(consumer)
                self._load(consumer)
            elif self._fixed is not None:
                self._assign_fixed(consumer, self._fixed)
            else:
                consumer.subscribe(
                    list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
                )
        except BaseException:
            self.close()
            raise

    def run(self, stopping: Waiter) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        self._commits.begin()
        while not stopping.is_set():
            self._pause_or_resume(consumer)
            self._take(consumer, consumer.consume(self._most, self._timeout))
            self._secure_in_time()
            self._commits.commit_waiting()
            self._look(consumer)
        if not self._watch.is_down and self._position != self._commits.done:
            self._commits.waits = True
            self._secure()

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._commits.close(is_reachable=not self._watch.is_down)
            self._lags = ()
            consumer.close()

    def save(self) -> State:
        return None if self._reads_all else pack_offsets(self._position)

    def load(self, state: State) -> None:
        try:
            offsets = unpack_offsets(state)
        except ValueError as error:
            raise CorruptStateError(
                f"the position of a Kafka source is damaged: {error}", where=self.ctx.stream
            ) from error
        self._restored = offsets
        self._position = offsets

    def committed(self, state: State) -> None:
        if not self._commits_itself and not self._reads_all:
            self._commits.put(unpack_offsets(state))

    def figures(self) -> Sequence[Figure]:
        return self._lags

    # ---- messages ----

    def _take(self, consumer: Consumer, messages: list[Message]) -> None:
        if not messages:
            return
        errors = [message for message in messages if message.error() is not None]
        if errors:
            for message in errors:
                self._report(message.error())
            messages = [message for message in messages if message.error() is None]
        elif self._watch.is_down:
            self._watch.works()
        position = self._position_behind(consumer)
        payloads = [message.value() for message in messages]
        if None in payloads and not self.on_data.maps_tombstones:
            messages = [message for message in messages if message.value() is not None]
            payloads = [payload for payload in payloads if payload is not None]
        if messages:
            batch = MessageBatch(
                payloads=payloads,
                name=f"kafka {messages[0].topic()}:{messages[0].partition()}@{messages[0].offset()}",
                timestamps=self._timestamps(messages) if self._time_of_record else None,
                timestamp_attribute=self._time_attribute,
                properties=lambda index: _properties(messages[index]),
            )
            self._deliver(batch, position)
        else:
            self._position = position

    def _deliver(self, batch: MessageBatch, position: Mapping[Partition, int]) -> None:
        """Hand messages over. A pause that comes in between is waited for: they enter behind it."""

        def accepted() -> None:
            self._position = position

        while True:
            try:
                self.on_data.messages(batch, accepted)
            except RuntimePausedError:
                if not self.paused(self._stopping):
                    return
            else:
                return

    def _position_behind(self, consumer: Consumer) -> Mapping[Partition, int]:
        """The position when all that has been polled is in."""
        places = consumer.position([Place(topic, number) for topic, number in self._assigned])
        moved = {(place.topic, place.partition): place.offset for place in places if place.offset >= 0}
        return {**self._position, **moved}

    def _timestamps(self, messages: Sequence[Message]) -> array[int]:
        times = array("q", [message.timestamp()[1] for message in messages])
        if min(times) < 0:  # written by a client that knew no time
            now = self.ctx.environment.wall_clock()
            times = array("q", [now if time < 0 else time for time in times])
        return times

    def _report(self, error: KafkaError | None) -> None:
        if error is None or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - that is its name
            return
        if error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            raise KafkaException(error)
        logger.warning("source kafka of stream %s: %s", self.ctx.stream, error.str())

    # ---- securing ----

    def _secure_in_time(self) -> None:
        now = self.ctx.environment.monotonic()
        if now - self._secured_at < self._interval or self._watch.is_down:
            return
        self._secured_at = now
        if self._position != self._commits.done:
            self._secure()

    def _secure(self) -> None:
        if not self._commits_itself and not self._reads_all:
            self.on_data.secure()

    def _look(self, consumer: Consumer) -> None:
        """How far behind the end of each partition we are, as far as the client knows by itself."""
        now = self.ctx.environment.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        found: list[Figure] = []
        for topic, number in sorted(self._assigned):
            _, high = consumer.get_watermark_offsets(Place(topic, number), cached=True)
            offset = self._position.get((topic, number))
            if high >= 0 and offset is not None:
                labels = {"topic": topic, "partition": str(number)}
                found.append(Figure(name="kafka_lag", value=max(0, high - offset), labels=labels))
        self._lags = tuple(found)

    # ---- partitions ----

    def _on_assign(self, consumer: Consumer, places: list[Place]) -> None:
        logger.info("source kafka of stream %s: assigned %s", self.ctx.stream, _shown(places))
        consumer.incremental_assign(self._starting(consumer, places))
        self._assigned |= {(place.topic, place.partition) for place in places}
        self._commits.owned = self._assigned
        if self._is_paused:
            consumer.pause(places)

    def _on_revoke(self, consumer: Consumer, places: list[Place]) -> None:
        """The partitions move: whoever gets them goes on where we have secured them."""
        logger.info("source kafka of stream %s: revoked %s", self.ctx.stream, _shown(places))
        if not self._watch.is_down and self._position != self._commits.done:
            self._commits.waits = True
            self._secure()
            self._commits.waits = False
        self._drop(consumer, places)

    def _on_lost(self, consumer: Consumer, places: list[Place]) -> None:
        logger.warning("source kafka of stream %s: lost %s", self.ctx.stream, _shown(places))
        self._drop(consumer, places)

    def _drop(self, consumer: Consumer, places: list[Place]) -> None:
        dropped = {(place.topic, place.partition) for place in places}
        self._assigned -= dropped
        if self._consumer is not None:  # else the source ends: its last position is yet to be saved
            own = {partition: offset for partition, offset in self._position.items() if partition not in dropped}
            self._before, self._position = {**self._before, **self._position}, own
            self._commits.owned = self._assigned
        consumer.incremental_unassign(places)

    def _starting(self, consumer: Consumer, places: list[Place]) -> list[Place]:
        """The places with the offsets to begin at, which are noted as the position."""
        committed = {
            (place.topic, place.partition): place.offset
            for place in consumer.committed([Place(each.topic, each.partition) for each in places], _ASK_SECONDS)
        }
        before = {**self._before, **self._position}
        start: dict[Partition, int] = {}
        for place in places:
            partition = (place.topic, place.partition)
            in_group = committed.get(partition, OFFSET_INVALID)
            if partition in self._restored:
                start[partition] = self._restored[partition]
            elif in_group >= 0 or partition in before:
                start[partition] = max(in_group, before.get(partition, 0))
            elif not self._is_reset_an_error:
                start[partition] = self._reset_offset(consumer, place, self._resets_to)
        self._restored = {known: offset for known, offset in self._restored.items() if known not in start}
        self._position = {**self._position, **start}
        return [
            Place(place.topic, place.partition, start.get((place.topic, place.partition), OFFSET_INVALID))
            for place in places
        ]

    def _reset_offset(self, consumer: Consumer, place: Place, reset: int) -> int:
        low, high = consumer.get_watermark_offsets(Place(place.topic, place.partition), timeout=_ASK_SECONDS)
        return int(low if reset == OFFSET_BEGINNING else high)

    def _assign_fixed(self, consumer: Consumer, fixed: tuple[FixedPartition, ...]) -> None:
        explicit: dict[Partition, int] = {}
        for each in fixed:
            topic, number = each.partition
            match each.start:
                case None:
                    continue
                case int(offset):
                    explicit[each.partition] = offset
                case str(word):
                    reset = OFFSET_BEGINNING if word == EARLIEST else OFFSET_END
                    explicit[each.partition] = self._reset_offset(consumer, Place(topic, number), reset)
        self._restored = {**explicit, **self._restored}
        places = self._starting(consumer, [Place(each.partition[0], each.partition[1]) for each in fixed])
        consumer.assign(places)
        self._assigned = frozenset(each.partition for each in fixed)
        self._commits.owned = self._assigned

    def _assign_all(self, consumer: Consumer) -> None:
        """All partitions of all topics from their beginning (or end), of no concern to any group."""
        topics = consumer.list_topics(timeout=_ASK_SECONDS).topics
        places = [
            Place(name, number)
            for name in self._topics
            if name in topics and topics[name].error is None
            for number in sorted(topics[name].partitions)
        ]
        start = {
            (place.topic, place.partition): self._reset_offset(consumer, place, self._resets_to) for place in places
        }
        self._position = start
        consumer.assign([Place(topic, number, offset) for (topic, number), offset in start.items()])
        self._assigned = frozenset(start)

    def _load(self, consumer: Consumer) -> None:
        """Deliver what is there now: sources that are connected after this one find it."""
        ends = {
            (topic, number): self._reset_offset(consumer, Place(topic, number), OFFSET_END)
            for topic, number in self._assigned
        }
        while not self._stopping.is_set():
            if all(self._position[partition] >= end for partition, end in ends.items()):
                return
            self._take(consumer, consumer.consume(self._most, self._timeout))
            if self._watch.fatal is not None:
                raise KafkaException(self._watch.fatal)

    def _pause_or_resume(self, consumer: Consumer) -> None:
        """While the app is paused nothing is fetched; polling goes on, so the group knows that we live."""
        wanted = not self._running.is_set()
        if wanted == self._is_paused:
            return
        places = [Place(topic, number) for topic, number in self._assigned]
        if wanted:
            consumer.pause(places)
        else:
            consumer.resume(places)
        self._is_paused = wanted

    # ---- options ----

    def _check_fixed(self) -> None:
        if self._fixed is None:
            if self._reads_all and any(topic.startswith("^") for topic in self._topics):
                raise ConfigError("assignment 'all' needs topics by name", key="topic")
            return
        if self._reads_all:
            raise ConfigError("partitions and assignment 'all' contradict each other", key="partitions")
        foreign = sorted({each.partition[0] for each in self._fixed} - set(self._topics))
        if foreign:
            raise ConfigError(
                f"partitions: {foreign[0]!r} is not among the topics {', '.join(self._topics)}", key="partitions"
            )

    def _times(self, text: str) -> tuple[bool, int | None]:
        """Whether records' times are taken, and else the number of the attribute that holds them."""
        if text in {"record", "ingest"}:
            return text == "record", None
        if not text.startswith(_ATTRIBUTE):
            raise ConfigError("timestamp must be record, ingest or attribute:<name>", key="timestamp", value=text)
        name = text[len(_ATTRIBUTE) :]
        position = self.ctx.schema.position(name)
        if position is None:
            raise ConfigError(f"timestamp: {name!r} is no attribute of stream {self.ctx.stream!r}", key="timestamp")
        if self.ctx.schema[position].type is not AttributeType.LONG:
            raise ConfigError(f"timestamp: attribute {name!r} is no LONG with milliseconds", key="timestamp")
        return False, position


def _properties(message: Message) -> dict[str, Payload]:
    found: dict[str, Payload] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": message.timestamp()[1],
    }
    key = message.key()
    if key is not None:
        found["key"] = _text(key)
    headers: Any = message.headers() or ()
    for name, value in headers:
        if value is not None:
            found[f"header.{name}"] = _text(value)
    return found


def _text(value: str | bytes) -> str | bytes:
    """Bytes as text where they are one."""
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _shown(places: Sequence[Place]) -> str:
    return ", ".join(f"{place.topic}:{place.partition}" for place in places) or "nothing"
