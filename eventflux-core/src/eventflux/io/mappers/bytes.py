"""Bytes: a whole payload is one attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.io.mappers.source_fields import TEXT
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError


class BytesSourceMapper(SourceMapper):
    """A payload -> a row with the payload in one attribute; the others come from transport properties or are null."""

    def configure(self, ctx: MapperContext) -> None:
        self._position = _position(ctx)
        self._is_text = ctx.schema[self._position].type is AttributeType.STRING
        if ctx.schema[self._position].type not in {AttributeType.STRING, AttributeType.OBJECT}:
            raise ConfigError(
                f"the bytes mapper fills an OBJECT or STRING attribute, {ctx.schema[self._position]} is none",
                key="field",
            )
        self._properties: list[str | None] = [None] * len(ctx.schema)
        for position, name in enumerate(ctx.schema.names):
            where = ctx.mapping.get(name, "")
            if where.startswith(TRANSPORT_PROPERTY):
                self._properties[position] = where[len(TRANSPORT_PROPERTY) :]

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        value: object = bytes(payload) if isinstance(payload, (bytearray, memoryview)) else payload
        if self._is_text and isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError as error:
                return MappedRows(errors=[MappingError(f"not UTF-8: {error}", payload=payload)])
        elif isinstance(value, str) and not self._is_text:
            value = value.encode()
        row = [None if name is None else properties.get(name) for name in self._properties]
        row[self._position] = value
        return MappedRows(rows=[tuple(row)])


class BytesSinkMapper(SinkMapper):
    """One attribute of a row -> a payload."""

    def configure(self, ctx: MapperContext) -> None:
        self._position = _position(ctx)
        self._name = ctx.schema[self._position].name

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        return [self._payload(event.data[self._position]) for event in events]

    def _payload(self, value: object) -> bytes:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, str):
            return value.encode()
        raise MappingError(f"attribute {self._name!r} must hold bytes or a text, got {type(value).__name__}")


def _position(ctx: MapperContext) -> int:
    named = ctx.options.optional_text("field")
    if named is None:
        return 0
    position = int(named) if named.isdecimal() else ctx.schema.position(named)
    if position is None or position >= len(ctx.schema):
        raise ConfigError(f"{named!r} is no attribute of stream {ctx.stream!r}", key="field", value=named)
    return position


_FIELD: Final = Parameter(
    "field",
    TEXT,
    "The attribute, by name or index; the first one if not given.",
    optional=True,
    aliases=("field-index",),
)

BYTES_SOURCE: Final = Extension(
    name="bytes",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="The whole payload in one attribute.",
    factory=BytesSourceMapper,
    parameters=(_FIELD,),
    examples=(
        Example(
            "@source(type='inMemory', topic='raw', @map(type='bytes')) define stream Raw (payload object);",
            "Payloads as they come.",
        ),
    ),
)

BYTES_SINK: Final = Extension(
    name="bytes",
    kind=ExtensionKind.SINK_MAPPER,
    description="One attribute as it is.",
    factory=BytesSinkMapper,
    parameters=(_FIELD,),
    examples=(
        Example(
            "@sink(type='inMemory', topic='raw', @map(type='bytes')) define stream Raw (payload object);",
            "Payloads as they are.",
        ),
    ),
)
