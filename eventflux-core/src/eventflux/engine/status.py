"""Native status codes -> exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflux.engine._native import ffi, lib
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import (
    BackpressureError,
    CorruptStateError,
    EventDataError,
    EventFluxError,
    RuntimeStateError,
    RuntimeStoppedError,
)

if TYPE_CHECKING:
    from eventflux.engine._native import CData


def new_error() -> CData:
    """A fresh `ef_error` for one native call."""
    return ffi.new("ef_error *")


def text(value: CData) -> str:
    """A C string, which may hold half a character where a message was cut."""
    return ffi.string(value).decode("utf-8", "replace")


def exception_of(status: int, message: str, *, row: int = -1) -> EventFluxError:
    """The exception that stands for a failed native call."""
    match status:
        case lib.EF_NO_MEMORY:
            return EventFluxError(message, code=ErrorCode.OUT_OF_MEMORY)
        case lib.EF_ROW:
            return EventDataError(message, row=row if row >= 0 else None)
        case lib.EF_STATE:
            return RuntimeStateError(message)
        case lib.EF_CORRUPT:
            return CorruptStateError(message)
        case lib.EF_CLOSED:
            return RuntimeStoppedError(message)
        case lib.EF_FULL | lib.EF_TIMEOUT:
            return BackpressureError(message, accepted=max(row, 0))
        case _:
            return EventFluxError(message)


def no_memory() -> EventFluxError:
    """The error for memory that the engine's limit, or the machine, refuses."""
    return EventFluxError("no memory left under the engine's limit", code=ErrorCode.OUT_OF_MEMORY)


def check(status: int, error: CData) -> int:
    """Give `status` back if it is not negative, else raise what `error` says."""
    if status < 0:
        raise exception_of(status, text(error.message) or f"native call failed with status {status}", row=error.row)
    return status
