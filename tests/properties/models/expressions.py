"""The operations of expression programs, a row at a time, written from the reference and not from the engine.

A value is a Python bool, int, float (FLOAT: rounded to 32 bits) or str; None is null. `MODEL` maps the name of an
operation to the types of its operands, its result type and the function.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

Value = Any
Function = Callable[..., Value]

NUMBERS = ("int", "long", "float", "double")
VALUES = ("bool", *NUMBERS, "string")


@dataclass(frozen=True, slots=True)
class Operation:
    """`operands` ends with "*" where the last type may be repeated."""

    operands: tuple[str, ...]
    result: str
    function: Function


MODEL: dict[str, Operation] = {}


def _add(name: str, operands: tuple[str, ...], result: str, function: Function) -> None:
    assert name not in MODEL, name
    MODEL[name] = Operation(operands, result, function)


def null_if_any(function: Function) -> Function:
    return lambda *values: None if any(value is None for value in values) else function(*values)


def false_if_any(function: Function) -> Function:
    return lambda *values: all(value is not None for value in values) and function(*values)


def true_if_any(function: Function) -> Function:
    return lambda *values: any(value is None for value in values) or function(*values)


# ---- numbers ----


def wrap(value: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def single(value: float) -> float:
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


_FIT: dict[str, Callable[[Any], Any]] = {
    "int": lambda value: wrap(value, 32),
    "long": lambda value: wrap(value, 64),
    "float": single,
    "double": float,
}


def _truncated_quotient(x: int, y: int) -> int:
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def divide(x: Value, y: Value) -> Value:
    if y == 0:
        return None
    if isinstance(x, int):
        return _truncated_quotient(x, y)
    return x / y


def modulo(x: Value, y: Value) -> Value:
    if y == 0:
        return None
    if isinstance(x, int):
        return x - y * _truncated_quotient(x, y)
    if math.isinf(x):
        return math.nan
    return math.fmod(x, y)


def _arithmetic() -> None:
    functions: dict[str, Function] = {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "divide": divide,
        "modulo": modulo,
    }
    for kind in NUMBERS:
        for name, function in functions.items():

            def fitted(x: Value, y: Value, *, function: Function = function, kind: str = kind) -> Value:
                result = function(x, y)
                return None if result is None else _FIT[kind](result)

            _add(f"{name}_{kind}", (kind, kind), kind, null_if_any(fitted))


# ---- comparison and logic ----


def ordered(value: Value) -> Value:
    """Strings are ordered by UTF-16 code units."""
    return value.encode("utf-16-be") if isinstance(value, str) else value


def _comparisons() -> None:
    functions: dict[str, Function] = {
        "equal": lambda x, y: x == y,
        "not_equal": lambda x, y: x != y,
        "less": lambda x, y: ordered(x) < ordered(y),
        "less_equal": lambda x, y: ordered(x) <= ordered(y),
        "greater": lambda x, y: ordered(x) > ordered(y),
        "greater_equal": lambda x, y: ordered(x) >= ordered(y),
    }
    for kind in VALUES:
        for name, function in functions.items():
            two_valued = true_if_any if name == "not_equal" else false_if_any
            _add(f"{name}_{kind}", (kind, kind), "bool", two_valued(function))
            _add(f"{name}3_{kind}", (kind, kind), "bool", null_if_any(function))
        _add(f"distinct_{kind}", (kind, kind), "bool", distinct)
        _add(f"is_null_{kind}", (kind,), "bool", lambda x: x is None)
        _add(f"is_not_null_{kind}", (kind,), "bool", lambda x: x is not None)


def distinct(x: Value, y: Value) -> bool:
    if x is None or y is None:
        return (x is None) != (y is None)
    if isinstance(x, float) and math.isnan(x) and math.isnan(y):
        return False
    return bool(x != y)


def and3(x: bool | None, y: bool | None) -> bool | None:
    if x is False or y is False:
        return False
    return None if x is None or y is None else True


def or3(x: bool | None, y: bool | None) -> bool | None:
    if x is True or y is True:
        return True
    return None if x is None or y is None else False


def _logic() -> None:
    _add("and", ("bool", "bool"), "bool", lambda x, y: bool(x) and bool(y))
    _add("or", ("bool", "bool"), "bool", lambda x, y: bool(x) or bool(y))
    _add("not", ("bool",), "bool", lambda x: not x)
    _add("and3", ("bool", "bool"), "bool", and3)
    _add("or3", ("bool", "bool"), "bool", or3)
    _add("not3", ("bool",), "bool", null_if_any(lambda x: not x))


# ---- choice ----


def coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _rank(value: Value) -> tuple[bool, Value]:
    """A NaN is above every number."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return is_nan, 0 if is_nan else value


