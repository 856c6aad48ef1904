"""Options of async streams: `@async(...)`, `'async....'` properties."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.extension import suggestion
from eventflux.planner.diagnostics import Diagnostics
from eventflux.types.duration import parse_duration
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})

_BACKPRESSURE: Final = {
    name.replace("-", "_").lower(): canonical
    for canonical, names in {
        "block": ("block",),
        "block_timeout": ("block_timeout",),
        "drop_newest": ("drop_newest", "drop"),
        "drop_oldest": ("drop_oldest",),
        "backoff": ("backoff", "exponential_backoff", "exponentialBackoff"),
        "fail": ("fail",),
    }.items()
    for name in names
}
_WAITS: Final = ("blocking", "yielding", "spinning")
# Key of an async option without prefix -> (field, smallest value); durations have no smallest value.
_ASYNC_COUNTS: Final = {
    "buffer_size": ("buffer_size", 1),
    "workers": ("workers", 1),
    "batch_size_max": ("batch_size_max", 1),
}
_ASYNC_DURATIONS: Final = {
    "timeout": "timeout_ms",
    "backoff.initial": "backoff_initial_ms",
    "backoff.max": "backoff_max_ms",
}
ASYNC_KEYS: Final = (
    "enabled",
    *_ASYNC_COUNTS,
    "backpressure",
    *_ASYNC_DURATIONS,
    "backoff.multiplier",
    "wait",
)


@record(frozen=True, slots=True, kw_only=True)
class AsyncOptions:
    """The buffer of an async stream; None where the text leaves it to the layers below."""

    is_enabled: bool = True
    buffer_size: int | None = None
    workers: int | None = None
    batch_size_max: int | None = None
    backpressure: str | None = None
    timeout_ms: int | None = None
    backoff_initial_ms: int | None = None
    backoff_max_ms: int | None = None
    backoff_multiplier: float | None = None
    wait: str | None = None


def with_async_option(
    diagnostics: Diagnostics, stream: str, buffer: AsyncOptions, key: str, text: str, span: Span
) -> AsyncOptions:
    """The options with one more, its key without `async.`; one that is wrong is noted and left out."""

    def wrong(wanted: str) -> AsyncOptions:
        message = f"stream '{stream}': property 'async.{key}' must be {wanted}, not {text!r}"
        diagnostics.error(span, ErrorCode.PROPERTY_VALUE, message)
        return buffer

    if key in _ASYNC_COUNTS:
        name, smallest = _ASYNC_COUNTS[key]
        if not text.strip().lstrip("-").isdecimal() or int(text) < smallest:
            return wrong(f"a whole number, {smallest} or greater")
        return replace(buffer, **{name: int(text)})  # type: ignore[arg-type]
    if key in _ASYNC_DURATIONS:
        try:
            return replace(buffer, **{_ASYNC_DURATIONS[key]: parse_duration(text)})  # type: ignore[arg-type]
        except ValueError:
            return wrong("a duration")
    match key:
        case "enabled":
            folded = text.lower()
            if folded not in _TRUE and folded not in _FALSE:
                return wrong("true or false")
            return replace(buffer, is_enabled=folded in _TRUE)
        case "backpressure":
            canonical = _BACKPRESSURE.get(text.replace("-", "_").lower())
            if canonical is None:
                return wrong(f"one of {', '.join(_BACKPRESSURE)}")
            return replace(buffer, backpressure=canonical)
        case "wait":
            if text.lower() not in _WAITS:
                return wrong(f"one of {', '.join(_WAITS)}")
            return replace(buffer, wait=text.lower())
        case "backoff.multiplier":
            try:
                return replace(buffer, backoff_multiplier=float(text))
            except ValueError:
                return wrong("a number")
        case _:
            diagnostics.error(
                span,
                ErrorCode.UNKNOWN_PROPERTY,
                f"stream '{stream}': unknown property 'async.{key}'",
                suggestion(key, ASYNC_KEYS),
            )
            return buffer
