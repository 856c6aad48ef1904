"""Windows bounded by the app's clock: ``time``, ``timeBatch``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import INTEGRAL, Example, Extension, Overload, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

TIME: Final = Extension(
    name="time",
    kind=ExtensionKind.WINDOW,
    description="Sliding: an event expires when the clock reaches its timestamp plus the period.",
    parameters=(Parameter("period", INTEGRAL, "How long an event is held.", unit="ms", strict_minimum=1),),
    native="time",
    examples=(
        Example(
            "from S#window.time(10 sec) select symbol, sum(volume) as total group by symbol insert into O;",
            "Totals a symbol over the last ten seconds, at each event.",
        ),
    ),
)

TIME_BATCH: Final = Extension(
    name="timeBatch",
    kind=ExtensionKind.WINDOW,
    description="Tumbling: collects the events of a period and lets them go at its end; the former batch expires then.",
    parameters=(
        Parameter("period", INTEGRAL, "Length of a batch.", unit="ms", strict_minimum=1),
        Parameter(
            "start_time",
            INTEGRAL,
            "Ends are at this time plus multiples of the period; without it the first event begins the first batch.",
            unit="ms",
            optional=True,
        ),
        Parameter(
            "stream_current_event",
            (AttributeType.BOOL,),
            "Emit each event at once; at the end of a batch only the expired events come.",
            default=False,
        ),
    ),
    overloads=(
        Overload(parameters=("period",)),
        Overload(parameters=("period", "start_time")),
        Overload(parameters=("period", "stream_current_event")),
        Overload(parameters=("period", "start_time", "stream_current_event")),
    ),
    native="time_batch",
    aliases=("tumbling",),
    examples=(
        Example(
            "from S#window.timeBatch(1 min) select symbol, avg(price) as average group by symbol insert into O;",
            "Averages a symbol for each minute.",
        ),
    ),
)

WINDOWS: Final = (TIME, TIME_BATCH)
