"""Windows written in Python."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

from eventflux.extension.arguments import BoundParameter
from eventflux.extension.kinds.context import ExtensionContext
from eventflux.extension.kinds.rows import Row, RowBatch
from eventflux.types.schema import Schema


class WindowOutput(Protocol):
    """Where a window puts what it emits, in order."""

    def current(self, rows: Iterable[Row], timestamps: Iterable[int] | None = None) -> None:
        """Rows that enter; timestamps default to the clock."""
        ...

    def expired(self, rows: Iterable[Row], timestamps: Iterable[int] | None = None) -> None:
        """Rows that leave; timestamps default to the clock."""
        ...

    def reset(self) -> None:
        """All aggregates start anew."""
        ...


class WindowContext(ExtensionContext, Protocol):
    """What a window may ask for."""

    def schedule(self, at_ms: int) -> None:
        """Have `Window.on_timer` called when the clock reaches the moment; an earlier request is replaced."""
        ...


class Window(ABC):
    """A window: one instance a query and partition key."""

    is_batch: ClassVar[bool] = False
    """True: what one call emits is a batch, for which a selection with aggregates gives one row (a group)."""

    @abstractmethod
    def init(self, params: Sequence[BoundParameter], schema: Schema, ctx: WindowContext) -> None:
        """Called once, before the first row, with the arguments bound to the declared parameters."""

    @abstractmethod
    def process(self, batch: RowBatch, out: WindowOutput) -> None:
        """One delivery of rows."""

    def on_timer(self, now: int, out: WindowOutput) -> None:
        """The moment asked for with ``ctx.schedule`` has come."""

    def find(self) -> Iterable[Row] | None:
        """The rows now held, for joins and on-demand queries; None: it can't be joined."""
        return None

    @property
    def size(self) -> int:
        """How many rows are held; a metric."""
        return 0

    @abstractmethod
    def serialize(self) -> bytes:
        """The state for a checkpoint."""

    @abstractmethod
    def deserialize(self, data: bytes) -> None:
        """Take over the state that `serialize` gave."""
