"""Expression programs driven from Python: columns are lists, null is None, an OBJECT is a Python value."""

from __future__ import annotations

import array
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgpack
from typing_extensions import Self

from eventflux.engine import _native_testing as native

ffi = native.ffi
lib = native.lib

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = range(1, 8)
TYPES = {"bool": BOOL, "int": INT, "long": LONG, "float": FLOAT, "double": DOUBLE, "string": STRING, "object": OBJECT}
NAMES = {number: name for name, number in TYPES.items()}
_ARRAYS = {BOOL: "B", INT: "i", LONG: "q", FLOAT: "f", DOUBLE: "d"}
_CTYPES = {BOOL: "uint8_t", INT: "int32_t", LONG: "int64_t", FLOAT: "float", DOUBLE: "double"}
_SET = 1


class ProgramError(Exception):
    """What the engine said; `row` is -1 where no row is to blame."""

    def __init__(self, status: int, message: str, row: int) -> None:
        super().__init__(message)
        self.status = status
        self.row = row


class OrderedSet(tuple[Any, ...]):
    """The elements of a set OBJECT, in order."""

    __slots__ = ()


def pack(value: Any) -> bytes:
    """An OBJECT's bytes."""

    def encode(other: Any) -> msgpack.ExtType:
        if isinstance(other, (set, frozenset, OrderedSet)):
            return msgpack.ExtType(_SET, pack(list(other)))
        raise TypeError(other)

    return msgpack.packb(value, default=encode, strict_types=True)


def unpack(data: bytes) -> Any:
    """The value of an OBJECT's bytes."""

    def decode(code: int, payload: bytes) -> Any:
        assert code == _SET
        return OrderedSet(unpack(payload))

    return msgpack.unpackb(data, ext_hook=decode, strict_map_key=False)


def text_of(value: Any, type_number: int) -> bytes:
    return pack(value) if type_number == OBJECT else value.encode()


