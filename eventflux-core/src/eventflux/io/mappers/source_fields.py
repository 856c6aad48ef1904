"""Shared by the mappers that find fields by name: which field goes to which attribute, and the event's timestamp."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Parameter
from eventflux.extension.kinds.mapper import MapperContext
from eventflux.io.conversion import Convert
from eventflux.io.field_paths import ABSENT
from eventflux.io.timestamps import ReadTimestamp, timestamp_reader
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError
from eventflux.types.record import record

TEXT: Final = (AttributeType.STRING,)
BOOL: Final = (AttributeType.BOOL,)
INT: Final = (AttributeType.INT,)

TIMESTAMP_PARAMETERS: Final = (
    Parameter("timestamp", TEXT, "Attribute or field that holds the event's time.", optional=True),
    Parameter(
        "timestamp-format",
        TEXT,
        "auto, iso, epoch-s, epoch-ms, epoch-us, epoch-ns, a strptime format, or letters as in yyyy-MM-dd HH:mm:ss.",
        default="auto",
        aliases=("timestamp.format",),
    ),
)
MISSING_PARAMETER: Final = Parameter(
    "fail.on.missing",
    BOOL,
    "A missing field is an error instead of null.",
    default=False,
    aliases=("fail-on-missing-field", "fail.on.missing.attribute", "fail-on-missing"),
)
IGNORE_PARAMETER: Final = Parameter(
    "ignore-parse-errors", BOOL, "Pass over what can't be read, without an error.", default=False
)

Find = Callable[[object, Mapping[str, object]], object]


@record(frozen=True, slots=True)
class Field:
    """One attribute: where its value comes from and how it is converted."""

    name: str
    find: Find
    convert: Convert


class TimestampField:
    """The event's time, from an attribute that is mapped anyway or from a field of its own."""

    def __init__(self, position: int | None, find: Find | None, read: ReadTimestamp) -> None:
        self.position = position
        self._find = find
        self._read = read

    @staticmethod
    def of(ctx: MapperContext, find: Callable[[str], Find]) -> TimestampField | None:
        """The field that the options name, or None.

        Args:
            ctx: Of the mapper.
            find: Makes the function that finds a field which is no attribute.

        Raises:
            ConfigError: The format is none.
        """
        name = ctx.options.optional_text("timestamp")
        if name is None:
            return None
        format_ = ctx.options.text("timestamp-format")
        try:
            read = timestamp_reader(format_)
        except ValueError as error:
            raise ConfigError(str(error), key="timestamp-format", value=format_) from error
        position = ctx.schema.position(name)
        if position is not None:
            return TimestampField(position, None, read)
        return TimestampField(None, find(name), read)

    def value(self, row: Sequence[object], payload: object, properties: Mapping[str, object]) -> int:
        """Milliseconds.

        Raises:
            MappingError: The field is missing or no point in time.
        """
        found = (
            row[self.position] if self.position is not None else self._find(payload, properties) if self._find else None
        )
        if found is None or found is ABSENT:
            raise MappingError("the timestamp is missing")
        try:
            return self._read(found)
        except (ValueError, OverflowError) as error:
            raise MappingError(f"timestamp: {error}") from error


def transport_property(name: str) -> Find:
    """Finds a property that the source has delivered beside the payload."""

    def find(_payload: object, properties: Mapping[str, object]) -> object:
        return properties.get(name, ABSENT)

    return find


def is_transport_property(where: str) -> bool:
    """Whether a mapping value names one."""
    return where.startswith(TRANSPORT_PROPERTY)


def read_row(
    fields: Sequence[Field], payload: object, properties: Mapping[str, object], *, fail_on_missing: bool
) -> tuple[object, ...]:
    """The row of one payload.

    Raises:
        MappingError: A field is missing where that is an error, or has a value that does not fit.
    """
    row: list[object] = []
    for field in fields:
        value = field.find(payload, properties)
        if value is ABSENT:
            if fail_on_missing:
                raise MappingError(f"field {field.name!r} is missing")
            value = None
        if value is not None:
            try:
                value = field.convert(value)
            except ValueError as error:
                raise MappingError(f"field {field.name!r} must be {error}, got {shown(value)}") from error
        row.append(value)
    return tuple(row)


def shown(value: object) -> str:
    """A value in a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def by_name(wanted: str, names: Sequence[str]) -> str | None:
    """The name that an attribute is matched with: exact, else in any case where only one fits."""
    if wanted in names:
        return wanted
    folded = [name for name in names if name.casefold() == wanted.casefold()]
    return folded[0] if len(folded) == 1 else None
