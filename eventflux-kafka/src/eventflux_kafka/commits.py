"""Offsets on their way into the group.

Commits are the source thread's, as is everything that its client does. What another thread wants committed (a
checkpoint is durable) waits until the source thread comes by between two polls. While that thread polls, commits don't
wait for an answer, which may take as long as an outage; the last ones do. When the source has left its group, a client
of its own commits: that is allowed as long as nobody else is in the group.

Only offsets of partitions that are ours are committed: those of others may be further by now.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Place

from eventflux.extension import Environment
from eventflux_kafka.client_log import CLIENT_LOGGER
from eventflux_kafka.partitions import Offsets, Partition

_ATTEMPTS: Final = 5
_ATTEMPT_SECONDS: Final = 0.2
_FOR_A_WHILE: Final = frozenset(
    {
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._WAIT_COORD,  # noqa: SLF001 - that is its name
    }
)

logger = logging.getLogger("eventflux.kafka")


class OffsetCommits:
    """The commits of one source.

    Attributes:
        done: What the group has, as far as we have put it there.
        waits: The next commits wait for an answer.
        owned: The partitions that are ours.
    """

    def __init__(self, stream: str, config: Mapping[str, Any], environment: Environment) -> None:
        """Bind.

        Args:
            stream: For messages.
            config: Of the source's client.
            environment: For waits.
        """
        self.done: Offsets = {}
        self.waits = False
        self.owned: frozenset[Partition] = frozenset()
        self._stream = stream
        self._config = {name: value for name, value in config.items() if name != "partition.assignment.strategy"}
        self._environment = environment
        self._lock = threading.Lock()  # guards _waiting, and that nothing is put there when the thread has ended
        self._waiting: Offsets | None = None
        self._is_open = False
        self._thread = 0
        self._consumer: Consumer | None = None

    def open(self, consumer: Consumer) -> None:
        """The source has a client."""
        self._consumer = consumer
        self._is_open = True
        self.waits = False
        self._thread = 0

    def begin(self) -> None:
        """The thread that calls this is the source's."""
        self._thread = threading.get_ident()

    def put(self, offsets: Offsets) -> None:
        """Commit, now or when the source's thread comes by."""
        if not offsets:
            return
        with self._lock:
            if self._is_open and threading.get_ident() != self._thread:
                self._waiting = offsets
                return
        self.commit(offsets)

    def commit_waiting(self) -> None:
        """Commit what other threads have put here."""
        with self._lock:
            offsets, self._waiting = self._waiting, None
        if offsets is not None:
            self.commit(offsets)

    def close(self, *, is_reachable: bool) -> None:
        """The last commits; the source's client is about to be closed.

        Args:
            is_reachable: Whether it helps to wait for an answer.
        """
        with self._lock:
            self._is_open = False
        self.waits = is_reachable
        self.commit_waiting()
        self._consumer = None

    def commit(self, offsets: Offsets) -> None:
        """Hand offsets to the client."""
        if self._consumer is not None:
            offsets = {partition: offset for partition, offset in offsets.items() if partition in self.owned}
            if not offsets:
                return
        places = [Place(topic, number, offset) for (topic, number), offset in offsets.items()]
        try:
            if self._consumer is None:
                self._commit_from_outside(places)
            elif self.waits:
                self._commit_and_wait(self._consumer, places)
            else:
                self._consumer.commit(offsets=places, asynchronous=True)
                return
        except KafkaException as error:
            self._failed(error)
        else:
            self.done = offsets

    def answered(self, error: KafkaError | None, places: list[Place]) -> None:
        """The answer to a commit that did not wait."""
        if error is not None:
            self._failed(error)
        else:
            self.done = {(place.topic, place.partition): place.offset for place in places}

    def _commit_and_wait(self, consumer: Consumer, places: list[Place]) -> None:
        """While a group sorts itself anew it takes no commits: then again, a few times."""
        for attempt in range(_ATTEMPTS):
            try:
                consumer.commit(offsets=places, asynchronous=False)
            except KafkaException as error:
                first = error.args[0]
                if attempt == _ATTEMPTS - 1 or not isinstance(first, KafkaError) or first.code() not in _FOR_A_WHILE:
                    raise
                self._environment.sleep(_ATTEMPT_SECONDS)
            else:
                return

    def _commit_from_outside(self, places: list[Place]) -> None:
        consumer = Consumer({**self._config, "logger": CLIENT_LOGGER})
        try:
            consumer.commit(offsets=places, asynchronous=False)
        finally:
            consumer.close()

    def _failed(self, error: KafkaError | KafkaException) -> None:
        """The next commit says as much as this one; until then the offsets in the group are old, not wrong."""
        logger.info("source kafka of stream %s: offsets were not committed: %s", self._stream, error)
