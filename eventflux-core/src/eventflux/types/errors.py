"""Exception classes. Everything that the package raises on purpose derives from EventFluxError.

Each carries its facts as attributes beside the text, has a stable `code` and an optional `hint`, and pickles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from eventflux.types.diagnostic import Diagnostic, in_order, render
from eventflux.types.error_codes import ErrorCode


def _restore(cls: type[EventFluxError], args: tuple[Any, ...], state: dict[str, Any]) -> EventFluxError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class EventFluxError(Exception):
    """Base of all errors of the package."""

    default_code: ClassVar[ErrorCode] = ErrorCode.INTERNAL

    code: ErrorCode
    hint: str | None

    def __init__(self, message: str, *, code: ErrorCode | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code if code is not None else self.default_code
        self.hint = hint

    @property
    def message(self) -> str:
        """What is wrong, without place and hint."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with `args` only, which subclasses with keyword arguments refuse.
        return _restore, (type(self), self.args, self.__dict__)


class AppTextError(EventFluxError):
    """Something is wrong in an application text: one or more diagnostics, sorted by place.

    `code`, `line`, `column`, `length`, `snippet` and `hint` are those of the first.
    """

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else in_order(tuple(diagnostics))
        if not found:
            raise ValueError("an error about a text needs a diagnostic")
        super().__init__(found[0].message, code=found[0].code, hint=found[0].hint)
        self.diagnostics = found

    @property
    def file(self) -> str:
        return self.diagnostics[0].file

    @property
    def line(self) -> int:
        return self.diagnostics[0].line

    @property
    def column(self) -> int:
        return self.diagnostics[0].column

    @property
    def length(self) -> int:
        return self.diagnostics[0].length

    @property
    def end_line(self) -> int:
        return self.diagnostics[0].end_line

    @property
    def end_column(self) -> int:
        return self.diagnostics[0].end_column

    @property
    def snippet(self) -> str:
        return self.diagnostics[0].snippet

    def __str__(self) -> str:
        return render(self.diagnostics)


class ParseError(AppTextError):
    """The text is not in the language."""

    default_code = ErrorCode.SYNTAX


class ValidationError(AppTextError):
    """The text is in the language but does not make sense: unknown names, wrong types, contradictions."""

    default_code = ErrorCode.INVALID_QUERY


class DuplicateDefinitionError(ValidationError):
    """One name is defined twice with different contents."""

    default_code = ErrorCode.DUPLICATE_DEFINITION


class UndefinedAttributeError(ValidationError):
    """A query names an attribute that does not exist or is ambiguous."""

    default_code = ErrorCode.UNDEFINED_COLUMN


class TypeMismatchError(ValidationError):
    """An operator, function or target does not take values of that type."""

    default_code = ErrorCode.TYPE_MISMATCH


