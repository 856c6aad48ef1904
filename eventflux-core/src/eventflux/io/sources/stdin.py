"""``stdin`` source: a line an event."""

from __future__ import annotations

import os
import select
import sys
from typing import BinaryIO, Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.environment import Waiter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.source import BlockOrigin, SourceContext
from eventflux.extension.kinds.threaded_source import POLL_SECONDS, ThreadedSource
from eventflux.io.sources.payload_cutter import PayloadCutter
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import MappingError

_READ_SIZE: Final = 1 << 16


class StdinSource(ThreadedSource):
    """Reads what is there, as it comes; ends with its input unless it is told to wait."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        self._waits_at_end = ctx.options.text("end") == "wait"
        self._max_line = ctx.options.integer("max.line.bytes")

    def run(self, stopping: Waiter) -> None:
        descriptor = (sys.stdin.buffer if self._stream is None else self._stream).fileno()
        cutter = PayloadCutter(b"\n", self._max_line, self._too_long)
        self.on_data.start_of_input()
        while self.paused(stopping):
            readable, _, _ = select.select([descriptor], [], [], POLL_SECONDS)
            if not readable:
                continue
            data = os.read(descriptor, _READ_SIZE)
            block, first, _ = cutter.cut(data) if data else cutter.finish()
            if block:
                self.on_data.block(block, b"\n", BlockOrigin(name="stdin", first=first))
            if not data:
                break
        while self._waits_at_end and not stopping.wait(POLL_SECONDS):
            pass

    def _too_long(self, beginning: bytes, number: int) -> None:
        error = MappingError(f"a line is longer than {self._max_line} bytes", payload=beginning[:1024], position=number)
        self.on_data.failed(error, BlockOrigin(name="stdin", first=number))


STDIN_SOURCE: Final = Extension(
    name="stdin",
    kind=ExtensionKind.SOURCE,
    description="The lines of standard input.",
    factory=StdinSource,
    parameters=(
        Parameter(
            "end",
            (AttributeType.STRING,),
            "What the end of the input means: stop, or wait.",
            default="stop",
            choices=("stop", "wait"),
        ),
        Parameter(
            "max.line.bytes", (AttributeType.LONG,), "The longest line.", default=8_388_608, unit="bytes", minimum=1
        ),
    ),
    examples=(
        Example(
            "CREATE STREAM Lines (line STRING) WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'text', "
            "'text.regex' = '(.*)');",
            "A row a line.",
        ),
    ),
)
