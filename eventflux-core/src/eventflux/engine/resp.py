"""Native reader and writer of the protocol of Redis, for entries of streams: without a Python object each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflux.engine._native import ffi, lib
from eventflux.engine.codecs import owned_codec
from eventflux.engine.status import check, new_error
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.engine._native import CData

_NOTHING: Final = b""


@record(frozen=True, slots=True, kw_only=True)
class StreamAnswer:
    r"""One answer of a server.

    Attributes:
        size: Its bytes.
        is_plain: It is that to a read of one stream, whose entries each have the one field and nothing else, a payload
            that is neither empty nor has a line feed. False: whatever it is, it is for a general parser.
        entries: How many.
        lines: Their payloads, a line feed behind each.
        identities: Their identities, each as the argument of a command: ``$15\r\n1700000000000-0\r\n``.
    """

    size: int
    is_plain: bool
    entries: int = 0
    lines: bytes = _NOTHING
    identities: bytes = _NOTHING


class StreamAnswerReader:
    """Reads answers from a buffer. Not thread-safe.

    Args:
        field: Name of the field that has the payloads; empty: no answer is plain.
    """

    def __init__(self, field: bytes) -> None:
        self._native: CData = owned_codec(
            lambda alloc, target, error: lib.ef_resp_entries_new(alloc, field, len(field), target, error),
            "ef_resp_entries **",
            lib.ef_resp_entries_free,
        )
        self._answer = ffi.new("ef_resp_answer *")
        self._error = new_error()

    def read(self, buffer: bytearray, start: int, end: int) -> StreamAnswer | None:
        """The answer that begins at an offset; None: more of it must come.

        Then the next call gets the same bytes, with more behind them: it goes on where this one stopped.

        Raises:
            ValueError: That is no answer.
            MemoryError: There is no room for it.
        """
        answer = self._answer
        memory = ffi.from_buffer("char[]", buffer)
        status = lib.ef_resp_entries_read(self._native, ffi.addressof(memory, start), end - start, answer, self._error)
        ffi.release(memory)  # as long as it is held the buffer can't grow
        check(status, self._error)
        if answer.outcome == lib.EF_RESP_INCOMPLETE:
            return None
        if answer.outcome == lib.EF_RESP_ENTRIES:
            return StreamAnswer(
                size=answer.size,
                is_plain=True,
                entries=answer.entries,
                lines=bytes(ffi.buffer(answer.lines, answer.lines_size)) if answer.entries else _NOTHING,
                identities=bytes(ffi.buffer(answer.identities, answer.identities_size)) if answer.entries else _NOTHING,
            )
        if answer.outcome == lib.EF_RESP_BROKEN:
            raise ValueError("no answer of Redis")
        return StreamAnswer(size=answer.size, is_plain=False)

    def reset(self) -> None:
        """Forget an answer that was begun."""
        lib.ef_resp_entries_reset(self._native)


class ArgumentWriter:
    """Writes lines as arguments of a command. Not thread-safe."""

    def __init__(self) -> None:
        self._native: CData = owned_codec(lib.ef_resp_bulks_new, "ef_resp_bulks **", lib.ef_resp_bulks_free)
        self._arguments = ffi.new("ef_resp_arguments *")
        self._error = new_error()

    def write(self, text: bytes, start: int, most: int) -> tuple[bytes, int, int]:
        """Lines from an offset on, each ended by a line feed.

        Args:
            text: The lines.
            start: Where the first begins.
            most: How many are taken at most.

        Returns:
            The arguments, how many they are, and the offset behind the last.
        """
        arguments = self._arguments
        memory = ffi.from_buffer("char[]", text)
        status = lib.ef_resp_bulks_write(
            self._native, ffi.addressof(memory, start), len(text) - start, most, arguments, self._error
        )
        check(status, self._error)
        if not arguments.count:
            return _NOTHING, 0, start
        return bytes(ffi.buffer(arguments.bytes, arguments.size)), arguments.count, start + arguments.consumed
