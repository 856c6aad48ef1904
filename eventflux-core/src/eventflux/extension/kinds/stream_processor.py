"""Stream functions (a row becomes that row with more attributes) and stream processors (rows come and go)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol

from eventflux.extension.arguments import Argument
from eventflux.extension.declaration import Returns
from eventflux.extension.kinds.context import ExtensionContext
from eventflux.extension.kinds.rows import Row, RowBatch


class ProcessorOutput(Protocol):
    """Where a stream processor puts what it emits, in order."""

    def emit(self, at: int, appended: Row = ()) -> None:
        """The row at that index of the batch goes on, with the appended attributes."""
        ...


class StreamFunction(ABC):
    """Maps each row to the attributes that are appended to it."""

    def init(self, args: Sequence[Argument], ctx: ExtensionContext) -> None:
        """Called once, before the first row."""

    @abstractmethod
    def output_attributes(self, args: Sequence[Argument]) -> Sequence[Returns]:
        """The attributes appended, for these arguments."""

    @abstractmethod
    def execute(self, *values: object) -> Row:
        """The appended values for one row."""


class StreamProcessor(ABC):
    """Takes a delivery of rows and emits those that go on, in any order and number."""

    def init(self, args: Sequence[Argument], ctx: ExtensionContext) -> None:
        """Called once, before the first row."""

    @abstractmethod
    def output_attributes(self, args: Sequence[Argument]) -> Sequence[Returns]:
        """The attributes appended, for these arguments."""

    @abstractmethod
    def process(self, batch: RowBatch, arguments: Sequence[Sequence[object]], out: ProcessorOutput) -> None:
        """One delivery; ``arguments`` holds a column for each argument of the call."""

    def on_timer(self, now: int, out: ProcessorOutput) -> Iterable[Row]:
        """Rows (with appended attributes) that a timer lets go."""
        return ()

    def serialize(self) -> bytes:
        """The state for a checkpoint."""
        return b""

    def deserialize(self, data: bytes) -> None:
        """Take over the state that `serialize` gave."""
