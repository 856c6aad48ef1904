"""Script languages: ``define function f[python] return int { … }``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from eventflux.types.attribute_type import AttributeType


class Script(ABC):
    """One function written in a script language."""

    @abstractmethod
    def init(self, name: str, body: str, return_type: AttributeType) -> None:
        """Compile the body; an exception refuses the app."""

    @abstractmethod
    def execute(self, *values: object) -> object:
        """The value for one row."""
