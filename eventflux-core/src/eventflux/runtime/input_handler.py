"""InputHandler: the way of rows into a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eventflux.engine import ingest
from eventflux.engine.codecs import NativeRows, send_native
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import Input
from eventflux.types.schema import Schema


class InputHandler:
    """Sends rows into one stream; any number of threads may.

    `send(row, timestamp=None)` sends one row; `send_batch(rows, timestamps=None)` one chunk;
    `send_many(rows, timestamps=None)` many rows, each as if it had been sent alone. These are native: an attribute
    lookup and one call. All `send*` return the number of rows accepted, and refuse a call whole with `EventDataError`
    when a row of it does not fit the stream.

    Attributes:
        stream: Name of the stream.
        definition: Its attributes.
    """

    __slots__ = ("_engine", "_native", "_node", "definition", "send", "send_batch", "send_many", "stream")

    def __init__(self, engine: Engine, native: Input, stream: str, definition: Schema, node: int) -> None:
        self._engine = engine
        self._native = native
        self._node = node
        self.stream = stream
        self.definition = definition
        self.send = native.send
        self.send_batch = native.send_batch
        self.send_many = native.send_many

    def send_columns(self, columns: Mapping[str, Any], timestamps: Any = None, *, chunk: bool = False) -> int:
        """Send rows given as columns, each row as if it had been sent alone.

        Args:
            columns: Attribute name -> n values, each attribute of the stream once. NumPy and other buffers whose
                layout is that of the attribute's type (int32 for INT, float64 for DOUBLE...) are read in place, others
                are converted; Arrow arrays and sequences of Python values work too.
            timestamps: n milliseconds since the epoch, one moment for all, or None: the clock's now.
            chunk: The rows are one chunk, as with `send_batch`.

        Returns:
            Rows accepted.

        Raises:
            EventDataError: A column is missing, unknown, of another length, or has a value that does not fit;
                nothing entered.
            RuntimeStoppedError: The runtime isn't running.
        """
        return ingest.send_columns(self._engine, self._native, columns, timestamps, chunk=chunk)

    def send_arrow(self, data: Any, timestamp_column: str | None = None, *, chunk: bool = False) -> int:
        """Send rows of anything with the Arrow PyCapsule interface (pyarrow, polars, duckdb), each as if sent alone.

        Args:
            data: A record batch, table or stream.
            timestamp_column: Its column with the events' timestamps; None: the clock's now.
            chunk: The rows are one chunk, as with `send_batch`.

        Returns:
            Rows accepted.

        Raises:
            EventDataError: The columns don't fit the stream; nothing entered.
            RuntimeStoppedError: The runtime isn't running.
        """
        return ingest.send_arrow(self._engine, self._native, data, timestamp_column, chunk=chunk)

    @property
    def pending(self) -> int:
        """Rows in the buffer of an async stream that have not run yet; 0 for other streams."""
        return self._engine.pending(self._node)

    def send_native_batch(self, rows: NativeRows, timestamps: memoryview | None = None) -> int:
        """Send rows that a decoder of the engine has read, each as if sent alone; the number of rows accepted.

        Args:
            rows: Valid until the decoder's next call.
            timestamps: 64-bit numbers, one a row; None: as the decoder found them.
        """
        return send_native(self._native, rows, timestamps)

    def __repr__(self) -> str:
        return f"InputHandler({self.stream}: {self.definition})"


def send_merged(engine: Engine, parts: Iterable[tuple[InputHandler, Any, Any]]) -> int:
    """Send rows of several streams of one engine, the earliest first; the number of rows accepted."""
    merged = [(handler._native, given, timestamps) for handler, given, timestamps in parts]  # noqa: SLF001 - of this module
    return ingest.send_merged(engine, merged)
