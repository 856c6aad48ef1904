"""Type names as written: `VARCHAR(20)`, `ARRAY<INT>`, `STRUCT<a INT, b STRING>`."""

from __future__ import annotations

from eventflux.language.ast.node import Identifier, Node
from eventflux.types.attribute_type import AttributeType, attribute_type_named
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class StructField(Node):
    """A named member of a STRUCT or ROW type."""

    name: Identifier
    type: TypeName


@record(frozen=True, slots=True, kw_only=True)
class TypeName(Node):
    """A type as written. `name` is upper case with single spaces, without arguments; it may be unknown."""

    name: str
    lengths: tuple[int, ...] = ()
    """`(n)` or `(p, s)`: read and ignored by the engine."""
    elements: tuple[TypeName, ...] = ()
    """Element types of ARRAY, LIST (one) and MAP (two); `t[]` is ARRAY<t>."""
    fields: tuple[StructField, ...] = ()
    """Members of STRUCT and ROW."""

    @property
    def attribute_type(self) -> AttributeType | None:
        """The engine's type, or None for an unknown name."""
        return attribute_type_named(self.name)
