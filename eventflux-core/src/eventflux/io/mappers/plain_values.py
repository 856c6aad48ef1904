"""Values of schema-bound formats as plain ones: points in time as milliseconds, decimals as numbers or texts."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Mapping

from eventflux.io.conversion import Convert, structured_converter
from eventflux.types.attribute_type import AttributeType

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def plain(value: object) -> object:
    """A value without types that the language doesn't know, inside of lists and maps too."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=datetime.timezone.utc)
        return (moment - _EPOCH) // _MILLISECOND
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value // _MILLISECOND
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def plain_converter(wanted: AttributeType) -> Convert:
    """As `structured_converter`, for values as `plain` takes them."""
    convert = structured_converter(wanted)
    is_real = wanted in {AttributeType.FLOAT, AttributeType.DOUBLE}

    def read(value: object) -> object:
        if is_real and isinstance(value, decimal.Decimal):
            value = float(value)
        return convert(plain(value))

    return read
