"""Base of all nodes, and names."""

from __future__ import annotations

from dataclasses import field

from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the tree. Equality ignores the span: two texts that say the same have equal trees."""

    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Identifier(Node):
    """A name as it stands in the text, without quotes.

    `quoted` matters for one hint only: in SQL `"x"` is a name where a user of EventFluxQL means a string.
    """

    name: str
    quoted: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name
