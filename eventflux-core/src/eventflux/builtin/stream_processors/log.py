"""``#log(…)``: writes each event to the log and passes it on."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Overload, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

PRIORITIES: Final = ("INFO", "DEBUG", "WARN", "FATAL", "ERROR", "OFF", "TRACE")

LOG: Final = Extension(
    name="log",
    kind=ExtensionKind.STREAM_PROCESSOR,
    description="Writes each event to the log and passes it on.",
    parameters=(
        Parameter("priority", (AttributeType.STRING,), "Level of the record.", default="INFO", choices=PRIORITIES),
        Parameter("message", (AttributeType.STRING,), "Text before the event.", dynamic=True, optional=True),
        Parameter("is_event_logged", (AttributeType.BOOL,), "Whether the event is shown.", default=True),
    ),
    overloads=(
        Overload(),
        Overload(parameters=("message",)),
        Overload(parameters=("is_event_logged",)),
        Overload(parameters=("message", "is_event_logged")),
        Overload(parameters=("priority", "message")),
        Overload(parameters=("priority", "message", "is_event_logged")),
    ),
    returns=(),
    native="log",
    examples=(Example("from S#log('DEBUG', 'arrived') select * insert into O;", "Each event, at DEBUG."),),
)

STREAM_PROCESSORS: Final = (LOG,)
