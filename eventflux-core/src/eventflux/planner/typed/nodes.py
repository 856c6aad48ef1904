"""Nodes of typed expressions.

Every node knows its type; an operation is named as the engine names it (`add_int`, `less_double`), so nothing is left
to decide when a program is emitted. `type` is None only for a bare NULL, until its place gives it a type, and for
Unknown, which stands where an error has been reported and keeps silent from then on.

Equality ignores spans: two places that compute the same are equal. One object standing at several places of a tree is
one evaluation, also where the operation is not pure.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from eventflux.language.ast import TypeName
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span

ConstantValue: TypeAlias = bool | int | float | str | bytes | None


@record(frozen=True, slots=True, kw_only=True)
class Constant:
    """A constant. Compared by type and text, so that 0.0 and -0.0 differ and NaN is equal to itself."""

    type: AttributeType | None
    value: ConstantValue = field(compare=False)
    span: Span = field(default=NO_SPAN, compare=False, repr=False)
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", repr(self.value))

    @property
    def is_null(self) -> bool:
        return self.value is None


@record(frozen=True, slots=True, kw_only=True)
class Column:
    """An attribute of the rows that the expression reads."""

    index: int
    type: AttributeType | None
    name: str = field(default="", compare=False)
    shape: TypeName | None = field(default=None, compare=False, repr=False)
    """The type as declared, where it says more than OBJECT."""
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """An output column of the selection: what HAVING and ORDER BY refer to."""

    index: int
    type: AttributeType | None
    name: str = field(default="", compare=False)
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class AggregateValue:
    """The present value of an aggregate of the selection."""

    index: int
    type: AttributeType | None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Call:
    """An operation of the engine.

    `pure`: a function of its arguments without effect: it may be folded, shared, and evaluated for rows that do not
    need it. Others are evaluated under a mask, for the rows only that reach them.
    """

    operation: str
    arguments: tuple[TypedExpression, ...]
    type: AttributeType | None
    pure: bool = True
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class HostCall:
    """A function outside the engine, by its number in the plan. Never pure here: calls cost more than masks."""

    function: int
    name: str
    arguments: tuple[TypedExpression, ...]
    type: AttributeType | None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Unknown:
    """What stands where an error has been reported. Never reaches a plan."""

    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def type(self) -> AttributeType | None:
        return None


TypedExpression: TypeAlias = Constant | Column | OutputColumn | AggregateValue | Call | HostCall | Unknown
