"""Rows as they came against rows as they should be."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Sequence
from typing import Any

from eventflux_cli.app_tests.model import Expectation

Row = tuple[Any, ...]


def difference(expected: Expectation, rows: Sequence[Row], names: Sequence[str]) -> list[str] | None:
    """None if the rows are as expected, else lines that show where they are not.

    Args:
        expected: What they should be.
        rows: What they are.
        names: Of their attributes.
    """
    if expected.form == "count":
        return None if len(rows) == expected.count else [f"{len(rows)} rows, expected {expected.count}"]
    unknown = {key for row in expected.rows if isinstance(row, dict) for key in row} - set(names)
    if unknown:
        return [f"there is no attribute {min(unknown)!r}; there are: {', '.join(names)}"]
    if expected.form == "exact":
        if len(rows) == len(expected.rows) and all(
            _is_row(wanted, row, names, expected.tolerance) for wanted, row in zip(expected.rows, rows, strict=True)
        ):
            return None
        return _diff(expected, rows, names)
    left = list(rows)
    missing: list[Any] = []
    for wanted in expected.rows:
        found = next((row for row in left if _is_row(wanted, row, names, expected.tolerance)), None)
        if found is None:
            missing.append(wanted)
        else:
            left.remove(found)
    lines = [f"- {_text(row)}" for row in missing]
    if expected.form == "unordered":
        lines += [f"+ {_text(list(row))}" for row in left]
    elif missing:
        lines += [f"  {_text(list(row))}" for row in rows]
    return lines or None


def _is_row(wanted: Any, row: Row, names: Sequence[str], tolerance: float) -> bool:
    if isinstance(wanted, dict):
        values = dict(zip(names, row, strict=True))
        return all(_is_value(value, values[name], tolerance) for name, value in wanted.items())
    return len(wanted) == len(row) and all(
        _is_value(value, other, tolerance) for value, other in zip(wanted, row, strict=True)
    )


def _is_value(wanted: Any, value: Any, tolerance: float) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    if isinstance(wanted, (int, float)) and isinstance(value, (int, float)):
        if isinstance(wanted, float) and math.isnan(wanted):
            return isinstance(value, float) and math.isnan(value)
        return wanted == value or abs(wanted - value) <= tolerance
    if isinstance(wanted, list) and isinstance(value, (list, tuple)):
        return len(wanted) == len(value) and all(
            _is_value(one, other, tolerance) for one, other in zip(wanted, value, strict=True)
        )
    return bool(wanted == value)


def _diff(expected: Expectation, rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Rows that agree are written alike on both sides, whatever their tolerance or form."""
    seen = [_text(list(row)) for row in rows]
    wanted: list[str] = []
    for index, row in enumerate(expected.rows):
        is_there = index < len(rows) and _is_row(row, rows[index], names, expected.tolerance)
        wanted.append(seen[index] if is_there else _text(row))
    return [line for line in difflib.ndiff(wanted, seen) if not line.startswith("?")]


def _text(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
