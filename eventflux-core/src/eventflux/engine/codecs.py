"""Native decoders and encoders of lines of text: many rows a call, without a Python object a row.

A decoder takes what is plainly good and stops at any other line, which the caller maps by the general path. What it has
decoded is a batch of the engine's own, whose strings are views of the text: it is valid until the next call, and as
long as the text is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from eventflux.engine._native import ffi, lib
from eventflux.engine.native_types import EventBatch, Input
from eventflux.engine.status import check, new_error, no_memory
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError
from eventflux.types.record import record
from eventflux.types.schema import Schema

if TYPE_CHECKING:
    from eventflux.engine._native import CData

BATCH_ROWS: Final = 4096
_NO_FIELD: Final = 2**32 - 1


@record(frozen=True, slots=True, kw_only=True)
class TimeField:
    """Where a row's time comes from.

    Attributes:
        column: Which of the decoder's columns; one behind those of the schema is read for the time only.
        is_text: It is ISO 8601; else it is a number, and
        multiplier: times this
        divisor: over that is milliseconds.
    """

    column: int
    is_text: bool = False
    multiplier: int = 1
    divisor: int = 1


@record(frozen=True, slots=True, kw_only=True)
class NativeRows:
    """Decoded rows as the engine has them.

    Attributes:
        address: Of the native batch.
        rows: How many.
        has_timestamps: Each row brings its time.
        text: What strings are views of; kept so that they stay valid.
    """

    address: int
    rows: int
    has_timestamps: bool
    text: bytes


@record(frozen=True, slots=True, kw_only=True)
class DecodedLines:
    """What a call has passed.

    Attributes:
        rows: None if it decoded none.
        lines: Whole lines passed, empty ones too, the rejected one not.
        behind: Offset in the text behind them.
        end: The same, but behind the rejected one.
        rejected: The line that it left to the general path, without its line feed; None: none.
    """

    rows: NativeRows | None
    lines: int
    behind: int
    end: int
    rejected: bytes | None


class _Form(NamedTuple):
    """The functions of a native decoder."""

    decode: Callable[..., int]
    batch: Callable[[CData], CData]
    free: Callable[[CData], None]


class LineDecoder:
    """Decodes lines, each ended by a line feed, or values of msgpack, which need nothing between them."""

    def __init__(self, memory: CData, native: CData, form: _Form, *, has_timestamps: bool) -> None:
        self._native = _owned(memory, native, form.free)
        self._decode = form.decode
        self._batch = form.batch
        self._has_timestamps = has_timestamps
        self._result = ffi.new("ef_decode_result *")
        self._error = new_error()

    @staticmethod
    def json(
        types: Sequence[AttributeType],
        names: Sequence[str],
        *,
        visible: int,
        time: TimeField | None,
        fail_on_missing: bool = False,
        fail_on_unknown: bool = False,
        rows: int = BATCH_ROWS,
    ) -> LineDecoder:
        """A decoder of flat objects.

        Args:
            types: Of the columns, none of them OBJECT.
            names: Of their fields, no two alike.
            visible: How many of the columns are those of the stream.
            time: Where a row's time comes from.
            fail_on_missing: Leave lines without a field to the general path.
            fail_on_unknown: Leave lines with other fields to the general path.
            rows: Most rows of a batch.
        """
        encoded = [name.encode() for name in names]
        kept = [ffi.from_buffer("char[]", name or b"\0") for name in encoded]
        target = ffi.new("ef_json_rows **")
        error = new_error()
        memory = _new_memory()
        status = lib.ef_json_rows_new(
            lib.ef_own_memory_alloc(memory),
            len(types),
            visible,
            ffi.new("ef_type[]", [int(each) for each in types]),
            ffi.new("const char *[]", kept),
            ffi.new("uint32_t[]", [len(name) for name in encoded]),
            rows,
            _time_field(time),
            fail_on_missing,
            fail_on_unknown,
            target,
            error,
        )
        _check_new(memory, status, error)
        return LineDecoder(memory, target[0], _JSON, has_timestamps=time is not None)

    @staticmethod
    def csv(
        types: Sequence[AttributeType],
        fields: Sequence[int | None],
        *,
        visible: int,
        delimiter: str,
        quote: str,
        null: str | None,
        time: TimeField | None,
        fail_on_missing: bool = False,
        rows: int = BATCH_ROWS,
    ) -> LineDecoder:
        """A decoder of records.

        Args:
            types: Of the columns, none of them OBJECT.
            fields: Which field of a record each column takes, no two alike; None: it stays null.
            visible: How many of the columns are those of the stream.
            delimiter: One ASCII character.
            quote: One ASCII character.
            null: Text that means null.
            time: Where a row's time comes from.
            fail_on_missing: Leave records with too few fields to the general path.
            rows: Most rows of a batch.
        """
        null_text = None if null is None else null.encode()
        target = ffi.new("ef_csv_rows **")
        error = new_error()
        memory = _new_memory()
        status = lib.ef_csv_rows_new(
            lib.ef_own_memory_alloc(memory),
            len(types),
            visible,
            ffi.new("ef_type[]", [int(each) for each in types]),
            ffi.new("uint32_t[]", [_NO_FIELD if field is None else field for field in fields]),
            delimiter.encode(),
            quote.encode(),
            ffi.NULL if null_text is None else ffi.from_buffer("char[]", null_text or b"\0"),
            0 if null_text is None else len(null_text),
            rows,
            _time_field(time),
            fail_on_missing,
            target,
            error,
        )
        _check_new(memory, status, error)
        return LineDecoder(memory, target[0], _CSV, has_timestamps=time is not None)

    @staticmethod
    def msgpack(
        types: Sequence[AttributeType],
        fields: Sequence[str] | Sequence[int],
        *,
        width: int = 0,
        visible: int,
        time: TimeField | None,
        fail_on_missing: bool = False,
        rows: int = BATCH_ROWS,
    ) -> LineDecoder:
        """A decoder of maps or arrays, one behind the other.

        Args:
            types: Of the columns, none of them OBJECT.
            fields: Keys of maps, or positions in arrays, no two alike.
            width: Elements of an array.
            visible: How many of the columns are those of the stream.
            time: Where a row's time comes from.
            fail_on_missing: Leave maps without a key to the general path.
            rows: Most rows of a batch.
        """
        names = [field.encode() for field in fields if isinstance(field, str)]
        kept = [ffi.from_buffer("char[]", name or b"\0") for name in names]
        target = ffi.new("ef_msgpack_rows **")
        error = new_error()
        memory = _new_memory()
        status = lib.ef_msgpack_rows_new(
            lib.ef_own_memory_alloc(memory),
            len(types),
            visible,
            ffi.new("ef_type[]", [int(each) for each in types]),
            ffi.new("const char *[]", kept) if names else ffi.NULL,
            ffi.new("uint32_t[]", [len(name) for name in names]),
            ffi.new("uint32_t[]", [field for field in fields if isinstance(field, int)]),
            width,
            rows,
            _time_field(time),
            fail_on_missing,
            target,
            error,
        )
        _check_new(memory, status, error)
        return LineDecoder(memory, target[0], _MSGPACK, has_timestamps=time is not None)

    def decode(self, text: bytes, start: int = 0) -> DecodedLines:
        """Decode from an offset on; the rows of the call before are gone."""
        memory = ffi.from_buffer("char[]", text)
        result = self._result
        status = self._decode(self._native, ffi.addressof(memory, start), len(text) - start, result, self._error)
        check(status, self._error)
        rows = None
        if result.rows:
            rows = NativeRows(
                address=int(ffi.cast("uintptr_t", self._batch(self._native))),
                rows=result.rows,
                has_timestamps=self._has_timestamps,
                text=text,
            )
        behind = end = start + result.consumed
        rejected = None
        if result.rejected:
            end += result.rejected
            rejected = text[behind:end]
        elif result.is_rejected:
            stop = text.index(b"\n", behind)
            rejected = text[behind:stop]
            end = stop + 1
        return DecodedLines(rows=rows, lines=result.lines, behind=behind, end=end, rejected=rejected)


class LineEncoder:
    """Encodes rows as lines, each ended by a line feed, or as values of msgpack."""

    def __init__(self, memory: CData, native: CData, encode: Callable[..., int], free: Callable[[CData], None]) -> None:
        self._native = _owned(memory, native, free)
        self._encode = encode
        self._bytes = ffi.new("const char **")
        self._length = ffi.new("size_t *")
        self._error = new_error()

    @staticmethod
    def json(
        schema: Schema, encoded_names: Sequence[str], *, include_nulls: bool = True, nan_is_text: bool = False
    ) -> LineEncoder:
        """An encoder of objects.

        Args:
            schema: Without OBJECT attributes.
            encoded_names: The names as JSON strings.
            include_nulls: Write fields that are null.
            nan_is_text: Write NaN and infinities as strings, instead of null.
        """
        names = [name.encode() for name in encoded_names]
        kept = [ffi.from_buffer("char[]", name) for name in names]
        target = ffi.new("ef_row_text **")
        error = new_error()
        memory = _new_memory()
        status = lib.ef_row_text_json(
            lib.ef_own_memory_alloc(memory),
            len(schema),
            ffi.new("ef_type[]", [int(each) for each in schema.types]),
            ffi.new("const char *[]", kept),
            ffi.new("uint32_t[]", [len(name) for name in names]),
            include_nulls,
            nan_is_text,
            target,
            error,
        )
        _check_new(memory, status, error)
        return LineEncoder(memory, target[0], lib.ef_row_text_encode, lib.ef_row_text_free)

    @staticmethod
    def csv(schema: Schema, *, delimiter: str, quote: str, quote_all: bool, null: str) -> LineEncoder:
        """An encoder of records.

        Args:
            schema: Without OBJECT attributes.
            delimiter: One ASCII character that no number has.
            quote: Likewise.
            quote_all: Quote every field.
            null: What stands for null.
        """
        null_text = null.encode()
        target = ffi.new("ef_row_text **")
        error = new_error()
        memory = _new_memory()
        status = lib.ef_row_text_csv(
            lib.ef_own_memory_alloc(memory),
            len(schema),
            ffi.new("ef_type[]", [int(each) for each in schema.types]),
            delimiter.encode(),
            quote.encode(),
            quote_all,
            ffi.from_buffer("char[]", null_text or b"\0"),
            len(null_text),
            target,
            error,
        )
        _check_new(memory, status, error)
        return LineEncoder(memory, target[0], lib.ef_row_text_encode, lib.ef_row_text_free)

    @staticmethod
    def msgpack(schema: Schema, names: Sequence[str] | None) -> LineEncoder:
        """An encoder of maps with these names, or of arrays.

        Args:
            schema: Without OBJECT attributes.
            names: Keys; None: arrays.
        """
        encoded = None if names is None else [name.encode() for name in names]
        target = ffi.new("ef_row_msgpack **")
        error = new_error()
        memory = _new_memory()
        kept = [ffi.from_buffer("char[]", name or b"\0") for name in encoded or ()]
        status = lib.ef_row_msgpack_new(
            lib.ef_own_memory_alloc(memory),
            len(schema),
            ffi.new("ef_type[]", [int(each) for each in schema.types]),
            ffi.NULL if encoded is None else ffi.new("const char *[]", kept),
            ffi.NULL if encoded is None else ffi.new("uint32_t[]", [len(name) for name in encoded]),
            target,
            error,
        )
        _check_new(memory, status, error)
        return LineEncoder(memory, target[0], lib.ef_row_msgpack_encode, lib.ef_row_msgpack_free)

    def encode(self, columns_address: int, start: int, rows: int) -> bytes:
        """The lines of rows of native columns."""
        columns = ffi.cast("const ef_column *", columns_address)
        status = self._encode(self._native, columns, start, rows, self._bytes, self._length, self._error)
        check(status, self._error)
        return bytes(ffi.buffer(self._bytes[0], self._length[0])) if self._length[0] else b""


_JSON: Final = _Form(lib.ef_json_rows_decode, lib.ef_json_rows_batch, lib.ef_json_rows_free)
_CSV: Final = _Form(lib.ef_csv_rows_decode, lib.ef_csv_rows_batch, lib.ef_csv_rows_free)
_MSGPACK: Final = _Form(lib.ef_msgpack_rows_decode, lib.ef_msgpack_rows_batch, lib.ef_msgpack_rows_free)


def send_native(target: Input, rows: NativeRows, timestamps: memoryview | None = None) -> int:
    """Send decoded rows into a stream of the decoder's types, each an event of its own; how many.

    Args:
        target: The stream.
        rows: What a decoder has read.
        timestamps: 64-bit numbers, one a row, in milliseconds; None: as the decoder found them.
    """
    if timestamps is not None:
        batch = ffi.cast("ef_batch *", rows.address)
        batch.timestamps = ffi.from_buffer("int64_t[]", timestamps)
    return target._push_batch(rows.address)  # noqa: SLF001 - the native half of this module


def long_column(rows: NativeRows, column: int) -> memoryview | None:
    """The values of a LONG column of decoded rows, in place; None where one of them is null."""
    found = ffi.cast("ef_batch *", rows.address).column[column]
    if found.validity != ffi.NULL:
        return None
    return memoryview(ffi.buffer(ffi.cast("int64_t *", found.values), rows.rows * 8)).cast("q")


def native_columns(batch: object) -> tuple[int, int, int] | None:
    """Address of the native columns of a batch, its first row in them and how many; None: it isn't a run of rows."""
    if not isinstance(batch, EventBatch):
        return None
    start, count, step = batch._extent  # noqa: SLF001 - as above
    if step != 1 and count > 1:
        return None
    return batch._columns_address, start, count  # noqa: SLF001 - as above