def largest(*values: Value) -> Value:
    return max((value for value in values if value is not None), key=_rank, default=None)


def smallest(*values: Value) -> Value:
    return min((value for value in values if value is not None), key=_rank, default=None)


def _choice() -> None:
    for kind in VALUES:
        _add(f"if_{kind}", ("bool", kind, kind), kind, lambda c, x, y: x if c else y)
        _add(f"coalesce_{kind}", (kind, kind, "*"), kind, coalesce)
        _add(f"default_{kind}", (kind, kind), kind, coalesce)
        _add(
            f"null_if_{kind}",
            (kind, kind),
            kind,
            lambda x, y: None if x is not None and y is not None and x == y else x,
        )
    for kind in NUMBERS:
        _add(f"maximum_{kind}", (kind, kind, "*"), kind, largest)
        _add(f"minimum_{kind}", (kind, kind, "*"), kind, smallest)


# ---- conversion ----


def java_text(digits: str, exponent: int, *, negative: bool) -> str:
    """0.DIGITS * 10**exponent as Double.toString lays it out."""
    sign = "-" if negative else ""
    if -3 < exponent <= 7:
        if exponent <= 0:
            return f"{sign}0.{'0' * -exponent}{digits}"
        whole = digits[:exponent].ljust(exponent, "0")
        return f"{sign}{whole}.{digits[exponent:] or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent - 1}"


def print_real(value: float, fit: Callable[[float], float]) -> str:
    with localcontext(Context(prec=1200)):
        return _print_real(value, fit)


def _print_real(value: float, fit: Callable[[float], float]) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    exact = Decimal(abs(value))
    for digits in range(2, 18):  # at least two; of the shortest texts that read back the closest
        unit = Decimal((0, (1,), exact.adjusted() - digits + 1))
        texts = [(exact / unit).to_integral_value(rounding) * unit for rounding in (ROUND_FLOOR, ROUND_CEILING)]
        good = [text for text in texts if fit(float(text)) == abs(value)]
        if good:
            best = min(good, key=lambda text: (abs(text - exact), text.as_tuple().digits[-1] % 2))
            shown = "".join(map(str, best.as_tuple().digits)).rstrip("0")
            return java_text(shown, best.adjusted() + 1, negative=value < 0)
    raise AssertionError(value)


def to_integer(value: float, bits: int) -> int:
    if math.isnan(value):
        return 0
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if math.isinf(value):
        return high if value > 0 else low
    return min(max(math.trunc(value), low), high)


def parse_integer(text: str, bits: int) -> int | None:
    if re.fullmatch(r"[+-]?[0-9]+", text) is None:
        return None
    value = int(text)
    return value if wrap(value, bits) == value else None


_REAL = re.compile(r"[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?)")
_BLANKS = "".join(map(chr, range(0x21)))


def parse_real(text: str) -> float | None:
    text = text.strip(_BLANKS)
    if _REAL.fullmatch(text) is None:
        return None
    return float(text.rstrip("dDfF") if text[-1] in "dDfF" else text)


def _float_of(value: int) -> float:
    """The nearest FLOAT of an integer, in one rounding."""
    bits = max(abs(value).bit_length() - 24, 0)
    kept, rest = divmod(abs(value), 1 << bits)
    half = (1 << bits) >> 1
    kept += bits > 0 and (rest > half or (rest == half and kept % 2 == 1))
    return math.copysign(float(kept << bits), value) if value else 0.0