class _UndefinedNameError(ValidationError):
    """A name of something that does not exist: in a text (with its place), or given to a call (without one)."""

    kind: ClassVar[str] = "name"

    name: str | None
    available: tuple[str, ...]

    def __init__(
        self,
        diagnostics: Diagnostic | Iterable[Diagnostic] | None = None,
        *,
        name: str | None = None,
        available: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        if diagnostics is None:
            diagnostics = Diagnostic(code=self.default_code, message=f"no {self.kind} {name!r}", hint=hint)
        super().__init__(diagnostics)
        self.name = name
        self.available = tuple(available)

    def __str__(self) -> str:
        if all(diagnostic.snippet for diagnostic in self.diagnostics):
            return render(self.diagnostics)
        return EventFluxError.__str__(self)


class UndefinedStreamError(_UndefinedNameError):
    """There is no stream of that name; `available` lists those that there are, nearest first."""

    default_code = ErrorCode.UNDEFINED_STREAM
    kind = "stream"


class UndefinedQueryError(_UndefinedNameError):
    """There is no query of that name; `available` lists those that there are, nearest first."""

    default_code = ErrorCode.UNDEFINED_QUERY
    kind = "query"


class ExtensionNotFoundError(AppTextError):
    """A text or a call names an extension that is not installed or registered."""

    default_code = ErrorCode.EXTENSION_NOT_FOUND

    kind: str
    name: str
    available: tuple[str, ...]
    install_hint: str | None

    def __init__(
        self,
        diagnostics: Diagnostic | Iterable[Diagnostic] | None = None,
        *,
        kind: str,
        name: str,
        available: Sequence[str] = (),
        install_hint: str | None = None,
    ) -> None:
        if diagnostics is None:
            diagnostics = Diagnostic(code=self.default_code, message=f"no {kind} {name!r}", hint=install_hint)
        super().__init__(diagnostics)
        self.kind = kind
        self.name = name
        self.available = tuple(available)
        self.install_hint = install_hint

    def __str__(self) -> str:
        if all(diagnostic.snippet for diagnostic in self.diagnostics):
            return render(self.diagnostics)
        return EventFluxError.__str__(self)


class ExtensionError(EventFluxError):
    """An extension is broken: it could not be loaded, or it broke its contract."""

    default_code = ErrorCode.EXTENSION_FAILED


class UnprintableError(EventFluxError):
    """A dialect has no words for a statement of the other one."""

    default_code = ErrorCode.UNPRINTABLE


class ConfigError(EventFluxError):
    """A configuration key or value is wrong."""

    default_code = ErrorCode.CONFIG

    def __init__(
        self,
        message: str,
        *,
        key: str | None = None,
        value: object = None,
        file: str | None = None,
        line: int | None = None,
        hint: str | None = None,
        code: ErrorCode | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.key = key
        self.value = value
        self.file = file
        self.line = line


class EventDataError(EventFluxError):
    """A row does not fit the stream: nothing of the call has entered."""

    default_code = ErrorCode.EVENT_DATA

    def __init__(
        self,
        message: str,
        *,
        stream: str | None = None,
        row: int | None = None,
        attribute: str | None = None,
        expected: str | None = None,
        got: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.stream = stream
        self.row = row
        self.attribute = attribute
        self.expected = expected
        self.got = got


class MappingError(EventFluxError):
    """A payload cannot be turned into rows, or rows into a payload."""

    default_code = ErrorCode.MAPPING

    def __init__(
        self, message: str, *, payload: object = None, position: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.payload = payload
        self.position = position


class RuntimeStateError(EventFluxError):
    """The call is not possible in the present state of the runtime."""

    default_code = ErrorCode.RUNTIME_STATE


class RuntimePausedError(RuntimeStateError):
    """The runtime is paused."""

    default_code = ErrorCode.RUNTIME_PAUSED


class RuntimeStoppedError(RuntimeStateError):
    """The runtime is not running."""

    default_code = ErrorCode.RUNTIME_STOPPED


class BackpressureError(EventFluxError):
    """There was no room for the rows in the buffer of an async stream; `accepted` of them have entered."""

    default_code = ErrorCode.BACKPRESSURE

    def __init__(self, message: str, *, accepted: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.accepted = accepted


class ConnectionUnavailableError(EventFluxError):
    """An outside system cannot be reached; trying again later may help."""

    default_code = ErrorCode.CONNECTION_UNAVAILABLE


class StateError(EventFluxError):
    """Saving or restoring state failed."""

    default_code = ErrorCode.STATE


class RevisionNotFoundError(StateError):
    """There is no such revision."""

    default_code = ErrorCode.REVISION_NOT_FOUND


class IncompatibleStateError(StateError):
    """The state was saved by another app or version and can't be loaded into this one."""

    default_code = ErrorCode.INCOMPATIBLE_STATE

    def __init__(
        self,
        message: str,
        *,
        component: str | None = None,
        saved: object = None,
        current: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.component = component
        self.saved = saved
        self.current = current


class CorruptStateError(StateError):
    """Saved bytes are damaged."""

    default_code = ErrorCode.CORRUPT_STATE

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        expected: object = None,
        got: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.where = where
        self.expected = expected
        self.got = got


class SerializationError(StateError):
    """A value cannot be turned into bytes."""

    default_code = ErrorCode.SERIALIZATION


class DistributedError(EventFluxError):
    """An operation that several processes share failed."""

    default_code = ErrorCode.DISTRIBUTED


class TransportError(DistributedError):
    """A message could not be carried."""

    default_code = ErrorCode.TRANSPORT


class StateBackendError(DistributedError):
    """The shared state backend failed."""

    default_code = ErrorCode.STATE_BACKEND


class CoordinationError(DistributedError):
    """Processes could not agree."""

    default_code = ErrorCode.COORDINATION


class RowError(EventFluxError):
    """Why a row failed: what the attribute `_error` of a fault stream holds. Only the text of the cause is kept."""

    default_code = ErrorCode.EVENT_DATA


class ErrorStoreError(EventFluxError):
    """The store of failed events failed."""

    default_code = ErrorCode.ERROR_STORE


class DatabaseError(EventFluxError):
    """An outside table store failed."""

    default_code = ErrorCode.DATABASE
