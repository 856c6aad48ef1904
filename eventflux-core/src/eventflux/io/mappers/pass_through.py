"""passThrough: events as they are, within the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.io.mappers.source_fields import shown
from eventflux.types.errors import ConfigError, MappingError


class PassThroughSourceMapper(SourceMapper):
    """Events, rows, mappings of names to values, or lists of those -> rows."""

    def configure(self, ctx: MapperContext) -> None:
        self._names = ctx.schema.names
        self._known = frozenset(self._names)
        self._order: list[int | str] | None = None
        if ctx.mapping:
            self._order = [self._place(name, ctx.mapping.get(name)) for name in self._names]

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        mapped = MappedRows()
        self._add(payload, properties, mapped)
        return mapped

    def _add(self, payload: object, properties: Mapping[str, object], mapped: MappedRows) -> None:
        if isinstance(payload, list) and payload and not _is_row(payload):
            for each in payload:
                self._add(each, properties, mapped)
            return
        try:
            row, timestamp = self._row(payload, properties)
        except MappingError as error:
            mapped.errors.append(error)
            return
        if timestamp is not None and mapped.timestamps is None:
            mapped.timestamps = [None] * len(mapped.rows)
        mapped.rows.append(row)
        if mapped.timestamps is not None:
            mapped.timestamps.append(timestamp)

    def _row(self, payload: object, properties: Mapping[str, object]) -> tuple[tuple[object, ...], int | None]:
        if isinstance(payload, (tuple, list)):
            return self._ordered(tuple(payload), properties), None
        if isinstance(payload, Mapping):
            unknown = [name for name in payload if name not in self._known]
            if unknown:
                raise MappingError(f"unknown field {unknown[0]!r}", payload=payload)
            return tuple(payload.get(name) for name in self._names), None
        if hasattr(payload, "data") and hasattr(payload, "timestamp"):
            event = cast("EventLike", payload)
            return self._ordered(event.data, properties), event.timestamp
        if len(self._names) == 1:
            return (payload,), None
        raise MappingError(f"an event, a row or a mapping is expected, got {shown(payload)}", payload=payload)

    def _ordered(self, data: tuple[object, ...], properties: Mapping[str, object]) -> tuple[object, ...]:
        if self._order is None:
            if len(data) != len(self._names):
                raise MappingError(f"a row must have {len(self._names)} values, got {len(data)}", payload=data)
            return data
        try:
            return tuple(properties.get(place) if isinstance(place, str) else data[place] for place in self._order)
        except IndexError:
            raise MappingError(f"a row of {len(data)} values is too short for the mapping", payload=data) from None

    def _place(self, name: str, where: str | None) -> int | str:
        if where is None:
            return self._names.index(name)
        if where.startswith(TRANSPORT_PROPERTY):
            return where[len(TRANSPORT_PROPERTY) :]
        if where.isdecimal():
            return int(where)
        raise ConfigError(f"{where!r} is not the index of a value", key=f"mapping.{name}", value=where)


class PassThroughSinkMapper(SinkMapper):
    """Events -> themselves; a template has no meaning here and is passed over."""

    def configure(self, ctx: MapperContext) -> None:
        """There is nothing to take."""

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        return list(events)


def _is_row(values: list[object]) -> bool:
    return not isinstance(values[0], (tuple, list, Mapping)) and not hasattr(values[0], "data")


PASS_THROUGH_SOURCE: Final = Extension(
    name="passThrough",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="Events, rows or mappings of names to values, as they are.",
    factory=PassThroughSourceMapper,
    examples=(Example("@source(type='inMemory', topic='t') define stream S (a int);", "Events of another stream."),),
)

PASS_THROUGH_SINK: Final = Extension(
    name="passThrough",
    kind=ExtensionKind.SINK_MAPPER,
    description="Events as they are.",
    factory=PassThroughSinkMapper,
    examples=(Example("@sink(type='inMemory', topic='t') define stream S (a int);", "Events for another stream."),),
)