def convert(value: Value, source: str, target: str) -> Value:
    if source == target:
        return value
    match source, target:
        case "bool", "string":
            return "true" if value else "false"
        case "bool", _:
            return _FIT[target](int(value))
        case "string", "bool":
            return value.lower() == "true" and value.isascii()
        case "string", "int" | "long":
            return parse_integer(value, 32 if target == "int" else 64)
        case "string", _:
            real = parse_real(value)
            return None if real is None else _FIT[target](real)
        case _, "bool":
            return value == 1
        case "int" | "long", "string":
            return str(value)
        case _, "string":
            return print_real(value, single if source == "float" else float)
        case "int" | "long", "float":
            return _float_of(value)
        case "int" | "long", _:
            return _FIT[target](value)
        case _, "int" | "long":
            return to_integer(value, 32 if target == "int" else 64)
        case _:
            return _FIT[target](value)


def _conversions() -> None:
    for source in VALUES:
        for target in VALUES:

            def converted(value: Value, *, source: str = source, target: str = target) -> Value:
                return convert(value, source, target)

            _add(f"convert_{source}_{target}", (source,), target, null_if_any(converted))


# ---- strings ----


def like(text: str, pattern: str, escape: str = "\\", *, fold: bool = False) -> bool:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        if escape and letter == escape[0] and position + 1 < len(pattern):
            position += 1
            parts.append(re.escape(pattern[position]))
        else:
            parts.append({"%": ".*", "_": "."}.get(letter, re.escape(letter)))
        position += 1
    return re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None


def trim(text: str, characters: str = _BLANKS, *, left: bool = True, right: bool = True) -> str:
    if left:
        text = text.lstrip(characters) if characters else text
    if right:
        text = text.rstrip(characters) if characters else text
    return text


def part(text: str, start: int, length: int | None, base: int) -> str:
    first = start - base
    last = len(text) if length is None else first + length
    return text[max(first, 0) : max(last, first, 0)]


def split_part(text: str, separator: str, number: int) -> str | None:
    if number < 1:
        return None
    parts = text.split(separator) if separator else [text]
    return parts[number - 1] if number <= len(parts) else ""