def _new_memory() -> CData:
    memory: CData = lib.ef_own_memory_new()
    if memory == ffi.NULL:
        raise no_memory()
    return memory


def _check_new(memory: CData, status: int, error: CData) -> None:
    try:
        check(status, error)
    except EventFluxError:
        lib.ef_own_memory_free(memory)
        raise


def _owned(memory: CData, native: CData, free: Callable[[CData], None]) -> CData:
    """The codec, which is freed before the memory that counts it."""

    def free_both(codec: CData) -> None:
        free(codec)
        lib.ef_own_memory_free(memory)

    return ffi.gc(native, free_both)


def owned_codec(make: Callable[[CData, CData, CData], int], target_type: str, free: Callable[[CData], None]) -> CData:
    """A codec in memory of its own, freed with what is returned.

    Args:
        make: Makes it: memory, where it goes, error -> status.
        target_type: Of where it goes.
        free: Frees it.

    Raises:
        MemoryError: There is no room.
    """
    target = ffi.new(target_type)
    error = new_error()
    memory = _new_memory()
    _check_new(memory, make(lib.ef_own_memory_alloc(memory), target, error), error)
    return _owned(memory, target[0], free)


def _time_field(time: TimeField | None) -> CData:
    field = ffi.new("ef_time_field *")
    if time is not None:
        field.form = lib.EF_TIME_ISO if time.is_text else lib.EF_TIME_EPOCH
        field.column = time.column
        field.multiplier = time.multiplier
        field.divisor = time.divisor
    else:
        field.form = lib.EF_TIME_NONE
    return field
