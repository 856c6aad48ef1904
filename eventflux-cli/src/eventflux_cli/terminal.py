"""Whether and how to decorate: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

Color = Literal["auto", "always", "never"]


def wants_rich(color: Color) -> bool:
    """Whether standard error gets colours and a live display: `NO_COLOR` and `--color` decide before the terminal."""
    match color:
        case "always":
            return True
        case "never":
            return False
        case "auto":
            return sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def console(color: Color) -> Console | None:
    """A console on standard error, or None: write plain text. Imported late: it costs 50 ms."""
    if not wants_rich(color):
        return None
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, force_terminal=color == "always" or None)


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr)
