"""`${NAME}` substitution before parsing, with a map from offsets of the new text to those of the author's text.

Forms: `${NAME}`, `${NAME:default}` (default when unset), `${NAME:-default}` (when unset or empty), `$${` for a literal
`${`. A default reaches to the matching `}` and may hold variables itself. Substituted text is not scanned again.
`${...}` whose inside does not start like that is left as it is, as is everything in comments (`--`, `/* */`).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from eventflux.types.diagnostic import Diagnostic
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import SourceText, Span

_HEAD: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-|:|\})")
# What the search stops at: a variable, an escaped one, or something in which `--` and `/*` are no comments.
_STOP: Final = re.compile(r"\$?\$\{|--|/\*|'|\"|`")
_COMMENT_END: Final = {"--": re.compile(r"[\r\n]|\Z"), "/*": re.compile(r"\*/|\Z")}
_MAX_DEPTH: Final = 16


@record(frozen=True, slots=True)
class ExpandedText:
    """A text after substitution. `starts` are offsets at which a piece begins, `origins` where it stood before.

    Inside a piece of the author's text offsets run in parallel; a substituted piece maps to its whole `${...}`.
    """

    text: str
    starts: tuple[int, ...] = ()
    origins: tuple[Span, ...] = ()
    copied: tuple[bool, ...] = field(default=())

    def span(self, start: int, end: int) -> Span:
        """Place in the author's text of a range of the expanded text."""
        if not self.starts:
            return Span(start, end)
        return Span(self._origin(start, at_end=False), self._origin(end, at_end=True))

    def _origin(self, offset: int, *, at_end: bool) -> int:
        # The end of a range belongs to the piece of its last character.
        piece = bisect.bisect_right(self.starts, offset - 1 if at_end and offset > 0 else offset) - 1
        origin = self.origins[piece]
        if self.copied[piece]:
            return origin.start + offset - self.starts[piece]
        return origin.end if at_end else origin.start


def expand(source: SourceText, variables: Mapping[str, str]) -> tuple[ExpandedText, list[Diagnostic]]:
    """Replace the variables of a text; an unset one is a diagnostic and stays as it is."""
    text = source.text
    if "${" not in text:
        return ExpandedText(text), []
    diagnostics: list[Diagnostic] = []
    pieces: list[str] = []
    starts: list[int] = []
    origins: list[Span] = []
    copied: list[bool] = []
    length = 0

    def add(piece: str, origin: Span, *, is_copy: bool) -> None:
        nonlocal length
        if piece or not is_copy:
            pieces.append(piece)
            starts.append(length)
            origins.append(origin)
            copied.append(is_copy)
            length += len(piece)

    done = 0
    for start, end in _variables(text):
        add(text[done:start], Span(done, start), is_copy=True)
        value = _value(source, start, end, variables, diagnostics, 0)
        add(value, Span(start, end), is_copy=False)
        done = end
    add(text[done:], Span(done, len(text)), is_copy=True)
    return ExpandedText("".join(pieces), tuple(starts), tuple(origins), tuple(copied)), diagnostics


def _variables(text: str) -> list[tuple[int, int]]:
    """Ranges of `${...}` and `$${` outside comments."""
    found: list[tuple[int, int]] = []
    position = 0
    quote = ""
    while match := _STOP.search(text, position):
        lexeme = match.group()
        position = match.end()
        if lexeme.startswith("$"):
            if lexeme == "$${":
                found.append((match.start(), match.end()))
            elif (end := _closing(text, match.start())) is not None:
                found.append((match.start(), end))
                position = end
        elif quote:
            if lexeme == quote:
                quote = ""
        elif lexeme in _COMMENT_END:
            stop = _COMMENT_END[lexeme].search(text, position)
            position = stop.end() if stop is not None else len(text)
        else:
            quote = lexeme
    return found


def _closing(text: str, start: int) -> int | None:
    """End of the `${...}` at `start`, or None if it is none."""
    head = _HEAD.match(text, start)
    if head is None:
        return None
    if head.group(2) == "}":
        return head.end()
    depth = 1
    for position in range(head.end(), len(text)):
        if text[position] == "}":
            depth -= 1
            if depth == 0:
                return position + 1
        elif text.startswith("${", position):
            depth += 1
    return None


def _value(
    source: SourceText, start: int, end: int, variables: Mapping[str, str], diagnostics: list[Diagnostic], depth: int
) -> str:
    text = source.text
    head = _HEAD.match(text, start)
    if head is None:
        return "${"
    name, form = head.group(1), head.group(2)
    value = variables.get(name)
    if value is not None and (value or form != ":-"):
        return value
    if form == "}" or depth >= _MAX_DEPTH:
        diagnostics.append(
            Diagnostic.at(
                source,
                Span(start, end),
                ErrorCode.UNSET_VARIABLE,
                f"variable {name} is not set",
                hint=f"set the environment variable {name}, or give a default: ${{{name}:default}}",
            )
        )
        return text[start:end]
    pieces: list[str] = []
    position = head.end()
    while (inner := text.find("${", position, end - 1)) >= 0:
        inner_end = _closing(text, inner)
        if inner_end is None:
            break
        pieces += [text[position:inner], _value(source, inner, inner_end, variables, diagnostics, depth + 1)]
        position = inner_end
    pieces.append(text[position : end - 1])
    return "".join(pieces)
