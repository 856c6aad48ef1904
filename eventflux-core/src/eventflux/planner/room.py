"""Deep texts: a stack of its own where the caller's is nearly used up, and an error where that is not enough."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from eventflux.language.ast import EventFluxApp
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import AppTextError, ValidationError
from eventflux.types.source_text import Span

_T = TypeVar("_T")


def with_room(app: EventFluxApp, work: Callable[[], _T]) -> _T:
    """The result of the work, which may be done twice.

    Raises:
        ValidationError: The text is nested too deeply, or what the work raises.
    """
    try:
        return work()
    except RecursionError:
        done: list[_T] = []
        failed: list[AppTextError] = []

        def again() -> None:
            try:
                done.append(work())
            except AppTextError as error:
                failed.append(error)
            except RecursionError:
                span = Span(0, len(app.source.text))
                failed.append(ValidationError(Diagnostic.at(app.source, span, ErrorCode.TOO_DEEP, "nested too deeply")))

        thread = threading.Thread(target=again, name="eventflux-planner")
        thread.start()
        thread.join()
    if failed:
        raise failed[0]
    return done[0]
