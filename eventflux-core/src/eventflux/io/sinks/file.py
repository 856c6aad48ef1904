"""``file`` sink: a payload a line."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Final

import msgpack

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.environment import Cancellable
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.rows import Payload, State
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.compression import check_available
from eventflux.io.sinks.file_writer import FileWriter, WritePosition, WritingOptions
from eventflux.io.sinks.log import event_text
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, CorruptStateError

_TEXT: Final = (AttributeType.STRING,)
_BOOL: Final = (AttributeType.BOOL,)
_LONG: Final = (AttributeType.LONG,)


class FileSink(Sink):
    """Appends to one file, or to the file that each event names."""

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._environment = ctx.environment
        self._path = options.text("path")
        self._is_dynamic = "path" in options.dynamic
        self._options = WritingOptions(
            append=options.flag("append"),
            flush_interval_ms=options.integer("flush.interval.ms"),
            fsync=options.flag("fsync"),
            rotate_size=options.integer("rotate.size.bytes"),
            rotate_interval_ms=options.integer("rotate.interval.ms"),
            rotate_compression=options.text("rotate.compression"),
            delimiter=options.text("delimiter").replace("\\r", "\r").replace("\\n", "\n").encode(),
            header=ctx.header,
        )
        if self._options.rotate_compression != "none":
            if not (self._options.rotate_size or self._options.rotate_interval_ms):
                raise ConfigError(
                    "rotate.compression needs rotate.size.bytes or rotate.interval.ms", key="rotate.compression"
                )
            check_available(self._options.rotate_compression)
        self._lock = threading.Lock()  # guards the writers: the flush timer has a thread of its own
        self._writers: dict[str, FileWriter] = {}
        self._positions: dict[str, WritePosition] = {}
        self._timer: Cancellable | None = None

    def connect(self) -> None:
        with self._lock:
            if not self._is_dynamic:
                self._writer(self._path)
        self._schedule_flush()

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        delimiter = self._options.delimiter
        block = delimiter.join(
            payload if isinstance(payload, bytes) else event_text(payload).encode() for payload in payloads
        )
        self._write(dynamic.get("path", self._path), block + delimiter)

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        if delimiter != self._options.delimiter or self._is_dynamic:
            return False
        self._write(self._path, block)
        return True

    def flush(self) -> None:
        with self._lock:
            for writer in self._writers.values():
                writer.flush()

    def disconnect(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        with self._lock:
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()

    def save(self) -> State:
        with self._lock:
            positions = [writer.position() for writer in self._writers.values()]
        packed: bytes = msgpack.packb(
            [[each.path, list(each.identity), each.size] for each in positions if each is not None]
        )
        return packed

    def load(self, state: State) -> None:
        if state is None:
            return
        try:
            self._positions = {
                path: WritePosition(path, tuple(identity), size) for path, identity, size in msgpack.unpackb(state)
            }
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise CorruptStateError("the position of a file sink is damaged", where=self._path) from error

    def _write(self, path: str, block: bytes) -> None:
        with self._lock:
            writer = self._writer(path)
            try:
                writer.write(block)
            except OSError as error:
                raise PublishError(f"file {path!r} can't be written: {error.strerror}") from error

    def _writer(self, path: str) -> FileWriter:
        writer = self._writers.get(path)
        if writer is None:
            writer = FileWriter(path, self._options, self._environment)
            writer.open(self._positions.pop(path, None))
            self._writers[path] = writer
        return writer

    def _schedule_flush(self) -> None:
        if self._options.flush_interval_ms:
            seconds = self._options.flush_interval_ms / 1000.0
            self._timer = self._environment.call_later(seconds, self._flush_in_time)

    def _flush_in_time(self) -> None:
        if self._timer is None:
            return
        self.flush()
        self._schedule_flush()


FILE_SINK: Final = Extension(
    name="file",
    kind=ExtensionKind.SINK,
    description="A line of a file a payload; a checkpoint holds the position, so that nothing is there twice.",
    factory=FileSink,
    parameters=(
        Parameter("path", _TEXT, "The file; its directory must exist.", dynamic=True),
        Parameter("append", _BOOL, "Go on with a file that is there, instead of beginning it anew.", default=True),
        Parameter(
            "flush.interval.ms",
            _LONG,
            "How long lines may wait to be written; 0: not at all.",
            default=0,
            unit="ms",
            minimum=0,
        ),
        Parameter("fsync", _BOOL, "Make each flush durable.", default=False),
        Parameter(
            "rotate.size.bytes",
            _LONG,
            "Begin a new file before this one gets longer; 0: never.",
            default=0,
            unit="bytes",
            minimum=0,
        ),
        Parameter(
            "rotate.interval.ms", _LONG, "Begin a new file after so long; 0: never.", default=0, unit="ms", minimum=0
        ),
        Parameter(
            "rotate.compression",
            _TEXT,
            "How files that were left are compressed.",
            default="none",
            choices=("none", "gzip", "zstd"),
        ),
        Parameter("delimiter", _TEXT, "What stands behind each payload.", default="\n"),
    ),
    examples=(
        Example(
            "CREATE STREAM O (symbol STRING, total BIGINT) WITH ('type' = 'sink', 'extension' = 'file', "
            "'file.path' = 'totals.jsonl', 'format' = 'json');",
            "JSON lines, appended.",
        ),
    ),
)
