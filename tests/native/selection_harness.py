"""Makes one native selection from what it is to do."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.native.operator_harness import FORMATS, STRING, Operator, Value, ffi, lib

ANY_ORDER, FIFO, NONE_LEAVES = 0, 1, 2

_ARGUMENTS, _OUTPUTS, _HAVING = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the program's input."""

    index: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the program."""

    type: int
    value: Value


@dataclass(frozen=True, slots=True)
class Call:
    """A native operation."""

    operation: str
    arguments: tuple[Expression, ...]


Expression = Column | Constant | Call


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A native aggregator and the type of its argument (0: none)."""

    name: str
    type: int = 0
    argument: Expression | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A key of the order: an output column."""

    output: int
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a selection is made from; columns of `outputs` beyond the input's are aggregates."""

    columns: tuple[int, ...]
    outputs: tuple[Expression, ...]
    keys: tuple[Expression, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    visible: int | None = None
    having: Expression | None = None
    order: tuple[Order, ...] = ()
    limit: int = -1
    offset: int = 0
    current: bool = True
    expired: bool = False
    removal: int = ANY_ORDER


class Selection(Operator):
    """One selection and its state."""

    def __init__(self, spec: Spec, *, seed: int = 1, fail_after: int = -1) -> None:
        self.spec = spec
        super().__init__(spec.columns, seed=seed, fail_after=fail_after)

    def _make(self, fail_after: int) -> None:
        spec = self.spec
        outputs = list(spec.keys)
        for aggregate in spec.aggregates:
            position = -1
            if aggregate.argument is not None:
                position = len(outputs)
                outputs.append(aggregate.argument)
            lib.ef_operator_tester_aggregate(self._tester, aggregate.name.encode(), aggregate.type, position)
        self._program(_ARGUMENTS, outputs)
        self._program(_OUTPUTS, spec.outputs)
        if spec.having is not None:
            self._program(_HAVING, [spec.having])
        for key in spec.order:
            lib.ef_operator_tester_order(self._tester, key.output, key.descending, key.nulls_first)
        visible = len(spec.outputs) if spec.visible is None else spec.visible
        lib.ef_operator_tester_fail_after(self._tester, fail_after)
        status = lib.ef_operator_tester_select(
            self._tester,
            len(spec.keys),
            visible,
            spec.limit,
            spec.offset,
            spec.current,
            spec.expired,
            spec.removal,
        )
        self._check(status)

    def _program(self, program: int, outputs: Sequence[Expression]) -> None:
        for output in outputs:
            register = self._register(program, output)
            self._check(lib.ef_operator_tester_output(self._tester, program, register))

    def _register(self, program: int, expression: Expression) -> int:
        match expression:
            case Column(index):
                register = lib.ef_operator_tester_column(self._tester, program, index)
            case Constant(kind, value):
                register = lib.ef_operator_tester_constant(self._tester, program, kind, self._constant(kind, value))
            case Call(operation, arguments):
                registers = [self._register(program, argument) for argument in arguments]
                register = lib.ef_operator_tester_call(
                    self._tester, program, operation.encode(), registers, len(registers)
                )
        self._check(register)
        return int(register)

    def _constant(self, kind: int, value: Value) -> object:
        if value is None:
            return ffi.NULL
        if kind == STRING:
            data = value.encode()
            assert len(data) <= 12
            return ffi.from_buffer(struct.pack("<I12s", len(data), data))
        return ffi.from_buffer(struct.pack("<" + FORMATS[kind], value))
