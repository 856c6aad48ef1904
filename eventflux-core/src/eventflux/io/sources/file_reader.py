"""Reads one open file and delivers its lines in blocks, with the position behind each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eventflux.extension.environment import Files, OpenFile
from eventflux.extension.kinds.source import BlockOrigin, Pacer, SourceCallback
from eventflux.io.compression import Decompressor, compression_of, decompressor
from eventflux.io.sources.payload_cutter import PayloadCutter
from eventflux.types.errors import MappingError
from eventflux.types.record import record

_SHOWN_BYTES = 1024


@record(frozen=True, slots=True, kw_only=True)
class FilePosition:
    """How far everything delivered reaches.

    Attributes:
        path: Name of the file when it was read.
        identity: What stays when the file is renamed; (0, 0): none was read yet.
        offset: Bytes taken, behind the decompression.
        number: Number of the next line, from 1.
        done: Names of files of a directory that were read to their end.
    """

    path: str = ""
    identity: tuple[int, int] = (0, 0)
    offset: int = 0
    number: int = 1
    done: frozenset[str] = frozenset()


@record(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How files are read."""

    delimiter: bytes
    max_line: int
    skip_lines: int
    compression: str
    read_size: int


class FileReader:
    """One open file."""

    _decompressor: Decompressor
    _cutter: PayloadCutter

    def __init__(
        self,
        options: ReadingOptions,
        path: str,
        file: OpenFile,
        *,
        on_data: SourceCallback,
        files: Files,
        moved: Callable[[FilePosition], None],
        done: frozenset[str],
        pacer: Pacer | None,
    ) -> None:
        """Bind the parts; `begin` comes next.

        Args:
            options: Of the source.
            path: Name of the file.
            file: Open; stays the caller's.
            on_data: Where lines go.
            files: To read a header again.
            moved: Told the position behind each block, when the block has entered.
            done: Goes into positions.
            pacer: Lines go one by one and wait for it.
        """
        self._options = options
        self._path = path
        self._file = file
        self._on_data = on_data
        self._files = files
        self._moved = moved
        self._done = done
        self._pacer = pacer
        self._identity = file.status().identity
        self._is_compressed = compression_of(options.compression, path) != "none"
        self._is_broken = False
        self._read_to = 0
        self._start(0, 1)

    def begin(self, position: FilePosition, *, from_end: bool) -> None:
        """Go to where reading goes on: the position if it is in this file, its end, or its top."""
        size = self._file.status().size
        if position.identity == self._identity and (self._is_compressed or position.offset <= size):
            self._start(position.offset, position.number)
        elif from_end and not self._is_compressed:
            self._start(size, 1)
        if self._cutter.offset == 0:
            self._on_data.start_of_input()
        else:
            self._replay_header(self._cutter.offset)

    def was_truncated(self) -> bool:
        """Whether the file is shorter than what was read of it."""
        status = self._file.status()
        return status.is_regular and status.size < self._read_to

    def begin_anew(self) -> None:
        """The file was cut short: it is another file now."""
        self._start(0, 1)
        self._on_data.start_of_input()

    def step(self) -> bool:
        """Read and deliver a piece; False: there is nothing more now."""
        try:
            piece = self._next_piece()
        except MappingError as error:
            self._break(error)
            return False
        if piece is None:
            return False
        if self._skip_bytes:
            skipped = min(self._skip_bytes, len(piece))
            self._skip_bytes -= skipped
            piece = piece[skipped:]
        self._deliver(*self._cutter.cut(piece))
        return True

    def finish(self) -> None:
        """The file has ended: its last line need not have an end."""
        self._deliver(*self._cutter.finish())
        if not self._is_broken:
            try:
                self._decompressor.finish()
            except MappingError as error:
                self._break(error)

    def _start(self, offset: int, number: int) -> None:
        options = self._options
        self._decompressor = decompressor(options.compression, self._path)
        self._pieces: Iterator[bytes] = iter(())
        start = 0 if self._is_compressed else offset
        if start != self._read_to:  # a pipe can't be moved, and need not be
            self._file.seek(start)
            self._read_to = start
        self._skip_bytes = offset if self._is_compressed else 0
        self._skip_lines = options.skip_lines if offset == 0 else 0
        self._cutter = PayloadCutter(options.delimiter, options.max_line, self._too_long, offset=offset, number=number)

    def _next_piece(self) -> bytes | None:
        piece = next(self._pieces, None)
        while piece is None:
            data = b"" if self._is_broken else self._file.read(self._options.read_size)
            if not data:
                return None
            self._read_to += len(data)
            self._pieces = self._decompressor.feed(data)
            piece = next(self._pieces, None)
        return piece

    def _replay_header(self, offset: int) -> None:
        """A mapper that reads a line of names needs it again when reading goes on in the middle."""
        self._on_data.start_of_input()
        delimiter = self._options.delimiter
        skipped = self._options.skip_lines
        wanted = skipped + self._on_data.header_payloads
        if wanted == skipped:
            return
        head = b""
        unpack = decompressor(self._options.compression, self._path)
        file = self._files.open(self._path, "r")
        try:
            while head.count(delimiter) < wanted and len(head) < offset:
                data = file.read(self._options.read_size)
                if not data:
                    break
                head += b"".join(unpack.feed(data))
        finally:
            file.close()
        for line in head[:offset].split(delimiter)[skipped:wanted]:
            self._on_data.header(line.removesuffix(b"\r"))

    def _deliver(self, block: bytes, number: int, offset: int) -> None:
        while self._skip_lines and block:
            _, _, block = block.partition(self._cutter.delimiter)
            self._skip_lines -= 1
            number += 1
        if not block:
            return
        if self._pacer is None:
            self._block(block, number, offset)
            return
        end = offset - len(block)
        for line in block.split(self._cutter.delimiter)[:-1]:
            end += len(line) + len(self._cutter.delimiter)
            self._block(line + self._cutter.delimiter, number, min(end, offset))
            number += 1

    def _block(self, block: bytes, number: int, offset: int) -> None:
        position = FilePosition(
            path=self._path,
            identity=self._identity,
            offset=offset,
            number=number + block.count(self._cutter.delimiter),
            done=self._done,
        )
        origin = BlockOrigin(name=self._path, first=number, pacer=self._pacer)
        self._on_data.block(block, self._cutter.delimiter, origin, lambda: self._moved(position))

    def _too_long(self, beginning: bytes, number: int) -> None:
        error = MappingError(
            f"a line is longer than {self._options.max_line} bytes",
            payload=beginning[:_SHOWN_BYTES],
            position=number,
        )
        self._on_data.failed(error, BlockOrigin(name=self._path, first=number))

    def _break(self, error: MappingError) -> None:
        """What follows can't be decompressed: report it once and take the file as ended."""
        self._is_broken = True
        self._pieces = iter(())
        self._on_data.failed(error, BlockOrigin(name=self._path, first=self._cutter.number))
