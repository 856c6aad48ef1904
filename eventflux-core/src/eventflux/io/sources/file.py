"""``file`` source: the lines of a file, or of all files of a directory.

Follow mode reads on as the file grows. A file that was renamed away is read to its end through the open handle, then
the new one of that name from its top; a file that was cut short begins anew. Position: (identity of the file, bytes
taken); for compressed files bytes count behind the decompression: going on means reading from the top and passing over.
"""

from __future__ import annotations

import fnmatch
import posixpath
from typing import Final

import msgpack

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.environment import FileStatus, Waiter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.rows import State
from eventflux.extension.kinds.source import SourceContext
from eventflux.extension.kinds.threaded_source import ThreadedSource
from eventflux.io.compression import check_available, compression_of
from eventflux.io.pacing import EventTimePacer, parse_speed
from eventflux.io.sources.file_reader import FilePosition, FileReader, ReadingOptions
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError, CorruptStateError

_TEXT: Final = (AttributeType.STRING,)
_BOOL: Final = (AttributeType.BOOL,)
_LONG: Final = (AttributeType.LONG,)
_READ_SIZE: Final = 1 << 18
_PACED_READ_SIZE: Final = 1 << 13


class FileSource(ThreadedSource):
    """Reads one file, or the files of a directory in the order of their names."""

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        options = ctx.options
        self._files = ctx.environment.files
        self._path = options.optional_text("path")
        self._directory = options.optional_text("directory")
        if (self._path is None) == (self._directory is None):
            raise ConfigError("a file source needs either 'path' or 'directory'", key="path")
        self._pattern = options.text("pattern")
        self._after = options.text("after")
        self._check_after()
        self._from_end = options.text("start.position") == "end"
        self._poll = options.integer("poll.interval.ms") / 1000.0
        self._must_exist = options.flag("require.exists")
        self._once = options.text("mode") == "once"
        self._compression = options.text("compression")
        check_available(compression_of(self._compression, self._path or ""))
        try:
            self._speed = parse_speed(options.text("replay.speed"))
        except ValueError as error:
            raise ConfigError(f"replay.speed {error}", key="replay.speed") from error
        self._reading = ReadingOptions(
            delimiter=_unescaped(options.text("delimiter")),
            max_line=options.integer("max.line.bytes"),
            skip_lines=options.integer("skip.lines"),
            compression=self._compression,
            read_size=_READ_SIZE if self._speed is None else _PACED_READ_SIZE,
        )
        self._position = FilePosition()
        self._pacer: EventTimePacer | None = None

    def validate_connectivity(self) -> None:
        self.open()

    def open(self) -> None:
        if self._directory is not None:
            status = self._files.status(self._directory)
            if status is None or not status.is_directory:
                raise ConnectionUnavailableError(f"directory {self._directory!r} does not exist")
        elif self._path is not None and self._must_exist and self._files.status(self._path) is None:
            raise ConnectionUnavailableError(f"file {self._path!r} does not exist")

    def run(self, stopping: Waiter) -> None:
        if self._speed is not None:
            self._pacer = EventTimePacer(self._speed, self.ctx.environment, stopping)
        if self._path is not None:
            self._run_file(self._path, stopping)
        elif self._directory is not None:
            self._run_directory(self._directory, stopping)

    def save(self) -> State:
        position = self._position
        packed: bytes = msgpack.packb(
            {
                "path": position.path,
                "identity": list(position.identity),
                "offset": position.offset,
                "number": position.number,
                "done": sorted(position.done),
            }
        )
        return packed

    def load(self, state: State) -> None:
        if state is None:
            return
        try:
            saved = msgpack.unpackb(state)
            self._position = FilePosition(
                path=saved["path"],
                identity=tuple(saved["identity"]),
                offset=saved["offset"],
                number=saved["number"],
                done=frozenset(saved["done"]),
            )
        except (ValueError, KeyError, TypeError, msgpack.UnpackException) as error:
            raise CorruptStateError("the position of a file source is damaged", where=self.ctx.stream) from error

    # ---- one file ----

    def _run_file(self, path: str, stopping: Waiter) -> None:
        first = True
        while not stopping.is_set():
            status = self._files.status(path)
            if status is None:
                if self._once and first and self._must_exist:
                    raise ConnectionUnavailableError(f"file {path!r} does not exist")
                if self._once:
                    return
                stopping.wait(self._poll)
                first = False  # what appears later is read from its top
                continue
            name = self._resumed_name(path, status)
            self._read_file(name, stopping, follow=not self._once, from_end=first and self._from_end)
            first = False
            if self._once:
                return

    def _resumed_name(self, path: str, status: FileStatus) -> str:
        """The name under which the file of the saved position is now: its own, or the one it was rotated to."""
        saved = self._position.identity
        if saved in {(0, 0), status.identity}:
            return path
        directory, base = posixpath.split(path)
        for name in self._files.names(directory or "."):
            if name.startswith(base) and name != base:
                rotated = posixpath.join(directory, name)
                found = self._files.status(rotated)
                if found is not None and found.identity == saved and compression_of("auto", name) == "none":
                    return rotated
        return path

    def _read_file(self, path: str, stopping: Waiter, *, follow: bool, from_end: bool) -> None:
        """Read one file to its end (``follow``: until it is renamed away or the source stops)."""
        try:
            file = self._files.open(path, "r")
        except FileNotFoundError:
            return
        try:
            identity = file.status().identity
            reader = FileReader(
                self._reading,
                path,
                file,
                on_data=self.on_data,
                files=self._files,
                moved=self._moved,
                done=self._position.done,
                pacer=self._pacer,
            )
            reader.begin(self._position, from_end=from_end)
            while self.paused(stopping):
                if reader.step():
                    continue
                if not follow or self._is_gone(path, identity):
                    if reader.step():
                        continue
                    reader.finish()
                    if follow:  # what comes next is another file, from its top
                        self._position = FilePosition(done=self._position.done)
                    return
                if reader.was_truncated():
                    reader.begin_anew()
                    continue
                stopping.wait(self._poll)
        finally:
            file.close()

    def _moved(self, position: FilePosition) -> None:
        self._position = position

    def _is_gone(self, path: str, identity: tuple[int, int]) -> bool:
        """Whether another file has taken the name; one that is only missing may come back under it."""
        if self._path is not None and path != self._path:
            return True  # a rotated file that was gone on with: it grows no more
        status = self._files.status(path)
        return status is not None and status.identity != identity

    # ---- a directory ----

    def _run_directory(self, directory: str, stopping: Waiter) -> None:
        while not stopping.is_set():
            name = self._next_name(directory)
            if name is None:
                if self._once:
                    return
                stopping.wait(self._poll)
                continue
            path = posixpath.join(directory, name)
            self._read_file(path, stopping, follow=False, from_end=False)
            if stopping.is_set():
                return
            self._finished(path, name)

    def _next_name(self, directory: str) -> str | None:
        done = self._position.done
        for name in self._files.names(directory):
            if name in done or name.startswith(".") or not fnmatch.fnmatchcase(name, self._pattern):
                continue
            status = self._files.status(posixpath.join(directory, name))
            if status is not None and not status.is_directory:
                return name
        return None

    def _finished(self, path: str, name: str) -> None:
        if self._after == "delete":
            self._files.remove(path)
        elif self._after.startswith("move:"):
            target = self._after[len("move:") :]
            self._files.make_directory(target)
            self._files.rename(path, posixpath.join(target, name))
        done = self._position.done | {name} if self._after == "keep" else self._position.done
        self._position = FilePosition(done=done)

    def _check_after(self) -> None:
        if self._after in {"keep", "delete"} or (self._after.startswith("move:") and len(self._after) > len("move:")):
            return
        raise ConfigError(
            f"after must be keep, delete or move:<directory>, not {self._after!r}", key="after", value=self._after
        )


