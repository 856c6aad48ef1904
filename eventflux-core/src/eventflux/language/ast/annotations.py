"""Annotations (`@name(...)`) and WITH properties: settings as text, parsed by their owner."""

from __future__ import annotations

import enum
from dataclasses import field

from eventflux.language.ast.node import Node
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class AnnotationElement(Node):
    """`key='value'` inside an annotation, or a value alone (key None)."""

    key: str | None
    value: str
    value_span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Annotation(Node):
    """`@name(elements, @nested(...))`; `@app:name(...)` has the namespace `app`. Names are case-insensitive."""

    namespace: str | None = None
    name: str
    elements: tuple[AnnotationElement, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    def is_named(self, name: str, namespace: str | None = None) -> bool:
        """Whether it has that name, in any case."""
        own = self.namespace.lower() if self.namespace is not None else None
        return self.name.lower() == name.lower() and own == namespace

    def element(self, key: str | None) -> AnnotationElement | None:
        """First element with that key (any case; None: without a key), or None."""
        for element in self.elements:
            if element.key is None or key is None:
                if element.key is key:
                    return element
            elif element.key.lower() == key.lower():
                return element
        return None

    def nested(self, name: str) -> tuple[Annotation, ...]:
        """Inner annotations of that name, in any case."""
        return tuple(annotation for annotation in self.annotations if annotation.is_named(name))


class PropertyKind(enum.Enum):
    """How a property value was written. All are kept as text."""

    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    NULL = "null"
    WORD = "word"
    FLAG = "flag"
    """A key alone: the value is `true`."""


@record(frozen=True, slots=True, kw_only=True)
class Property(Node):
    """One property of WITH (...). Keys are case-sensitive."""

    key: str
    value: str
    kind: PropertyKind = PropertyKind.STRING
    key_span: Span = field(default=NO_SPAN, compare=False, repr=False)
    value_span: Span = field(default=NO_SPAN, compare=False, repr=False)
