"""Time: LONG milliseconds since 1970, UTC.

``EXTRACT(HOUR FROM ts)`` in SQL, ``time:extract('hour', ts)`` in EventFluxQL.
"""

from __future__ import annotations

from typing import Final

from eventflux.builtin.functions.declaring import also_as, argument, function
from eventflux.extension.declaration import Example, Extension, Overload
from eventflux.types.attribute_type import AttributeType

_INT: Final = AttributeType.INT
_LONG: Final = AttributeType.LONG
_STRING: Final = AttributeType.STRING
_NAMESPACE: Final = "time"

_UNITS: Final = {
    "MILLISECOND": ("MILLISEC", "MS"),
    "SECOND": ("SEC", "S"),
    "MINUTE": ("MIN", "M"),
    "HOUR": ("H",),
    "DAY": ("D",),
    "WEEK": ("W",),
    "MONTH": (),
    "QUARTER": (),
    "YEAR": (),
}


def _spellings(names: tuple[str, ...]) -> tuple[str, ...]:
    """Singular and plural, with the short forms behind the long ones."""
    long = [spelling for name in names for spelling in (name, f"{name}S")]
    short = [spelling for name in names for unit in _UNITS.get(name, ()) for spelling in (unit, f"{unit}S")]
    return tuple(dict.fromkeys((*long, *short)))


_FIELDS: Final = (*_UNITS, "DOW", "DOY", "EPOCH")

_TS: Final = argument("ts", (_LONG,), "Milliseconds since 1970-01-01T00:00:00Z; null gives null.")
_UNIT: Final = argument(
    "unit",
    (_STRING,),
    "MILLISECOND, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER or YEAR.",
    choices=_spellings(tuple(_UNITS)),
)
_FIELD: Final = argument(
    "field",
    (_STRING,),
    "YEAR, QUARTER, MONTH, WEEK (ISO), DAY, DOY, DOW (0 is Sunday), HOUR, MINUTE, SECOND, MILLISECOND or EPOCH.",
    choices=_spellings(_FIELDS),
)
_AMOUNT: Final = argument("n", (_LONG,), "How many units.")
_PATTERN: Final = argument("pattern", (_STRING,), "The pattern, with the letters of Java's SimpleDateFormat.")

EXTRACT: Final = function(
    "EXTRACT",
    "A field of a time, in UTC. SQL writes ``EXTRACT(field FROM ts)``.",
    parameters=(_FIELD, _TS),
    overloads=(
        Overload(parameters=("field", _LONG), constants=((0, "EPOCH"),), returns=_LONG, native="extract_long"),
        Overload(parameters=("field", _LONG), returns=_INT, native="extract"),
    ),
    examples=(
        Example("EXTRACT('YEAR', 1356998400123L) = 2013", "The first moments of 2013."),
        Example("EXTRACT('DOW', 0) = 4", "1970 began on a Thursday."),
    ),
)


def _field(name: str, what: str, example: Example, *aliases: str) -> Extension:
    return function(
        name,
        f"{what} of a time, in UTC.",
        parameters=(_TS,),
        overloads=(Overload(parameters=(_LONG,), native=f"extract_{name.lower()}"),),
        returns=_INT,
        examples=(example,),
        aliases=aliases,
    )


YEAR: Final = _field("YEAR", "The year", Example("YEAR(0) = 1970", "The value."))
QUARTER: Final = _field("QUARTER", "The quarter, 1 to 4,", Example("QUARTER(0) = 1", "The value."))
MONTH: Final = _field("MONTH", "The month, 1 to 12,", Example("MONTH(0) = 1", "The value."))
WEEK: Final = _field("WEEK", "The week by ISO 8601, 1 to 53,", Example("WEEK(0) = 1", "The value."), "WEEKOFYEAR")
DAY: Final = _field("DAY", "The day of the month", Example("DAY(0) = 1", "The value."), "DAYOFMONTH")
DOY: Final = _field("DOY", "The day of the year", Example("DOY(0) = 1", "The value."), "DAYOFYEAR")
DOW: Final = _field("DOW", "The day of the week, 0 is Sunday,", Example("DOW(0) = 4", "The value."), "DAYOFWEEK")
HOUR: Final = _field("HOUR", "The hour, 0 to 23,", Example("HOUR(3600000) = 1", "The value."))
MINUTE: Final = _field("MINUTE", "The minute", Example("MINUTE(60000) = 1", "The value."))
SECOND: Final = _field("SECOND", "The second", Example("SECOND(1000) = 1", "The value."))
MILLISECOND: Final = _field("MILLISECOND", "The millisecond", Example("MILLISECOND(1001) = 1", "The value."))
EPOCH: Final = function(
    "EPOCH",
    "The seconds since 1970, rounded down.",
    parameters=(_TS,),
    overloads=(Overload(parameters=(_LONG,), native="extract_epoch"),),
    returns=_LONG,
    examples=(Example("EPOCH(1999) = 1", "The value."),),
)

