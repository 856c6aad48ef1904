"""Where failed events are kept for replay."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, unique
from typing import Protocol

from eventflux.types.record import record


@unique
class Occurrence(str, Enum):
    """Where an event failed."""

    BEFORE_SOURCE_MAPPING = "BEFORE_SOURCE_MAPPING"
    SINK = "STORE_ON_SINK_ERROR"
    STREAM = "STORE_ON_STREAM_ERROR"
    TABLE_ADD = "STORE_ON_TABLE_ADD"
    TABLE_FIND = "STORE_ON_TABLE_FIND"
    TABLE_DELETE = "STORE_ON_TABLE_DELETE"
    TABLE_UPDATE = "STORE_ON_TABLE_UPDATE"
    TABLE_UPDATE_OR_ADD = "STORE_ON_TABLE_UPDATE_OR_ADD"
    TABLE_CONTAINS = "STORE_ON_TABLE_CONTAINS"


@unique
class EventForm(str, Enum):
    """What an entry holds."""

    PAYLOAD = "PAYLOAD"
    EVENT = "EVENT"
    EVENT_BATCH = "EVENT_BATCH"
    TABLE_RECORD = "TABLE_RECORD"


@unique
class FailureType(str, Enum):
    """What kind of step failed."""

    MAPPING = "MAPPING"
    TRANSPORT = "TRANSPORT"
    PROCESSING = "PROCESSING"


@record(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """A failed event.

    Attributes:
        id: Given by the store; 0 before that.
        timestamp: When it failed, in milliseconds.
        event: Rows as msgpack: a list of [timestamp, values].
        original_payload: What the source delivered, where that is what failed.
        attempt: 1 for the first failure.
        where: What failed: a query's operator, a source or sink.
    """

    id: int = 0
    timestamp: int
    app: str
    stream: str
    event: bytes
    cause: str
    stack_trace: str = ""
    original_payload: bytes | None = None
    occurrence: Occurrence
    event_type: EventForm
    error_type: FailureType
    attempt: int = 1
    where: str = ""


class ErrorStore(Protocol):
    """Entries by id."""

    def save(self, entry: ErrorEntry) -> int:
        """Keep an entry; its id."""
        ...

    def load(
        self,
        app: str | None = None,
        stream: str | None = None,
        occurrence: Occurrence | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> list[ErrorEntry]:
        """The entries that meet all conditions, oldest first."""
        ...

    def load_one(self, entry_id: int) -> ErrorEntry | None:
        """One entry, or None."""
        ...

    def discard(self, ids: Iterable[int]) -> int:
        """Forget entries; how many there were."""
        ...

    def purge(self, app: str, before: int) -> int:
        """Forget an app's entries that are older than the moment; how many there were."""
        ...

    def count(self, app: str | None = None) -> int:
        """How many entries there are."""
        ...
