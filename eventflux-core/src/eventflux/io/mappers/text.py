"""Text: regular expressions in, templates out.

Source: with ``regex.A`` options, groups of them become attributes (mapping ``A[1]`` or ``A[name]``). Without, a payload
is lines of ``name:value``, texts in quotes. Sink: a template, or those lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.io.conversion import text_converter
from eventflux.io.field_paths import ABSENT
from eventflux.io.mappers.source_fields import (
    BOOL,
    IGNORE_PARAMETER,
    MISSING_PARAMETER,
    TEXT,
    TIMESTAMP_PARAMETERS,
    Field,
    Find,
    TimestampField,
    is_transport_property,
    read_row,
    transport_property,
)
from eventflux.io.templates import Template, plain_text
from eventflux.types.errors import ConfigError, MappingError

_GROUP: Final = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)\[([^\]]+)\]")


class TextSourceMapper(SourceMapper):
    """Texts -> rows. An event is a payload; with ``event.grouping`` a payload holds many, apart by ``delimiter``."""

    def configure(self, ctx: MapperContext) -> None:
        options = ctx.options
        self._fail_on_missing = options.flag("fail.on.missing")
        self._ignore_errors = options.flag("ignore-parse-errors")
        self._grouped = options.flag("event.grouping")
        self._between = options.text("delimiter").replace("\\n", "\n")
        self._patterns = {
            name or "regex": _compiled(name or "regex", text) for name, text in options.family("regex.").items()
        }
        single = options.optional_text("regex")
        if single is not None:
            self._patterns[""] = _compiled("regex", single)
        self._fields = tuple(
            Field(attribute.name, self._finder(ctx.mapping.get(attribute.name), attribute.name, position), convert)
            for position, attribute in enumerate(ctx.schema)
            for convert in (text_converter(attribute.type),)
        )
        self._timestamp = TimestampField.of(ctx, lambda name: self._finder(None, name, None))

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        mapped = MappedRows(timestamps=None if self._timestamp is None else [])
        try:
            text = text_of(payload)
        except MappingError as error:
            if not self._ignore_errors:
                mapped.errors.append(error)
            return mapped
        for event in text.split(self._between) if self._grouped else (text,):
            if not event.strip():
                continue
            try:
                found = self._found(event)
                row = read_row(self._fields, found, properties, fail_on_missing=self._fail_on_missing)
                if self._timestamp is not None and mapped.timestamps is not None:
                    mapped.timestamps.append(self._timestamp.value(row, found, properties))
                mapped.rows.append(row)
            except MappingError as error:
                if not self._ignore_errors:
                    error.payload = event
                    mapped.errors.append(error)
        return mapped

    def _found(self, event: str) -> dict[str, object]:
        if not self._patterns:
            return dict(_lines(event))
        found: dict[str, object] = {}
        for name, pattern in self._patterns.items():
            match = pattern.search(event)
            if match is None:
                continue
            for index, value in enumerate(match.groups(), 1):
                found[f"{name}[{index}]"] = value
            for group, value in match.groupdict().items():
                found[f"{name}[{group}]"] = value
                found.setdefault(group, value)
        if not found:
            raise MappingError("no regular expression matches")
        return found

    def _finder(self, where: str | None, name: str, position: int | None) -> Find:
        if where is not None and is_transport_property(where):
            return transport_property(where[len(TRANSPORT_PROPERTY) :])
        key = name
        if where is not None:
            key = where
            match = _GROUP.fullmatch(where)
            if match is not None and match[1] not in self._patterns:
                raise ConfigError(
                    f"mapping {where!r} names no regular expression",
                    key=f"mapping.{name}",
                    hint=f"there are: {', '.join(filter(None, self._patterns))}",
                )
        elif self._patterns and position is not None and not self._names_group(name):
            key = f"{next(iter(self._patterns))}[{position + 1}]"
        return lambda found, _properties: found.get(key, ABSENT) if isinstance(found, dict) else ABSENT

    def _names_group(self, name: str) -> bool:
        return any(name in pattern.groupindex for pattern in self._patterns.values())


class TextSinkMapper(SinkMapper):
    """Rows -> texts."""

    def configure(self, ctx: MapperContext) -> None:
        if ctx.named_templates:
            raise ConfigError("the text mapper takes one template", key="template")
        self._names = ctx.schema.names
        self._template = (
            None
            if ctx.template is None
            else Template(
                ctx.template, ctx.schema, app_name=ctx.app_name, stream=ctx.stream, encode=plain_text, now=ctx.now
            )
        )

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        if self._template is not None:
            return [self._template.render(event).encode() for event in events]
        return [
            "\n".join(
                f"{name}:{_line_value(value)}" for name, value in zip(self._names, event.data, strict=True)
            ).encode()
            for event in events
        ]


def text_of(payload: Payload) -> str:
    """The text of a payload.

    Raises:
        MappingError: It is none, or not UTF-8.
    """
    if isinstance(payload, str):
        return payload
    if isinstance(payload, (bytes, bytearray, memoryview)):
        try:
            return bytes(payload).decode()
        except UnicodeDecodeError as error:
            raise MappingError(f"not UTF-8: {error}", payload=payload) from error
    raise MappingError(f"the payload must be a text, got {type(payload).__name__}", payload=payload)


def _lines(event: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for line in event.splitlines():
        name, colon, value = line.rstrip(",").partition(":")
        if not colon:
            raise MappingError(f"a line must be name:value, got {line!r}")
        value = value.strip()
        if value == "null":
            found.append((name.strip(), None))
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found.append((name.strip(), value))
    return found


def _line_value(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else plain_text(value)


def _compiled(name: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigError(f"{name!r} is not a regular expression: {error}", key=name, value=text) from error


TEXT_SOURCE: Final = Extension(
    name="text",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="Regular expressions over texts, or lines of name:value.",
    factory=TextSourceMapper,
    parameters=(
        Parameter("regex", TEXT, "The expression; its groups are the attributes, by name or in order.", optional=True),
        Parameter("regex.", TEXT, "More expressions, by name: mapping values are A[1].", optional=True, is_prefix=True),
        Parameter("event.grouping", BOOL, "A payload holds many events.", default=False),
        Parameter("delimiter", TEXT, "What stands between grouped events.", default="\n~~~~~~~~~~\n"),
        MISSING_PARAMETER,
        IGNORE_PARAMETER,
        *TIMESTAMP_PARAMETERS,
    ),
    examples=(
        Example(
            r"@source(type='file', path='app.log', @map(type='text', regex='(\\w+) took (\\d+) ms'))"
            " define stream Requests (name string, took int);",
            "Groups in the order of the attributes.",
        ),
    ),
)

TEXT_SINK: Final = Extension(
    name="text",
    kind=ExtensionKind.SINK_MAPPER,
    description="A template, or lines of name:value.",
    factory=TextSinkMapper,
    examples=(
        Example(
            "@sink(type='log', @map(type='text', @payload('{{symbol}} is {{price}}')))"
            " define stream O (symbol string, price double);",
            "A line an event.",
        ),
    ),
)
