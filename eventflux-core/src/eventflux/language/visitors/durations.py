"""Durations, and numbers of events."""

from __future__ import annotations

from itertools import pairwise

from eventflux.language.ast import Dialect, DurationLiteral, DurationTerm, EventCount
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import (
    LiteralError,
    duration_terms,
    interval_terms,
    number_value,
    string_value,
    term_milliseconds,
)
from eventflux.language.visitors.annotations import AnnotationVisitor
from eventflux.types.duration import TimeUnit, time_unit_named
from eventflux.types.error_codes import ErrorCode


class DurationVisitor(AnnotationVisitor):
    """Reads spans of time."""

    def timespan(self, node: ParseNode, *, calendar: bool = True, zero: bool = False) -> DurationLiteral:
        """A duration where one is due: positive, in SQL also a bare number of milliseconds.

        Args:
            node: A `timespan` of SQL or a `duration` of EventFluxQL.
            calendar: Whether SQL allows months and years.
            zero: Whether no time at all makes sense.
        """
        inner = self.only(node) if node.expr_name == "timespan" else node
        match inner.expr_name:
            case "duration":
                duration = self.duration(inner)
            case "interval":
                duration = self.interval(inner)
            case _:
                duration = self._milliseconds(inner)
        span = self.span(node)
        if duration.milliseconds < 0 or (duration.milliseconds == 0 and not zero):
            self.error(
                span, ErrorCode.INVALID_DURATION, f"{self.text(node)} is not a valid duration: it must be positive"
            )
        if not calendar and self.dialect is Dialect.SQL:
            for term in duration.terms:
                if term.unit in (TimeUnit.MONTH, TimeUnit.YEAR):
                    self.error(
                        span,
                        ErrorCode.INVALID_DURATION,
                        f"{self.text(node)} is not a valid duration here: a {term.unit.value} has no fixed length",
                        hint="use DAYS",
                    )
        return duration

    def duration(self, node: ParseNode) -> DurationLiteral:
        """`1 hour 30 min`."""
        text = self.text(node)
        terms: list[DurationTerm] = []
        for amount, word in duration_terms(text):
            unit = time_unit_named(word)
            if unit is None:
                self.error(
                    self.span(node),
                    ErrorCode.INVALID_DURATION,
                    f"{text} is not a valid duration: {word} is not a unit of time",
                    hint="units: MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS, WEEKS, MONTHS, YEARS",
                )
                return DurationLiteral(milliseconds=1, span=self.span(node))
            terms.append(DurationTerm(amount=amount, unit=unit))
        if self.dialect is Dialect.EVENTFLUXQL:
            order = list(TimeUnit)
            ranks = [order.index(term.unit) for term in terms]
            if any(left <= right for left, right in pairwise(ranks)):
                self.error(
                    self.span(node),
                    ErrorCode.INVALID_DURATION,
                    f"{text} is not a valid duration: units go from long to short",
                )
        return self._literal(node, terms)

    def interval(self, node: ParseNode) -> DurationLiteral:
        """`INTERVAL '5' SECOND`, `INTERVAL '1:30' MINUTE TO SECOND`."""
        parts = self.parts(node)
        units = [self.text(unit) for unit in parts.all("unit_word")]
        string = parts.get("string")
        written = (
            string_value(self.text(string), self.dialect)
            if string is not None
            else "".join(self.text(parts.one("signed_number")).split())
        )
        try:
            found = interval_terms(written, units[0], units[1] if len(units) > 1 else None)
        except LiteralError as error:
            self.error(self.span(node), ErrorCode.INVALID_DURATION, f"not a valid duration: {error}")
            return DurationLiteral(milliseconds=1, span=self.span(node))
        negative = written.startswith("-")
        terms = [DurationTerm(amount=-abs(amount) if negative else amount, unit=unit) for amount, unit in found]
        return self._literal(node, terms)

    def _literal(self, node: ParseNode, terms: list[DurationTerm]) -> DurationLiteral:
        total = sum(term_milliseconds(term.amount, term.unit, self.dialect) for term in terms)
        if abs(total) >= 2**63:
            self.error(self.span(node), ErrorCode.INVALID_DURATION, f"{self.text(node)} is too long a duration")
            total = 1
        return DurationLiteral(milliseconds=total, terms=tuple(terms), span=self.span(node))

    def _milliseconds(self, node: ParseNode) -> DurationLiteral:
        span = self.span(node)
        try:
            value, _ = number_value(self.text(node), self.dialect)
        except LiteralError as error:
            self.error(span, ErrorCode.INTEGER_RANGE, str(error))
            return DurationLiteral(milliseconds=1, span=span)
        if not isinstance(value, int):
            self.error(
                span,
                ErrorCode.INVALID_DURATION,
                f"{self.text(node)} is not a valid duration: a bare number counts whole milliseconds",
            )
            return DurationLiteral(milliseconds=1, span=span)
        return DurationLiteral(milliseconds=value, span=span)

    def whole_number(self, node: ParseNode) -> int:
        """A number of digits only, small enough to count something."""
        text = self.text(node)
        if len(text) > 18:
            self.error(self.span(node), ErrorCode.INTEGER_RANGE, f"{text[:20]} is too large")
            return 1
        return int(text)

    def rate(self, node: ParseNode, *, calendar: bool = True, zero: bool = False) -> DurationLiteral | EventCount:
        """`5 EVENTS` or a duration."""
        inner = self.only(node)
        if inner.expr_name != "event_count":
            return self.timespan(inner, calendar=calendar, zero=zero)
        count = self.whole_number(self.parts(inner).one("whole_number"))
        if count <= 0:
            self.error(self.span(inner), ErrorCode.INVALID_DURATION, f"{self.text(inner)} is not a valid rate")
        return EventCount(count=count, span=self.span(inner))
