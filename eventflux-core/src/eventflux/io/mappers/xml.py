"""XML, in both directions.

Source: ``<events><event>…</event>…</events>``, or elements that ``enclosing.element`` finds; attributes are child
elements of the same name, or what the paths of the mapping find. Sink: the same form, or a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element, tostring
from xml.sax.saxutils import escape

from eventflux.extension.kinds.mapper import MapperContext, SinkMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.io.conversion import Convert, text_converter
from eventflux.io.field_paths import ABSENT
from eventflux.io.mappers.csv import value_text
from eventflux.io.mappers.records import RecordSourceMapper
from eventflux.io.mappers.source_fields import Find
from eventflux.io.mappers.xml_document import parse_document
from eventflux.io.templates import Template, plain_text
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError

_EVENTS: Final = "events"
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAMESPACE: Final = re.compile(r"([\w.-]+)=(\S+)")
_ATTRIBUTE: Final = re.compile(r"(?:(.*)/)?@([\w.:-]+)")


class XmlSourceMapper(RecordSourceMapper):
    """Texts -> rows."""

    def configure(self, ctx: MapperContext) -> None:
        self._namespaces = _namespaces(ctx.options.optional_text("namespaces"))
        enclosing = ctx.options.optional_text("enclosing.element")
        self._enclosing = None if enclosing is None else self._path(enclosing, "enclosing.element")
        self.bind(ctx, self._finder, _converter)

    def records(self, payload: Payload) -> Sequence[Element]:
        if isinstance(payload, (bytearray, memoryview)):
            payload = bytes(payload)
        if not isinstance(payload, (bytes, str)):
            raise MappingError(f"an XML payload must be a text, got {type(payload).__name__}", payload=payload)
        root = parse_document(payload)
        if self._enclosing is None:
            return list(root) if _local(root.tag) == _EVENTS else [root]
        document = Element("document")
        document.append(root)
        return document.findall(self._enclosing, self._namespaces)

    def _path(self, text: str, key: str) -> str:
        """A path for the library: from the document, or from where it is asked for."""
        path = f".{text}" if text.startswith("//") else text.removeprefix("/")
        try:
            Element("document").find(path or ".", self._namespaces)
        except (SyntaxError, KeyError, TypeError) as error:
            raise ConfigError(f"{text!r} is not a path that is known here: {error}", key=key, value=text) from error
        return path or "."

    def _finder(self, where: str | None, name: str) -> Find:
        if where is None:
            return _child(name)
        key = f"mapping.{name}"
        matched = _ATTRIBUTE.fullmatch(where)
        if matched is not None:
            path = "." if matched.group(1) is None else self._path(matched.group(1), key)
            return self._attribute(path, self._qualified(matched.group(2), key))
        path = self._path(where.removesuffix("/text()"), key)

        def find(record: object, _properties: Mapping[str, object]) -> object:
            found = record.find(path, self._namespaces) if isinstance(record, Element) else None
            return ABSENT if found is None else _value(found)

        return find

    def _attribute(self, path: str, name: str) -> Find:
        def find(record: object, _properties: Mapping[str, object]) -> object:
            found = record.find(path, self._namespaces) if isinstance(record, Element) else None
            return ABSENT if found is None else found.attrib.get(name, ABSENT)

        return find

    def _qualified(self, name: str, key: str) -> str:
        prefix, colon, local = name.partition(":")
        if not colon:
            return name
        if prefix not in self._namespaces:
            raise ConfigError(f"namespace {prefix!r} is not among the namespaces", key=key, value=name)
        return f"{{{self._namespaces[prefix]}}}{local}"


class XmlSinkMapper(SinkMapper):
    """Rows -> texts."""

    _template: Template | None = None

    def configure(self, ctx: MapperContext) -> None:
        if ctx.named_templates:
            raise ConfigError("the xml mapper takes one template", key="template")
        self._around = (ctx.options.text("enclosing.element"), ctx.options.text("event.element"))
        for name in self._around:
            if name and not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
                raise ConfigError(f"{name!r} is not the name of an element", key="enclosing.element", value=name)
        self._encoders = tuple((attribute.name, value_text(attribute.type)) for attribute in ctx.schema)
        if ctx.template is not None:
            self._template = Template(
                ctx.template, ctx.schema, app_name=ctx.app_name, stream=ctx.stream, encode=escaped, now=ctx.now
            )

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        render = self._render if self._template is None else self._template.render
        return [render(event).encode() for event in events]

    def _render(self, event: EventLike) -> str:
        inner = "".join(
            f"<{name}>{escaped(write(value))}</{name}>"
            for (name, write), value in zip(self._encoders, event.data, strict=True)
            if value is not None
        )
        outer, own = self._around
        text = f"<{own}>{inner}</{own}>"
        return f"<{outer}>{text}</{outer}>" if outer else text


def escaped(value: object) -> str:
    """A value as the text of an element.

    Raises:
        MappingError: XML has no way to write one of its characters.
    """
    text = plain_text(value)
    if _NO_CHARACTER.search(text):
        raise MappingError("the text has a character that XML can't hold")
    return escape(text, {'"': "&quot;", "\r": "&#13;"})


def _converter(wanted: AttributeType) -> Convert:
    convert = text_converter(wanted)
    is_text = wanted in {AttributeType.STRING, AttributeType.OBJECT}

    def read(value: object) -> object:
        return convert(value) if is_text or not isinstance(value, str) or value.strip() else None

    return read


def _child(name: str) -> Find:
    folded = name.casefold()

    def find(record: object, _properties: Mapping[str, object]) -> object:
        if not isinstance(record, Element):
            return ABSENT
        near: list[Element] = []
        for child in record:
            local = _local(child.tag)
            if local == name:
                return _value(child)
            if local.casefold() == folded:
                near.append(child)
        return _value(near[0]) if len(near) == 1 else record.attrib.get(name, ABSENT)

    return find


def _value(element: Element) -> object:
    if element.attrib.get(_NIL) in {"true", "1"}:
        return None
    if len(element):
        return tostring(element, encoding="unicode").strip()
    return element.text or ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _namespaces(text: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (text or "").replace(",", " ").split():
        matched = _NAMESPACE.fullmatch(part)
        if matched is None:
            raise ConfigError(
                f"namespaces must be prefix=uri, with blanks between them, got {part!r}", key="namespaces", value=text
            )
        found[matched.group(1)] = matched.group(2)
    return found
