"""Text -> syntax tree: the entry points of the layer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, TypeVar

from eventflux.language.ast import (
    Annotation,
    Dialect,
    EventFluxApp,
    Expression,
    OnDemandQuery,
    Statement,
)
from eventflux.language.grammar import ParseNode, SyntaxFailure, grammar_of
from eventflux.language.scan import PartitionSegment, ScannedText, Segment, scan
from eventflux.language.syntax_errors import explain
from eventflux.language.variables import expand
from eventflux.language.visitors.statements import StatementVisitor
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import ParseError
from eventflux.types.source_text import SourceText, Span

Language = Literal["auto", "sql", "eventfluxql"]
_T = TypeVar("_T")


def parse(
    text: str | SourceText,
    *,
    language: Language = "auto",
    variables: Mapping[str, str] | None = None,
    file: str | None = None,
) -> EventFluxApp:
    """Read an application.

    Args:
        text: The text, or a source with its name.
        language: `auto` decides statement by statement.
        variables: Values of `${NAME}`, looked up before the environment.
        file: Name of the text in messages.

    Raises:
        ParseError: With a diagnostic for each statement that is wrong, sorted by place.
    """
    source = _source(text, file)
    return _with_room(source, lambda: _AppReader(source, _dialect(language), _lookup(variables)).app())


def parse_expression(text: str | SourceText, dialect: Dialect = Dialect.SQL) -> Expression:
    """Read one expression.

    Raises:
        ParseError: It is not an expression of that dialect.
    """
    source = _source(text, None)

    def read() -> Expression:
        return _AppReader(source, dialect, _lookup(None)).expression(dialect)

    return _with_room(source, read)


def parse_on_demand(
    text: str | SourceText, *, language: Language = "auto", variables: Mapping[str, str] | None = None
) -> OnDemandQuery:
    """Read an on-demand query; a `;` at its end is allowed.

    EventFluxQL is tried first (its mutations without FROM begin like SQL), then SQL.

    Raises:
        ParseError: It is neither; the error is that of the dialect that reads further.
    """
    source = _source(text, None)

    def read() -> OnDemandQuery:
        wanted = _dialect(language)
        errors: list[ParseError] = []
        for dialect in (Dialect.EVENTFLUXQL, Dialect.SQL) if wanted is None else (wanted,):
            reader = _AppReader(source, dialect, _lookup(variables), on_demand=True)
            try:
                return reader.on_demand()
            except ParseError as error:
                errors.append(error)
        raise max(reversed(errors), key=lambda error: (error.line, error.column))

    return _with_room(source, read)


def _source(text: str | SourceText, file: str | None) -> SourceText:
    if isinstance(text, SourceText):
        return text if file is None else replace(text, name=file)
    return SourceText(text) if file is None else SourceText(text, file)


def _dialect(language: Language) -> Dialect | None:
    return None if language == "auto" else Dialect(language)


def _lookup(variables: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if variables is None else {**os.environ, **variables}


def _with_room(source: SourceText, read: Callable[[], _T]) -> _T:
    """Run a reader; if the caller's stack is too deep for it, in a thread with a stack of its own."""
    try:
        return read()
    except RecursionError:
        outcome: list[_T] = []
        failure: list[ParseError] = []

        def run() -> None:
            try:
                outcome.append(read())
            except ParseError as error:
                failure.append(error)
            except RecursionError:
                span = Span(0, len(source.text))
                failure.append(ParseError(Diagnostic.at(source, span, ErrorCode.TOO_DEEP, "nested too deeply")))

        thread = threading.Thread(target=run, name="eventflux-parser")
        thread.start()
        thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


