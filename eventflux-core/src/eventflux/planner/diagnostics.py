"""Collects everything that is wrong in one application text."""

from __future__ import annotations

from dataclasses import dataclass, field

from eventflux.types.diagnostic import Diagnostic, Severity, in_order
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import (
    AppTextError,
    DuplicateDefinitionError,
    ExtensionNotFoundError,
    TypeMismatchError,
    UndefinedAttributeError,
    ValidationError,
)
from eventflux.types.record import record
from eventflux.types.source_text import SourceText, Span


@record(frozen=True, slots=True, kw_only=True)
class MissingExtension:
    """Which extension a diagnostic of a missing one is about."""

    kind: str
    name: str
    available: tuple[str, ...]
    install_hint: str | None


@dataclass(slots=True)
class Diagnostics:
    """Errors and warnings of one text; equal ones at one place are told once."""

    source: SourceText
    _found: list[Diagnostic] = field(default_factory=list)
    _missing: dict[int, MissingExtension] = field(default_factory=dict)

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        """Note an error at a place."""
        self._add(Diagnostic.at(self.source, span, code, message, hint=hint))

    def warning(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        """Note a warning at a place."""
        self._add(Diagnostic.at(self.source, span, code, message, hint=hint, severity=Severity.WARNING))

    def not_supported(self, span: Span, what: str, hint: str | None = None) -> None:
        """Note that the text asks for something that this version does not run."""
        self.error(span, ErrorCode.NOT_SUPPORTED, f"{what} not run by this version", hint)

    def missing_extension(
        self, span: Span, code: ErrorCode, message: str, extension: MissingExtension, hint: str | None
    ) -> None:
        """Note an error about an extension that is not there."""
        before = len(self._found)
        self.error(span, code, message, hint)
        if len(self._found) > before:
            self._missing[before] = extension

    def place_of(self, name: str, span: Span) -> Span:
        """Where a name stands within a span; the whole span where it is written otherwise."""
        start = self.source.text.find(name, span.start, span.end)
        return span if start < 0 or not name else Span(start, start + len(name))

    @property
    def has_errors(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self._found)

    @property
    def error_count(self) -> int:
        """How many errors there are now: tells whether a part of the work added one."""
        return sum(found.severity is Severity.ERROR for found in self._found)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Errors by place."""
        return in_order([found for found in self._found if found.severity is Severity.ERROR])

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Warnings by place."""
        return in_order([found for found in self._found if found.severity is Severity.WARNING])

    def raise_errors(self) -> None:
        """Raise if there is an error.

        Raises:
            ExtensionNotFoundError: All that is wrong is that extensions are missing.
            ValidationError: Something else is wrong; the class is that of the first error by place.
        """
        if self.has_errors:
            raise self._exception()

    def _exception(self) -> AppTextError:
        errors = self.errors
        positions = [index for index, found in enumerate(self._found) if found.severity is Severity.ERROR]
        if all(index in self._missing for index in positions):
            first = min(positions, key=lambda index: (self._found[index].line, self._found[index].column))
            missing = self._missing[first]
            return ExtensionNotFoundError(
                errors,
                kind=missing.kind,
                name=missing.name,
                available=missing.available,
                install_hint=missing.install_hint,
            )
        return _CLASS_OF_CODE.get(errors[0].code, ValidationError)(errors)

    def _add(self, diagnostic: Diagnostic) -> None:
        if diagnostic not in self._found:
            self._found.append(diagnostic)


_CLASS_OF_CODE: dict[ErrorCode, type[ValidationError]] = {
    ErrorCode.DUPLICATE_DEFINITION: DuplicateDefinitionError,
    ErrorCode.CONFLICTING_INSERTS: DuplicateDefinitionError,
    ErrorCode.UNDEFINED_COLUMN: UndefinedAttributeError,
    ErrorCode.TYPE_MISMATCH: TypeMismatchError,
}
