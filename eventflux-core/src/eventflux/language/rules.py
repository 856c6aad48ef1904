"""Reads the rules of eventflux.peg into parsimonious expressions.

parsimonious reads grammars by a grammar of its own, which takes longer than everything else from a shell to the first
event. Our rules are a small part of what it understands: names, sequences, `/`, `? * +`, `&`, `!`, parentheses, without
a literal or a regular expression. What is made here is what parsimonious makes of the same text; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from parsimonious.expressions import Expression, Lookahead, Not, OneOf, OneOrMore, Optional, Sequence, ZeroOrMore

_PIECE: Final = re.compile(r"\s*(?:(?P<name>[A-Za-z_][A-Za-z_0-9]*)(?P<begins>\s*=)?|(?P<sign>[/()?*+&!]))")
_QUANTIFIERS: Final = {"?": Optional, "*": ZeroOrMore, "+": OneOrMore}

Rules = dict[str, Expression]


class Reference(Expression):  # type: ignore[misc]
    """The name of a rule, until all rules are known."""

    __slots__ = ("target",)

    def __init__(self, target: str) -> None:
        super().__init__("")
        self.target = target

    def resolve_refs(self, rules: Mapping[str, Expression]) -> Expression:
        """The rule that the name, or the last of a chain of names, stands for.

        Raises:
            ValueError: There is none.
        """
        seen = {self.target}
        found = rules.get(self.target)
        while isinstance(found, Reference):
            if found.target in seen:
                raise ValueError(f"the rule {self.target!r} stands for itself")
            seen.add(found.target)
            found = rules.get(found.target)
        if found is None:
            raise ValueError(f"there is no rule {self.target!r}")
        return found


class _Reader:
    """One pass over the text, a recursive descent."""

    def __init__(self, text: str) -> None:
        self._pieces: list[tuple[str, bool]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _PIECE.match(text, at)
            if match is None:
                raise ValueError(f"a rule cannot hold {text[at : at + 20].strip()!r}")
            self._pieces.append((match["name"] or match["sign"], match["begins"] is not None))
            at = match.end()
        self._pieces.append(("", True))
        self._at = 0

    def rules(self) -> Rules:
        found: Rules = {}
        while self._pieces[self._at][0]:
            name, begins = self._pieces[self._at]
            if not begins:
                raise ValueError(f"a rule begins with its name and '=', not with {name!r}")
            self._at += 1
            expression = self._choice()
            expression.name = name
            found[name] = expression
        return found

    def _choice(self) -> Expression:
        members = [self._sequence()]
        while self._is_next("/"):
            members.append(self._sequence())
        return members[0] if len(members) == 1 else OneOf(*members)

    def _sequence(self) -> Expression:
        members: list[Expression] = []
        while True:
            piece, begins = self._pieces[self._at]
            if begins or piece in ("/", ")"):
                break
            members.append(self._term())
        if not members:
            raise ValueError(f"something is missing before {self._pieces[self._at][0]!r}")
        return members[0] if len(members) == 1 else Sequence(*members)

    def _term(self) -> Expression:
        if self._is_next("!"):
            return Not(self._term())
        if self._is_next("&"):
            return Lookahead(self._term())
        if self._is_next("("):
            atom = self._choice()
            if not self._is_next(")"):
                raise ValueError("a '(' has no ')'")
        else:
            atom = Reference(self._pieces[self._at][0])
            self._at += 1
        quantifier = _QUANTIFIERS.get(self._pieces[self._at][0])
        if quantifier is None:
            return atom
        self._at += 1
        return quantifier(atom)

    def _is_next(self, sign: str) -> bool:
        if self._pieces[self._at][0] != sign:
            return False
        self._at += 1
        return True


def read_rules(text: str, terminals: Mapping[str, Expression]) -> Rules:
    """The expressions of all rules and terminals, by name; a later rule of a name takes the place of an earlier one.

    Raises:
        ValueError: The text is no grammar of this form, or a name stands for nothing.
    """
    rules = _Reader(text).rules()
    rules.update(terminals)
    return {name: expression.resolve_refs(rules) for name, expression in rules.items()}
