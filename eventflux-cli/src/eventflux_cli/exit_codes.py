"""Exit codes of all commands; see docs/reference/command-line.md."""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

from eventflux import (
    ConfigError,
    ConnectionUnavailableError,
    EventFluxError,
    ExtensionNotFoundError,
    ParseError,
    StateError,
    ValidationError,
)


@unique
class ExitCode(IntEnum):
    """What the shell sees."""

    SUCCESS = 0
    NEGATIVE = 1
    USAGE = 2
    CONFIGURATION = 3
    RUNTIME = 4
    CONNECTIVITY = 5
    STATE = 6
    FORCED = 130
    BROKEN_PIPE = 141


_BY_ERROR: Final = (
    (ParseError, ExitCode.NEGATIVE),
    (ValidationError, ExitCode.NEGATIVE),
    (ExtensionNotFoundError, ExitCode.NEGATIVE),
    (ConfigError, ExitCode.CONFIGURATION),
    (ConnectionUnavailableError, ExitCode.CONNECTIVITY),
    (StateError, ExitCode.STATE),
)


def exit_code_of(error: EventFluxError) -> ExitCode:
    """The code that an error ends a command with."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.RUNTIME)
