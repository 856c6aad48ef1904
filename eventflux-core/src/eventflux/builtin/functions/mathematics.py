"""Mathematics: ``ABS(x)`` in SQL, ``math:abs(x)`` in EventFluxQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventflux.builtin.functions.declaring import also_as, argument, function
from eventflux.extension.declaration import NUMERIC, Example, Extension, Overload, Parameter, TypeVariable
from eventflux.types.attribute_type import AttributeType

_INT: Final = AttributeType.INT
_LONG: Final = AttributeType.LONG
_DOUBLE: Final = AttributeType.DOUBLE
_T: Final = TypeVariable("T", NUMERIC)
_NAMESPACE: Final = "math"

_X: Final = argument("x", NUMERIC, "The number; null gives null.")
_DIGITS: Final = argument("digits", (_INT,), "Digits behind the point; before it, if negative.")


def _both(bare: Extension, *aliases: str) -> tuple[Extension, Extension]:
    return bare, also_as(bare, _NAMESPACE, bare.name.lower(), aliases=aliases)


def _real(
    name: str, native: str, description: str, *examples: tuple[str, str], aliases: Sequence[str] = ()
) -> Extension:
    """DOUBLE to DOUBLE."""
    return function(
        name,
        description,
        parameters=(_X,),
        overloads=(Overload(parameters=(_DOUBLE,), native=native),),
        returns=_DOUBLE,
        examples=tuple(Example(code, shows) for code, shows in examples),
        aliases=aliases,
    )


def _pair(
    name: str,
    native: str,
    parameters: tuple[Parameter, Parameter],
    description: str,
    *examples: tuple[str, str],
    aliases: Sequence[str] = (),
) -> Extension:
    """Two DOUBLEs to DOUBLE."""
    return function(
        name,
        description,
        parameters=parameters,
        overloads=(Overload(parameters=(_DOUBLE, _DOUBLE), native=native),),
        returns=_DOUBLE,
        examples=tuple(Example(code, shows) for code, shows in examples),
        aliases=aliases,
    )


def _constant(name: str, description: str, example: Example) -> Extension:
    return function(name, description, overloads=(Overload(native=name.lower()),), returns=_DOUBLE, examples=(example,))


ABS: Final = function(
    "ABS",
    "The size of a number, in its own type. The smallest INT and LONG have none and stay as they are.",
    parameters=(_X,),
    overloads=(Overload(parameters=(_T,), returns=_T, native="abs_{T}"),),
    examples=(Example("ABS(-3) = 3", "An INT stays one."), Example("ABS(-2.5) = 2.5", "So does a DOUBLE.")),
)
SIGN: Final = function(
    "SIGN",
    "-1, 0 or 1.",
    parameters=(_X,),
    overloads=(Overload(parameters=(_T,), native="sign_{T}"),),
    returns=_INT,
    examples=(Example("SIGN(-7.5) = -1", "Of a negative number."),),
)
ROUND: Final = function(
    "ROUND",
    "The nearest whole number, or the nearest with that many digits behind the point; half goes away from zero. "
    "LONG for whole numbers, DOUBLE for others.",
    parameters=(_X, _DIGITS),
    overloads=(
        Overload(parameters=(_LONG,), returns=_LONG, native="round_long"),
        Overload(parameters=(_DOUBLE,), returns=_DOUBLE, native="round_double"),
        Overload(parameters=(_LONG, _INT), returns=_LONG, native="round_digits_long"),
        Overload(parameters=(_DOUBLE, _INT), returns=_DOUBLE, native="round_digits_double"),
    ),
    examples=(
        Example("ROUND(2.5) = 3.0", "Half goes away from zero."),
        Example("ROUND(-2.5) = -3.0", "Below zero too."),
        Example("ROUND(2.345, 1) = 2.3", "To one digit."),
        Example("ROUND(1250, -2) = 1300", "To hundreds."),
    ),
)
TRUNC: Final = function(
    "TRUNC",
    "The number without what is behind the point, or behind that many digits.",
    parameters=(_X, _DIGITS),
    overloads=(
        Overload(parameters=(_DOUBLE,), native="truncate"),
        Overload(parameters=(_DOUBLE, _INT), native="truncate_digits"),
    ),
    returns=_DOUBLE,
    examples=(
        Example("TRUNC(-2.7) = -2.0", "Toward zero."),
        Example("TRUNC(2.79, 1) = 2.7", "Behind one digit."),
    ),
    aliases=("TRUNCATE",),
)
CEIL: Final = _real(
    "CEIL", "ceil", "The next whole number up.", ("CEIL(-2.5) = -2.0", "Up is toward zero here."), aliases=("CEILING",)
)
FLOOR: Final = _real(
    "FLOOR", "floor", "The next whole number down.", ("FLOOR(-2.5) = -3.0", "Down, away from zero here.")
)
SQRT: Final = _real(
    "SQRT",
    "sqrt",
    "The square root; null for negative numbers.",
    ("SQRT(9) = 3.0", "Of a whole number."),
    ("SQRT(-1) IS NULL", "There is no real root."),
)
EXP: Final = _real("EXP", "exp", "e to the power of x.", ("EXP(0) = 1.0", "To the power of nothing."))
LN: Final = _real("LN", "ln", "The natural logarithm; null unless x is positive.", ("LN(1) = 0.0", "Of one."))
LOG10: Final = _real(
    "LOG10", "log10", "The logarithm to base 10; null unless x is positive.", ("LOG10(1000) = 3.0", "Of 10 cubed.")
)
LOG: Final = function(
    "LOG",
    "The logarithm: of one argument to base 10, of two the second to the base of the first. Null outside its domain.",
    parameters=(_X, argument("y", NUMERIC, "The number, where the first argument is the base.")),
    overloads=(
        Overload(parameters=(_DOUBLE,), native="log10"),
        Overload(parameters=(_DOUBLE, _DOUBLE), native="log"),
    ),
    returns=_DOUBLE,
    examples=(
        Example("LOG(1000) = 3.0", "Base 10."),
        Example("LOG(2, 8) = 3.0", "Base 2."),
        Example("LOG(0) IS NULL", "Zero has no logarithm."),
    ),
)
POWER: Final = _pair(
    "POWER",
    "power",
    (argument("base", NUMERIC, "The base."), argument("exponent", NUMERIC, "The exponent.")),
    "The base to the power of the exponent; null where there is no real result.",
    ("POWER(2, 10) = 1024.0", "Whole numbers are taken as DOUBLE."),
    ("POWER(-1, 0.5) IS NULL", "The root of a negative number."),
    aliases=("POW",),
)
MOD: Final = function(
    "MOD",
    "The rest of the division, as ``%``: with the sign of the dividend, null for a divisor of zero.",
    parameters=(_X, argument("divisor", NUMERIC, "What is divided by.")),
    overloads=tuple(
        Overload(parameters=(each, each), returns=each, native=f"modulo_{each.name.lower()}") for each in NUMERIC
    ),
    examples=(
        Example("MOD(-7, 3) = -1", "The sign is the dividend's."),
        Example("MOD(7.5, -2) = 1.5", "Of a DOUBLE."),
    ),
)
SIN: Final = _real("SIN", "sin", "The sine of an angle in radians.", ("SIN(0) = 0.0", "Of no angle."))
COS: Final = _real("COS", "cos", "The cosine of an angle in radians.", ("COS(0) = 1.0", "Of no angle."))
TAN: Final = _real("TAN", "tan", "The tangent of an angle in radians.", ("TAN(0) = 0.0", "Of no angle."))
ASIN: Final = _real(
    "ASIN", "asin", "The angle of a sine, in radians; null outside [-1, 1].", ("ASIN(2) IS NULL", "No angle has it.")
)
ACOS: Final = _real(
    "ACOS", "acos", "The angle of a cosine, in radians; null outside [-1, 1].", ("ACOS(1) = 0.0", "No angle at all.")
)
ATAN: Final = _real("ATAN", "atan", "The angle of a tangent, in radians.", ("ATAN(0) = 0.0", "No angle at all."))
ATAN2: Final = _pair(
    "ATAN2",
    "atan2",
    (argument("y", NUMERIC, "The ordinate."), argument("x", NUMERIC, "The abscissa.")),
    "The angle of the point (x, y), in radians, in all four quadrants.",
    ("ATAN2(0, 1) = 0.0", "On the axis."),
)
PI: Final = _constant(
    "PI",
    "The ratio of a circle's circumference to its diameter.",
    Example("ROUND(PI(), 4) = 3.1416", "To four digits."),
)
E: Final = _constant("E", "Euler's number.", Example("ROUND(E(), 4) = 2.7183", "To four digits."))
RAND: Final = function(
    "RAND",
    "A random number, at least 0 and below 1. Its generator is part of the app's state, so a replay gives the same.",
    overloads=(Overload(native="random"),),
    returns=_DOUBLE,
    examples=(Example("RAND() < 1.0", "Never 1."),),
    aliases=("RANDOM",),
    pure=False,
)

FUNCTIONS: Final[tuple[Extension, ...]] = (
    *_both(ABS),
    *_both(SIGN, "signum"),
    *_both(ROUND),
    *_both(TRUNC, "truncate"),
    *_both(CEIL, "ceiling"),
    *_both(FLOOR),
    *_both(SQRT),
    *_both(EXP),
    *_both(LN),
    *_both(LOG10),
    *_both(LOG),
    *_both(POWER, "pow"),
    *_both(MOD),
    *_both(SIN),
    *_both(COS),
    *_both(TAN),
    *_both(ASIN),
    *_both(ACOS),
    *_both(ATAN),
    *_both(ATAN2),
    *_both(PI),
    *_both(E),
    *_both(RAND, "random"),
)
