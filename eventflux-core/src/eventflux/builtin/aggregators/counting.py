"""Aggregators that count: ``count``, ``countNonNull``, ``distinctCount``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import ANY, Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

COUNT: Final = Extension(
    name="count",
    kind=ExtensionKind.AGGREGATOR,
    description="The number of events; an argument is ignored, so nulls count.",
    parameters=(Parameter("value", ANY, "Ignored.", dynamic=True, optional=True),),
    returns=AttributeType.LONG,
    native="count",
    examples=(Example("select symbol, count() as n group by symbol", "How many events each symbol has."),),
)

COUNT_NON_NULL: Final = Extension(
    name="countNonNull",
    kind=ExtensionKind.AGGREGATOR,
    description="The number of events whose value is not null: what COUNT(x) means in SQL.",
    parameters=(Parameter("value", ANY, "What must not be null.", dynamic=True),),
    returns=AttributeType.LONG,
    native="count_nonnull",
    examples=(Example("select countNonNull(price) as priced", "How many events have a price."),),
)

DISTINCT_COUNT: Final = Extension(
    name="distinctCount",
    kind=ExtensionKind.AGGREGATOR,
    description="The number of different values; null is a value.",
    parameters=(Parameter("value", ANY, "What is told apart.", dynamic=True),),
    returns=AttributeType.LONG,
    native="distinct_count",
    examples=(Example("select distinctCount(account) as accounts", "How many accounts traded."),),
)

AGGREGATORS: Final = (COUNT, COUNT_NON_NULL, DISTINCT_COUNT)
