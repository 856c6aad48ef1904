"""Tokens of both dialects: parsimonious expressions for keywords, punctuation, names, numbers and strings.

A token eats the white space behind it. Comments never reach it: scan.py has blanked them. Tokens are not memoized
(matching again is as cheap as looking up) and note the place and names of the failures furthest to the right, which is
what a syntax error reports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from parsimonious.expressions import Expression
from parsimonious.nodes import Node

from eventflux.types.dialect import Dialect
from eventflux.types.duration import UNIT_NAMES

SPACE: Final = r"[ \t\r\n\f\v]*"
_SPACE: Final = re.compile(SPACE)
_WORD_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")


class Progress:
    """Collects the tokens that failed furthest to the right. Stands where parsimonious keeps its ParseError."""

    __slots__ = ("expected", "expr", "furthest", "pos")

    def __init__(self) -> None:
        self.furthest = 0
        self.expected: list[str] = []
        # parsimonious writes its own, coarser account of failures here.
        self.pos = -1
        self.expr: Expression | None = None


class Keyword(Expression):  # type: ignore[misc]
    """A word in any case, not followed by a character that would make it another word."""

    __slots__ = ("first", "length", "lower")

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.lower = word.lower()
        self.length = len(word)
        self.first = word[0].lower() + word[0].upper()

    def match_core(self, text: str, pos: int, cache: Any, error: Progress) -> Node | None:
        """Match without memoizing."""
        end = pos + self.length
        if (
            text[pos] in self.first
            and text[pos:end].lower() == self.lower
            and text[end : end + 1] not in _WORD_CHARACTERS
        ):
            match = _SPACE.match(text, end)
            return Node(self, text, pos, match.end() if match is not None else end)
        if pos >= error.furthest:
            if pos > error.furthest:
                error.furthest = pos
                error.expected = []
            error.expected.append(self.name)
        return None


class Token(Expression):  # type: ignore[misc]
    """Whatever a regular expression matches; white space behind it is part of the expression."""

    __slots__ = ("match_at",)

    def __init__(self, name: str, pattern: str) -> None:
        super().__init__(name)
        self.match_at = re.compile(f"(?:{pattern}){SPACE}", re.IGNORECASE | re.ASCII | re.DOTALL).match

    def match_core(self, text: str, pos: int, cache: Any, error: Progress) -> Node | None:
        """Match without memoizing."""
        match = self.match_at(text, pos)
        if match is not None:
            return Node(self, text, pos, match.end())
        if pos >= error.furthest:
            if pos > error.furthest:
                error.furthest = pos
                error.expected = []
            error.expected.append(self.name)
        return None


RESERVED: Final = frozenset(
    [
        "AGGREGATE",
        "ALL",
        "AND",
        "AS",
        "ASC",
        "AT",
        "BEGIN",
        "BETWEEN",
        "BY",
        "CASE",
        "CAST",
        "CREATE",
        "CROSS",
        "DEFINE",
        "DELETE",
        "DESC",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "EVERY",
        "EXISTS",
        "FALSE",
        "FOR",
        "FROM",
        "FULL",
        "GROUP",
        "HAVING",
        "IN",
        "INNER",
        "INSERT",
        "INTERVAL",
        "INTO",
        "IS",
        "JOIN",
        "LEFT",
        "LIKE",
        "LIMIT",
        "NATURAL",
        "NOT",
        "NULL",
        "OFFSET",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PARTITION",
        "PATTERN",
        "PRIMARY",
        "RIGHT",
        "SELECT",
        "SEQUENCE",
        "SET",
        "TABLE",
        "THEN",
        "TRUE",
        "UNION",
        "UPDATE",
        "UPSERT",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WINDOW",
        "WITH",
        "WITHIN",
    ]
)
"""Words that can't be bare identifiers in SQL. EventFluxQL has none: position decides."""

