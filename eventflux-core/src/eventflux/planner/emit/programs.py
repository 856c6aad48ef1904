"""Typed expressions -> instructions of a program.

Pure operations are written once where they are equal. Others (that fail, have state, call out) are written where they
stand, behind masks for the rows that reach them: the right side of AND and OR, the branches of a choice, the later
arguments of COALESCE.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.target import ProgramTarget, Register
from eventflux.planner.typed.nodes import (
    AggregateValue,
    Call,
    Column,
    Constant,
    HostCall,
    OutputColumn,
    TypedExpression,
    Unknown,
)
from eventflux.planner.typed.walk import is_pure, post_order
from eventflux.types.attribute_type import AttributeType

_AND: Final = frozenset({"and", "and3"})
_OR: Final = frozenset({"or", "or3"})
_ORDERED: Final = ("coalesce_", "default_")


class ProgramWriter:
    """Writes expressions into one program."""

    def __init__(self, program: ProgramTarget, *, aggregates: Sequence[int] = (), shares: bool = True) -> None:
        """Begin.

        Args:
            program: Where to.
            aggregates: The column of each aggregate.
            shares: Equal pure expressions are computed once.
        """
        self._program = program
        self._aggregates = aggregates
        self._shares = shares
        self._equal: dict[Hashable, Register] = {}
        # By object, one level a mask: what was computed under a mask holds under it only.
        self._levels: list[dict[int, tuple[TypedExpression, Register]]] = [{}]
        self._pure: dict[int, tuple[TypedExpression, bool]] = {}

    def output(self, expression: TypedExpression) -> None:
        """Make the value the next output."""
        self._program.output(self.register(expression))

    def register(self, expression: TypedExpression) -> Register:
        """The register that holds the value."""
        if self._is_pure(expression):
            return self._pure_register(expression)
        for level in reversed(self._levels):
            known = level.get(id(expression))
            if known is not None:
                return known[1]
        register = self._written(expression)
        self._levels[-1][id(expression)] = (expression, register)
        return register

    def _pure_register(self, expression: TypedExpression) -> Register:
        # The mask does not matter: pure operations are computed for all rows.
        known = self._levels[0]
        for node in post_order(expression, known):
            known[id(node)] = (node, self._shared(node))
        return known[id(expression)][1]

    def _shared(self, expression: TypedExpression) -> Register:
        """The register of a pure expression whose arguments are written."""
        if not self._shares:
            return self._written(expression)
        key = self._key(expression)
        register = self._equal.get(key)
        if register is None:
            register = self._equal[key] = self._written(expression)
        return register

    def _key(self, expression: TypedExpression) -> Hashable:
        """What equal expressions share: the operation and the registers of its arguments, or the leaf itself."""
        match expression:
            case Call():
                arguments = tuple(self._levels[0][id(argument)][1] for argument in expression.arguments)
                return expression.operation, expression.type, arguments
            case _:
                return expression

    def _written(self, expression: TypedExpression) -> Register:
        program = self._program
        match expression:
            case Constant(type=attribute_type, value=value):
                return program.constant(value, _known(attribute_type))
            case Column(index=index) | OutputColumn(index=index):
                return program.column(index)
            case AggregateValue(index=index):
                return program.column(self._aggregates[index])
            case HostCall():
                registers = [self.register(argument) for argument in expression.arguments]
                return program.host_call(expression.function, _known(expression.type), *registers)
            case Call():
                if any(not self._is_pure(argument) for argument in expression.arguments[1:]):
                    lazy = self._lazy(expression)
                    if lazy is not None:
                        return lazy
                registers = [self.register(argument) for argument in expression.arguments]
                with placed_at(expression.span):
                    return program.call(expression.operation, *registers)
            case Unknown():
                raise ValueError("an expression with errors cannot be emitted")

    def _lazy(self, call: Call) -> Register | None:
        """The call with its later arguments behind masks; None: all its arguments are always evaluated."""
        program, operation = self._program, call.operation
        if operation in _AND or operation in _OR:
            left, right = call.arguments
            first = self.register(left)
            condition, when = first, operation in _AND
            if operation == "and3":
                # Unknown does not decide: only where the left side is false is the right side not needed.
                false = program.constant(value=False, type=AttributeType.BOOL)
                condition, when = program.call("equal_bool", first, false), False
            with self._under(condition, when=when):
                second = self.register(right)
            return program.call(operation, first, second)
        if operation.startswith("if_"):
            condition_expression, then, otherwise = call.arguments
            condition = self.register(condition_expression)
            with self._under(condition, when=True):
                chosen = self.register(then)
            with self._under(condition, when=False):
                other = self.register(otherwise)
            return program.call(operation, condition, chosen, other)
        if operation.startswith(_ORDERED):
            return self._first_that_is_there(call, call.arguments)
        return None

    def _first_that_is_there(self, call: Call, arguments: tuple[TypedExpression, ...]) -> Register:
        first = self.register(arguments[0])
        if len(arguments) == 1:
            return first
        kind = _known(call.type).name.lower()
        missing = self._program.call(f"is_null_{kind}", first)
        with self._under(missing, when=True):
            rest = self._first_that_is_there(call, arguments[1:])
        return self._program.call(f"if_{kind}", missing, rest, first)

    @contextmanager
    def _under(self, condition: Register, *, when: bool) -> Iterator[None]:
        with self._program.mask(condition, when=when):
            self._levels.append({})
            try:
                yield
            finally:
                self._levels.pop()

    def _is_pure(self, expression: TypedExpression) -> bool:
        known = self._pure.get(id(expression))
        if known is None:
            known = self._pure[id(expression)] = (expression, is_pure(expression))
        return known[1]


def _known(attribute_type: AttributeType | None) -> AttributeType:
    if attribute_type is None:
        raise ValueError("the type of an expression is not known")
    return attribute_type
