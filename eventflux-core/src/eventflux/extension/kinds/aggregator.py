"""Attribute aggregators, their incremental form, and aggregations over a pattern's collected events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from eventflux.extension.arguments import Argument
from eventflux.extension.kinds.context import ExtensionContext
from eventflux.types.attribute_type import AttributeType


class AttributeAggregator(ABC):
    """A function over the rows of a group. One instance a call, one state a group."""

    supports_remove: ClassVar[bool] = True
    """False: a row that leaves the window makes the engine replay the rows that are left."""

    def init(self, args: Sequence[Argument], ctx: ExtensionContext) -> None:
        """Called once, before the first row."""

    @abstractmethod
    def new_state(self) -> object:
        """The state of a group without rows."""

    @abstractmethod
    def add(self, state: object, *values: object) -> None:
        """A row enters the window."""

    def remove(self, state: object, *values: object) -> None:
        """A row leaves the window; not called where `supports_remove` is False."""
        raise TypeError(f"{type(self).__name__} does not take rows back")

    @abstractmethod
    def reset(self, state: object) -> None:
        """The window starts anew."""

    @abstractmethod
    def value(self, state: object) -> object:
        """The value of the group now; None is null."""

    @abstractmethod
    def serialize(self, state: object) -> bytes:
        """The state for a checkpoint."""

    @abstractmethod
    def deserialize(self, data: bytes) -> object:
        """The state that `serialize` gave the bytes of."""


class IncrementalAggregator(ABC):
    """An aggregator of ``define aggregation``: made of parts that merge."""

    @abstractmethod
    def base_attributes(self) -> Sequence[tuple[str, AttributeType, str]]:
        """Name, type and merging aggregator (``sum``, ``min``, ``max``, ``last``) of each part kept a bucket."""

    @abstractmethod
    def merge(self, left: Sequence[object], right: Sequence[object]) -> Sequence[object]:
        """The parts of two buckets as one."""

    @abstractmethod
    def value(self, parts: Sequence[object]) -> object:
        """The value shown."""


class CollectionAggregation(ABC):
    """A function over the list of events of a pattern's state: ``avg(e1.price)``."""

    supports_count_only: ClassVar[bool] = False
    """True: it needs the number of events only."""

    @abstractmethod
    def return_type(self, value_type: AttributeType) -> AttributeType:
        """Type of the value for an attribute of that type."""

    @abstractmethod
    def aggregate(self, values: Sequence[object]) -> object:
        """The value for the collected events, in order of arrival."""