def bitmap(present: Sequence[bool]) -> bytes:
    bits = bytearray((len(present) + 7) // 8)
    for row, is_present in enumerate(present):
        bits[row >> 3] |= is_present << (row & 7)
    return bytes(bits)


def single(value: float) -> float:
    """The nearest FLOAT."""
    return array.array("f", [value])[0]


class Program:
    """A program under construction, and its runs."""

    def __init__(self, types: Sequence[int], *, limit: int = 0) -> None:
        self.types = list(types)
        self.handle = lib.expr_test_new(limit)
        self.output_types: list[int] = []
        self._check(lib.expr_test_begin(self.handle, len(types), list(types)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        left = self.close()
        assert left == 0, f"{left} bytes were not given back"

    def close(self) -> int:
        handle, self.handle = self.handle, ffi.NULL
        return lib.expr_test_free(handle) if handle else 0

    def _check(self, status: int) -> int:
        if status < 0:
            message = ffi.string(lib.expr_test_message(self.handle)).decode()
            raise ProgramError(status, message, lib.expr_test_row(self.handle))
        return status

    def column(self, index: int) -> int:
        return self._check(lib.expr_test_column(self.handle, index))

    def constant(self, value: Any, type_number: int) -> int:
        if value is None:
            return self._check(lib.expr_test_constant(self.handle, type_number, ffi.NULL))
        if type_number in (STRING, OBJECT):
            data = text_of(value, type_number)
            return self._check(lib.expr_test_constant_text(self.handle, type_number, data, len(data)))
        return self._check(lib.expr_test_constant(self.handle, type_number, ffi.new(_CTYPES[type_number] + "*", value)))

    def call(self, operation: str, *arguments: int) -> int:
        return self._check(lib.expr_test_call(self.handle, operation.encode(), list(arguments), len(arguments)))

    def host_call(self, function: int, returns: int, *arguments: int) -> int:
        return self._check(lib.expr_test_host_call(self.handle, function, returns, list(arguments), len(arguments)))

    @contextmanager
    def mask(self, condition: int, *, when: bool = True) -> Iterator[None]:
        self._check(lib.expr_test_begin_mask(self.handle, condition, when))
        yield
        self._check(lib.expr_test_end_mask(self.handle))

    def output(self, register: int) -> None:
        self._check(lib.expr_test_output(self.handle, register))
        self.output_types.append(lib.expr_test_register_type(self.handle, register))

    def text(self) -> str:
        return ffi.string(lib.expr_test_text(self.handle)).decode()

    def fill(
        self,
        columns: Sequence[Sequence[Any]],
        *,
        timestamps: Sequence[int] | None = None,
        clock: Sequence[int] = (0,),
        causes: Sequence[int] | None = None,
        rows: int | None = None,
    ) -> int:
        count = len(columns[0]) if rows is None else rows
        self._check(lib.expr_test_rows(self.handle, count))
        for index, (type_number, values) in enumerate(zip(self.types, columns, strict=True)):
            assert len(values) == count
            validity = bitmap([value is not None for value in values]) if None in values else ffi.NULL
            if type_number in (STRING, OBJECT):
                texts = [b"" if value is None else text_of(value, type_number) for value in values]
                ends = array.array("I", [0] * count)
                total = 0
                for row, text in enumerate(texts):
                    total += len(text)
                    ends[row] = total
                status = lib.expr_test_texts(
                    self.handle, index, b"".join(texts), ffi.from_buffer("uint32_t[]", ends), validity
                )
            else:
                packed = array.array(_ARRAYS[type_number], [0 if value is None else value for value in values])
                status = lib.expr_test_values(self.handle, index, ffi.from_buffer(packed), validity)
            self._check(status)
        stamps = list(timestamps) if timestamps is not None else [0] * count
        self._check(
            lib.expr_test_times(
                self.handle, stamps, list(clock), len(clock), ffi.NULL if causes is None else list(causes)
            )
        )
        return count

    def seed(self, seed: int) -> None:
        lib.expr_test_seed(self.handle, seed)

    def run(self, columns: Sequence[Sequence[Any]], *, error_edge: bool = False, **times: Any) -> list[list[Any]]:
        """One list an output."""
        count = self.fill(columns, **times)
        return self.run_again(count, error_edge=error_edge)

    def run_again(self, count: int, *, error_edge: bool = False) -> list[list[Any]]:
        self._check(lib.expr_test_run(self.handle, error_edge))
        return [self._read(output, type_number, count) for output, type_number in enumerate(self.output_types)]

    def _read(self, output: int, type_number: int, count: int) -> list[Any]:
        validity = lib.expr_test_result_validity(self.handle, output)
        present = [not validity or bool(validity[row >> 3] >> (row & 7) & 1) for row in range(count)]
        if type_number in (STRING, OBJECT):
            length = ffi.new("uint32_t *")
            values: list[Any] = []
            for row in range(count):
                data = lib.expr_test_result_text(self.handle, output, row, length)
                raw = bytes(ffi.buffer(data, length[0]))
                if not present[row]:
                    assert raw == b"", "a null string is empty"
                    values.append(None)
                elif type_number == OBJECT:
                    assert lib.expr_test_object_check(raw, len(raw)), raw
                    values.append(unpack(raw))
                else:
                    values.append(raw.decode())
            return values
        width = struct.calcsize("=" + _ARRAYS[type_number])
        raw = bytes(ffi.buffer(lib.expr_test_result(self.handle, output), width * count))
        numbers = array.array(_ARRAYS[type_number], raw).tolist()
        for number, is_present in zip(numbers, present, strict=True):
            assert is_present or number == 0, "a null number is zero bytes"
        if type_number == BOOL:
            assert set(numbers) <= {0, 1}
            numbers = [bool(number) for number in numbers]
        return [number if is_present else None for number, is_present in zip(numbers, present, strict=True)]

    @property
    def failures(self) -> list[tuple[int, str]]:
        at = ffi.new("uint32_t *")
        found = []
        for index in range(lib.expr_test_failed(self.handle)):
            message = ffi.string(lib.expr_test_failure(self.handle, index, at)).decode()
            found.append((at[0], message))
        return found

    def ok(self, count: int) -> list[bool] | None:
        bits = lib.expr_test_ok(self.handle)
        return None if not bits else [bool(bits[row >> 3] >> (row & 7) & 1) for row in range(count)]

    def select(self, columns: Sequence[Sequence[Any]], **times: Any) -> list[int]:
        self.fill(columns, **times)
        rows = ffi.new("const uint32_t **")
        count = self._check(lib.expr_test_select(self.handle, rows))
        return [rows[0][index] for index in range(count)]


def evaluate(operation: str, *operands: tuple[str, Sequence[Any]], error_edge: bool = False) -> list[Any]:
    """The operation over columns, each a (type name, values)."""
    with Program([TYPES[name] for name, _ in operands]) as program:
        program.output(program.call(operation, *(program.column(index) for index in range(len(operands)))))
        return program.run([values for _, values in operands], error_edge=error_edge)[0]


def evaluate_constants(operation: str, *operands: tuple[str, Any]) -> Any:
    """The operation over constants."""
    with Program([]) as program:
        registers = [program.constant(value, TYPES[name]) for name, value in operands]
        program.output(program.call(operation, *registers))
        results = program.run([], rows=3)[0]
    assert len({repr(result) for result in results}) == 1
    return results[0]


def operations() -> dict[str, tuple[str, int]]:
    """Name -> (signature, result type) of every operation."""
    signature, result = ffi.new("const char **"), ffi.new("int32_t *")
    found: dict[str, tuple[str, int]] = {}
    index = 0
    while name := lib.expr_test_operation(index, signature, result):
        found[ffi.string(name).decode()] = (ffi.string(signature[0]).decode(), result[0])
        index += 1
    return found