class _AppReader:
    """Reads one text."""

    def __init__(
        self, source: SourceText, language: Dialect | None, variables: Mapping[str, str], *, on_demand: bool = False
    ) -> None:
        self.source = source
        self.language = language
        self.on_demand_mode = on_demand
        self.expanded, self.diagnostics = expand(source, variables)
        self.annotations: list[Annotation] = []

    def _raise_errors(self) -> None:
        if self.diagnostics:
            raise ParseError(self.diagnostics)

    def scanned(self) -> ScannedText:
        """The text cut into statements; what is wrong with it already is noted."""
        scanned = scan(self.expanded.text, self.language)
        for error in scanned.errors:
            span = self.expanded.span(error.start, error.end)
            self.diagnostics.append(Diagnostic.at(self.source, span, error.code, error.message, hint=error.hint))
        return scanned

    def app(self) -> EventFluxApp:
        scanned = self.scanned()
        statements: list[Statement] = []
        for segment in scanned.segments:
            if isinstance(segment, PartitionSegment):
                found = self._partition(scanned, segment)
            else:
                found = self._statement(scanned, segment)
            if found is not None:
                statements.append(found)
        if not statements and not self.diagnostics and not self.annotations:
            self._error(Span(0, 0), ErrorCode.EMPTY_APP, "the application is empty")
        app = EventFluxApp(
            annotations=tuple(self.annotations),
            statements=tuple(statements),
            source=self.source,
            span=Span(0, len(self.source.text)),
        )
        self._raise_errors()
        return app

    def expression(self, dialect: Dialect) -> Expression:
        scanned = self.scanned()
        matched = self._match(scanned, Segment(0, len(scanned.text), dialect), "lone_expression")
        if matched is None:
            raise ParseError(self.diagnostics)
        visitor, node = matched
        found = visitor.lone_expression(node)
        self._collect(visitor)
        self._raise_errors()
        return found

    def on_demand(self) -> OnDemandQuery:
        scanned = self.scanned()
        if not scanned.segments:
            self._error(Span(0, 0), ErrorCode.EMPTY_APP, "the query is empty")
            raise ParseError(self.diagnostics)
        first, *rest = scanned.segments
        if isinstance(first, PartitionSegment):
            first = first.header
        found: OnDemandQuery | None = None
        matched = self._match(scanned, first, "on_demand")
        if matched is not None:
            visitor, node = matched
            found = visitor.on_demand_query(node)
            self._collect(visitor)
        if rest:
            second = rest[0].header if isinstance(rest[0], PartitionSegment) else rest[0]
            self._error(
                self.expanded.span(second.start, second.end),
                ErrorCode.SYNTAX,
                "expected the end of the query: a query is one statement",
            )
        if found is None:
            raise ParseError(self.diagnostics)
        self._raise_errors()
        return found

    def _error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic.at(self.source, span, code, message, hint=hint))

    # -- statements

    def _statement(self, scanned: ScannedText, segment: Segment) -> Statement | None:
        matched = self._match(scanned, segment, "statement")
        if matched is None:
            return None
        visitor, node = matched
        found = visitor.statement(node)
        self._collect(visitor)
        return found

    def _partition(self, scanned: ScannedText, segment: PartitionSegment) -> Statement | None:
        matched = self._match(scanned, segment.header, "partition_header")
        inner = [self._statement(scanned, statement) for statement in segment.statements]
        if matched is None:
            return None
        if not segment.is_closed:
            end = len(scanned.text)
            self._error(self.expanded.span(end, end), ErrorCode.SYNTAX, "expected END but found the end of the text")
        elif not segment.statements:
            place = self.expanded.span(segment.end - 3, segment.end)
            self._error(place, ErrorCode.SYNTAX, "expected a query but found 'END'")
        visitor, node = matched
        statements = tuple(statement for statement in inner if statement is not None)
        found = visitor.partition(node, statements, self.expanded.span(segment.end, segment.end).end)
        self._collect(visitor)
        return found

    def _collect(self, visitor: StatementVisitor) -> None:
        self.annotations += visitor.app_annotations
        self.diagnostics += visitor.diagnostics

    def _match(self, scanned: ScannedText, segment: Segment, rule: str) -> tuple[StatementVisitor, ParseNode] | None:
        """Parse a segment; a syntax error is noted and gives None."""
        if any(segment.start <= error.start < max(segment.end, segment.start + 1) for error in scanned.errors):
            return None
        text = scanned.text[segment.start : segment.end] + ";"
        dialect = segment.dialect
        outcome = grammar_of(dialect).parse(rule, text)
        if isinstance(outcome, SyntaxFailure) and self.language is None:
            other = self._other_reading(rule, text, dialect)
            if other is not None:
                dialect, outcome = other
        if isinstance(outcome, SyntaxFailure):
            start, end, code, message, hint = explain(grammar_of(dialect), rule, text, outcome, dialect)
            if start + 1 == len(text) and segment.end >= len(scanned.text):
                message = message.replace("found ';'", "found the end of the text")
            span = self.expanded.span(segment.start + start, min(segment.start + end, len(scanned.text)))
            self._error(span, code, message, hint)
            return None
        visitor = StatementVisitor(self.source, self.expanded, segment.start, dialect, on_demand=self.on_demand_mode)
        return visitor, outcome

    @staticmethod
    def _other_reading(rule: str, text: str, dialect: Dialect) -> tuple[Dialect, ParseNode] | None:
        """DEFINE takes SQL's forms too, and the keys of a partition may be written in either dialect."""
        if rule == "partition_header":
            other = Dialect.SQL if dialect is Dialect.EVENTFLUXQL else Dialect.EVENTFLUXQL
        elif rule == "statement" and dialect is Dialect.EVENTFLUXQL and "define" in text.lower():
            other = Dialect.SQL
        else:
            return None
        outcome = grammar_of(other).parse(rule, text)
        return None if isinstance(outcome, SyntaxFailure) else (other, outcome)
