"""Files, environment and overrides -> the configuration of a process.

Lowest first: files in the order given, `EVENTFLUX__...` variables of the environment, `--set key=value`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from eventflux.configuration.check import check, raise_problems
from eventflux.configuration.files import read_file
from eventflux.configuration.readers import ReaderLookup, RegisteredReaders
from eventflux.configuration.substitution import Resolve, SubstitutionError, has_variables, substitute
from eventflux.configuration.tree import CALL, Config, Leaf, Origin, OriginKind, collected, merged
from eventflux.extension.registry import ExtensionRegistry
from eventflux.types.errors import ConfigError

logger = logging.getLogger("eventflux.configuration")

DISCOVERED_NAMES: Final = ("eventflux.toml", "eventflux.yaml", "eventflux.yml")
_VARIABLE: Final = re.compile(r"EVENTFLUX_{1,2}([A-Za-z].*)")
_SHORT_FORMS: Final = {
    "EVENTFLUX_LOG_LEVEL": "observability.logging.level",
    "EVENTFLUX_PERSISTENCE_DIR": "persistence.path",
    "EVENTFLUX_HTTP_PORT": "observability.http.port",
}
_NAMED_SECTIONS: Final = frozenset({"streams", "tables", "windows", "aggregations", "queries", "variables", "refs"})


def load_config(
    *paths: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    registry: ExtensionRegistry | None = None,
) -> Config:
    """Read a configuration.

    Args:
        paths: Files, `.toml`, `.yaml`, `.yml`, `.json` or what a plug-in reads; a later one wins, leaf by leaf.
        overrides: `key=value` texts above files and environment.
        variables: Values for `${NAME}`, before those of the configuration and the environment.
        environ: The environment; None: the process's own.
        registry: Where readers of other formats and of `${scheme:reference}` are; None: those of installed plug-ins,
            which are looked for when one is needed.

    Raises:
        ConfigError: Something is wrong; the error tells all of it, each with its place.
    """
    readers = RegisteredReaders(registry)
    environment = os.environ if environ is None else environ
    config = merged(
        [
            *(read_file(Path(path), readers) for path in paths),
            _of_environment(environment),
            _of_overrides(overrides),
        ]
    )
    config = substituted(config, variables or {}, environment, readers)
    raise_problems(check(config))
    return config


def config_of(
    given: Config | Mapping[str, object] | str | os.PathLike[str] | None, registry: ExtensionRegistry | None = None
) -> Config:
    """A configuration from what an API call was given: itself, a tree, or a file.

    Args:
        given: The one or the other.
        registry: See `load_config`.

    Raises:
        ConfigError: It can't be read, or something in it is wrong.
    """
    match given:
        case None:
            return Config()
        case Config():
            return given
        case Mapping():
            config = substituted(Config.of(given, CALL), {}, os.environ, RegisteredReaders(registry))
            raise_problems(check(config))
            return config
        case str() | os.PathLike():
            return load_config(given, registry=registry)
        case _:
            raise ConfigError(f"a configuration is a mapping or a file, not {type(given).__name__}")


def discover(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Path | None:
    """The configuration file that is used where none is named: the first that exists.

    In the directory itself, its `config`, `$XDG_CONFIG_HOME/eventflux` and `/etc/eventflux`.
    """
    environment = os.environ if environ is None else environ
    here = directory if directory is not None else Path()
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    for folder in (here, here / "config", Path(home) / "eventflux", Path("/etc/eventflux")):
        for name in DISCOVERED_NAMES:
            if (folder / name).is_file():
                return folder / name
    return None


def files_of_environment(environ: Mapping[str, str] | None = None) -> list[str]:
    """The files that `EVENTFLUX_CONFIG` names."""
    environment = os.environ if environ is None else environ
    return [part for part in environment.get("EVENTFLUX_CONFIG", "").split(os.pathsep) if part]


def substituted(
    config: Config, variables: Mapping[str, str], environ: Mapping[str, str], readers: ReaderLookup
) -> Config:
    """The configuration with its `${...}` replaced.

    Raises:
        ConfigError: A variable is not set, or a file can't be read; all of them, each with its place.
    """
    lookup = {**environ, **_plain_variables(config), **variables}

    def resolve(scheme: str, reference: str) -> tuple[bool, str | None]:
        reader = readers.find(scheme)
        if reader is None:
            return False, None
        try:
            return True, reader.resolve(reference)
        except Exception as error:  # foreign code
            raise SubstitutionError(f"{scheme}: {reference!r} cannot be read: {error}") from error

    leaves: dict[tuple[str, ...], Leaf] = {}
    wrong: list[tuple[tuple[str, ...], Leaf, str]] = []
    for path, leaf in config.leaves.items():
        is_text = isinstance(leaf.value, str) and "${" in leaf.value
        is_list = isinstance(leaf.value, list) and any("${" in item for item in leaf.value if isinstance(item, str))
        # The text of an app is substituted when it is read, so that its errors keep their places.
        if path == ("application", "query") or not (is_text or is_list):
            leaves[path] = leaf
            continue
        try:
            leaves[path] = _replaced(leaf, lookup, resolve)
        except SubstitutionError as error:
            wrong.append((path, leaf, str(error)))
    if wrong:
        path, leaf, _ = wrong[0]
        raise ConfigError(
            "\n".join(f"{each.origin}: {'.'.join(key)}: {message}" for key, each, message in wrong),
            key=".".join(path),
            file=leaf.origin.name,
            line=leaf.origin.line,
        )
    return Config(leaves)


def _replaced(leaf: Leaf, lookup: Mapping[str, str], resolve: Resolve) -> Leaf:
    if isinstance(leaf.value, list):
        value: object = [substitute(item, lookup, resolve) if isinstance(item, str) else item for item in leaf.value]
        return Leaf(value, leaf.origin, is_literal=False)
    assert isinstance(leaf.value, str)
    return Leaf(substitute(leaf.value, lookup, resolve), leaf.origin, is_literal=not has_variables(leaf.value))


def _plain_variables(config: Config) -> dict[str, str]:
    return {
        path[0]: str(leaf.value)
        for path, leaf in config.below("variables").items()
        if len(path) == 1 and "${" not in str(leaf.value)
    }


def _of_environment(environ: Mapping[str, str]) -> Config:
    pairs: list[tuple[tuple[str, ...], Leaf]] = []
    for name in sorted(environ):
        short = _SHORT_FORMS.get(name)
        found = _VARIABLE.fullmatch(name)
        if short is not None:
            path = tuple(short.split("."))
        elif found is not None and "__" in found[1]:
            path = _folded(found[1].split("__"))
        else:
            continue
        origin = Origin(OriginKind.ENVIRONMENT, name)
        if name == "EVENTFLUX_PERSISTENCE_DIR":
            pairs.insert(0, (("persistence", "type"), Leaf("file", origin)))
        pairs.append((path, Leaf(parsed_value(environ[name]), origin, is_literal=False)))
    return Config(collected(pairs))


def _folded(parts: Sequence[str]) -> tuple[str, ...]:
    """Framework keys in lower case; the name of a stream or table as it stands."""
    first = parts[0].lower()
    if first not in _NAMED_SECTIONS or len(parts) < 2:
        return tuple(part.lower() for part in parts)
    rest = tuple(part.lower() if part.isupper() else part for part in parts[2:])
    return (first, parts[1], *rest)


def _of_overrides(overrides: Sequence[str]) -> Config:
    leaves: dict[tuple[str, ...], Leaf] = {}
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set {override!r}: expected KEY=VALUE", key=override)
        # Also None stays in: it must reach the merge, where it takes away what files gave.
        origin = Origin(OriginKind.OVERRIDE, f"--set {key}")
        leaves[tuple(key.split("."))] = Leaf(parsed_value(value), origin, is_literal=False)
    return Config(leaves)


def parsed_value(text: str) -> object:
    """`true`, `false`, `null`, numbers; what stands in quotes is a text, and so is everything else."""
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
