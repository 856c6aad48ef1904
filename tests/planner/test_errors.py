"""Which exception a wrong text raises, and that a wrong text raises nothing else."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from eventflux.extension import ExtensionRegistry
from eventflux.language import parse
from eventflux.planner import plan
from eventflux.types.errors import (
    AppTextError,
    DuplicateDefinitionError,
    ExtensionNotFoundError,
    TypeMismatchError,
    UndefinedAttributeError,
    ValidationError,
)

_S = "CREATE STREAM S (a INT, b STRING);"
_FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT c FROM S;", UndefinedAttributeError),
        ("SELECT a + b FROM S;", TypeMismatchError),
        ("CREATE STREAM S (z INT);", DuplicateDefinitionError),
        ("INSERT INTO O SELECT a FROM S; INSERT INTO O SELECT b FROM S;", DuplicateDefinitionError),
        ("SELECT a FROM T;", ValidationError),
        ("SELECT nothing(a) FROM S;", ExtensionNotFoundError),
        ("SELECT a FROM S WINDOW('nothing', 1);", ExtensionNotFoundError),
    ],
)
def test_the_class_tells_what_kind_of_error_it_is(
    text: str, expected: type[AppTextError], registry: ExtensionRegistry
) -> None:
    with pytest.raises(AppTextError) as caught:
        plan(parse(_S + text), registry)

    assert type(caught.value) is expected


def test_a_missing_extension_beside_another_error_is_a_validation_error(registry: ExtensionRegistry) -> None:
    with pytest.raises(ValidationError) as caught:
        plan(parse(_S + "SELECT nothing(a), c FROM S;"), registry)

    assert [str(each.code) for each in caught.value.diagnostics] == ["SQL2008", "SQL2003"]


def test_a_missing_extension_names_what_there_is(registry: ExtensionRegistry) -> None:
    with pytest.raises(ExtensionNotFoundError) as caught:
        plan(parse(_S + "SELECT a FROM S WINDOW('lengthBach', 1);"), registry)

    assert caught.value.kind == "window"
    assert caught.value.name == "lengthBach"
    assert caught.value.available[0] == "lengthBatch"


def _mutants(seed: int, count: int) -> list[str]:
    texts = [path.read_text() for path in sorted(_FIXTURES.rglob("*")) if path.suffix in {".sql", ".eventfluxql"}]
    tokens = [re.findall(r"\w+|'[^']*'|[^\w\s]|\s+", text) for text in texts]
    words = [token for each in tokens for token in each if token.strip()]
    chance = random.Random(seed)
    mutants: list[str] = []
    for _ in range(count):
        mutant = list(chance.choice(tokens))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(mutant))
            match chance.randrange(3):
                case 0:
                    mutant[place] = chance.choice(words)
                case 1:
                    mutant.insert(place, chance.choice(words))
                case _:
                    del mutant[place]
        mutants.append("".join(mutant))
    return mutants


def _is_planned(text: str, registry: ExtensionRegistry) -> bool:
    """Whether a text is planned; False: refused. Anything else is raised."""
    try:
        plan(parse(text), registry).listing()
    except AppTextError:
        return False
    return True


def test_texts_with_changed_words_are_planned_or_refused_but_never_break(registry: ExtensionRegistry) -> None:
    planned = [_is_planned(text, registry) for text in _mutants(seed=20240607, count=800)]

    assert planned.count(True) > 10
    assert planned.count(False) > 10
