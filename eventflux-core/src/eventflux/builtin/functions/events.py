"""The event at hand, the app's clock, and chance."""

from __future__ import annotations

from typing import Final

from eventflux.builtin.functions.declaring import function
from eventflux.extension.declaration import Example, Extension, Overload
from eventflux.types.attribute_type import AttributeType

_LONG: Final = AttributeType.LONG

CURRENT_TIME_MILLIS: Final = function(
    "currentTimeMillis",
    "The app's clock: event time in playback, else the machine's.",
    overloads=(Overload(native="current_time_millis"),),
    returns=_LONG,
    examples=(Example("NOW() >= 0", "Milliseconds since 1970."),),
    aliases=("NOW", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP"),
    pure=False,
)
EVENT_TIMESTAMP: Final = function(
    "eventTimestamp",
    "The timestamp of the event at hand; ``eventTimestamp(e1)`` that of an event of a pattern.",
    overloads=(Overload(native="event_timestamp"),),
    returns=_LONG,
    examples=(Example("eventTimestamp() >= 0", "Milliseconds since 1970."),),
    aliases=("EVENT_TIME", "EVENT_TIMESTAMP"),
    pure=False,
)
UUID: Final = function(
    "UUID",
    "A random identifier (version 4). Its generator is part of the app's state, so a replay gives the same.",
    overloads=(Overload(native="uuid"),),
    returns=AttributeType.STRING,
    examples=(Example("LENGTH(UUID()) = 36", "Hexadecimal digits and hyphens."),),
    pure=False,
)

FUNCTIONS: Final[tuple[Extension, ...]] = (CURRENT_TIME_MILLIS, EVENT_TIMESTAMP, UUID)