# A relation's name may be a reserved word except those that can follow the place where it stands.
_NOT_RELATIONS: Final = [
    "SELECT",
    "WHERE",
    "GROUP",
    "HAVING",
    "ON",
    "JOIN",
    "SET",
    "VALUES",
    "LIMIT",
    "WINDOW",
    "INSERT",
]
# Words that open a clause without being reserved, so that `FROM S OUTPUT ...` does not call S `OUTPUT`.
_NOT_ALIASES: Final = ["FETCH", "EMIT", "UNIDIRECTIONAL", "MATCH_RECOGNIZE", "AGGREGATE", "OUTPUT"]
# `AND(x)`, `LEFT(s, 2)` are calls because a bracket follows; the other reserved words never are.
CALLABLE: Final = frozenset(["AND", "OR", "LEFT", "RIGHT", "EVERY", "LIKE", "ALL", "INSERT", "SET", "TABLE"])

_WORD_END: Final = r"(?![A-Za-z0-9_$])"
_WORD: Final = r"[A-Za-z_][A-Za-z0-9_$]*"
_QUOTED: Final = r'"(?:[^"]|"")+"|`(?:[^`]|``)+`'
_QL_WORD: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_QL_QUOTED: Final = r"`[^`]+`"


def _none_of(words: Mapping[str, object] | frozenset[str] | list[str]) -> str:
    return f"(?!(?:{'|'.join(sorted(words))}){_WORD_END})"


def _one_of(words: list[str]) -> str:
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))}){_WORD_END}"


# Name -> regular expression, the same in both dialects.
_PUNCTUATION: Final = {
    "lpar": r"\(",
    "rpar": r"\)",
    "lbracket": r"\[",
    "rbracket": r"\]",
    "lbrace": r"\{",
    "rbrace": r"\}",
    "lt": r"<",
    "gt": r">",
    "comma": r",",
    "dot": r"\.(?!\.)",
    "ellipsis": r"\.\.\.",
    "colon": r":",
    "double_colon": r"::",
    "question": r"\?",
    "lexclude": r"\{-",
    "rexclude": r"-\}",
    "caret": r"\^",
    "dollar": r"\$",
    "bar": r"\|(?!\|)",
    "star": r"\*",
    "minus": r"-(?!>)",
    "arrow": r"->",
    "at": r"@",
    "hash": r"#",
    "equals": r"=(?![=>])",
    "relation_mark": r"[#!]",
    "quantifier_symbol": r"[+*?]",
    "end": r";\Z",
}

_UNIT: Final = _one_of([name for name in UNIT_NAMES if len(name) > 2])
_NUMBER: Final = r"(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[lLfFdD]?" + _WORD_END
_AMOUNT: Final = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_SQL_STRING: Final = r"E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'"
_QL_STRING: Final = r'"""(?:(?!""").)*"""|"[^"\x00-\x1f]*"|' + r"'[^'\"\x00-\x1f]*'"
_UNIT_WORD: Final = f"{_none_of(RESERVED | {'EVENTS', 'ROWS', 'PER'})}[A-Za-z]+{_WORD_END}"

_SHARED: Final = {
    "annotation_name": rf"{_QL_WORD}(?:{SPACE}:{SPACE}{_QL_WORD})?",
    "annotation_key": rf"(?:{_QL_WORD}(?:{SPACE}[.:-]{SPACE}[A-Za-z0-9_]+)*|'[^'\"]*'|\"[^\"]*\"){SPACE}=",
    "bucket_unit": _one_of([name for name in UNIT_NAMES if len(name) > 2 and not name.startswith("milli")]),
    "type_word": rf"DOUBLE{SPACE}PRECISION{_WORD_END}|CHAR(?:ACTER)?{SPACE}VARYING{_WORD_END}|{_QL_WORD}",
    "collection_word": rf"(?:ARRAY|LIST|MAP)(?={SPACE}<)",
    "whole_number": rf"[0-9]+{_WORD_END}",
    "script_string": rf"\$\$.*?\$\$|{_SQL_STRING}",
    "script_body": r"\{.*\}",
}

