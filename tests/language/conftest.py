"""Fixture files that hold many texts."""

import re
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"


def texts(name: str) -> list[str]:
    """The texts of a fixture file, which are separated by lines `--`; the first line says what the file is."""
    content = (FIXTURES / "language" / name).read_text(encoding="utf-8").split("\n", 1)[1]
    return [text.strip("\n") for text in re.split(r"^--$\n", content, flags=re.MULTILINE)]


def first_line(text: str) -> str:
    return text.split("\n", 1)[0][:60]


ACCEPTED = texts("accepted.sql") + texts("accepted.eventfluxql")
IDENTITY = texts("identity.sql") + texts("identity.eventfluxql")


@pytest.fixture(params=ACCEPTED, ids=first_line)
def accepted_text(request: pytest.FixtureRequest) -> str:
    """A text that is accepted."""
    return str(request.param)


@pytest.fixture(params=IDENTITY, ids=first_line)
def identity_text(request: pytest.FixtureRequest) -> str:
    """A text in the spelling of the printers."""
    return str(request.param)


@pytest.fixture(scope="session")
def accepted_texts() -> list[str]:
    """All texts that are accepted."""
    return ACCEPTED
