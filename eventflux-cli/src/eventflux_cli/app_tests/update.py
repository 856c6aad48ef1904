"""Writes observed rows into a test file, in place of what stands under `expect`; all else stays as it is."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eventflux import ConfigError
from eventflux_cli.app_tests.compare import Row
from eventflux_cli.app_tests.runner import Outcome


def updated(path: Path, outcomes: Sequence[Outcome]) -> str:
    """The text of a YAML test file with the observed rows of its failed cases.

    Only lists of rows are written anew: expectations of another form stay as they are.

    Raises:
        ConfigError: The file is no YAML.
    """
    if path.suffix == ".toml":
        raise ConfigError(f"{path}: --update writes YAML only", file=str(path))
    yaml = importlib.import_module("yaml")
    text = path.read_text("utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    places: list[tuple[int, int, str]] = []
    for outcome, node in _cases(root, outcomes):
        for key, rows in (("expect", outcome.observed), ("expired", outcome.observed_expired)):
            section = _value(node, key)
            if section is None or section.id != "mapping":
                continue
            for name, value in section.value:
                if value.id == "sequence" and name.value in rows:
                    indent = " " * (name.start_mark.column + 2)
                    places.append((value.start_mark.index, value.end_mark.index, _rows(rows[name.value], indent)))
    for start, end, replacement in sorted(places, reverse=True):
        old = text[start:end]
        is_block = not old.startswith("[")
        trailing = old[len(old.rstrip()) :] if is_block else ""
        # A block list begins on a line of its own: the line end behind the key goes with it.
        head = text[:start].rstrip() + " " if is_block else text[:start]
        text = f"{head}{replacement.lstrip() if replacement.startswith('[') else replacement}{trailing}{text[end:]}"
    return text


def _cases(root: Any, outcomes: Sequence[Outcome]) -> list[tuple[Outcome, Any]]:
    listed = _value(root, "cases")
    nodes = [root] if listed is None else list(listed.value)
    named = {_name(node, number): node for number, node in enumerate(nodes, 1)}
    return [(outcome, named[outcome.case.name]) for outcome in outcomes if outcome.case.name in named]


def _name(node: Any, number: int) -> str:
    name = _value(node, "name")
    return f"case {number}" if name is None else str(name.value)


def _value(node: Any, key: str) -> Any:
    return next((value for name, value in node.value if name.value == key), None)


def _rows(rows: Sequence[Row], indent: str) -> str:
    if not rows:
        return "[]"
    lines = [f"{indent}- {json.dumps(list(row), ensure_ascii=False, default=str)}" for row in rows]
    return "\n" + "\n".join(lines)