_SQL: Final = {
    "identifier": f"{_none_of(RESERVED)}{_WORD}|{_QUOTED}",
    "column_name": f"{_none_of(RESERVED)}{_WORD}|{_QUOTED}",
    "any_name": f"{_WORD}|{_QUOTED}",
    "word": f"{_WORD}|{_QUOTED}",
    "quoted_name": _QUOTED,
    "new_name": f"{_none_of(_NOT_RELATIONS)}{_WORD}|{_QUOTED}",
    "relation_word": f"{_none_of(_NOT_RELATIONS)}{_WORD}|{_QUOTED}",
    "target_name": f"{_WORD}|{_QUOTED}",
    "element_name": f"(?:{_none_of(RESERVED)}{_WORD}|{_QUOTED}){SPACE}=(?![=>])",
    "bare_alias": (
        rf"{_none_of(RESERVED | frozenset(_NOT_ALIASES))}(?!OVER{SPACE}\()"
        rf"(?!(?:INTERSECT|EXCEPT|MINUS)\s+(?:ALL\s+|DISTINCT\s+)?[(S]){_WORD}|{_QUOTED}"
    ),
    "qualifier": rf"(?:{_WORD}|{_QUOTED})(?={SPACE}\.(?!\.))",
    "function_name": (rf"(?:(?:{_WORD}{SPACE}:{SPACE})?{_none_of(RESERVED - CALLABLE)}{_WORD}|{_QUOTED})(?={SPACE}\()"),
    "stream_function_name": rf"(?:(?:{_WORD}{SPACE}:{SPACE})?{_WORD}|{_QUOTED})(?={SPACE}\()",
    "argument_name": rf"{_WORD}{SPACE}=>",
    "property_key": rf"{_SQL_STRING}|{_QUOTED}|{_WORD}(?:{SPACE}\.{SPACE}[A-Za-z0-9_$]+)*",
    "annotation_string": rf'"""(?:(?!""").)*"""|"(?:[^"]|"")*"|{_SQL_STRING}',
    "string": rf"{_SQL_STRING}|\$\$.*?\$\$",
    "number": _NUMBER,
    "signed_number": rf"[+-]?{SPACE}{_NUMBER}",
    "constant": _one_of(["TRUE", "FALSE", "NULL"]),
    "sign": r"[+-](?!>)",
    "binary_operator": rf"\|\||==|<>|!=|<=|>=|<|>|=(?!>)|[+*/%]|-(?!>)|(?:AND|OR){_WORD_END}",
    "additive_operator": r"\|\||[+*/%]|-(?!>)",
    "semantics_word": rf"(?:RUNNING|FINAL){_WORD_END}(?=\s+{_WORD}\s*\()",
    "special_word": _one_of(
        [
            "CASE",
            "CAST",
            "TRY_CAST",
            "STRICT_CAST",
            "EXTRACT",
            "SUBSTRING",
            "SUBSTR",
            "TRIM",
            "POSITION",
            "EXISTS",
            "INTERVAL",
            "TIMESTAMP",
            "DATE",
        ]
    ),
    "cast_word": _one_of(["CAST", "TRY_CAST", "STRICT_CAST"]),
    "substring_word": _one_of(["SUBSTRING", "SUBSTR"]),
    "datetime_word": rf"(?:TIMESTAMP|DATE)(?={SPACE}')",
    "named_parameter": f":{_WORD}",
    "unit_word": _UNIT_WORD,
    "duration": rf"{_AMOUNT}{SPACE}{_UNIT_WORD}(?:{SPACE}{_AMOUNT}{SPACE}{_UNIT_WORD})*",
    # In the arguments of a call `5d` is a double; behind EVERY, WITHIN, FOR (the token above) it is five days.
    "spaced_duration": (
        rf"{_AMOUNT}(?![LFD]{_WORD_END}){SPACE}{_UNIT_WORD}"
        rf"(?:{SPACE}{_AMOUNT}(?![LFD]{_WORD_END}){SPACE}{_UNIT_WORD})*"
    ),
    "pattern_word": rf"(?:PATTERN|SEQUENCE)(?={SPACE}\()",
    "table_function_name": rf"(?:TUMBLE|HOP|CUMULATE|SESSION)(?={SPACE}\()",
    "UNION_ALL": rf"UNION[ \t\r\n\f\v]+ALL{_WORD_END}",
}

