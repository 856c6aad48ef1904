"""``#pol2Cart(theta, rho[, z])``: polar to Cartesian coordinates."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Overload, Parameter, Returns
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_X: Final = Returns("x", AttributeType.DOUBLE, "rho times the cosine of theta")
_Y: Final = Returns("y", AttributeType.DOUBLE, "rho times the sine of theta")
_Z: Final = Returns("z", AttributeType.DOUBLE, "z, unchanged")

POL2CART: Final = Extension(
    name="pol2Cart",
    kind=ExtensionKind.STREAM_PROCESSOR,
    description="Appends the Cartesian coordinates x and y (and z) of polar ones.",
    parameters=(
        Parameter("theta", (AttributeType.DOUBLE,), "The angle in degrees.", dynamic=True),
        Parameter("rho", (AttributeType.DOUBLE,), "The distance from the origin.", dynamic=True),
        Parameter("z", (AttributeType.DOUBLE,), "The height, passed on.", dynamic=True, optional=True),
    ),
    overloads=(
        Overload(parameters=("theta", "rho"), returns=(_X, _Y), native="pol2cart"),
        Overload(parameters=("theta", "rho", "z"), returns=(_X, _Y, _Z), native="pol2cart"),
    ),
    pure=True,
    examples=(Example("from S#pol2Cart(angle, distance) select x, y insert into O;", "Where the target is."),),
)

STREAM_PROCESSORS: Final = (POL2CART,)
