"""The engine refuses what the planner asks it to build: where in the text that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventflux.types.errors import EventFluxError
from eventflux.types.source_text import Span


class RefusedError(Exception):
    """Carries the error of the engine and its place to the plan, which knows the text."""

    def __init__(self, reason: EventFluxError, span: Span) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.span = span


@contextmanager
def placed_at(span: Span) -> Iterator[None]:
    """Give errors of the engine a place; one that has a place keeps it.

    Raises:
        RefusedError: The engine refused something.
    """
    try:
        yield
    except EventFluxError as error:
        raise RefusedError(error, span) from error