_QL_NAME: Final = f"{_QL_WORD}|{_QL_QUOTED}"

_EVENTFLUXQL: Final = {
    "identifier": _QL_NAME,
    "column_name": _QL_NAME,
    "word": _QL_NAME,
    "quoted_name": _QL_QUOTED,
    "new_name": _QL_NAME,
    "element_name": f"(?:{_QL_NAME}){SPACE}=(?!=)",
    "qualifier": _QL_NAME,
    "function_name": rf"(?:{_QL_WORD}{SPACE}:{SPACE})?(?:{_QL_NAME})(?={SPACE}\()",
    "stream_function_name": rf"(?:{_QL_WORD}{SPACE}:{SPACE})?(?:{_QL_NAME})(?={SPACE}\()",
    "property_key": rf"{_QL_STRING}|{_QL_QUOTED}|{_QL_WORD}(?:{SPACE}\.{SPACE}[A-Za-z0-9_]+)*",
    "annotation_string": _QL_STRING,
    "string": _QL_STRING,
    "signed_number": rf"[+-]?{_NUMBER}",
    "constant": _one_of(["true", "false"]),
    "binary_operator": rf"==|!=|<=|>=|<|>|[+*/%]|-(?!>)|(?:and|or){_WORD_END}",
    "duration": rf"[0-9]+{SPACE}{_UNIT}(?:{SPACE}[0-9]+{SPACE}{_UNIT})*",
}


def tokens(dialect: Dialect) -> dict[str, Expression]:
    """All tokens of a dialect except keywords, by name."""
    own = _SQL if dialect is Dialect.SQL else _EVENTFLUXQL
    patterns = {**_PUNCTUATION, **_SHARED, **own}
    return {name: Token(name, pattern) for name, pattern in patterns.items()}


# What a message calls a token. Keywords stand for themselves; tokens that only look ahead are left out (None).
DESCRIPTIONS: Final[dict[str, str | None]] = {
    "lpar": "'('",
    "rpar": "')'",
    "lbracket": "'['",
    "rbracket": "']'",
    "lbrace": "'{'",
    "rbrace": "'}'",
    "lt": "'<'",
    "gt": "'>'",
    "comma": "','",
    "dot": "'.'",
    "ellipsis": "'...'",
    "colon": "':'",
    "double_colon": "'::'",
    "question": "'?'",
    "lexclude": "'{-'",
    "rexclude": "'-}'",
    "caret": None,
    "dollar": None,
    "bar": "'|'",
    "star": "'*'",
    "minus": "'-'",
    "arrow": "'->'",
    "at": "'@'",
    "hash": "'#'",
    "equals": "'='",
    "relation_mark": None,
    "quantifier_symbol": "a quantifier",
    "end": "';'",
    "annotation_name": "the name of an annotation",
    "annotation_key": "a key",
    "annotation_string": "a string",
    "bucket_unit": "a unit of time",
    "type_word": "a type",
    "collection_word": None,
    "whole_number": "a whole number",
    "script_string": "the body as a string",
    "script_body": "'{'",
    "identifier": "a name",
    "column_name": "a name",
    "any_name": "a name",
    "word": "a name",
    "quoted_name": None,
    "new_name": "a name",
    "relation_word": "the name of a stream",
    "target_name": "the name of a stream",
    "element_name": None,
    "bare_alias": "an alias",
    "qualifier": None,
    "function_name": None,
    "stream_function_name": "a function",
    "argument_name": None,
    "property_key": "a key",
    "string": "a string",
    "number": "a number",
    "signed_number": "a number",
    "constant": None,
    "sign": None,
    "binary_operator": "an operator",
    "additive_operator": "an operator",
    "special_word": None,
    "semantics_word": None,
    "cast_word": None,
    "substring_word": None,
    "datetime_word": None,
    "named_parameter": None,
    "unit_word": "a unit of time",
    "duration": "a duration",
    "spaced_duration": None,
    "pattern_word": None,
    "table_function_name": None,
    "UNION_ALL": "UNION ALL",
}
