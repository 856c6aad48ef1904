"""Windows bounded by a condition on what they hold: ``expression``, ``expressionBatch``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Overload, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_EXPRESSION: Final = Parameter(
    "expression",
    (AttributeType.STRING,),
    "A condition: attributes of the newest event, `first.x` and `last.x`, `eventTimestamp(first)`, aggregates over what"
    " the window holds.",
)

EXPRESSION: Final = Extension(
    name="expression",
    kind=ExtensionKind.WINDOW,
    description="Sliding: holds events while a condition on them is true; else the oldest leave.",
    parameters=(_EXPRESSION,),
    native="expression",
    examples=(
        Example(
            "from S#window.expression('sum(volume) < 1000') select avg(price) as average insert into O;",
            "The average over the last events whose volumes stay below 1,000 together.",
        ),
    ),
)

EXPRESSION_BATCH: Final = Extension(
    name="expressionBatch",
    kind=ExtensionKind.WINDOW,
    description="Tumbling: collects events while a condition on them is true; the event that makes it false ends the"
    " batch.",
    parameters=(
        _EXPRESSION,
        Parameter(
            "include_triggering_event",
            (AttributeType.BOOL,),
            "The event that ends a batch belongs to it; else it opens the next one.",
            default=False,
        ),
        Parameter(
            "stream_current_event",
            (AttributeType.BOOL,),
            "Emit each event at once; at the end of a batch only the expired events come.",
            default=False,
        ),
    ),
    overloads=(
        Overload(parameters=("expression",)),
        Overload(parameters=("expression", "include_triggering_event")),
        Overload(parameters=("expression", "include_triggering_event", "stream_current_event")),
    ),
    native="expression_batch",
    examples=(
        Example(
            "from S#window.expressionBatch('last.symbol == first.symbol') select symbol, sum(volume) as total"
            " insert into O;",
            "Totals of runs of one symbol.",
        ),
    ),
)

WINDOWS: Final = (EXPRESSION, EXPRESSION_BATCH)
