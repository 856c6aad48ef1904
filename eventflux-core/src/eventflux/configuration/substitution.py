"""`${NAME}` in configuration values: `${NAME}`, `${NAME:default}`, `${NAME:-default}`, `${file:/path}`, `$${`.

`${scheme:reference}`, the scheme in lower case, is what a plug-in's reader of that name finds, unless there is a
variable of that name. A default reaches to the matching `}` and may hold variables. What was substituted is not looked
at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_HEAD: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-|:|\})")
_MAX_DEPTH: Final = 16
_FILE: Final = "file"
Resolve = Callable[[str, str], tuple[bool, "str | None"]]


class SubstitutionError(ValueError):
    """A value can't be had; the message says why."""


def substitute(text: str, variables: Mapping[str, str], resolve: Resolve, depth: int = 0) -> str:
    """The text with its variables replaced.

    Args:
        text: With variables or without.
        variables: By name.
        resolve: What a reader finds: scheme, reference -> whether there is such a reader, value or None.
        depth: How many variables this text is inside of.

    Raises:
        SubstitutionError: A variable is not set and has no default, a file can't be read, or a `${` has no end.
    """
    pieces: list[str] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start > 0 and text[start - 1] == "$":
            pieces += [text[position : start - 1], "${"]
            position = start + 2
            continue
        end = _closing(text, start)
        pieces += [text[position:start], _value(text[start:end], variables, resolve, depth)]
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def has_variables(text: str) -> bool:
    """Whether a value depends on something outside."""
    return re.search(r"(?<!\$)\$\{", text) is not None


def _closing(text: str, start: int) -> int:
    depth = 0
    position = start
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 2
            continue
        if text[position] == "}":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    raise SubstitutionError(f"{text[start:]!r} has no closing }}")


def _value(variable: str, variables: Mapping[str, str], resolve: Resolve, depth: int) -> str:
    head = _HEAD.match(variable)
    if head is None:
        raise SubstitutionError(f"{variable!r} is no variable: write ${{NAME}}, or $${{ for a literal ${{")
    name, form = head.group(1), head.group(2)
    rest = variable[head.end() : -1]
    if name == _FILE and form == ":":
        return _content(substitute(rest, variables, resolve, depth + 1))
    value = variables.get(name)
    if value is not None and (value or form != ":-"):
        return value
    if form == ":" and name.islower() and depth < _MAX_DEPTH:
        reference = substitute(rest, variables, resolve, depth + 1)
        is_known, found = resolve(name, reference)
        if is_known:
            if found is None:
                raise SubstitutionError(f"{name} has no {reference!r}")
            return found
        return reference
    if form == "}" or depth >= _MAX_DEPTH:
        raise SubstitutionError(f"environment variable {name} is not set")
    return substitute(rest, variables, resolve, depth + 1)


def _content(path: str) -> str:
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise SubstitutionError(f"the file {path!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SubstitutionError(f"the file {path!r} is not UTF-8: {error.reason}") from error
    return text.removesuffix("\n").removesuffix("\r")
