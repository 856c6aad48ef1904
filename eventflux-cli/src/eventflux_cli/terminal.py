"""Whether and how to decorate: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

if TYPE_CHECKING:
    from rich.console import Console

Color = Literal["auto", "always", "never"]


def wants_rich(color: Color, stream: TextIO | None = None) -> bool:
    """Whether standard error (or another stream) gets colours and live displays.

    `NO_COLOR` and `--color` decide before the terminal.
    """
    match color:
        case "always":
            return True
        case "never":
            return False
        case "auto":
            chosen = sys.stderr if stream is None else stream
            return chosen.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def console(color: Color) -> Console | None:
    """A console on standard error, or None: write plain text. Imported late: it costs 50 ms."""
    if not wants_rich(color):
        return None
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, force_terminal=color == "always" or None)


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr)


_CODES: Final = {"green": "32", "red": "31", "yellow": "33", "bold": "1", "dim": "2"}


def styled(text: str, style: str, *, is_rich: bool) -> str:
    """A text in a colour, where colours are wanted."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if is_rich else text


def show_table(names: Sequence[str], rows: Sequence[Sequence[Any]], color: Color) -> None:
    """A table on standard output: with rules on a terminal, columns of plain text elsewhere."""
    if wants_rich(color, sys.stdout):
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table()
        for name in names:
            table.add_column(name)
        for row in rows:
            table.add_row(*(_shown(value) for value in row))
        Console(force_terminal=color == "always" or None).print(table)
        return
    texts = [tuple(names), *(tuple(_shown(value) for value in row) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(names))]
    for row in texts:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
