"""Windows bounded by a number of events: ``length``, ``lengthBatch``, ``batch``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Overload, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

LENGTH: Final = Extension(
    name="length",
    kind=ExtensionKind.WINDOW,
    description="Sliding: holds the last events; a new event first pushes out the oldest.",
    parameters=(Parameter("length", (AttributeType.INT,), "How many events it holds.", strict_minimum=1),),
    native="length",
    examples=(
        Example(
            "from S#window.length(10) select symbol, avg(price) as average insert into O;",
            "The average over the last ten events, at each event.",
        ),
    ),
)

LENGTH_BATCH: Final = Extension(
    name="lengthBatch",
    kind=ExtensionKind.WINDOW,
    description="Tumbling: collects so many events and lets them go together; the former batch expires then.",
    parameters=(
        Parameter("length", (AttributeType.INT,), "How many events make a batch.", strict_minimum=1),
        Parameter(
            "stream_current_event",
            (AttributeType.BOOL,),
            "Emit each event at once; at the end of a batch only the expired events come.",
            default=False,
        ),
    ),
    overloads=(
        Overload(parameters=("length",)),
        Overload(parameters=("length", "stream_current_event")),
    ),
    native="length_batch",
    examples=(
        Example(
            "from S#window.lengthBatch(100) select symbol, sum(volume) as total group by symbol insert into O;",
            "Totals a symbol for each hundred events.",
        ),
    ),
)

BATCH: Final = Extension(
    name="batch",
    kind=ExtensionKind.WINDOW,
    description="Tumbling: each chunk of events that arrives together is a batch.",
    parameters=(
        Parameter("chunk_length", (AttributeType.INT,), "Cut the chunk into batches of so many events.", default=0),
    ),
    native="batch",
    examples=(
        Example("from S#window.batch() select count() as n insert into O;", "The number of events of each chunk."),
    ),
)

WINDOWS: Final = (LENGTH, LENGTH_BATCH, BATCH)
