"""How the events of a distributed sink are spread over its destinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from eventflux.types.schema import Schema


class DistributionStrategy(ABC):
    """Chooses destinations event by event."""

    @abstractmethod
    def configure(self, options: Mapping[str, str], destinations: int, schema: Schema) -> None:
        """Take the options; raise `ConfigError` for what can't work."""

    @abstractmethod
    def choose(self, row: Sequence[object], available: Sequence[bool]) -> Sequence[int]:
        """The indexes of the destinations that get the row; none: the event fails."""
