"""Cuts a text into tokens for laying out: coarser than the grammar's, and never wrong about strings and comments."""

from __future__ import annotations

import re
from enum import Enum, unique
from typing import Final

from eventflux.types.dialect import Dialect
from eventflux.types.record import record


@unique
class LexemeKind(Enum):
    """What a token is, as far as white space is concerned."""

    WORD = "word"
    NUMBER = "number"
    STRING = "string"
    OPERATOR = "operator"
    OPEN = "open"
    CLOSE = "close"
    PUNCTUATION = "punctuation"
    COMMENT = "comment"


@record(frozen=True, slots=True)
class Lexeme:
    """One token: its text, whether white space stood before it, and how many line ends that had."""

    text: str
    kind: LexemeKind
    spaced: bool
    newlines: int

    @property
    def word(self) -> str:
        """The word in upper case; empty if it is none."""
        return self.text.upper() if self.kind is LexemeKind.WORD else ""


_SPACE: Final = re.compile(r"[\s\ufeff]*")
_VARIABLE: Final = r"\$\{(?:[^{}]|\{[^{}]*\})*\}"
_COMMON: Final = (
    (LexemeKind.COMMENT, r"--[^\r\n]*"),
    (LexemeKind.STRING, r'"""(?:(?!""").)*"""'),
    (LexemeKind.STRING, r"[eE]'(?:[^'\\]|\\.|'')*'"),
    (LexemeKind.STRING, r"`(?:[^`]|``)*`"),
    (LexemeKind.NUMBER, r"(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?[A-Za-z]*"),
    (LexemeKind.WORD, rf"(?:[A-Za-z_][A-Za-z0-9_$]*(?!\{{)|{_VARIABLE})+"),
    (LexemeKind.OPERATOR, r"->|=>|<=|>=|<>|!=|==|\|\||::|\.\.\.|[=<>+*/%?|-]"),
    (LexemeKind.OPEN, r"[(\[{]"),
    (LexemeKind.CLOSE, r"[)\]}]"),
    (LexemeKind.PUNCTUATION, r"."),
)
_QUOTES: Final = {
    Dialect.SQL: ((LexemeKind.STRING, r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$\$(?!\{).*?\$\$"),),
    Dialect.EVENTFLUXQL: ((LexemeKind.STRING, r"'[^'\r\n]*'|\"[^\"\r\n]*\""),),
}


def _pattern(dialect: Dialect) -> re.Pattern[str]:
    parts = [*_COMMON[:4], *_QUOTES[dialect], *_COMMON[4:]]
    return re.compile("|".join(f"(?P<g{index}>{part})" for index, (_, part) in enumerate(parts)), re.DOTALL)


_KINDS: Final = {
    dialect: tuple(kind for kind, _ in (*_COMMON[:4], *_QUOTES[dialect], *_COMMON[4:])) for dialect in _QUOTES
}
_PATTERNS: Final = {dialect: _pattern(dialect) for dialect in _QUOTES}
_BLOCK: Final = re.compile(r"/\*|\*/")


def lexemes(text: str, dialect: Dialect, *, has_script: bool = False) -> list[Lexeme]:
    """The tokens of one statement.

    Args:
        text: Of the statement, without the `;` behind it.
        dialect: Of the statement.
        has_script: From its first `{` to its last `}` it is a program in another language: one token.
    """
    found: list[Lexeme] = []
    position = 0
    script = (text.find("{"), text.rfind("}") + 1) if has_script else (-1, -1)
    while True:
        space = _SPACE.match(text, position)
        start = position if space is None else space.end()
        if start >= len(text):
            return found
        newlines = text.count("\n", position, start)
        if start == script[0]:
            end, kind = script[1], LexemeKind.STRING
        elif text.startswith("/*", start):
            end, kind = _end_of_block(text, start, nested=dialect is Dialect.SQL), LexemeKind.COMMENT
        else:
            match = _PATTERNS[dialect].match(text, start)
            assert match is not None
            assert match.lastgroup is not None
            end, kind = match.end(), _KINDS[dialect][int(match.lastgroup[1:])]
        found.append(Lexeme(text[start:end], kind, start > position, newlines))
        position = end


def _end_of_block(text: str, start: int, *, nested: bool) -> int:
    depth = 0
    for match in _BLOCK.finditer(text, start):
        depth = depth + 1 if match.group() == "/*" and (nested or depth == 0) else depth - (match.group() == "*/")
        if depth == 0:
            return match.end()
    return len(text)
