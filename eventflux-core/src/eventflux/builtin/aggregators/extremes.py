"""Aggregators that choose by size: ``min``, ``max`` and their forever forms."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import NUMERIC, Example, Extension, Overload, Parameter, TypeVariable
from eventflux.extension.extension_kind import ExtensionKind

_T: Final = TypeVariable("T", NUMERIC)
_VALUE: Final = Parameter("value", NUMERIC, "What is compared; nulls are passed over.", dynamic=True)


def _extreme(name: str, native: str, description: str, example: Example) -> Extension:
    return Extension(
        name=name,
        kind=ExtensionKind.AGGREGATOR,
        description=description,
        parameters=(_VALUE,),
        overloads=(Overload(parameters=(_T,), returns=_T, native=f"{native}_{{T}}"),),
        examples=(example,),
    )


MIN: Final = _extreme(
    "min",
    "min",
    "The smallest value now in the window; null over none.",
    Example("select min(price) as lowest", "The lowest price of the window."),
)
MAX: Final = _extreme(
    "max",
    "max",
    "The largest value now in the window; null over none.",
    Example("select max(price) as highest", "The highest price of the window."),
)
MIN_FOREVER: Final = _extreme(
    "minForever",
    "min_forever",
    "The smallest value ever seen, whatever has left the window.",
    Example("select minForever(price) as lowest", "The lowest price since the start."),
)
MAX_FOREVER: Final = _extreme(
    "maxForever",
    "max_forever",
    "The largest value ever seen, whatever has left the window.",
    Example("select maxForever(price) as highest", "The highest price since the start."),
)

AGGREGATORS: Final = (MIN, MAX, MIN_FOREVER, MAX_FOREVER)
