"""SourceText and Span: where in an application text something stands.

Offsets count code points of the text as its author wrote it, before `${NAME}` variables were replaced, so that a
message always shows the author's line and never the value of a variable.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from eventflux.types.record import record

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


@record(frozen=True, slots=True)
class Span:
    """Half-open range of code points of a source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """Smallest span that holds both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


NO_SPAN: Final = Span(0, 0)


@record(frozen=True, slots=True)
class Position:
    """Line and column, both from 1; a tab is one column."""

    line: int
    column: int


@dataclass(frozen=True)
class SourceText:
    """An application text with the name that messages give it (a file name, or `app`)."""

    text: str
    name: str = "app"
    _line_starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._line_starts.append(0)
        self._line_starts.extend(match.end() for match in _LINE_END.finditer(self.text))

    def position(self, offset: int) -> Position:
        """Line and column of an offset; the end of the text is a position too."""
        bounded = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self._line_starts, bounded)
        return Position(line, bounded - self._line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Text of a line, counted from 1, without its end."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def slice(self, span: Span) -> str:
        return self.text[span.start : span.end]

    def snippet(self, span: Span) -> str:
        """The line on which the span starts, numbered, with carets under the part of the span on that line."""
        position = self.position(span.start)
        line = self.line(position.line)
        before = line[: position.column - 1]
        under = line[position.column - 1 : position.column - 1 + max(1, span.end - span.start)]
        number = str(position.line)
        # Tabs are kept so that the carets stay under the token whatever the width of a tab; wide characters take two.
        indent = "".join("\t" if character == "\t" else " " * _width(character) for character in before)
        carets = "^" * max(1, sum(_width(character) for character in under))
        return f"  {number} | {line}\n  {' ' * len(number)} | {indent}{carets}"


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
