"""The keys of the configuration as JSON Schema, for editors."""

from __future__ import annotations

from typing import Any, Final

from eventflux.configuration.keys import KEYS, OPEN_BELOW, OPEN_SECTIONS, Key, KeyType

_TYPES: Final[dict[KeyType, dict[str, Any]]] = {
    KeyType.TEXT: {"type": ["string", "number"]},
    KeyType.INTEGER: {"type": ["integer", "string"]},
    KeyType.NUMBER: {"type": ["number", "string"]},
    KeyType.BOOLEAN: {"type": ["boolean", "string"]},
    KeyType.DURATION: {"type": "string"},
    KeyType.SIZE: {"type": ["integer", "string"]},
    KeyType.LIST: {"type": ["array", "string"], "items": {"type": "string"}},
}


def json_schema() -> dict[str, Any]:
    """The schema. Strings stand beside numbers because every value may be a `${VARIABLE}`."""
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "EventFlux configuration",
        **_section(),
    }
    for key in KEYS:
        _place(root, key)
    for section in OPEN_SECTIONS:
        root["properties"].setdefault(section, {"type": "object"})
    for dotted in OPEN_BELOW:
        first, second = dotted.split(".")
        root["properties"][first]["properties"].setdefault(second, {"type": "object"})
    # Sections of connectors and formats, by their names.
    root["properties"]["application"]["additionalProperties"] = {"type": "object"}
    return root


def _section() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _place(root: dict[str, Any], key: Key) -> None:
    section = root
    for name in key.parts[:-1]:
        if name[0] == "<":
            if not isinstance(section["additionalProperties"], dict):
                section["additionalProperties"] = _section()
            section = section["additionalProperties"]
        else:
            section = section["properties"].setdefault(name, _section())
    value: dict[str, Any] = {**_TYPES[key.type], "description": key.meaning}
    if key.default is not None:
        value["default"] = list(key.default) if isinstance(key.default, tuple) else key.default
    if key.choices:
        value.pop("type")
        value["anyOf"] = [{"enum": list(key.choices)}, {"type": "string", "pattern": r"\$\{"}]
    last = key.parts[-1]
    if last[0] == "<":
        section["additionalProperties"] = value
    else:
        section["properties"][last] = value
