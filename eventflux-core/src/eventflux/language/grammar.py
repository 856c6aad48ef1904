"""The two parsers made from eventflux.peg, one a dialect, each built when it is first needed."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from importlib import resources
from typing import Any, Final, Protocol

from parsimonious.expressions import Expression

from eventflux.language.rules import read_rules
from eventflux.language.tokens import DESCRIPTIONS, Keyword, Progress, tokens
from eventflux.types.dialect import Dialect
from eventflux.types.record import record

_PART: Final = re.compile(r"^# part: (\w+)$", re.MULTILINE)
_KEYWORD: Final = re.compile(r"\b[A-Z][A-Z_]*\b")
_COMMENT: Final = re.compile(r"#[^\n]*")


class ParseNode(Protocol):
    """What the visitors use of a parsimonious node."""

    start: int
    end: int
    children: list[Any]
    full_text: str

    @property
    def expr_name(self) -> str: ...


@record(frozen=True, slots=True)
class SyntaxFailure:
    """The text does not match: where its first unexpected token starts, and which tokens could stand there, by name."""

    position: int
    expected: tuple[str, ...]


def grammar_text(dialect: Dialect) -> tuple[str, dict[str, Expression]]:
    """The rules of a dialect without comments, and its tokens and keywords by name."""
    parts = _PART.split(resources.files("eventflux.language").joinpath("eventflux.peg").read_text("utf-8"))
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    rules = _COMMENT.sub("", texts["shared"] + texts[dialect.value])
    terminals: dict[str, Expression] = tokens(dialect)
    for word in sorted(set(_KEYWORD.findall(rules)) - terminals.keys()):
        terminals[word] = Keyword(word)
    return rules, terminals


class DialectGrammar:
    """The parser of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._rules = read_rules(*grammar_text(dialect))

    def parse(self, rule: str, text: str) -> ParseNode | SyntaxFailure:
        """Match the whole text, which ends with `;`, against a rule that ends with the token `end`."""
        progress = Progress()
        node: ParseNode | None = self._rules[rule].match_core(text, 0, defaultdict(dict), progress)
        if node is None:
            return SyntaxFailure(progress.furthest, tuple(dict.fromkeys(progress.expected)))
        return node

    def rule_names(self) -> frozenset[str]:
        """Names of all rules and tokens."""
        return frozenset(self._rules)


_lock = threading.Lock()
_grammars: dict[Dialect, DialectGrammar] = {}


def grammar_of(dialect: Dialect) -> DialectGrammar:
    """The parser of a dialect, built once a process."""
    found = _grammars.get(dialect)
    if found is None:
        # Guards _grammars: two threads must not both pay for building.
        with _lock:
            found = _grammars.get(dialect)
            if found is None:
                found = _grammars[dialect] = DialectGrammar(dialect)
    return found


def describe(expected: tuple[str, ...]) -> list[str]:
    """Words for expected tokens, each once, keywords as themselves."""
    words: list[str] = []
    for name in expected:
        word = DESCRIPTIONS.get(name, name)
        if word is not None and word not in words:
            words.append(word)
    return words
