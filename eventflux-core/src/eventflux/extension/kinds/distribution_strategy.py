"""How the events of a distributed sink are spread over its destinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from eventflux.types.schema import Schema


class DistributionStrategy(ABC):
    """Chooses destinations event by event."""

    @abstractmethod
    def configure(self, settings: Mapping[str, str], destinations: int, schema: Schema) -> None:
        """Take the settings of ``@distribution``; raise `ConfigError` for what can't work."""

    @property
    def key_attribute(self) -> str | None:
        """The attribute whose text `choose` is given; None: it looks at none."""
        return None

    @abstractmethod
    def choose(self, key: str, available: Sequence[bool]) -> Sequence[int]:
        """The indexes of the destinations that get an event; none: the event fails.

        Args:
            key: Text of the key attribute, numbers as Java prints them; empty without one.
            available: For each destination whether it is up.
        """
