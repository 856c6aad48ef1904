"""What the source mappers of structured formats have in common: a payload is some records, a record is a row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping

from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.kinds.mapper import MappedRows, MapperContext, SourceMapper
from eventflux.extension.kinds.rows import Payload
from eventflux.io.conversion import Convert
from eventflux.io.mappers.source_fields import (
    Field,
    Find,
    TimestampField,
    is_transport_property,
    read_row,
    transport_property,
)
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import MappingError


class RecordSourceMapper(SourceMapper):
    """Payloads -> records -> rows. A record that can't be mapped fails alone."""

    _fields: tuple[Field, ...]
    _timestamp: TimestampField | None
    _fail_on_missing: bool
    _ignore_errors: bool

    def bind(
        self,
        ctx: MapperContext,
        find: Callable[[str | None, str], Find],
        converter: Callable[[AttributeType], Convert],
    ) -> None:
        """Take mapping and common options.

        Args:
            ctx: Of the mapper.
            find: Makes what finds a field in a record, from what the mapping says (or None) and the attribute's name.
            converter: Makes what turns a found value into one of a type.
        """
        self._fail_on_missing = ctx.options.flag("fail.on.missing")
        self._ignore_errors = ctx.options.flag("ignore-parse-errors")
        self._fields = tuple(
            Field(
                attribute.name,
                _transported(ctx.mapping.get(attribute.name)) or find(ctx.mapping.get(attribute.name), attribute.name),
                converter(attribute.type),
            )
            for attribute in ctx.schema
        )
        self._timestamp = TimestampField.of(ctx, lambda name: find(name, name))

    @abstractmethod
    def records(self, payload: Payload) -> Iterable[object]:
        """The records of a payload; `MappingError` if it is not of the format."""

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        mapped = MappedRows(timestamps=None if self._timestamp is None else [])
        try:
            records = list(self.records(payload))
        except MappingError as error:
            if not self._ignore_errors:
                error.payload = payload
                mapped.errors.append(error)
            return mapped
        for position, record in enumerate(records):
            try:
                row = read_row(self._fields, record, properties, fail_on_missing=self._fail_on_missing)
                if self._timestamp is not None and mapped.timestamps is not None:
                    mapped.timestamps.append(self._timestamp.value(row, record, properties))
                mapped.rows.append(row)
            except MappingError as error:
                if not self._ignore_errors:
                    error.payload, error.position = payload, position if len(records) > 1 else None
                    mapped.errors.append(error)
        return mapped


def bytes_of(payload: Payload, format_: str) -> bytes:
    """A payload that must be bytes.

    Raises:
        MappingError: It isn't.
    """
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, (bytearray, memoryview)):
        return bytes(payload)
    raise MappingError(f"a payload of {format_} must be bytes, got {type(payload).__name__}", payload=payload)


def _transported(where: str | None) -> Find | None:
    if where is None or not is_transport_property(where):
        return None
    return transport_property(where[len(TRANSPORT_PROPERTY) :])
