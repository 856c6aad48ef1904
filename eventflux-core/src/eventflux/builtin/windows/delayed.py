"""Further windows of the app's clock: ``timeLength``, ``delay``, ``hopping``, ``sliding``, ``session``, ``cron``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.extension.declaration import INTEGRAL, Example, Extension, Overload, Parameter, ParameterForm
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

TIME_LENGTH: Final = Extension(
    name="timeLength",
    kind=ExtensionKind.WINDOW,
    description="Sliding: an event expires after the period, or when so many later ones have come.",
    parameters=(
        Parameter("period", INTEGRAL, "How long an event is held.", unit="ms", strict_minimum=1),
        Parameter("length", (AttributeType.INT,), "How many events it holds at most.", strict_minimum=1),
    ),
    native="time_length",
    examples=(
        Example(
            "from S#window.timeLength(10 sec, 100) select count() as n insert into O;",
            "The number of events of the last ten seconds, at most a hundred.",
        ),
    ),
)

DELAY: Final = Extension(
    name="delay",
    kind=ExtensionKind.WINDOW,
    description="Holds each event back: it comes out when the clock reaches its timestamp plus the period.",
    parameters=(Parameter("period", INTEGRAL, "How long an event is held back.", unit="ms", strict_minimum=1),),
    native="delay",
    examples=(
        Example("from S#window.delay(1 hour) select symbol, price insert into O;", "Each event, an hour later."),
    ),
)

_SIZE: Final = Parameter("size", INTEGRAL, "How much time a batch covers.", unit="ms", minimum=1)
_HOP: Final = Parameter("hop", INTEGRAL, "How often a batch comes.", unit="ms", minimum=1)
_START: Final = Parameter(
    "start_time",
    INTEGRAL,
    "Batches come at this time plus multiples of the hop; without it the first event begins.",
    unit="ms",
    optional=True,
)

HOPPING: Final = Extension(
    name="hopping",
    kind=ExtensionKind.WINDOW,
    description="Every hop, the events of the last `size`: batches that overlap where the hop is the shorter one.",
    parameters=(_SIZE, _HOP, _START),
    overloads=(
        Overload(parameters=("size", "hop")),
        Overload(parameters=("size", "hop", "start_time")),
    ),
    native="hopping",
    aliases=("hop",),
    examples=(
        Example(
            "from S#window.hopping(1 min, 10 sec) select sum(volume) as total insert into O;",
            "Every ten seconds the total of the last minute.",
        ),
    ),
)

SLIDING: Final = Extension(
    name="sliding",
    kind=ExtensionKind.WINDOW,
    description="With a size alone what time is, with a hop what hopping is.",
    parameters=(_SIZE, replace(_HOP, optional=True), _START),
    overloads=(
        Overload(parameters=("size",), native="time"),
        Overload(parameters=("size", "hop"), native="hopping"),
        Overload(parameters=("size", "hop", "start_time"), native="hopping"),
    ),
    native="time",
    examples=(
        Example(
            "from S#window.sliding(1 min) select avg(price) as average insert into O;",
            "The average over the last minute, at each event.",
        ),
    ),
)

SESSION: Final = Extension(
    name="session",
    kind=ExtensionKind.WINDOW,
    description="Events belong together until none has come for the gap; then the events of the session expire.",
    parameters=(
        Parameter("gap", INTEGRAL, "A session ends when no event has come for so long.", unit="ms", strict_minimum=1),
        Parameter(
            "key",
            (AttributeType.STRING,),
            "Each value of the attribute has sessions of its own.",
            form=ParameterForm.ATTRIBUTE,
            optional=True,
        ),
        Parameter(
            "latency",
            INTEGRAL,
            "An ended session waits so long for late events; at most the gap.",
            unit="ms",
            default=0,
        ),
    ),
    overloads=(
        Overload(parameters=("gap",)),
        Overload(parameters=("gap", "key")),
        Overload(parameters=("gap", "key", "latency")),
    ),
    native="session",
    examples=(
        Example(
            "from S#window.session(30 min, symbol) select symbol, price insert expired events into O;",
            "The events of a session of a symbol, when it is over.",
        ),
    ),
)

CRON: Final = Extension(
    name="cron",
    kind=ExtensionKind.WINDOW,
    description="Tumbling by the calendar: at each tick that finds something collected it goes; the former batch"
    " expires then.",
    parameters=(
        Parameter(
            "expression",
            (AttributeType.STRING,),
            "Quartz's seconds, minutes, hours, day of month, month, day of week and, optionally, year, as the clocks of"
            " `application.timezone` show them (UTC).",
        ),
    ),
    native="cron",
    examples=(
        Example(
            "from S#window.cron('0 0 * * * ?') select symbol, price insert into O;", "At each full hour what has come."
        ),
    ),
)

WINDOWS: Final = (TIME_LENGTH, DELAY, HOPPING, SLIDING, SESSION, CRON)
