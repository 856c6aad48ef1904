"""msgpack, in both directions: a map or an array an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgpack

from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.io.conversion import structured_converter
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
    shown,
    transport_property,
)
from eventflux.types.errors import MappingError


class MsgpackSourceMapper(SourceMapper):
    """Payloads -> rows; ``layout`` says whether an event is a map or an array."""

    def configure(self, ctx: MapperContext) -> None:
        options = ctx.options
        self._is_array = options.text("layout") == "array"
        self._many = options.flag("schema")
        self._fail_on_missing = options.flag("fail.on.missing")
        self._ignore_errors = options.flag("ignore-parse-errors")
        self._width = len(ctx.schema)
        self._fields = tuple(
            Field(
                attribute.name,
                _finder(ctx.mapping.get(attribute.name), attribute.name, position),
                structured_converter(attribute.type),
            )
            for position, attribute in enumerate(ctx.schema)
        )
        self._timestamp = TimestampField.of(ctx, lambda name: _finder(None, name, -1))

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        mapped = MappedRows(timestamps=None if self._timestamp is None else [])
        try:
            events = self._events(payload)
        except MappingError as error:
            if not self._ignore_errors:
                mapped.errors.append(error)
            return mapped
        for position, event in enumerate(events):
            try:
                row = read_row(self._fields, self._checked(event), properties, fail_on_missing=self._fail_on_missing)
                if self._timestamp is not None and mapped.timestamps is not None:
                    mapped.timestamps.append(self._timestamp.value(row, event, properties))
                mapped.rows.append(row)
            except MappingError as error:
                if not self._ignore_errors:
                    error.payload, error.position = event, position
                    mapped.errors.append(error)
        return mapped

    def _events(self, payload: Payload) -> Sequence[object]:
        if not isinstance(payload, (bytes, bytearray, memoryview)):
            raise MappingError(f"a msgpack payload must be bytes, got {type(payload).__name__}", payload=payload)
        try:
            value = msgpack.unpackb(payload, raw=False, strict_map_key=False, timestamp=0)
        except (ValueError, msgpack.UnpackException) as error:
            raise MappingError(f"not msgpack: {error}", payload=payload) from error
        if self._is_array:
            return value if self._many and isinstance(value, list) else [value]
        return value if isinstance(value, list) else [value]

    def _checked(self, event: object) -> object:
        if self._is_array:
            if not isinstance(event, list) or len(event) != self._width:
                raise MappingError(f"an event must be an array of {self._width} values, got {shown(event)}")
        elif not isinstance(event, dict):
            raise MappingError(f"an event must be a map, got {shown(event)}")
        return event


class MsgpackSinkMapper(SinkMapper):
    """Rows -> payloads."""

    def configure(self, ctx: MapperContext) -> None:
        self._is_array = ctx.options.text("layout") == "array"
        self._names = ctx.schema.names

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        pack = msgpack.Packer(use_bin_type=True, default=_as_msgpack).pack
        if self._is_array:
            return [pack(event.data) for event in events]
        return [pack(dict(zip(self._names, event.data, strict=True))) for event in events]


def _as_msgpack(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise MappingError(f"a value of type {type(value).__name__} can't be written as msgpack")


def _finder(where: str | None, name: str, position: int) -> Find:
    if where is not None and is_transport_property(where):
        return transport_property(where[len(TRANSPORT_PROPERTY) :])
    index = int(where) if where is not None and where.isdecimal() else position
    key = name if where is None else where

    def find(event: object, _properties: Mapping[str, object]) -> object:
        if isinstance(event, dict):
            return event.get(key, ABSENT)
        if isinstance(event, list) and 0 <= index < len(event):
            return event[index]
        return ABSENT

    return find


_LAYOUT: Final = Parameter("layout", TEXT, "How an event is written.", default="map", choices=("map", "array"))

MSGPACK_SOURCE: Final = Extension(
    name="msgpack",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="A msgpack map or array an event.",
    factory=MsgpackSourceMapper,
    parameters=(
        _LAYOUT,
        Parameter("schema", BOOL, "With layout array: a payload is an array of rows.", default=False),
        MISSING_PARAMETER,
        IGNORE_PARAMETER,
        *TIMESTAMP_PARAMETERS,
    ),
    examples=(
        Example(
            "@source(type='inMemory', topic='t', @map(type='msgpack', layout='array')) define stream S (a int);",
            "Arrays in the order of the attributes.",
        ),
    ),
)

MSGPACK_SINK: Final = Extension(
    name="msgpack",
    kind=ExtensionKind.SINK_MAPPER,
    description="A msgpack map or array an event.",
    factory=MsgpackSinkMapper,
    parameters=(_LAYOUT,),
    examples=(
        Example(
            "@sink(type='inMemory', topic='t', @map(type='msgpack')) define stream S (a int, b string);",
            "Maps with the names of the attributes.",
        ),
    ),
)
