"""Configuration files: TOML, YAML and JSON carry the same tree."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from eventflux.configuration.envelope import unwrapped
from eventflux.configuration.readers import ReaderLookup, read_by
from eventflux.configuration.toml_places import key_lines
from eventflux.configuration.tree import Config, Leaf, Origin, OriginKind, collected, flattened
from eventflux.types.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MAX_YAML_NODES: Final = 20_000
_TOML_PLACE: Final = re.compile(r"\(at line (\d+)")
Placed = Iterator[tuple[tuple[str, ...], object, int | None]]


def read_file(path: Path, readers: ReaderLookup) -> Config:
    """The tree of one file; nothing is substituted yet.

    Args:
        path: Its suffix decides.
        readers: Of other suffixes than those known here.

    Raises:
        ConfigError: It can't be read, is not of its format, or gives a key twice.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(
            f"the configuration {str(path)!r} cannot be read: {error.strerror}", file=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration {str(path)!r} is not UTF-8: {error.reason}", file=str(path)) from error
    match path.suffix.lower():
        case ".toml":
            found = _toml(text, path)
        case ".yaml" | ".yml":
            found = _yaml(text, path)
        case ".json":
            found = _json(text, path)
        case suffix:
            reader = readers.find(suffix) if suffix else None
            if reader is not None:
                return read_by(reader, path, text)
            raise ConfigError(
                f"the configuration {str(path)!r} has the suffix {path.suffix!r}",
                file=str(path),
                hint="use .toml, .yaml, .yml or .json, or install a plug-in that reads it",
            )
    leaves: dict[tuple[str, ...], Leaf] = {}
    for key, value, line in found:
        origin = Origin(OriginKind.FILE, str(path), line)
        if key in leaves:
            raise _twice(path, line, ".".join(key), leaves[key].origin.line)
        leaves[key] = Leaf(value, origin)
    return Config(unwrapped(collected(leaves.items()), str(path)))


def _twice(path: Path, line: int | None, key: str, other: int | None) -> ConfigError:
    place = str(path) if line is None else f"{path}:{line}"
    before = "" if other is None else f"; it stands in line {other} already"
    return ConfigError(f"{place}: {key}: given twice{before}", key=key, file=str(path), line=line)


def _toml(text: str, path: Path) -> Placed:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_PLACE.search(str(error))
        line = None if found is None else int(found[1])
        place = str(path) if line is None else f"{path}:{line}"
        raise ConfigError(f"{place}: {error}", file=str(path), line=line) from error
    lines: dict[tuple[str, ...], int] = {tuple(".".join(key).split(".")): line for key, line in key_lines(text).items()}
    for key, value in flattened(tree):
        nearest = key
        while nearest and nearest not in lines:
            nearest = nearest[:-1]
        yield key, _plain(value), lines.get(nearest)


def _plain(value: object) -> object:
    """Dates of TOML are texts for us."""
    if isinstance(value, (str, bool, int, float, list)):
        return value
    return str(value)


def _json(text: str, path: Path) -> Placed:
    def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tree = dict(pairs)
        if len(tree) != len(pairs):
            repeated = next(key for key, _ in pairs if sum(other == key for other, _ in pairs) > 1)
            raise _twice(path, None, repeated, None)
        return tree

    try:
        tree = json.loads(text, object_pairs_hook=without_repetition)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: {error.msg}", file=str(path), line=error.lineno) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a configuration is an object", file=str(path))
    for key, value in flattened(tree):
        yield key, value, None


def _yaml(text: str, path: Path) -> Placed:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError as error:
        raise ConfigError(
            f"the configuration {str(path)!r} is YAML, and PyYAML is not installed",
            file=str(path),
            hint="pip install 'eventflux-core[yaml]'",
        ) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        place = str(path) if line is None else f"{path}:{line}"
        raise ConfigError(f"{place}: {getattr(error, 'problem', None) or error}", file=str(path), line=line) from error
    if root is None:
        return
    if root.id != "mapping":
        raise ConfigError(f"{path}:{root.start_mark.line + 1}: a configuration is a mapping", file=str(path))
    yield from _YamlTree(path).leaves(root, ())


class _YamlTree:
    """The leaves of a composed document. Only `true` and `false` are booleans, and dates are texts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._nodes = 0

    def leaves(self, node: Any, prefix: tuple[str, ...]) -> Placed:
        self._count(node)
        if node.id == "sequence":
            if any(item.id == "mapping" for item in node.value):
                for index, item in enumerate(node.value):
                    yield from self.leaves(item, (*prefix, str(index)))
            else:
                yield prefix, [self._scalar(item) for item in node.value], node.start_mark.line + 1
            return
        if node.id == "scalar":
            yield prefix, self._scalar(node), node.start_mark.line + 1
            return
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar" or key.tag == "tag:yaml.org,2002:merge":
                raise self._wrong(line, "keys are plain texts")
            name = str(key.value)
            if name in seen:
                raise _twice(self._path, line, ".".join((*prefix, name)), seen[name])
            seen[name] = line
            path = (*prefix, *name.split("."))
            if value.id == "scalar":
                self._count(value)
                yield path, self._scalar(value), line
            else:
                yield from self.leaves(value, path)

    def _count(self, node: Any) -> None:
        # Aliases make small documents huge.
        self._nodes += 1
        if self._nodes > _MAX_YAML_NODES:
            raise self._wrong(node.start_mark.line + 1, f"more than {_MAX_YAML_NODES} values")

    def _wrong(self, line: int, message: str) -> ConfigError:
        return ConfigError(f"{self._path}:{line}: {message}", file=str(self._path), line=line)

    def _scalar(self, node: Any) -> object:
        text = str(node.value)
        if node.id != "scalar":
            raise self._wrong(node.start_mark.line + 1, "a list holds values, or sections, not both")
        kind = node.tag.rpartition(":")[2]
        try:
            match kind:
                case "null":
                    return None
                case "bool" if text.lower() in {"true", "false"}:
                    return text.lower() == "true"
                case "int":
                    return int(text.replace("_", ""), 0 if text[:2].lower() in {"0x", "0o", "0b"} else 10)
                case "float":
                    return float(text.replace("_", ""))
                case _:
                    return text
        except ValueError:
            return text
