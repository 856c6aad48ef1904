"""Attribute and Schema: what a stream, table or window looks like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record


@record(frozen=True, slots=True)
class Attribute:
    """A named, typed field of a schema."""

    name: str
    type: AttributeType
    nullable: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.type.name}"


class Schema:
    """Ordered attributes with unique names. Immutable; equal schemas have equal attributes in equal order."""

    __slots__ = ("_positions", "attributes")

    attributes: tuple[Attribute, ...]

    def __init__(self, attributes: Iterable[Attribute]) -> None:
        """Take the attributes in order.

        Raises:
            ValueError: Two attributes have one name.
        """
        self.attributes = tuple(attributes)
        self._positions = {attribute.name: position for position, attribute in enumerate(self.attributes)}
        if len(self._positions) != len(self.attributes):
            names = [attribute.name for attribute in self.attributes]
            repeated = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"attribute {repeated!r} appears twice")

    @classmethod
    def of(cls, **attributes: AttributeType) -> Schema:
        """Schema from keyword arguments, in their order."""
        return cls(Attribute(name, attribute_type) for name, attribute_type in attributes.items())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def types(self) -> tuple[AttributeType, ...]:
        return tuple(attribute.type for attribute in self.attributes)

    def position(self, name: str) -> int | None:
        """Index of the attribute with exactly this name, or None."""
        return self._positions.get(name)

    def find(self, name: str) -> Attribute | None:
        """Attribute with exactly this name, or None."""
        position = self._positions.get(name)
        return None if position is None else self.attributes[position]

    def same_layout(self, other: Schema) -> bool:
        """Whether names, types and order agree (nullability aside): what two definitions of one name must share."""
        return self.names == other.names and self.types == other.types

    def __len__(self) -> int:
        return len(self.attributes)

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self.attributes)

    def __getitem__(self, position: int) -> Attribute:
        return self.attributes[position]

    def __contains__(self, name: object) -> bool:
        return name in self._positions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.attributes == other.attributes

    def __hash__(self) -> int:
        return hash(self.attributes)

    def __str__(self) -> str:
        return ", ".join(str(attribute) for attribute in self.attributes)

    def __repr__(self) -> str:
        return f"Schema({self})"
