"""A configuration as a document: YAML or TOML with the origin of each value beside it, JSON, or a line a value."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eventflux.configuration.tree import nested

_YAML_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value with its key and where it came from."""

    path: tuple[str, ...]
    value: object
    origin: str


def show_list(entries: Sequence[Entry]) -> str:
    """`key = value  # origin`, by key."""
    rows = [(".".join(each.path), _scalar(each.value), each.origin) for each in sorted(entries, key=lambda e: e.path)]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return "\n".join(f"{key:<{widths[0]}} = {value:<{widths[1]}}  # {origin}" for key, value, origin in rows)


def show_yaml(entries: Sequence[Entry]) -> str:
    """Sections by indentation; keys whose path is a section of another one too are written with dots."""
    lines: list[str] = []
    open_sections: tuple[str, ...] = ()
    for entry in _grouped(entries):
        sections, key = entry.path
        common = 0
        while common < min(len(sections), len(open_sections)) and sections[common] == open_sections[common]:
            common += 1
        lines += [f"{'  ' * depth}{_yaml_key(sections[depth])}:" for depth in range(common, len(sections))]
        lines.append(f"{'  ' * len(sections)}{_yaml_key(key)}: {_scalar(entry.value)}  # {entry.origin}")
        open_sections = sections
    return "\n".join(lines)


def show_toml(entries: Sequence[Entry]) -> str:
    """Tables by their full names."""
    lines: list[str] = []
    open_sections: tuple[str, ...] | None = None
    for entry in _grouped(entries):
        sections, key = entry.path
        if sections != open_sections:
            if lines:
                lines.append("")
            if sections:
                lines.append(f"[{'.'.join(_toml_key(name) for name in sections)}]")
            open_sections = sections
        lines.append(f"{_toml_key(key)} = {_scalar(entry.value)}  # {entry.origin}")
    return "\n".join(lines)


def show_json(entries: Sequence[Entry], *, with_origin: bool) -> str:
    """Nested objects; with origins each value is `{"value": …, "origin": …}`."""
    flat = {
        (*sections, key): {"value": each.value, "origin": each.origin} if with_origin else each.value
        for each in _grouped(entries)
        for sections, key in [each.path]
    }
    return json.dumps(nested(flat), indent=2, ensure_ascii=False, default=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    path: tuple[tuple[str, ...], str]
    value: object
    origin: str


def _grouped(entries: Sequence[Entry]) -> list[_Placed]:
    """Entries by section, in order of appearance; a value that stands where a section stands gets a dotted key."""
    taken: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        taken.setdefault(entry.path, entry)
    values = set(taken)
    placed: list[_Placed] = []
    for path, entry in taken.items():
        size = next((size for size in range(1, len(path)) if path[:size] in values), len(path))
        sections, key = path[: size - 1], ".".join(path[size - 1 :])
        placed.append(_Placed(path=(sections, key), value=entry.value, origin=entry.origin))
    order: dict[tuple[str, ...], int] = {}
    for each in placed:
        for size in range(len(each.path[0]) + 1):
            order.setdefault(each.path[0][:size], len(order))
    return sorted(placed, key=lambda each: [order[each.path[0][:size]] for size in range(len(each.path[0]) + 1)])


def _scalar(value: object) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return json.dumps(value, ensure_ascii=False)


def _yaml_key(key: str) -> str:
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", key) and key.lower() not in _YAML_WORDS
    return key if is_plain else json.dumps(key)


def _toml_key(key: str) -> str:
    return key if _PLAIN_KEY.match(key) else json.dumps(key)
