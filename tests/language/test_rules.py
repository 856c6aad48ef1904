"""The reader of grammar rules against parsimonious' own."""

import pytest
from parsimonious.expressions import Compound, Expression, Literal, Lookahead, Quantifier
from parsimonious.grammar import Grammar

from eventflux.language.grammar import grammar_text
from eventflux.language.rules import read_rules
from eventflux.types.dialect import Dialect


def shape(expression: Expression, seen: frozenset[int] = frozenset()) -> object:
    """Kind, name, limits and members, down to where an expression comes back to itself."""
    if id(expression) in seen or not isinstance(expression, Compound):
        return type(expression).__name__, expression.name
    extra: tuple[object, ...] = ()
    if isinstance(expression, Quantifier):
        extra = (expression.min, expression.max)
    elif isinstance(expression, Lookahead):
        extra = (expression.negativity,)
    inner = seen | {id(expression)}
    return (
        type(expression).__name__,
        expression.name,
        extra,
        [
            (type(member).__name__, member.name) if member.name else shape(member, inner)
            for member in expression.members
        ],
    )


@pytest.mark.parametrize("dialect", list(Dialect))
def test_rules_are_what_parsimonious_makes_of_them(dialect):
    text, terminals = grammar_text(dialect)
    ours = read_rules(text, terminals)
    theirs = Grammar(text, **grammar_text(dialect)[1])
    assert ours.keys() == theirs.keys()
    for name, expression in theirs.items():
        assert shape(ours[name]) == shape(expression), name


def test_a_rule_of_a_name_takes_the_place_of_an_earlier_one():
    rules = read_rules("a = x y\na = x / y\n", {"x": Literal("x", "x"), "y": Literal("y", "y")})
    assert rules["a"].parse("y").end == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = b", "there is no rule 'b'"),
        ("a = b\nb = a", "stands for itself"),
        ("a = (x", "a '\\(' has no '\\)'"),
        ("a = x / ", "something is missing"),
        ("x", "begins with its name"),
        ('a = "x"', "a rule cannot hold"),
    ],
)
def test_what_is_no_rule_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_rules(text, {"x": Literal("x", "x")})