FORMAT_DATE: Final = function(
    "formatDate",
    "A time as text, in UTC, with English names. A pattern with a letter without a meaning fails the event.",
    parameters=(_TS, _PATTERN),
    overloads=(Overload(parameters=(_LONG, "pattern"), native="format_date"),),
    returns=_STRING,
    examples=(Example("formatDate(0, 'yyyy-MM-dd HH:mm:ss') = '1970-01-01 00:00:00'", "The value."),),
    aliases=("FORMAT_DATE",),
    can_fail=True,
)
PARSE_DATE: Final = function(
    "parseDate",
    "The time that a text of that form says, UTC where it has no zone; null if it is not of that form.",
    parameters=(argument("s", (_STRING,), "The text."), _PATTERN),
    overloads=(Overload(parameters=("s", "pattern"), native="parse_date"),),
    returns=_LONG,
    examples=(
        Example("parseDate('1970-01-02', 'yyyy-MM-dd') = 86400000", "The value."),
        Example("parseDate('yesterday', 'yyyy-MM-dd') IS NULL", "Not of that form."),
    ),
    aliases=("PARSE_DATE",),
)
DATE_ADD: Final = function(
    "dateAdd",
    "The time n units later. Months end no later than they do: a month after January 31 is the last of February.",
    parameters=(_TS, _AMOUNT, _UNIT),
    overloads=(Overload(parameters=(_LONG, _LONG, "unit"), native="date_add"),),
    returns=_LONG,
    examples=(Example("dateAdd(0, 2, 'DAY') = 172800000", "The value."),),
    aliases=("DATE_ADD",),
)
DATE_SUB: Final = function(
    "dateSub",
    "The time n units earlier; see ``dateAdd``.",
    parameters=(_TS, _AMOUNT, _UNIT),
    overloads=(Overload(parameters=(_LONG, _LONG, "unit"), native="date_sub"),),
    returns=_LONG,
    examples=(Example("dateSub(1000, 1, 'SECOND') = 0", "The value."),),
    aliases=("DATE_SUB",),
)
DATE_DIFF: Final = function(
    "dateDiff",
    "How many whole units lie between the first time and the second; negative if the second is earlier.",
    parameters=(_UNIT, argument("start", (_LONG,), "The first time."), argument("end", (_LONG,), "The second time.")),
    overloads=(Overload(parameters=("unit", _LONG, _LONG), native="date_diff"),),
    returns=_LONG,
    examples=(Example("dateDiff('HOUR', 0, 7199999) = 1", "Not two yet."),),
    aliases=("DATE_DIFF",),
)
DATE_TRUNC: Final = function(
    "DATE_TRUNC",
    "The start of the unit that the time lies in, in UTC; weeks start on Monday.",
    parameters=(_UNIT, _TS),
    overloads=(Overload(parameters=("unit", _LONG), native="date_trunc"),),
    returns=_LONG,
    examples=(Example("DATE_TRUNC('DAY', 86400001) = 86400000", "The value."),),
    aliases=("dateTrunc",),
)

_SHARED: Final = (
    EXTRACT, YEAR, QUARTER, MONTH, WEEK, DAY, DOY, DOW, HOUR, MINUTE, SECOND, MILLISECOND, EPOCH,
)  # fmt: skip

FUNCTIONS: Final[tuple[Extension, ...]] = (
    *_SHARED,
    *(also_as(each, _NAMESPACE, each.name.lower()) for each in _SHARED),
    FORMAT_DATE,
    also_as(FORMAT_DATE, _NAMESPACE, aliases=("dateFormat", "format_date")),
    PARSE_DATE,
    also_as(PARSE_DATE, _NAMESPACE, aliases=("parse_date",)),
    DATE_ADD,
    also_as(DATE_ADD, _NAMESPACE, aliases=("date_add",)),
    DATE_SUB,
    also_as(DATE_SUB, _NAMESPACE, aliases=("date_sub",)),
    DATE_DIFF,
    also_as(DATE_DIFF, _NAMESPACE, aliases=("date_diff",)),
    DATE_TRUNC,
    also_as(DATE_TRUNC, _NAMESPACE, "dateTrunc", aliases=("date_trunc",)),
)
