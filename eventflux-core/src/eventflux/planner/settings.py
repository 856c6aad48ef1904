"""Settings of an app: `@app:...` annotations and SET statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from eventflux.extension import suggestion
from eventflux.language.ast import Annotation, EventFluxApp, SetStatement
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.patterns import MatchLimit
from eventflux.types.duration import parse_duration
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})
_FAIL: Final = "fail"
_DROP_OLDEST: Final = "drop_oldest"
_MOST_MATCHES: Final = 1 << 31
_MATCH_LIMIT_HINT: Final = "give max_partial_matches first"


@record(frozen=True, slots=True, kw_only=True)
class Playback:
    """Event time drives the clock; after `idle_time_ms` without an event it moves on by `increment_ms`."""

    idle_time_ms: int | None = None
    increment_ms: int | None = None


@record(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What `@app:statistics` asks for."""

    reporter: str = "console"
    interval_s: int = 60
    include: str = "*.*"


@record(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """Settings that the text makes; None where it says nothing."""

    name: str | None = None
    description: str | None = None
    playback: Playback | None = None
    statistics: Statistics | None = None
    is_async: bool = False
    enforce_order: bool = False
    connects_transports: bool = True
    flush_on_shutdown: bool = True
    three_valued_logic: bool = False
    match_limit: MatchLimit | None = None


@dataclass(slots=True)
class _Reader:
    """Reads settings one after the other; each that is wrong is noted and left out."""

    diagnostics: Diagnostics
    settings: AppSettings = field(default_factory=AppSettings)
    seen: set[str] = field(default_factory=set)

    def change(self, **values: object) -> None:
        self.settings = replace(self.settings, **values)  # type: ignore[arg-type]

    def refuse(self, span: Span, message: str, hint: str | None = None) -> None:
        self.diagnostics.error(span, ErrorCode.INVALID_DEFINITION, message, hint)

    def flag(self, value: str, span: Span, what: str) -> bool | None:
        folded = value.strip().lower()
        if folded in _TRUE or folded in _FALSE:
            return folded in _TRUE
        self.diagnostics.error(span, ErrorCode.PROPERTY_VALUE, f"{what} must be true or false, not {value!r}")
        return None

    def duration(self, value: str, span: Span, what: str) -> int | None:
        try:
            milliseconds = parse_duration(value)
        except ValueError:
            milliseconds = 0
        if milliseconds <= 0:
            self.diagnostics.error(span, ErrorCode.INVALID_DURATION, f"{what} must be a duration, not {value!r}")
            return None
        return milliseconds

    def most_matches(self, value: str, span: Span, what: str) -> None:
        if value.isdecimal() and 0 < int(value) < _MOST_MATCHES:
            limit = self.settings.match_limit
            self.change(match_limit=MatchLimit(most=int(value), drops_oldest=limit is not None and limit.drops_oldest))
        else:
            self.diagnostics.error(
                span, ErrorCode.PROPERTY_VALUE, f"{what} must be a number from 1 to {_MOST_MATCHES - 1}, not {value!r}"
            )

    def match_policy(self, value: str, span: Span, what: str) -> None:
        if value.lower() not in {_FAIL, _DROP_OLDEST}:
            self.diagnostics.error(
                span, ErrorCode.PROPERTY_VALUE, f"{what} must be '{_FAIL}' or '{_DROP_OLDEST}', not {value!r}"
            )
        elif self.settings.match_limit is None:
            self.refuse(span, f"{what} says what happens at a limit, and there is none", _MATCH_LIMIT_HINT)
        else:
            self.change(match_limit=replace(self.settings.match_limit, drops_oldest=value.lower() == _DROP_OLDEST))


def read_settings(app: EventFluxApp, diagnostics: Diagnostics) -> AppSettings:
    """The settings of a text; what is wrong is noted."""
    reader = _Reader(diagnostics)
    for annotation in app.annotations:
        name = annotation.name.lower()
        if name in reader.seen:
            reader.refuse(annotation.span, f"@app:{annotation.name} is given twice")
            continue
        reader.seen.add(name)
        read = _ANNOTATIONS.get(name)
        if read is not None:
            read(reader, annotation)
    for statement in app.settings:
        _set(reader, statement)
    return reader.settings


def _value(annotation: Annotation) -> tuple[str, Span] | None:
    element = annotation.element(None)
    return None if element is None else (element.value, element.value_span)


def _name(reader: _Reader, annotation: Annotation) -> None:
    value = _value(annotation)
    if value is not None:
        reader.change(name=value[0])


def _description(reader: _Reader, annotation: Annotation) -> None:
    value = _value(annotation)
    if value is not None:
        reader.change(description=value[0])


def _playback(reader: _Reader, annotation: Annotation) -> None:
    given = {(element.key or "").lower(): element for element in annotation.elements}
    unknown = [element for key, element in given.items() if key not in {"idle.time", "increment"}]
    if unknown:
        reader.refuse(unknown[0].span, "@app:playback takes idle.time and increment only")
        return
    if len(given) == 1:
        reader.refuse(annotation.span, "@app:playback takes idle.time and increment together or neither")
        return
    if not given:
        reader.change(playback=Playback())
        return
    idle = reader.duration(given["idle.time"].value, given["idle.time"].value_span, "idle.time")
    increment = reader.duration(given["increment"].value, given["increment"].value_span, "increment")
    reader.change(playback=Playback(idle_time_ms=idle, increment_ms=increment))


def _statistics(reader: _Reader, annotation: Annotation) -> None:
    value = _value(annotation)
    enabled = annotation.element("enable")
    if enabled is not None:
        value = (enabled.value, enabled.value_span)
    on = True if value is None else reader.flag(value[0], value[1], "@app:statistics")
    if not on:
        return
    statistics = Statistics()
    reporter = annotation.element("reporter")
    if reporter is not None:
        statistics = replace(statistics, reporter=reporter.value)
    interval = annotation.element("interval")
    if interval is not None:
        if interval.value.isdecimal() and int(interval.value) > 0:
            statistics = replace(statistics, interval_s=int(interval.value))
        else:
            reader.refuse(interval.value_span, f"interval must be a number of seconds, not {interval.value!r}")
    include = annotation.element("include")
    if include is not None:
        statistics = replace(statistics, include=include.value)
    reader.change(statistics=statistics)


def _async(reader: _Reader, annotation: Annotation) -> None:
    reader.refuse(
        annotation.span, "@app:async is not allowed: only streams can be async", "annotate the stream: @async"
    )


def _enforce_order(reader: _Reader, _: Annotation) -> None:
    reader.change(enforce_order=True)


def _transports(reader: _Reader, annotation: Annotation) -> None:
    value = _value(annotation)
    if value is not None:
        on = reader.flag(value[0], value[1], "@app:transportChannelCreationEnabled")
        reader.change(connects_transports=on is not False)


def _pattern(reader: _Reader, annotation: Annotation) -> None:
    given = {(element.key or "").lower(): element for element in annotation.elements}
    unknown = [element for key, element in given.items() if key not in {"max_partial_matches", "overflow"}]
    if unknown:
        reader.refuse(unknown[0].span, "@app:pattern takes max_partial_matches and overflow only")
        return
    most, policy = given.get("max_partial_matches"), given.get("overflow")
    if most is None:
        reader.refuse(annotation.span, "@app:pattern needs max_partial_matches")
        return
    reader.most_matches(most.value, most.value_span, "max_partial_matches")
    if policy is not None and reader.settings.match_limit is not None:
        reader.match_policy(policy.value, policy.value_span, "overflow")


_ANNOTATIONS: Final[dict[str, Callable[[_Reader, Annotation], None]]] = {
    "name": _name,
    "description": _description,
    "playback": _playback,
    "statistics": _statistics,
    "async": _async,
    "enforceorder": _enforce_order,
    "pattern": _pattern,
    "transportchannelcreationenabled": _transports,
}


def _set(reader: _Reader, statement: SetStatement) -> None:
    key = statement.key
    span = statement.value.span
    value = statement.value.value
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    playback = reader.settings.playback
    match key:
        case "app.name":
            reader.change(name=text)
        case "app.description":
            reader.change(description=text)
        case "app.playback":
            on = reader.flag(text, span, key)
            reader.change(playback=(playback or Playback()) if on else None)
        case "app.playback.idle.time" | "app.playback.increment":
            milliseconds = reader.duration(text, span, key)
            which = "idle_time_ms" if key.endswith("idle.time") else "increment_ms"
            reader.change(playback=replace(playback or Playback(), **{which: milliseconds}))
        case "app.statistics":
            on = reader.flag(text, span, key)
            reader.change(statistics=Statistics() if on else None)
        case "app.async":
            reader.change(is_async=reader.flag(text, span, key) is True)
        case "app.enforce-order":
            reader.change(enforce_order=reader.flag(text, span, key) is True)
        case "app.flush-on-shutdown":
            reader.change(flush_on_shutdown=reader.flag(text, span, key) is not False)
        case "pattern.max_partial_matches":
            reader.most_matches(text, span, key)
        case "pattern.overflow":
            reader.match_policy(text, span, key)
        case "sql.null-logic":
            if text not in {"two-valued", "three-valued"}:
                reader.diagnostics.error(
                    span,
                    ErrorCode.PROPERTY_VALUE,
                    f"sql.null-logic must be 'two-valued' or 'three-valued', not {text!r}",
                )
            reader.change(three_valued_logic=text == "three-valued")
        case _:
            reader.diagnostics.error(
                statement.key_span, ErrorCode.UNKNOWN_PROPERTY, f"unknown setting '{key}'", suggestion(key, _KEYS)
            )


_KEYS: Final = (
    "app.name",
    "app.description",
    "app.playback",
    "app.playback.idle.time",
    "app.playback.increment",
    "app.statistics",
    "app.async",
    "app.enforce-order",
    "app.flush-on-shutdown",
    "pattern.max_partial_matches",
    "pattern.overflow",
    "sql.null-logic",
)
