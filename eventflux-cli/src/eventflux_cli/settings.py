"""Configuration files and `--set` on the command line -> one tree."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventflux import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Tree = dict[str, Any]


def load_settings(files: Sequence[str], overrides: Sequence[str]) -> Tree:
    """The files in order, each key of a later one winning, then `KEY=VALUE` overrides.

    Raises:
        ConfigError: A file can't be read, or an override has no `=`.
    """
    tree: Tree = {}
    for name in files:
        _merge(tree, _read(Path(name)))
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set {override!r}: expected KEY=VALUE", key=override)
        _put(tree, key.split("."), _value(value), override)
    return tree


def load_variables(definitions: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` definitions for `${NAME}`.

    Raises:
        ConfigError: One has no `=`.
    """
    variables: dict[str, str] = {}
    for definition in definitions:
        name, separator, value = definition.partition("=")
        if not separator or not name:
            raise ConfigError(f"--define {definition!r}: expected NAME=VALUE", key=definition)
        variables[name] = value
    return variables


def _read(path: Path) -> Tree:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(
            f"the configuration {str(path)!r} cannot be read: {error.strerror}", file=str(path)
        ) from error
    match path.suffix:
        case ".toml":
            return _toml(text, path)
        case ".json":
            return _json(text, path)
        case _:
            raise ConfigError(
                f"the configuration {str(path)!r} has the suffix {path.suffix!r}",
                file=str(path),
                hint="use .toml or .json",
            )


def _toml(text: str, path: Path) -> Tree:
    try:
        tree: Tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", file=str(path)) from error
    return tree


def _json(text: str, path: Path) -> Tree:
    try:
        tree = json.loads(text, object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", file=str(path)) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a configuration is an object", file=str(path))
    return tree


def _without_repetition(pairs: list[tuple[str, Any]]) -> Tree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        repeated = next(key for key, _ in pairs if sum(other == key for other, _ in pairs) > 1)
        raise ValueError(f"key {repeated!r} is given twice")
    return tree


def _merge(tree: Tree, more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        present = tree.get(key)
        if isinstance(present, dict) and isinstance(value, Mapping):
            _merge(present, value)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def _put(tree: Tree, path: Sequence[str], value: Any, override: str) -> None:
    *sections, last = path
    for section in sections:
        inner = tree.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override!r}: {section!r} is a value, not a section", key=".".join(path))
        tree = inner
    if value is None:
        tree.pop(last, None)
    else:
        tree[last] = value


def _value(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    if text == "null":
        return None
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
