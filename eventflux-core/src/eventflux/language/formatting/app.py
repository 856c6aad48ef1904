"""A whole text: statements one below the other, comments and single blank lines between them kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from eventflux.language.ast import EventFluxApp
from eventflux.language.formatting.layout import INDENT, laid_out
from eventflux.language.formatting.lexemes import LexemeKind, lexemes
from eventflux.language.parser import parse
from eventflux.language.scan import PartitionSegment, Segment, scan
from eventflux.types.dialect import Dialect
from eventflux.types.errors import EventFluxError, ParseError
from eventflux.types.source_text import SourceText

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_FUNCTION: Final = re.compile(
    r"(?:@.*?)?\b(?:define|create(?:\s+or\s+replace)?)\s+function\b", re.IGNORECASE | re.DOTALL
)
_SEMICOLON: Final = re.compile(r"\s*;")
_COMMENT: Final = re.compile(r"--[^\r\n]*|/\*.*?\*/", re.DOTALL)


def format_app(text: str, *, name: str = "app", width: int = 100, variables: Mapping[str, str] | None = None) -> str:
    """The text laid out; formatting it again changes nothing, and it means the same.

    Args:
        text: Of an app, in either language.
        name: For messages.
        width: Columns of a line.
        variables: Values of `${NAME}`, only to read the text; those that nobody sets are taken for numbers.

    Raises:
        ParseError: The text is not in the language.
    """
    values = _variables(text, variables)
    meant = parse(SourceText(text, name), variables=values)
    for upper in (True, False):
        formatted = _Formatter(text, width, upper=upper).run()
        if _means(formatted, meant, values):
            return formatted
    raise EventFluxError(f"{name}: the text can't be laid out without changing its meaning")


def _variables(text: str, given: Mapping[str, str] | None) -> dict[str, str]:
    known = {**os.environ, **(given or {})}
    return {name: known.get(name, "1") for name in _VARIABLE.findall(text)}


def _means(text: str, meant: EventFluxApp, values: Mapping[str, str]) -> bool:
    try:
        return parse(text, variables=values) == meant
    except ParseError:
        return False


class _Formatter:
    """One text."""

    def __init__(self, text: str, width: int, *, upper: bool) -> None:
        self.text = text
        self.width = width
        self.upper = upper
        self.lines: list[str] = []

    def run(self) -> str:
        position = 0
        for segment in scan(self.text).segments:
            position = self._segment(segment, position, 0)
        self._between(self.text[position:], 0, is_last=True)
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        return "".join(f"{line}\n" for line in self.lines)

    def _segment(self, segment: Segment | PartitionSegment, position: int, indent: int) -> int:
        """Lay out a statement and what stands before it; the position behind it."""
        start = segment.header.start if isinstance(segment, PartitionSegment) else segment.start
        self._between(self.text[position:start], indent)
        trailing: list[str] = []
        if isinstance(segment, Segment):
            trailing = self._statement(segment, indent)
            end = segment.end
        else:
            end = self._partition(segment, indent)
        semicolon = _SEMICOLON.match(self.text, end)
        if semicolon is not None:
            self.lines[-1] += ";"
            end = semicolon.end()
        for comment in trailing:
            self.lines[-1] += f"  {comment}"
        return end

    def _partition(self, segment: PartitionSegment, indent: int) -> int:
        for comment in self._statement(segment.header, indent):
            self.lines[-1] += f"  {comment}"
        position = segment.header.end
        for inner in segment.statements:
            position = self._segment(inner, position, indent + INDENT)
        tail = self.text[position : segment.end]
        comments = tail[: max(0, tail.upper().rfind("END"))]
        self._between(comments, indent + INDENT, is_last=True)
        end = tail[len(comments) :].strip()
        self.lines.append(" " * indent + (end.upper() if self.upper and segment.header.dialect is Dialect.SQL else end))
        return segment.end

    def _statement(self, segment: Segment, indent: int) -> list[str]:
        """Lay out a statement; the comments between its last token and the `;` are given back: they go behind that."""
        text = self.text[segment.start : segment.end]
        tokens = lexemes(text, segment.dialect, has_script=_FUNCTION.match(text) is not None)
        trailing: list[str] = []
        while tokens and tokens[-1].kind is LexemeKind.COMMENT:
            trailing.insert(0, tokens.pop().text.rstrip())
        for line in laid_out(tokens, segment.dialect, self.width - indent, upper=self.upper):
            self.lines.append(" " * indent + line if line else "")
        return trailing

    def _between(self, text: str, indent: int, *, is_last: bool = False) -> None:
        """Comments and blank lines between statements; a comment on the line of the statement before stays there."""
        position = 0
        for match in _COMMENT.finditer(text):
            gap = text[position : match.start()]
            comment = match.group().rstrip()
            if self.lines and "\n" not in gap:
                self.lines[-1] += f"  {comment}"
            else:
                self._blank(gap)
                self.lines += [
                    (" " * indent + line.rstrip()) if number == 0 else line.rstrip()
                    for number, line in enumerate(comment.split("\n"))
                ]
            position = match.end()
        if not is_last:
            self._blank(text[position:])

    def _blank(self, gap: str) -> None:
        if self.lines and gap.count("\n") > 1 and self.lines[-1]:
            self.lines.append("")
