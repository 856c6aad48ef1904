"""Annotations and WITH properties."""

from __future__ import annotations

from eventflux.language.ast import Annotation, AnnotationElement, Property, PropertyKind
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import annotation_string_value, name_value, string_value
from eventflux.language.visitors.base import BaseVisitor
from eventflux.types.error_codes import ErrorCode


class AnnotationVisitor(BaseVisitor):
    """Reads annotations and properties."""

    def statement_annotations(self, node: ParseNode) -> tuple[Annotation, ...]:
        """The statement's own annotations; those of the app are put aside."""
        own: list[Annotation] = []
        for child in self.parts(node).all("annotation"):
            annotation = self.annotation(child)
            if annotation.namespace is not None and annotation.namespace.lower() == "app":
                self.app_annotations.append(annotation)
            else:
                own.append(annotation)
        return tuple(own)

    def annotation(self, node: ParseNode) -> Annotation:
        parts = self.parts(node)
        namespace, name = self.qualified_name(parts.one("annotation_name"))
        elements: list[AnnotationElement] = []
        nested: list[Annotation] = []
        for item in parts.all("annotation_item"):
            inner = self.only(item)
            if inner.expr_name == "annotation":
                nested.append(self.annotation(inner))
            else:
                elements.append(self._element(inner))
        return Annotation(
            namespace=namespace,
            name=name,
            elements=tuple(elements),
            annotations=tuple(nested),
            span=self.span(node),
        )

    def _element(self, node: ParseNode) -> AnnotationElement:
        parts = self.parts(node)
        key_node, value_node = parts.get("annotation_key"), parts.one("annotation_string")
        key: str | None = None
        if key_node is not None:
            written = self.text(key_node)[:-1].strip()
            # `buffer . size` is the key `buffer.size`.
            key = written[1:-1] if written[0] in "'\"" else "".join(written.split())
        value = annotation_string_value(self.text(value_node), self.dialect)
        return AnnotationElement(key=key, value=value, value_span=self.span(value_node), span=self.span(node))

    def properties(self, node: ParseNode | None) -> tuple[Property, ...]:
        """`WITH (...)`, or nothing."""
        if node is None:
            return ()
        found: list[Property] = []
        seen: set[str] = set()
        for child in self.parts(node).all("property"):
            item = self._property(child)
            if item.key in seen:
                self.error(item.key_span, ErrorCode.DUPLICATE_PROPERTY, f"property {item.key!r} given twice")
            seen.add(item.key)
            found.append(item)
        return tuple(found)

    def _property(self, node: ParseNode) -> Property:
        parts = self.parts(node)
        key_node = parts.one("property_key")
        written = self.text(key_node)
        if written[0] == "'" or (written[0] == '"' and not name_value(written)[1]):
            key = string_value(written, self.dialect)
        elif written[0] in '"`':
            key = name_value(written)[0]
        else:
            key = "".join(written.split())
        value_node = parts.get("property_value")
        if value_node is None:
            return Property(
                key=key, value="true", kind=PropertyKind.FLAG, key_span=self.span(key_node), span=self.span(node)
            )
        token = self.only(value_node)
        text = self.text(token)
        match token.expr_name:
            case "string":
                value, kind = string_value(text, self.dialect), PropertyKind.STRING
            case "quoted_name":
                value, kind = name_value(text)[0], PropertyKind.STRING
            case "signed_number":
                value, kind = "".join(text.split()), PropertyKind.NUMBER
            case "constant":
                value = text.lower()
                kind = PropertyKind.NULL if value == "null" else PropertyKind.BOOL
            case _:
                value, kind = name_value(text)[0], PropertyKind.WORD
        return Property(
            key=key,
            value=value,
            kind=kind,
            key_span=self.span(key_node),
            value_span=self.span(token),
            span=self.span(node),
        )
