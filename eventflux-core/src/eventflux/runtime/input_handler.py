"""InputHandler: the way of rows into a stream."""

from __future__ import annotations

from eventflux.engine.native_types import Input
from eventflux.types.schema import Schema


class InputHandler:
    """Sends rows into one stream; any number of threads may.

    `send(row, timestamp=None)` sends one row; `send_batch(rows, timestamps=None)` one chunk; `send_many(rows, timestamps=None)`,
    `send_columns(columns, timestamps=None, *, chunk=False)` and `send_arrow(data, timestamp_column=None, *, chunk=False)` many rows, each as
    if it had been sent alone. All return the number of rows accepted, and refuse a call whole with `EventDataError` when a row of it does not
    fit the stream. They are native: an attribute lookup and one call.
    """

    __slots__ = ("definition", "send", "send_arrow", "send_batch", "send_columns", "send_many", "stream")

    def __init__(self, native: Input, stream: str, definition: Schema) -> None:
        self.stream = stream
        self.definition = definition
        self.send = native.send
        self.send_batch = native.send_batch
        self.send_many = native.send_many
        self.send_columns = native.send_columns
        self.send_arrow = native.send_arrow

    def __repr__(self) -> str:
        return f"InputHandler({self.stream}: {self.definition})"
