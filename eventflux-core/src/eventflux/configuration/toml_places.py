"""Lines of the keys of a TOML document, which `tomllib` does not tell.

The document is known to be valid; this walks over its statements: headers, dotted keys, and values, of which only the
extent matters. Keys inside an inline table are given the line of the statement.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPED: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Path -> line, from 1. Parts of a path are as written between dots; those in quotes may hold dots."""
    lines: dict[tuple[str, ...], int] = {}
    arrays: Counter[tuple[str, ...]] = Counter()
    section: tuple[str, ...] = ()
    position = 0
    while True:
        position = _after_blank(text, position)
        if position >= len(text):
            return lines
        line = text.count("\n", 0, position) + 1
        if text.startswith("[[", position):
            name, position = _dotted(text, position + 2)
            section = (*name, str(arrays[name]))
            arrays[name] += 1
            lines[section] = line
            position += 2
        elif text[position] == "[":
            section, position = _dotted(text, position + 1)
            lines[section] = line
            position += 1
        else:
            key, position = _dotted(text, position)
            lines[section + key] = line
            position = _after_value(text, position + 1)


def _after_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return position if match is None else match.end()


def _dotted(text: str, position: int) -> tuple[tuple[str, ...], int]:
    parts: list[str] = []
    while match := _KEY.match(text, position):
        parts.append(_plain(match.group(1)))
        position = match.end()
        if not text.startswith(".", position):
            break
        position += 1
    return tuple(parts), position


def _plain(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] == '"':
        return _ESCAPE.sub(
            lambda found: chr(int(found[1] or found[2], 16)) if found[3] is None else _ESCAPED.get(found[3], found[3]),
            part[1:-1],
        )
    return part


def _after_value(text: str, position: int) -> int:
    depth = 0
    while position < len(text):
        character = text[position]
        if character in "\"'":
            match = _STRING.match(text, position)
            position = len(text) if match is None else match.end()
            continue
        if character == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
            continue
        if character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "\n" and depth == 0:
            return position
        position += 1
    return position
