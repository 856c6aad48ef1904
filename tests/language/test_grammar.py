"""Properties of the grammar file and its tokens."""

import re
import threading
from importlib import resources

import pytest

from eventflux.language.ast import Dialect
from eventflux.language.grammar import describe, grammar_of
from eventflux.language.tokens import DESCRIPTIONS, tokens


def grammar_text() -> str:
    return resources.files("eventflux.language").joinpath("eventflux.peg").read_text("utf-8")


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_token_has_words_for_messages(dialect: Dialect) -> None:
    assert set(tokens(dialect)) <= DESCRIPTIONS.keys()


def test_no_words_are_left_over() -> None:
    assert DESCRIPTIONS.keys() == set(tokens(Dialect.SQL)) | set(tokens(Dialect.EVENTFLUXQL))


def test_the_grammar_has_no_inline_literals() -> None:
    rules = re.sub(r"#[^\n]*", "", grammar_text())
    assert '"' not in rules
    assert "~" not in rules


def test_a_rule_is_never_only_another_name() -> None:
    # parsimonious would give the node the other rule's name, and the visitor would look for this one in vain.
    rules = re.sub(r"#[^\n]*", "", grammar_text())
    aliases = re.findall(r"^([a-z_]+) += \(?([A-Za-z_]+)\)?$", rules, flags=re.MULTILINE)
    # EventFluxQL's two are what the shared rules call them; the visitors know both names.
    assert aliases == [("argument", "expression"), ("timespan", "duration")]


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_rule_is_reachable(dialect: Dialect) -> None:
    names = grammar_of(dialect).rule_names()
    text = re.sub(r"#[^\n]*", "", grammar_text())
    used = set(re.findall(r"[A-Za-z_]+", text))
    roots = {"statement", "on_demand", "lone_expression", "partition_header"}
    definitions = re.findall(r"^([a-z_]+) +=", text, flags=re.MULTILINE)
    bodies = re.sub(r"^([a-z_]+) +=", "", text, flags=re.MULTILINE)
    unused = {name for name in definitions if not re.search(rf"\b{name}\b", bodies)} - roots
    assert unused == set()
    assert names - used == {name for name in names - used if name in tokens(dialect)}


def test_two_threads_share_one_grammar() -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(grammar_of(Dialect.SQL))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(grammar) for grammar in found}) == 1


def test_expected_tokens_are_named_once() -> None:
    assert describe(("identifier", "column_name", "SELECT", "special_word", "lpar")) == ["a name", "SELECT", "'('"]
