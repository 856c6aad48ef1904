"""One statement's tokens -> lines.

What fits on a line is one line. Else each clause begins a line, and a clause that is too long goes on, indented, behind
a comma, AND or OR. Around operators that may be something else as well (`*`, `+`, `-`, `<`, `:` …) white space stays
where the author put it. A statement with comments inside keeps its line ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from eventflux.language.formatting.lexemes import Lexeme, LexemeKind
from eventflux.language.tokens import RESERVED
from eventflux.types.dialect import Dialect

INDENT: Final = 4

# Words that begin a line when a statement is broken, where no bracket is open. Of a phrase the first word breaks.
_CLAUSES: Final = {
    Dialect.SQL: frozenset(
        [
            "SELECT",
            "FROM",
            "WHERE",
            "GROUP",
            "HAVING",
            "ORDER",
            "LIMIT",
            "OFFSET",
            "OUTPUT",
            "WITH",
            "VALUES",
            "UNION",
            "USING",
            "WHEN",
            "SET",
        ]
    ),
    Dialect.EVENTFLUXQL: frozenset(
        [
            "SELECT",
            "FROM",
            "GROUP",
            "HAVING",
            "ORDER",
            "LIMIT",
            "OFFSET",
            "OUTPUT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "RETURN",
            "AGGREGATE",
            "WITHIN",
        ]
    ),
}
_JOIN_WORDS: Final = frozenset(["LEFT", "RIGHT", "FULL", "INNER", "CROSS", "OUTER", "JOIN"])
# Words behind which `FROM`, `SET`, `WITH` … stand inside a phrase instead of opening a clause.
_BINDING: Final = frozenset(
    ["DELETE", "DISTINCT", "INSERT", "PARTITION", "UPDATE", "IS", "OR", "WHEN", "THEN", "MATCHED", "TIMEOUT"]
)
_SPACED_OPERATORS: Final = frozenset(["=", "==", "!=", "<>", "<=", ">=", "||", "->", "=>"])
_BEFORE_BRACKET: Final = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IN",
        "AS",
        "ON",
        "BY",
        "OF",
        "FROM",
        "WHERE",
        "HAVING",
        "WITH",
        "VALUES",
        "SELECT",
        "WHEN",
        "THEN",
        "ELSE",
        "BETWEEN",
        "SET",
        "USING",
        "INTO",
        "FILTER",
        "OVER",
        "END",
        "DISTINCT",
        "ALL",
        "UNION",
        "KEY",
    ]
)
_CONTINUES: Final = frozenset(["AND", "OR"])


def laid_out(tokens: Sequence[Lexeme], dialect: Dialect, width: int, *, upper: bool) -> list[str]:
    """The lines of a statement without indentation of its own.

    Args:
        tokens: Of the statement.
        dialect: Of the statement.
        width: Columns of a line.
        upper: Write SQL's reserved words in upper case.
    """
    words = [_cased(token, dialect, previous, upper=upper) for previous, token in _pairs(tokens)]
    gaps = [_gap(previous, token) for previous, token in _pairs(tokens)]
    if any(token.kind is LexemeKind.COMMENT for token in tokens):
        return _keeping_lines(tokens, words, gaps)
    annotations = _end_of_annotations(tokens)
    heads = _heads_of_annotations(tokens, annotations)
    lines = [line for start, end in heads for line in _wrapped(tokens, words, gaps, start, end, width)]
    rest = _joined(words, gaps, annotations, len(tokens))
    together = " ".join([*lines, rest])
    is_kept_apart = any(tokens[start].newlines for start, _ in heads[1:]) or (
        bool(heads) and annotations < len(tokens) and tokens[annotations].newlines > 0
    )
    if "\n" not in together and len(together) < width and not is_kept_apart:
        return [together]
    if "\n" not in rest and len(rest) < width:
        return [*lines, rest]
    starts = [annotations, *_clause_starts(tokens, annotations, dialect), len(tokens)]
    for start, end in itertools.pairwise(starts):
        if end > start:
            lines += _wrapped(tokens, words, gaps, start, end, width)
    return lines


def _pairs(tokens: Sequence[Lexeme]) -> list[tuple[Lexeme | None, Lexeme]]:
    return list(zip([None, *tokens[:-1]], tokens, strict=True))


def _cased(token: Lexeme, dialect: Dialect, previous: Lexeme | None, *, upper: bool) -> str:
    if not upper or dialect is not Dialect.SQL:
        return token.text
    if token.word not in RESERVED and not (token.word and previous is not None and previous.word == "CREATE"):
        return token.text
    return token.text if previous is not None and previous.text in {".", "#", "@", ":"} else token.word


def _gap(previous: Lexeme | None, token: Lexeme) -> str:
    """What stands between two tokens of one line."""
    if previous is None:
        return ""
    if token.kind is LexemeKind.COMMENT or previous.kind is LexemeKind.COMMENT:
        return "  " if token.kind is LexemeKind.COMMENT and token.text.startswith("--") else " "
    if token.text in {",", ";"} or (token.kind is LexemeKind.CLOSE and token.text != "}"):
        return ""
    if previous.text in {"(", "["}:
        return ""
    if previous.text == ",":
        return " "
    if token.text in _SPACED_OPERATORS or previous.text in _SPACED_OPERATORS:
        return " "
    if token.text == "(" and previous.word in _BEFORE_BRACKET and previous.text.upper() not in {"LEFT", "RIGHT"}:
        return " "
    return " " if token.spaced else ""


def _joined(words: Sequence[str], gaps: Sequence[str], start: int, end: int) -> str:
    return "".join(word if index == start else gaps[index] + word for index, word in _numbered(words, start, end))


def _numbered(words: Sequence[str], start: int, end: int) -> list[tuple[int, str]]:
    return [(index, words[index]) for index in range(start, end)]


def _keeping_lines(tokens: Sequence[Lexeme], words: Sequence[str], gaps: Sequence[str]) -> list[str]:
    """White space within lines is made even; line ends stay, and lines behind the first are indented by depth."""
    lines: list[str] = []
    current = ""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind is LexemeKind.CLOSE:
            depth -= 1
        if index and token.newlines:
            lines.append(current.rstrip())
            current = " " * (INDENT * max(depth, 0)) + words[index]
        else:
            current += gaps[index] + words[index]
        if token.kind is LexemeKind.OPEN:
            depth += 1
    lines.append(current.rstrip())
    return lines


def _end_of_annotations(tokens: Sequence[Lexeme]) -> int:
    """Where the annotations before a statement end."""
    position = 0
    while position < len(tokens) and tokens[position].text == "@":
        position += 2
        while position + 1 < len(tokens) and tokens[position].text == ":":
            position += 2
        if position < len(tokens) and tokens[position].text == "(":
            depth = 0
            while position < len(tokens):
                depth += {"(": 1, ")": -1}.get(tokens[position].text, 0)
                position += 1
                if depth == 0:
                    break
    return position


def _heads_of_annotations(tokens: Sequence[Lexeme], end: int) -> list[tuple[int, int]]:
    starts: list[int] = []
    depth = 0
    for index in range(end):
        if tokens[index].text == "@" and depth == 0:
            starts.append(index)
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
    return [(start, next((other for other in starts if other > start), end)) for start in starts]


def _clause_starts(tokens: Sequence[Lexeme], first: int, dialect: Dialect) -> list[int]:
    starts: list[int] = []
    depth = cases = 0
    for index in range(first, len(tokens)):
        token = tokens[index]
        depth += (token.kind is LexemeKind.OPEN) - (token.kind is LexemeKind.CLOSE)
        if token.word == "CASE":
            cases += 1
        elif token.word == "END" and cases:
            cases -= 1
        if index == first or depth or cases:
            continue
        previous = tokens[index - 1]
        if previous.text in {".", "#", "@", ":"} or previous.word in _BINDING:
            continue
        if token.word in _CLAUSES[dialect]:
            if not (previous.word in _CLAUSES[dialect] and index - 1 in starts):
                starts.append(index)
        elif token.word in _JOIN_WORDS and previous.word not in _JOIN_WORDS and _leads_to_join(tokens, index):
            starts.append(index)
    return starts


def _leads_to_join(tokens: Sequence[Lexeme], index: int) -> bool:
    while index < len(tokens) and tokens[index].word in _JOIN_WORDS:
        if tokens[index].word == "JOIN":
            return True
        index += 1
    return False


def _wrapped(
    tokens: Sequence[Lexeme], words: Sequence[str], gaps: Sequence[str], start: int, end: int, width: int
) -> list[str]:
    """One clause, broken where it has to be: at the outermost place that lets the line fit."""
    text = _joined(words, gaps, start, end)
    if len(text) < width or "\n" in text:
        return text.split("\n")
    lines: list[str] = []
    line_start = start
    while True:
        room = width - (INDENT if lines else 0)
        place = _break(tokens, words, gaps, line_start, end, room)
        lines.append((" " * INDENT if lines else "") + _joined(words, gaps, line_start, place))
        if place == end:
            return lines
        line_start = place


def _break(tokens: Sequence[Lexeme], words: Sequence[str], gaps: Sequence[str], start: int, end: int, room: int) -> int:
    """Where the line that begins at `start` ends."""
    length = depth = 0
    best: tuple[int, int] | None = None  # depth, place
    later = end
    for index in range(start, end):
        length += len(words[index]) + (len(gaps[index]) if index > start else 0)
        may_break = index > start and (tokens[index - 1].text == "," or tokens[index].word in _CONTINUES)
        if may_break:
            if length - len(words[index]) - len(gaps[index]) >= room and best is not None:
                return best[1]
            if length - len(words[index]) - len(gaps[index]) < room:
                if best is None or depth <= best[0]:
                    best = (depth, index)
            else:
                return index
        depth += (tokens[index].kind is LexemeKind.OPEN) - (tokens[index].kind is LexemeKind.CLOSE)
    if length < room:
        return end
    return later if best is None else best[1]
