"""Scalar functions: a value for each row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from eventflux.extension.arguments import Argument
from eventflux.extension.kinds.context import ExtensionContext
from eventflux.extension.kinds.rows import Column


class ScalarFunction(ABC):
    """A function with a life of its own: one instance a call site."""

    def init(self, args: Sequence[Argument], ctx: ExtensionContext) -> None:
        """Called once, before the first row, with what is known of the arguments."""

    @abstractmethod
    def execute(self, *values: object) -> object:
        """The value for one row; None is null. An exception fails the row, not its batch."""


class VectorizedScalarFunction(ABC):
    """A function called once a batch."""

    def init(self, args: Sequence[Argument], ctx: ExtensionContext) -> None:
        """Called once, before the first batch."""

    @abstractmethod
    def execute(self, columns: Sequence[Column]) -> Column:
        """One value a row, in order."""


class StatefulScalarFunction(ABC):
    """A function whose value depends on former rows; one state a call site, partition key and group."""

    def init(self, args: Sequence[Argument], ctx: ExtensionContext) -> None:
        """Called once, before the first row."""

    @abstractmethod
    def new_state(self) -> object:
        """The state before the first row."""

    @abstractmethod
    def execute(self, state: object, *values: object) -> object:
        """The value for one row; ``state`` is changed in place."""

    @abstractmethod
    def serialize_state(self, state: object) -> bytes:
        """The state for a checkpoint."""

    @abstractmethod
    def deserialize_state(self, data: bytes) -> object:
        """The state that `serialize_state` gave the bytes of."""
