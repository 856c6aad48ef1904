"""Options of connectors, mappers and stores: texts against a declaration.

`parse_options` reports everything that is wrong at once; the caller knows where the texts stand and builds the errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum, unique
from typing import Final

from eventflux.extension.declaration import Constant, Extension, Parameter, Unit
from eventflux.extension.nearest import suggestion
from eventflux.types.attribute_type import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, AttributeType
from eventflux.types.duration import parse_duration
from eventflux.types.record import record

_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})
_SIZES: Final = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}
_MASK: Final = "***"


@unique
class OptionProblemKind(Enum):
    """What is wrong with an option."""

    UNKNOWN = "unknown"
    MISSING = "missing"
    VALUE = "value"
    TWICE = "twice"


@record(frozen=True, slots=True, kw_only=True)
class OptionProblem:
    """One thing that is wrong; ``key`` as the user wrote it, or the declared name of what is missing."""

    kind: OptionProblemKind
    key: str
    message: str
    hint: str | None = None


@record(frozen=True, slots=True)
class Options:
    """Options checked against a declaration: declared name -> typed value, defaults filled in.

    Attributes:
        values: Typed values of all declared options; milliseconds for durations, bytes for sizes.
        given: Declared names that the user gave.
        dynamic: Declared names, and keys below a declared prefix, whose value is a template with ``{{attribute}}``;
            their value is the text.
        families: For each declared prefix the keys below it: ``headers.`` -> {"X-Id": "1"}.
        secrets: Declared names that are never shown.
    """

    values: Mapping[str, Constant] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    dynamic: frozenset[str] = frozenset()
    families: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    def text(self, name: str) -> str:
        """The value of an option that is a text."""
        value = self.values[name]
        if not isinstance(value, str):
            raise TypeError(f"option {name!r} is not a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """The value of an option that is a text, or None where it has no value."""
        return None if self.values.get(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        """The value of an option that is a whole number, a duration or a size."""
        value = self.values[name]
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"option {name!r} is not a whole number")
        return value

    def optional_integer(self, name: str) -> int | None:
        """As `integer`, or None where it has no value."""
        return None if self.values.get(name) is None else self.integer(name)

    def number(self, name: str) -> float:
        """The value of an option that is a number."""
        value = self.values[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise TypeError(f"option {name!r} is not a number")
        return float(value)

    def flag(self, name: str) -> bool:
        """The value of an option that is true or false."""
        value = self.values[name]
        if not isinstance(value, bool):
            raise TypeError(f"option {name!r} is not true or false")
        return value

    def family(self, prefix: str) -> Mapping[str, str]:
        """The options below a declared prefix, without it."""
        return self.families.get(prefix, {})

    def __repr__(self) -> str:
        shown = {
            name: _MASK if name in self.secrets and value is not None else value for name, value in self.values.items()
        }
        return f"Options({shown!r})"


def parse_options(declaration: Extension, given: Mapping[str, str]) -> tuple[Options, tuple[OptionProblem, ...]]:
    """Check texts against the options that an extension declares.

    Args:
        declaration: Of the connector, mapper or store.
        given: Key, without the extension's prefix -> text.

    Returns:
        The typed options, and everything that is wrong; the options are complete only if nothing is.
    """
    values: dict[str, Constant] = {}
    families: dict[str, dict[str, str]] = {}
    spelled: dict[str, str] = {}
    dynamic: set[str] = set()
    problems: list[OptionProblem] = []
    for key, text in given.items():
        parameter = declaration.parameter(key)
        if parameter is None:
            family = _family(declaration, key)
            if family is not None:
                families.setdefault(family.name, {})[key[len(family.name) :]] = text
                if family.dynamic and "{{" in text:
                    values[key] = text
                    dynamic.add(key)
            elif not declaration.accepts_options:
                problems.append(_unknown(declaration, key))
            else:
                families.setdefault("", {})[key] = text
            continue
        if parameter.name in spelled:
            other = spelled[parameter.name]
            problems.append(
                OptionProblem(
                    kind=OptionProblemKind.TWICE,
                    key=key,
                    message=f"option {key!r} of {_called(declaration)} is the same as {other!r}, which is given too",
                )
            )
            continue
        spelled[parameter.name] = key
        if parameter.dynamic and "{{" in text:
            values[parameter.name] = text
            dynamic.add(parameter.name)
            continue
        try:
            values[parameter.name] = parse_option(parameter, text)
        except ValueError as error:
            shown = _MASK if parameter.secret else repr(text)
            problems.append(
                OptionProblem(
                    kind=OptionProblemKind.VALUE,
                    key=key,
                    message=f"option {key!r} of {_called(declaration)} {error}, got {shown}",
                )
            )
    for parameter in declaration.parameters:
        if parameter.is_prefix or parameter.name in values or parameter.name in spelled:
            continue
        if parameter.optional:
            values[parameter.name] = parameter.default_value
        else:
            problems.append(
                OptionProblem(
                    kind=OptionProblemKind.MISSING,
                    key=parameter.name,
                    message=f"{_called(declaration)} needs the option {parameter.name!r}",
                    hint=parameter.description or None,
                )
            )
    options = Options(
        values=values,
        given=frozenset(spelled),
        dynamic=frozenset(dynamic),
        families=families,
        secrets=frozenset(parameter.name for parameter in declaration.parameters if parameter.secret),
    )
    return options, tuple(problems)


def parse_option(parameter: Parameter, text: str) -> Constant:
    """The typed value of one option's text.

    Raises:
        ValueError: The text is not a value of the option; the message says what it must be.
    """
    value = _typed(parameter, text)
    if parameter.choices is not None:
        for choice in parameter.choices:
            if value == choice or (
                isinstance(value, str) and isinstance(choice, str) and value.casefold() == choice.casefold()
            ):
                return choice
        raise ValueError(f"must be one of {', '.join(str(choice) for choice in parameter.choices)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if parameter.minimum is not None and value < parameter.minimum:
            raise ValueError(f"must be at least {parameter.minimum}")
        if parameter.maximum is not None and value > parameter.maximum:
            raise ValueError(f"must be at most {parameter.maximum}")
    return value


def parse_size(text: str) -> int:
    """Bytes of ``65536``, ``64KB``, ``64KiB``, ``1.5MB``.

    Raises:
        ValueError: The text is not a size.
    """
    stripped = text.strip()
    digits = stripped.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    factor = _SIZES.get(stripped[len(digits) :].strip().lower())
    if factor is None or not digits.replace(".", "", 1).isdecimal():
        raise ValueError("must be a size such as 65536, 64KB or 10MiB")
    return int(float(digits) * factor) if "." in digits else int(digits) * factor


def parse_boolean(text: str) -> bool:
    """True for ``true yes 1``, False for ``false no 0``, in any case.

    Raises:
        ValueError: The text is neither.
    """
    folded = text.strip().lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise ValueError("must be true or false")


def _typed(parameter: Parameter, text: str) -> Constant:
    match parameter.unit:
        case Unit.MILLISECONDS | Unit.DURATION:
            return _duration(text)
        case Unit.BYTES:
            return parse_size(text)
        case _:
            pass
    expected: list[str] = []
    for wanted in parameter.constant_types:
        match wanted:
            case AttributeType.BOOL:
                if text.strip().lower() in _TRUE | _FALSE:
                    return parse_boolean(text)
                expected.append("true or false")
            case AttributeType.INT | AttributeType.LONG:
                number = _integer(text, wanted)
                if number is not None:
                    return number
                expected.append("a whole number")
            case AttributeType.FLOAT | AttributeType.DOUBLE:
                try:
                    return float(text)
                except ValueError:
                    expected.append("a number")
            case _:
                return text
    raise ValueError(f"must be {' or '.join(dict.fromkeys(expected))}")


def _duration(text: str) -> int:
    stripped = text.strip()
    if stripped.startswith("-") and stripped[1:].isdecimal():
        return int(stripped)
    try:
        return parse_duration(stripped)
    except ValueError as error:
        raise ValueError("must be a duration such as 500ms, 1.5s or 10 min") from error


def _integer(text: str, wanted: AttributeType) -> int | None:
    low, high = (INT_MIN, INT_MAX) if wanted is AttributeType.INT else (LONG_MIN, LONG_MAX)
    try:
        number = int(text)
    except ValueError:
        return None
    return number if low <= number <= high else None


def _family(declaration: Extension, key: str) -> Parameter | None:
    for parameter in declaration.parameters:
        if parameter.is_prefix and key.startswith(parameter.name) and len(key) > len(parameter.name):
            return parameter
    return None


def _unknown(declaration: Extension, key: str) -> OptionProblem:
    return OptionProblem(
        kind=OptionProblemKind.UNKNOWN,
        key=key,
        message=f"{_called(declaration)} has no option {key!r}",
        hint=suggestion(key, _spellings(declaration), f"{declaration.kind.words} {declaration.qualified_name}"),
    )


def _spellings(declaration: Extension) -> Iterator[str]:
    for parameter in declaration.parameters:
        yield parameter.name


def _called(declaration: Extension) -> str:
    return f"{declaration.kind.words} {declaration.qualified_name}"
