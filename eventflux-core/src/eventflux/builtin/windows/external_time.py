"""Windows driven by an attribute of the events: ``externalTime``, ``externalTimeBatch``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import INTEGRAL, Example, Extension, Overload, Parameter, ParameterForm
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_TIMESTAMP: Final = Parameter(
    "timestamp", (AttributeType.LONG,), "The attribute that holds the event's time in ms.", form=ParameterForm.ATTRIBUTE
)

EXTERNAL_TIME: Final = Extension(
    name="externalTime",
    kind=ExtensionKind.WINDOW,
    description="Sliding by an attribute: an event expires when one arrives that is a period or more younger.",
    parameters=(
        _TIMESTAMP,
        Parameter("period", INTEGRAL, "How long an event is held.", unit="ms", strict_minimum=1),
    ),
    native="external_time",
    examples=(
        Example(
            "from S#window.externalTime(ts, 10 sec) select count() as n insert into O;",
            "The number of events of the last ten seconds by their own time.",
        ),
    ),
)

EXTERNAL_TIME_BATCH: Final = Extension(
    name="externalTimeBatch",
    kind=ExtensionKind.WINDOW,
    description="Tumbling by an attribute: the first event at or behind the end of a batch lets the batch go.",
    parameters=(
        _TIMESTAMP,
        Parameter("period", INTEGRAL, "Length of a batch.", unit="ms", strict_minimum=1),
        Parameter(
            "start_time",
            INTEGRAL,
            "Ends are at this time plus multiples of the period, or the attribute whose first value begins the first"
            " batch; without it the first event's time does.",
            form=ParameterForm.CONSTANT_OR_ATTRIBUTE,
            attribute_types=(AttributeType.LONG,),
            unit="ms",
            optional=True,
        ),
        Parameter(
            "timeout",
            INTEGRAL,
            "Let an open batch go early when the app's clock has moved so far without an event; 0: never.",
            unit="ms",
            default=0,
        ),
        Parameter(
            "replace_with_batch_time",
            (AttributeType.BOOL,),
            "Replace the time attribute of the emitted events by the end of their batch.",
            default=False,
        ),
    ),
    overloads=(
        Overload(parameters=("timestamp", "period")),
        Overload(parameters=("timestamp", "period", "start_time")),
        Overload(parameters=("timestamp", "period", "start_time", "timeout")),
        Overload(parameters=("timestamp", "period", "start_time", "timeout", "replace_with_batch_time")),
    ),
    native="external_time_batch",
    examples=(
        Example(
            "from S#window.externalTimeBatch(ts, 1 sec) select symbol, sum(volume) as total group by symbol"
            " insert into O;",
            "Totals a symbol for each second of the events' own time.",
        ),
    ),
)

WINDOWS: Final = (EXTERNAL_TIME, EXTERNAL_TIME_BATCH)
