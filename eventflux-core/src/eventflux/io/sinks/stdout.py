"""``stdout`` sink: a line a payload."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Final

from eventflux.extension.declaration import Example, Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.sinks.log import event_text
from eventflux.types.errors import ConnectionUnavailableError


class StdoutSink(Sink):
    """Writes each chunk at once, so that lines of two sinks don't mix."""

    _lock = threading.Lock()  # guards standard output, which all sinks share

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream

    def configure(self, ctx: SinkContext) -> None:
        """There are no options."""

    def connect(self) -> None:
        """Standard output is there, or isn't when it is written to."""

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        lines = [payload if isinstance(payload, bytes) else event_text(payload).encode() for payload in payloads]
        self._write(b"\n".join(lines) + b"\n")

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        if delimiter != b"\n":
            return False
        self._write(block)
        return True

    def disconnect(self) -> None:
        """What is written is written."""

    def _write(self, data: bytes) -> None:
        stream = sys.stdout.buffer if self._stream is None else self._stream
        with StdoutSink._lock:
            try:
                stream.write(data)
                stream.flush()
            except (BrokenPipeError, ValueError) as error:
                raise ConnectionUnavailableError("standard output is closed") from error


STDOUT_SINK: Final = Extension(
    name="stdout",
    kind=ExtensionKind.SINK,
    description="A line of standard output a payload.",
    factory=StdoutSink,
    examples=(
        Example(
            "CREATE STREAM O (symbol STRING) WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');",
            "JSON lines.",
        ),
    ),
)
