"""Engine: the owner of one native graph."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from typing_extensions import Self

from eventflux.engine._native import ffi, lib
from eventflux.engine.status import check, new_error, text
from eventflux.types.errors import EventFluxError, RuntimeStoppedError

if TYPE_CHECKING:
    from eventflux.engine._native import CData


class _Closable(Protocol):
    def close(self) -> None: ...


class Engine:
    """One native engine. Built with `EngineBuilder`, run through its inputs, closed once."""

    def __init__(
        self,
        *,
        playback: bool = False,
        memory_limit: int = 0,
        slice_rows: int = 0,
        depth_first: bool = False,
        seed: int = 0,
    ) -> None:
        """Create an empty engine.

        Args:
            playback: The clock follows the timestamps of the rows.
            memory_limit: Most bytes that the engine may hold, 0: no limit.
            slice_rows: Rows that run through the graph together, 0: the engine's own choice.
            depth_first: Never run many rows together: slower, right by definition.
            seed: Of hashing and random numbers.
        """
        error = new_error()
        target = ffi.new("ef_engine **")
        check(lib.ef_build_engine(playback, memory_limit, slice_rows, depth_first, seed, target, error), error)
        self._handle: CData | None = target[0]
        self._owned: list[_Closable] = []

    @property
    def handle(self) -> CData:
        """The native engine.

        Raises:
            RuntimeStoppedError: The engine was closed.
        """
        if self._handle is None:
            raise RuntimeStoppedError("the engine is closed")
        return self._handle

    def adopt(self, owned: _Closable) -> None:
        """Close something with the engine, whose memory it uses."""
        self._owned.append(owned)

    def check(self, status: int, error: CData) -> int:
        """Give `status` back if it is not negative, else raise, naming the operator that `error` names."""
        try:
            return check(status, error)
        except EventFluxError as raised:
            if error.node >= 0 and not raised.hint:
                raised.hint = f"operator: {self.node_name(error.node)}"
            raise

    def add_tap(self, node: int) -> int:
        """Listen on a stream or on the last operator of a query."""
        error = new_error()
        return self.check(lib.ef_engine_tap(self.handle, node, error), error)

    def remove_tap(self, tap: int) -> None:
        """Listen no more."""
        error = new_error()
        self.check(lib.ef_engine_remove_tap(self.handle, tap, error), error)

    def node_name(self, node: int) -> str:
        """Name of an operator within the app: `query/window.length/0`."""
        return text(lib.ef_engine_node_name(self.handle, node))

    def driver(self, stream: int) -> str:
        """How pushes into a stream run: `slice`, or `step: <why>`."""
        return text(lib.ef_engine_driver(self.handle, stream))

    def close(self) -> None:
        """Free the engine. Batches that are still held stay valid."""
        handle, self._handle = self._handle, None
        if handle is not None:
            for owned in self._owned:
                owned.close()
            self._owned.clear()
            lib.ef_engine_free(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
