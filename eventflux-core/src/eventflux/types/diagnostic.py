"""Diagnostic: one fact about an application text, with its place, and its rendering."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import SourceText, Span

MAX_RENDERED: Final = 20


class Severity(enum.Enum):
    """How bad it is: an app with an error is refused, one with warnings runs."""

    ERROR = "error"
    WARNING = "warning"


@record(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One error or warning. Line, column and length are in characters, from 1; `snippet` is ready to print."""

    severity: Severity = Severity.ERROR
    code: ErrorCode
    message: str
    file: str = "app"
    line: int = 1
    column: int = 1
    length: int = 0
    end_line: int = 1
    end_column: int = 1
    snippet: str = ""
    hint: str | None = None

    @classmethod
    def at(
        cls,
        source: SourceText,
        span: Span,
        code: ErrorCode,
        message: str,
        *,
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """Diagnostic about a span of a text."""
        start, end = source.position(span.start), source.position(span.end)
        return cls(
            severity=severity,
            code=code,
            message=message,
            file=source.name,
            line=start.line,
            column=start.column,
            length=span.end - span.start,
            end_line=end.line,
            end_column=end.column,
            snippet=source.snippet(span),
            hint=hint,
        )

    def __str__(self) -> str:
        mark = "warning: " if self.severity is Severity.WARNING else ""
        lines = [f"{self.file}:{self.line}:{self.column}: {mark}{self.message}"]
        if self.snippet:
            lines.append(self.snippet)
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """All diagnostics as text, at most MAX_RENDERED of them and the number of those left out."""
    parts = [str(diagnostic) for diagnostic in diagnostics[:MAX_RENDERED]]
    rest = len(diagnostics) - MAX_RENDERED
    if rest > 0:
        parts.append(f"and {rest} more")
    return "\n".join(parts)


def in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics by place; equal places keep their order."""
    return tuple(sorted(diagnostics, key=lambda diagnostic: (diagnostic.line, diagnostic.column)))
