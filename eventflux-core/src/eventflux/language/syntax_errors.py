"""Syntax failure -> diagnostic: which code, which words, which advice."""

from __future__ import annotations

import difflib
import re
from typing import Final

from eventflux.language.grammar import DialectGrammar, SyntaxFailure, describe
from eventflux.language.tokens import RESERVED
from eventflux.types.dialect import Dialect
from eventflux.types.error_codes import ErrorCode

MAX_EXPECTED: Final = 8
_LOOK_BACK: Final = 40
_CLOSING: Final = ("','", "')'", "']'", "';'")
_AFTER_OPERAND: Final = ("an operator", "'['", "'.'", "'::'")

_TOKEN: Final = re.compile(
    r"[A-Za-z_][A-Za-z0-9_$]*|[0-9][A-Za-z0-9_.]*|'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|->|[<>=!|:]{2}|\.{3}|.", re.DOTALL
)
_DEFINES: Final = re.compile(r"\s*(?:CREATE|DEFINE)\b", re.IGNORECASE)
_LAST_WORD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_$]*)\s*\Z")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")

# SQL that is known and refused: what stands at the failure, and the advice.
_UNSUPPORTED: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), message)
    for pattern, message in (
        (r"\bUNION\b", "UNION is not supported; use UNION ALL"),
        (r"\b(INTERSECT|EXCEPT|MINUS)\b", "{0} is not supported; use a join"),
        (r"\bNATURAL\b", "NATURAL JOIN is not supported; use JOIN ... USING (column)"),
        (r"\bLATERAL\b", "LATERAL is not supported; use a join"),
        (r"\b(ANY|ALL|SOME)\s*\(\s*SELECT\b", "{0} (SELECT ...) is not supported; use EXISTS (SELECT ...)"),
        (r"\bOVER\s*\(", "OVER (...) is not supported; use WINDOW behind the stream"),
        (r"\b(GROUPING\s+SETS|ROLLUP|CUBE)\b", "{0} is not supported; use a query for each grouping"),
        (r"\bRETURNING\b", "RETURNING is not supported; use a query on the table"),
        (r"\bCHECK\s*\(", "CHECK is not supported; use WHERE in the query that inserts"),
        (r"\b(FOREIGN\s+KEY|REFERENCES)\b", "{0} is not supported; use a join"),
        (r"\b(UNIQUE)\b", "{0} is not supported; use PRIMARY KEY"),
        (r"\bQUALIFY\b", "QUALIFY is not supported; use HAVING"),
    )
)
_UNSUPPORTED_STATEMENTS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), message)
    for pattern, message in (
        (
            r"(DROP|ALTER|TRUNCATE)\b",
            "{0} is not supported; an application declares: use an app text without, or with another, definition",
        ),
        (r"CREATE\s+OR\s+REPLACE\b", "CREATE OR REPLACE is not supported; use an app text with the new definition"),
        (r"CREATE\s+(UNIQUE\s+)?INDEX\b", "CREATE INDEX is not supported; use INDEX in the table's columns"),
        (
            r"(BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT)\b",
            "transactions are not supported; use single statements",
        ),
        (r"(GRANT|REVOKE)\b", "{0} is not supported; use the rights of the process"),
    )
)


