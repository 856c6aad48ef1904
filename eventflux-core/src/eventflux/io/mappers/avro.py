"""Avro, in both directions: binary records, with a schema that both sides know, or Confluent's header and a registry.

Source: a container file as payload brings its own schema and many records. Points in time become milliseconds,
decimals numbers or texts.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fastavro import reader, schemaless_reader, schemaless_writer
from fastavro.schema import SchemaParseException, UnknownType
from fastavro.validation import ValidationError as AvroValidationError

from eventflux.extension.kinds.mapper import MapperContext, SinkMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.io.field_paths import ABSENT, parse_path
from eventflux.io.mappers.avro_schemas import (
    HEADER,
    AvroSchema,
    SchemaRegistry,
    configured_schema,
    schema_of,
)
from eventflux.io.mappers.plain_values import plain_converter
from eventflux.io.mappers.records import RecordSourceMapper, bytes_of
from eventflux.io.mappers.source_fields import Find
from eventflux.types.errors import ConfigError, MappingError

_CONTAINER: Final = b"Obj\x01"
_BROKEN: Final = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    MemoryError,
    StopIteration,
    struct.error,
    zlib.error,
    SchemaParseException,
    UnknownType,
)


class AvroSourceMapper(RecordSourceMapper):
    """Records -> rows."""

    def configure(self, ctx: MapperContext) -> None:
        self._registry = _registry(ctx)
        given = configured_schema(ctx)
        self._schema = given if given is not None or self._registry is not None else schema_of(ctx.stream, ctx.schema)
        self.bind(ctx, _finder, plain_converter)

    def records(self, payload: Payload) -> Iterable[object]:
        data = bytes_of(payload, "Avro")
        try:
            if data.startswith(_CONTAINER):
                return list(reader(io.BytesIO(data)))
            schema: AvroSchema = self._schema
            start = 0
            if self._registry is not None:
                start = HEADER.size
                schema = self._registry.schema(_number(data))
            rest = io.BytesIO(data)
            rest.seek(start)
            record: object = schemaless_reader(rest, schema, None)
            if rest.tell() != len(data):
                raise MappingError(f"{len(data) - rest.tell()} bytes are left behind the Avro record")
        except _BROKEN as error:
            raise MappingError(f"not Avro of this schema: {error}") from error
        return record if isinstance(record, list) else [record]


class AvroSinkMapper(SinkMapper):
    """Rows -> records."""

    def configure(self, ctx: MapperContext) -> None:
        if ctx.template is not None or ctx.named_templates:
            raise ConfigError("the avro mapper takes no template", key="template")
        self._names = ctx.schema.names
        self._stream = ctx.stream
        self._registry = _registry(ctx)
        self._subject = ctx.options.optional_text("schema.subject") or f"{ctx.stream}-value"
        self._version = ctx.options.text("schema.version")
        given = configured_schema(ctx)
        self._schema: AvroSchema | None = None
        if self._registry is None:
            self._schema = given if given is not None else schema_of(ctx.stream, ctx.schema)
            missing = _missing(self._schema, self._names)
            if missing:
                raise ConfigError(
                    f"the Avro schema has fields that stream {ctx.stream!r} does not fill: {', '.join(missing)}",
                    key="schema",
                )

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        header, schema = b"", self._schema
        if self._registry is not None:
            number, schema = self._registry.subject(self._subject, self._version)
            header = HEADER.pack(0, number)
        return [header + self._encoded(event, schema) for event in events]

    def _encoded(self, event: EventLike, schema: AvroSchema) -> bytes:
        out = io.BytesIO()
        record = {
            name: list(value) if isinstance(value, (set, frozenset)) else value
            for name, value in zip(self._names, event.data, strict=True)
        }
        try:
            schemaless_writer(out, schema, record)
        except (*_BROKEN, AttributeError, AvroValidationError) as error:
            raise MappingError(f"the event can't be written with the Avro schema: {error!r}") from error
        return out.getvalue()


def _registry(ctx: MapperContext) -> SchemaRegistry | None:
    options = ctx.options
    url = options.optional_text("schema.registry")
    if url is None:
        return None
    return SchemaRegistry(
        url, options.optional_text("schema.registry.username"), options.optional_text("schema.registry.password")
    )


def _number(data: bytes) -> int:
    if len(data) < HEADER.size:
        raise MappingError("the payload is too short for the number of its schema")
    magic, number = HEADER.unpack_from(data)
    if magic != 0:
        raise MappingError(f"the payload begins with {magic}, not with 0 and the number of its schema")
    return int(number)


def _finder(where: str | None, name: str) -> Find:
    try:
        path = parse_path(where or f"['{name}']")
    except ValueError as error:
        raise ConfigError(str(error), key=f"mapping.{name}", value=where) from error
    folded = name.casefold()

    def find(record: object, _properties: Mapping[str, object]) -> object:
        found = path.of(record)
        if found is ABSENT and where is None and isinstance(record, dict):
            near = [key for key in record if isinstance(key, str) and key.casefold() == folded]
            if len(near) == 1:
                return record[near[0]]
        return found

    return find


def _missing(schema: AvroSchema, names: Sequence[str]) -> list[str]:
    """Fields of a record that have neither a default nor an attribute."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        kind = schema.get("type") if isinstance(schema, dict) else schema
        raise ConfigError(f"the Avro schema of a sink must be a record, not {kind!r}", key="schema")
    return [field["name"] for field in schema["fields"] if "default" not in field and field["name"] not in names]
