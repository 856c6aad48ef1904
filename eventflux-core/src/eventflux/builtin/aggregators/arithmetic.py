"""Aggregators that compute: ``sum``, ``avg``, ``stdDev``, ``variance``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import NUMERIC, Example, Extension, Overload, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_VALUE: Final = Parameter("value", NUMERIC, "What is aggregated; nulls are passed over.", dynamic=True)


def _double(name: str, native: str, description: str, example: Example, aliases: tuple[str, ...] = ()) -> Extension:
    return Extension(
        name=name,
        kind=ExtensionKind.AGGREGATOR,
        description=description,
        parameters=(_VALUE,),
        returns=AttributeType.DOUBLE,
        native=native,
        aliases=aliases,
        examples=(example,),
    )


SUM: Final = Extension(
    name="sum",
    kind=ExtensionKind.AGGREGATOR,
    description="The sum of the values; null over none.",
    parameters=(_VALUE,),
    overloads=(
        Overload(parameters=(AttributeType.INT,), exact=True, returns=AttributeType.LONG, native="sum_long"),
        Overload(parameters=(AttributeType.LONG,), exact=True, returns=AttributeType.LONG, native="sum_long"),
        Overload(parameters=(AttributeType.FLOAT,), exact=True, returns=AttributeType.DOUBLE, native="sum_double"),
        Overload(parameters=(AttributeType.DOUBLE,), exact=True, returns=AttributeType.DOUBLE, native="sum_double"),
    ),
    examples=(Example("select symbol, sum(volume) as total group by symbol", "The total of each symbol."),),
)

AVG: Final = _double(
    "avg",
    "avg",
    "The arithmetic mean of the values; null over none.",
    Example("select avg(price) as average", "The mean price of the window."),
)

STD_DEV: Final = _double(
    "stdDev",
    "std_dev",
    "The population standard deviation of the values; null over none.",
    Example("select stdDev(price) as deviation", "How far prices are spread."),
    aliases=("stddev_pop",),
)

VARIANCE: Final = _double(
    "variance",
    "variance",
    "The population variance of the values; null over none.",
    Example("select variance(price) as spread", "The square of the standard deviation."),
    aliases=("var_pop",),
)

AGGREGATORS: Final = (SUM, AVG, STD_DEV, VARIANCE)