def explain(
    grammar: DialectGrammar, rule: str, text: str, failure: SyntaxFailure, dialect: Dialect
) -> tuple[int, int, ErrorCode, str, str | None]:
    """Start, end, code, message and hint of a failure, in offsets of the statement's text (which ends with `;`)."""
    position = failure.position
    if dialect is Dialect.SQL:
        refused = _refused(text, position)
        if refused is not None:
            return refused
    match = _TOKEN.match(text, position)
    found = match.group() if match is not None else ""
    end = position + max(1, len(found))
    if dialect is Dialect.SQL and found.upper() in RESERVED and _is_misused_name(grammar, rule, text, position, end):
        return (
            position,
            end,
            ErrorCode.RESERVED_WORD,
            f"'{found}' is a reserved word; quote it as \"{found}\"",
            None,
        )
    words = describe(failure.expected)
    # What closes something is most often what is missing; what may follow any operand is of little help.
    words.sort(key=lambda word: 0 if word in _CLOSING else 2 if word in _AFTER_OPERAND else 1)
    nearest = _nearest(found, words) or _misread_alias(text, position, words)
    if position == _statement_start(text) and len(words) > MAX_EXPECTED:
        words = ["a statement"]
    more = len(words) > MAX_EXPECTED
    words = words[:MAX_EXPECTED]
    if not words:
        expected = "something else"
    elif len(words) == 1:
        expected = words[0]
    elif more:
        expected = ", ".join(words) + ", ..."
    else:
        expected = ", ".join(words[:-1]) + f" or {words[-1]}"
    return (
        position,
        end,
        ErrorCode.SYNTAX,
        f"expected {expected} but found {found_words(found)}",
        _hint(found, words, dialect) or nearest,
    )


def found_words(found: str) -> str:
    """How a message names the token that it found."""
    return repr(found if len(found) <= 40 else found[:37] + "...")


def _hint(found: str, expected: list[str], dialect: Dialect) -> str | None:
    if dialect is Dialect.EVENTFLUXQL:
        if found == "=" and "an operator" in expected:
            return "equality is written =="
        if found.startswith("'") and '"' in found:
            return 'a string in single quotes can\'t hold "; write """..."""'
    elif found == "!":
        return "inequality is written <> or !="
    return None


def _nearest(found: str, words: list[str]) -> str | None:
    keywords = [word for word in words if word.isupper() and word != found.upper()]
    close = difflib.get_close_matches(found.upper(), keywords, n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else None


def _misread_alias(text: str, position: int, words: list[str]) -> str | None:
    """A misspelt keyword in front of the failure, which was taken for an alias: `SELECT a FRM S`."""
    match = _LAST_WORD.search(text, 0, position)
    return None if match is None else _nearest(match.group(1), words)


def _refused(text: str, position: int) -> tuple[int, int, ErrorCode, str, str | None] | None:
    start = _statement_start(text)
    for pattern, message in _UNSUPPORTED_STATEMENTS:
        match = pattern.match(text, start)
        if match is not None:
            return _refusal(match, message)
    for pattern, message in _UNSUPPORTED:
        for match in pattern.finditer(text, max(0, position - _LOOK_BACK)):
            # Words that are free names are read as such, and what fails is the bracket behind them: `CHECK (a > 0)`.
            if match.start() <= position <= match.end() + 2:
                return _refusal(match, message)
            if match.start() > position:
                break
    return None


def _refusal(match: re.Match[str], message: str) -> tuple[int, int, ErrorCode, str, str | None]:
    name = " ".join((match.group(1) if match.lastindex else match.group()).upper().split())
    return match.start(), match.end(), ErrorCode.NOT_SUPPORTED, message.format(name), None


def _statement_start(text: str) -> int:
    match = re.match(r"(?:\s*EXPLAIN\b)?\s*", text, re.IGNORECASE)
    return match.end() if match is not None else 0


def _is_misused_name(grammar: DialectGrammar, rule: str, text: str, position: int, end: int) -> bool:
    """Whether the statement would be right if the reserved word, and perhaps others behind it, were names."""
    if text[position:end].upper() == "FROM" and not _DEFINES.match(text):
        # `SELECT FROM S` lacks its select list: FROM is meant.
        return False
    for _ in range(4):
        text = text[:position] + "x" * (end - position) + text[end:]
        outcome = grammar.parse(rule, text)
        if not isinstance(outcome, SyntaxFailure):
            return True
        match = _WORD.match(text, outcome.position)
        if outcome.position <= position or match is None or match.group().upper() not in RESERVED:
            return False
        position, end = outcome.position, match.end()
    return False