def _unescaped(text: str) -> bytes:
    return text.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0").encode()


FILE_SOURCE: Final = Extension(
    name="file",
    kind=ExtensionKind.SOURCE,
    description="The lines of a file, or of the files that appear in a directory; goes on where a checkpoint stopped.",
    factory=FileSource,
    parameters=(
        Parameter("path", _TEXT, "The file.", optional=True),
        Parameter(
            "directory",
            _TEXT,
            "Instead of a file: all files of a directory, in the order of their names.",
            optional=True,
        ),
        Parameter("pattern", _TEXT, "With directory: which names, as in *.csv.", default="*"),
        Parameter(
            "after",
            _TEXT,
            "With directory: what happens to a file that was read: keep, delete, move:<directory>.",
            default="keep",
        ),
        Parameter(
            "mode",
            _TEXT,
            "follow: read on as the file grows; once: end with it.",
            default="follow",
            choices=("follow", "once"),
        ),
        Parameter(
            "start.position", _TEXT, "Where the first file begins.", default="beginning", choices=("beginning", "end")
        ),
        Parameter("poll.interval.ms", _LONG, "How often to look for more.", default=500, unit="ms", minimum=1),
        Parameter(
            "skip.lines", (AttributeType.INT,), "Lines to pass over at the top of each file.", default=0, minimum=0
        ),
        Parameter(
            "require.exists", _BOOL, "A missing file is an error instead of something to wait for.", default=False
        ),
        Parameter("delimiter", _TEXT, "What ends a line; \\n, \\r, \\t and \\0 are escapes.", default="\n"),
        Parameter(
            "max.line.bytes",
            _LONG,
            "The longest line; a longer one is an error.",
            default=8_388_608,
            unit="bytes",
            minimum=1,
        ),
        Parameter(
            "compression",
            _TEXT,
            "auto goes by the end of the name: .gz, .zst.",
            default="auto",
            choices=("auto", "none", "gzip", "zstd"),
        ),
        Parameter(
            "replay.speed", _TEXT, "max, or a multiple of the events' own time such as 1x or 10x.", default="max"
        ),
    ),
    examples=(
        Example(
            "CREATE STREAM Trades (symbol STRING, price DOUBLE, ts BIGINT) WITH ('type' = 'source', "
            "'extension' = 'file', 'file.path' = 'trades.jsonl', 'file.mode' = 'once', 'format' = 'json', "
            "'json.timestamp' = 'ts');",
            "A file of JSON lines, as fast as it goes, with the time of each event in a field.",
        ),
    ),
)
