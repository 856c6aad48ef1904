"""msgpack, in both directions: a map or an array an event.

Payloads need no delimiter: blocks of them are read and written natively, one behind the other, where every attribute is
a plain value of a field of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgpack

from eventflux.engine.codecs import LineDecoder, LineEncoder, native_columns
from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch
from eventflux.io.conversion import structured_converter
from eventflux.io.field_paths import ABSENT
from eventflux.io.mappers.native_lines import NativeLines, native_time
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
from eventflux.types.attribute_type import AttributeType
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
        self._native = None if self._many else _native_values(ctx, is_array=self._is_array)

    def map_block(self, block: bytes, delimiter: bytes) -> Iterator[MappedColumns] | None:
        return None if self._native is None or delimiter else self._native.runs(block)

    def split(self, block: bytes, delimiter: bytes) -> Iterable[bytes]:
        return super().split(block, delimiter) if delimiter else _values(block)

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
        self._native: LineEncoder | None = None
        if AttributeType.OBJECT not in ctx.schema.types:
            self._native = LineEncoder.msgpack(ctx.schema, None if self._is_array else self._names)

    @property
    def block_delimiter(self) -> bytes:
        return b""

    def map_block(self, batch: RowBatch, delimiter: bytes) -> bytes | None:
        if self._native is None or delimiter:
            return None
        columns = native_columns(batch)
        return None if columns is None else self._native.encode(*columns)

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        pack = msgpack.Packer(use_bin_type=True, default=_as_msgpack).pack
        if self._is_array:
            return [pack(event.data) for event in events]
        return [pack(dict(zip(self._names, event.data, strict=True))) for event in events]


def _values(block: bytes) -> Iterator[bytes]:
    """The values of a block; what is left behind the last good one is the last."""
    unpacker = msgpack.Unpacker(max_buffer_size=0)
    unpacker.feed(block)
    start = 0
    while start < len(block):
        try:
            unpacker.skip()
            end = unpacker.tell()
        except (ValueError, msgpack.UnpackException):
            end = len(block)
        yield block[start:end]
        start = end


def _native_values(ctx: MapperContext, *, is_array: bool) -> NativeLines | None:
    """The native decoder, where every attribute is one field of a type that it knows."""
    time = native_time(ctx, lambda _name: not is_array)
    wheres = [ctx.mapping.get(name) for name in ctx.schema.names]
    if time is None or AttributeType.OBJECT in ctx.schema.types:
        return None
    if any(where is not None and is_transport_property(where) for where in wheres):
        return None
    time_field, extra = time
    types = list(ctx.schema.types)
    names = [where or name for name, where in zip(ctx.schema.names, wheres, strict=True)]
    if extra is not None:
        names.append(extra[0])
        types.append(extra[1])
    width = len(ctx.schema)
    fields: list[str] | list[int] = names
    if is_array:
        if any(where is not None and not where.isdecimal() for where in wheres):
            return None
        fields = [position if where is None else int(where) for position, where in enumerate(wheres)]
        if any(field >= width for field in fields):
            return None
    if len(set(fields)) != len(fields):
        return None
    return NativeLines(
        LineDecoder.msgpack(
            types,
            fields,
            width=width,
            visible=width,
            time=time_field,
            fail_on_missing=ctx.options.flag("fail.on.missing"),
        )
    )


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