def pad(text: str, count: int, fill: str, *, left: bool) -> str:
    count = max(count, 0)
    if count <= len(text) or not fill:
        return text[:count]
    missing = count - len(text)
    padding = (fill * (missing // len(fill) + 1))[:missing]
    return padding + text if left else text + padding


def concat(*values: Value) -> str:
    return "".join(value for value in values if value is not None)


def character(point: int) -> str | None:
    return chr(point) if 0 < point < 0x110000 and not 0xD800 <= point < 0xE000 else None


def _strings() -> None:
    s, i = "string", "int"

    def strict(name: str, operands: tuple[str, ...], result: str, function: Function) -> None:
        _add(name, operands, result, null_if_any(function))

    strict("length", (s,), i, len)
    strict("upper", (s,), s, str.upper)
    strict("lower", (s,), s, str.lower)
    for name, left, right in (("trim", True, True), ("ltrim", True, False), ("rtrim", False, True)):
        strict(name, (s,), s, lambda x, left=left, right=right: trim(x, left=left, right=right))
        strict(f"{name}_characters", (s, s), s, lambda x, c, left=left, right=right: trim(x, c, left=left, right=right))
    _add("concat", (s, s, "*"), s, concat)
    strict("concatenate", (s, s), s, lambda x, y: x + y)
    strict("substring", (s, i), s, lambda x, n: part(x, n, None, 1))
    strict("substring_length", (s, i, i), s, lambda x, n, m: part(x, n, m, 1))
    strict("substr", (s, i), s, lambda x, n: part(x, n, None, 0))
    strict("substr_length", (s, i, i), s, lambda x, n, m: part(x, n, m, 0))
    strict("left", (s, i), s, lambda x, n: x[: max(n, 0)])
    strict("right", (s, i), s, lambda x, n: x[max(len(x) - n, 0) :] if n > 0 else "")
    strict("split_part", (s, s, i), s, split_part)
    strict("position", (s, s), i, lambda x, y: y.find(x) + 1)
    strict("starts_with", (s, s), "bool", str.startswith)
    strict("ends_with", (s, s), "bool", str.endswith)
    strict("contains", (s, s), "bool", lambda x, y: y in x)
    strict("ascii", (s,), i, lambda x: ord(x[0]) if x else 0)
    strict("chr", (i,), s, character)
    strict("reverse", (s,), s, lambda x: x[::-1])
    strict("replace", (s, s, s), s, lambda x, y, z: x.replace(y, z) if y else x)
    for name, fold in (("like", False), ("ilike", True)):
        plain = lambda x, p, fold=fold: like(x, p, fold=fold)  # noqa: E731
        escaped = lambda x, p, e, fold=fold: like(x, p, e, fold=fold)  # noqa: E731
        _add(name, (s, s), "bool", false_if_any(plain))
        _add(f"{name}3", (s, s), "bool", null_if_any(plain))
        _add(f"{name}_escape", (s, s, s), "bool", false_if_any(escaped))
        _add(f"{name}_escape3", (s, s, s), "bool", null_if_any(escaped))


# ---- mathematics ----


def _whole(value: float, function: Callable[[float], int]) -> float:
    if not math.isfinite(value):
        return value
    return math.copysign(float(function(value)), value)


def round_half_away(value: float) -> float:
    return _whole(value, lambda x: int(Decimal(x).quantize(0, ROUND_HALF_UP)) if abs(x) < 2**53 else int(x))


def _within(function: Function, inside: Callable[..., bool]) -> Function:
    return lambda *values: function(*values) if inside(*values) else None


def power(x: float, y: float) -> float | None:
    if x == 0 and y < 0:
        return None
    if x < 0 and math.isfinite(x) and math.isfinite(y) and y != math.floor(y):
        return None
    return _power(x, y)


def _power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return math.copysign(math.inf, x if y % 2 == 1 else 1.0)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _not_for_infinity(function: Function) -> Function:
    return lambda x: math.nan if math.isinf(x) else function(x)


def round_long(value: int, digits: int) -> int:
    if digits >= 0:
        return value
    if digits < -19:
        return 0
    unit = 10**-digits
    size, rest = divmod(abs(value), unit)
    rounded = (size + (rest >= unit - rest)) * unit
    return wrap(-rounded if value < 0 else rounded, 64)


def _mathematics() -> None:
    d = "double"

    def strict(name: str, operands: tuple[str, ...], result: str, function: Function) -> None:
        _add(name, operands, result, null_if_any(function))

    for kind in NUMBERS:
        strict(f"abs_{kind}", (kind,), kind, lambda x, kind=kind: _FIT[kind](abs(x)))
        strict(f"sign_{kind}", (kind,), "int", lambda x: (x > 0) - (x < 0))
    strict("round_long", ("long",), "long", lambda x: x)
    strict("round_digits_long", ("long", "int"), "long", round_long)
    strict("round_double", (d,), d, round_half_away)
    strict("truncate", (d,), d, lambda x: _whole(x, math.trunc))
    strict("ceil", (d,), d, lambda x: _whole(x, math.ceil))
    strict("floor", (d,), d, lambda x: _whole(x, math.floor))
    strict("sqrt", (d,), d, _within(math.sqrt, lambda x: not x < 0))
    strict("exp", (d,), d, _exp)
    strict("ln", (d,), d, _within(math.log, lambda x: not x <= 0))
    strict("log10", (d,), d, _within(math.log10, lambda x: not x <= 0))
    strict(
        "log",
        (d, d),
        d,
        _within(lambda b, x: _quotient(math.log(x), math.log(b)), lambda b, x: not b <= 0 and b != 1 and not x <= 0),
    )
    strict("power", (d, d), d, power)
    for name in ("sin", "cos", "tan"):
        strict(name, (d,), d, _not_for_infinity(getattr(math, name)))
    strict("asin", (d,), d, _within(math.asin, lambda x: not abs(x) > 1))
    strict("acos", (d,), d, _within(math.acos, lambda x: not abs(x) > 1))
    strict("atan", (d,), d, math.atan)
    strict("atan2", (d, d), d, math.atan2)
    _add("pi", (), d, lambda: math.pi)
    _add("e", (), d, lambda: math.e)


def _quotient(x: float, y: float) -> float:
    return math.copysign(math.inf, x) * math.copysign(1, y) if y == 0 else x / y


for _family in (_arithmetic, _comparisons, _logic, _choice, _conversions, _strings, _mathematics):
    _family()
