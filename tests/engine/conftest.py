"""Fixtures of the border's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.engine.graphs import ALL_TYPES, TRADE, Passing, passing


@pytest.fixture
def make() -> Iterator[Callable[..., Passing]]:
    """Makes graphs, and closes their engines behind the test."""
    made: list[Passing] = []

    def build(*arguments: Any, **options: Any) -> Passing:
        made.append(passing(*arguments, **options))
        return made[-1]

    yield build
    for graph in made:
        graph.engine.close()


@pytest.fixture
def everything(make: Callable[..., Passing]) -> Passing:
    return make(ALL_TYPES)


@pytest.fixture
def trades(make: Callable[..., Passing]) -> Passing:
    return make(TRADE)
