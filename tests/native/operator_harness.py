"""Drives one native operator from Python: rows as tuples in, deliveries of rows out.

The slices are the caller's: `process` is one call of the operator, and everything it gave is read out before the slice
ends.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import msgpack
from typing_extensions import Self

from eventflux.engine import _native_testing

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = 1, 2, 3, 4, 5, 6, 7
CURRENT, EXPIRED, RESET = 0, 1, 2
EACH_ROW, WHOLE, ENDS = 0, 1, 2
NO_MEMORY, CORRUPT = -1, -5
SET = 1
EVERY_SLOT = 2**32 - 1

ffi, lib = _native_testing.ffi, _native_testing.lib

FORMATS = {BOOL: "B", INT: "i", LONG: "q", FLOAT: "f", DOUBLE: "d"}

Value = Any


class OperatorError(Exception):
    """A native call gave a status other than zero."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a batch."""

    values: tuple[Value, ...]
    kind: int = CURRENT
    timestamp: int = 0
    slot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one call, and how they fall into deliveries."""

    rows: tuple[Row, ...]
    form: int = EACH_ROW
    ends: tuple[int, ...] = ()
    chunk: bool = False
    slots: bool = False
    kinds: bool = True
    causes: tuple[int, ...] | None = None


@dataclass(slots=True)
class Result:
    """Deliveries of rows (values, kind, timestamp, slot), and the input rows that failed."""

    deliveries: list[list[Row]] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return [row for delivery in self.deliveries for row in delivery]


def encode_object(value: Value) -> bytes:
    """An OBJECT value as msgpack; sets (as dictionaries of elements, in order) are an extension type."""

    def default(other: object) -> object:
        if isinstance(other, dict | set | frozenset):
            return msgpack.ExtType(SET, msgpack.packb(list(other)))
        raise TypeError(other)

    if isinstance(value, dict):
        return bytes(msgpack.packb(default(value)))
    return bytes(msgpack.packb(value, default=default))


def decode_object(data: bytes) -> Value:
    """The value; sets become dictionaries of their elements."""

    def extension(code: int, payload: bytes) -> Value:
        assert code == SET
        return dict.fromkeys(msgpack.unpackb(payload))

    return msgpack.unpackb(data, ext_hook=extension)


def _bitmap(values: Sequence[Value]) -> bytes | None:
    if all(value is not None for value in values):
        return None
    bits = bytearray((len(values) + 7) // 8)
    for i, value in enumerate(values):
        if value is not None:
            bits[i >> 3] |= 1 << (i & 7)
    return bytes(bits)


class Operator:
    """An operator and its state; who derives from it makes the native one."""

    def __init__(self, columns: tuple[int, ...], *, seed: int, fail_after: int) -> None:
        self.columns = columns
        self._tester = lib.ef_operator_tester_new(seed)
        self._keep: list[object] = []
        self._clock: object = None
        for column in columns:
            lib.ef_operator_tester_input(self._tester, column)
        try:
            self._make(fail_after)
        except OperatorError:
            self.close()
            raise

    def _make(self, fail_after: int) -> None:
        raise AssertionError(fail_after)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free everything; the process aborts if the operator lost memory."""
        if self._tester is not None:
            lib.ef_operator_tester_fail_after(self._tester, -1)
            lib.ef_operator_tester_end(self._tester)
            lib.ef_operator_tester_free(self._tester)
            self._tester = None

    def _check(self, status: int) -> None:
        if status < 0:
            message = ffi.string(lib.ef_operator_tester_message(self._tester)).decode()
            raise OperatorError(status, message)

    def _array(self, kind: str, values: Sequence[Value]) -> object:
        data = struct.pack(f"<{len(values)}{kind}", *values) + bytes(16)
        # An allocation of its own, so that sanitizers see reads beyond its end.
        buffer = ffi.new("char[]", data)
        self._keep.append(buffer)
        return buffer

    def begin(self, batch: Batch) -> None:
        """Hand the rows of a batch over."""
        self._keep = []
        rows = batch.rows
        timestamps = self._array("q", [row.timestamp for row in rows])
        kinds = self._array("B", [row.kind for row in rows]) if batch.kinds else ffi.NULL
        slots = ffi.cast("uint32_t *", self._array("I", [row.slot for row in rows])) if batch.slots else ffi.NULL
        lib.ef_operator_tester_begin(
            self._tester,
            len(rows),
            ffi.cast("int64_t *", timestamps),
            ffi.cast("uint8_t *", kinds),
            ffi.NULL if batch.causes is None else ffi.cast("int64_t *", self._array("q", batch.causes)),
            slots,
        )
        for c, kind in enumerate(self.columns):
            values = [row.values[c] for row in rows]
            bits = _bitmap(values)
            validity = ffi.cast("uint8_t *", self._array("B", bits)) if bits is not None else ffi.NULL
            if kind in FORMATS:
                array = self._array(FORMATS[kind], [0 if value is None else value for value in values])
                self._check(lib.ef_operator_tester_values(self._tester, array, validity))
            else:
                encode = str.encode if kind == STRING else encode_object
                texts = [b"" if value is None else encode(value) for value in values]
                offsets = [0]
                for text in texts:
                    offsets.append(offsets[-1] + len(text))
                joined = ffi.new("char[]", b"".join(texts))
                self._keep.append(joined)
                places = ffi.cast("uint32_t *", self._array("I", offsets))
                self._check(lib.ef_operator_tester_texts(self._tester, joined, places, validity))

    def process(self, batch: Batch, *, snapshot_ends: bool = False) -> Result:
        """One call, one slice. `snapshot_ends`: a snapshot that is held lets its pages go before the slice ends."""
        self.begin(batch)
        ends = ffi.cast("uint32_t *", self._array("I", batch.ends)) if batch.form == ENDS else ffi.NULL
        try:
            self._check(lib.ef_operator_tester_process(self._tester, batch.form, ends, len(batch.ends), batch.chunk))
            if snapshot_ends:
                lib.ef_operator_tester_release(self._tester)
            return self._result()
        finally:
            lib.ef_operator_tester_end(self._tester)

    def _result(self) -> Result:
        tester = self._tester
        result = Result()
        begin = 0
        for d in range(lib.ef_operator_tester_deliveries(tester)):
            end = lib.ef_operator_tester_delivery_end(tester, d)
            result.deliveries.append([self._row(i) for i in range(begin, end)])
            begin = end
        assert begin == lib.ef_operator_tester_rows(tester)
        for i in range(lib.ef_operator_tester_failures(tester)):
            result.failed.append(lib.ef_operator_tester_failed_row(tester, i))
        return result

    def _row(self, i: int) -> Row:
        tester = self._tester
        columns = lib.ef_operator_tester_columns(tester)
        return Row(
            tuple(self._value(c, i) for c in range(columns)),
            lib.ef_operator_tester_kind(tester, i),
            lib.ef_operator_tester_timestamp(tester, i),
            lib.ef_operator_tester_slot(tester, i),
        )

    def _value(self, column: int, row: int) -> Value:
        length = ffi.new("uint32_t *")
        pointer = lib.ef_operator_tester_value(self._tester, column, row, length)
        if pointer == ffi.NULL:
            return None
        kind = lib.ef_operator_tester_type(self._tester, column)
        if kind in FORMATS:
            code = FORMATS[kind]
            (value,) = struct.unpack("<" + code, bytes(ffi.buffer(pointer, struct.calcsize(code))))
            return bool(value) if kind == BOOL else value
        data = bytes(ffi.buffer(pointer, length[0]))
        return data.decode() if kind == STRING else decode_object(data)

    def set_track(self, clock: Sequence[int], *, before: int, firings: int) -> None:
        """The clock of the steps of the next calls, and how many timers may fire in one."""
        self._clock = ffi.new("int64_t[]", list(clock))
        lib.ef_operator_tester_clock(self._tester, self._clock, len(clock), before, firings)

    @property
    def next_due(self) -> int:
        return int(lib.ef_operator_tester_next_due(self._tester))

    def save(self) -> bytes:
        """The state as bytes."""
        data, length = ffi.new("const char **"), ffi.new("size_t *")
        self._check(lib.ef_operator_tester_save(self._tester, data, length))
        return bytes(ffi.buffer(data[0], length[0]))

    def load(self, state: bytes) -> None:
        """Load into this operator, which must be fresh."""
        buffer = ffi.new("char[]", state)
        self._check(lib.ef_operator_tester_load(self._tester, buffer, len(state)))

    def hold_snapshot(self) -> None:
        """Keep a snapshot's references to the pages, as one that is being written out does."""
        self._check(lib.ef_operator_tester_hold(self._tester))

    def purge(self, slot: int) -> None:
        """Forget a slot, in a slice of its own."""
        lib.ef_operator_tester_purge(self._tester, slot)
        lib.ef_operator_tester_end(self._tester)

    @property
    def size(self) -> int:
        return int(lib.ef_operator_tester_size(self._tester))

    @property
    def memory(self) -> int:
        return int(lib.ef_operator_tester_memory(self._tester))

    def fail_after(self, allocations: int) -> None:
        """Let the allocation after so many fail; negative: none."""
        lib.ef_operator_tester_fail_after(self._tester, allocations)

    def leave(self, scratch: int) -> None:
        """Leave the next slice so many bytes before it must allocate."""
        lib.ef_operator_tester_leave(self._tester, scratch)

    def rate(self, batch: Batch, repeats: int) -> float:
        """Millions of rows a second over repeated calls with one batch."""
        self.begin(batch)
        return float(lib.ef_operator_tester_rate(self._tester, batch.form, batch.chunk, repeats)) / 1e3
