"""Checks a configuration against the keys that there are; reads typed values."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from eventflux.configuration.keys import KEYS, OPEN_BELOW, OPEN_SECTIONS, SECTIONS, Key, KeyType, Value, key_of
from eventflux.configuration.secrets import MASK, is_secret, user_info_of
from eventflux.configuration.tree import Config, Leaf, Path
from eventflux.extension.nearest import suggestion
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import ConfigError
from eventflux.types.record import record

logger = logging.getLogger("eventflux.configuration")

_DURATION: Final = Key("duration", KeyType.DURATION, "A duration.")
_OPEN: Final = tuple(tuple(section.split(".")) for section in OPEN_BELOW)


@record(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """One thing that is wrong with a configuration."""

    path: Path
    message: str
    leaf: Leaf | None = None
    hint: str | None = None
    code: ErrorCode | None = None
    is_warning: bool = False

    def __str__(self) -> str:
        place = "" if self.leaf is None else f"{self.leaf.origin}: "
        where = f"{'.'.join(self.path)}: " if self.path else ""
        hint = "" if self.hint is None else f"; {self.hint}"
        return f"{place}{where}{self.message}{hint}"


def raise_problems(problems: Iterable[ConfigProblem]) -> None:
    """Raise one error for all that is wrong, and log what is a warning only.

    Raises:
        ConfigError: Something is wrong; its place is that of the first.
    """
    wrong: list[ConfigProblem] = []
    for problem in problems:
        if problem.is_warning:
            logger.warning("%s", problem)
        else:
            wrong.append(problem)
    if not wrong:
        return
    first = wrong[0]
    value = None if first.leaf is None else first.leaf.value
    raise ConfigError(
        "\n".join(str(problem) for problem in wrong),
        key=".".join(first.path) or None,
        value=MASK if value is not None and is_secret(first.path) else value,
        file=None if first.leaf is None else first.leaf.origin.name,
        line=None if first.leaf is None else first.leaf.origin.line,
        code=first.code,
    )


def check(config: Config) -> list[ConfigProblem]:
    """Everything that is wrong with the framework's own keys. Streams and plug-ins are checked with the app."""
    is_strict = read(config, "application.strict") is not False
    problems: list[ConfigProblem] = []
    for path, leaf in config.leaves.items():
        problem = _problem(path, leaf, is_strict=is_strict)
        if problem is not None:
            problems.append(problem)
    if read(config, "application.production") is True:
        problems += literal_secrets(config)
    if config.value("application.app") is not None and config.value("application.query") is not None:
        leaf = config.leaves["application", "query"]
        problems.append(ConfigProblem(path=("application", "query"), message="application.app is given too", leaf=leaf))
    return problems


def literal_secrets(config: Config) -> list[ConfigProblem]:
    """Secrets that are written out, which production refuses."""
    return [
        ConfigProblem(path=path, message="a secret is written out", leaf=leaf, hint="use ${VAR} or ${file:/path}")
        for path, leaf in config.leaves.items()
        if leaf.is_literal
        and (is_secret(path) or (isinstance(leaf.value, str) and user_info_of(leaf.value)))
        and not isinstance(leaf.value, (bool, int))
    ]


def read(config: Config, key: str) -> Value:
    """The typed value of a framework key, its default where the configuration has none or a wrong one."""
    path = tuple(key.split("."))
    declared = key_of(path)
    if declared is None:
        raise KeyError(key)
    spellings = [declared, *(other for other in KEYS if other.alias_of == declared.path)]
    for spelling in spellings:
        leaf = config.leaves.get(path if spelling is declared else spelling.parts)
        if leaf is not None:
            try:
                return spelling.read(leaf.value)
            except ValueError:
                continue
    return declared.default


def is_given(config: Config, key: str) -> bool:
    """Whether the configuration has a value for a framework key, under any of its spellings."""
    path = tuple(key.split("."))
    return path in config.leaves or any(other.parts in config.leaves for other in KEYS if other.alias_of == key)


def flag(config: Config, key: str) -> bool:
    """The value of a key that is true or false."""
    return read(config, key) is True


def text(config: Config, key: str) -> str | None:
    """The value of a key that is a text, or None."""
    value = read(config, key)
    return value if isinstance(value, str) else None


def integer(config: Config, key: str) -> int | None:
    """The value of a key that is a whole number, a duration (milliseconds) or a size (bytes), or None."""
    value = read(config, key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def texts(config: Config, key: str) -> tuple[str, ...]:
    """The value of a key that is a list."""
    value = read(config, key)
    return value if isinstance(value, tuple) else ()


def _problem(path: Path, leaf: Leaf, *, is_strict: bool) -> ConfigProblem | None:
    declared = key_of(path)
    if declared is not None:
        return _value_problem(declared, path, leaf)
    if path[0] in OPEN_SECTIONS or any(path[: len(section)] == section for section in _OPEN):
        return None
    if path[0] == "application" and len(path) > 2:
        # A section of a connector or a format; whether there is one of that name is known with the plug-ins.
        return None
    if path[0] not in SECTIONS:
        hint = suggestion(path[0], SECTIONS)
        return ConfigProblem(
            path=path, message=f"unknown section {path[0]!r}", leaf=leaf, hint=hint, is_warning=not is_strict
        )
    level = next(
        (size for size in range(1, len(path)) if not any(_begins(key, path[: size + 1]) for key in KEYS)), len(path) - 1
    )
    known = {key.parts[level] for key in KEYS if _begins(key, path[:level]) and len(key.parts) > level}
    names = [name for name in known if name[0] != "<"]
    return ConfigProblem(
        path=path, message=f"unknown key {path[level]!r}", leaf=leaf, hint=suggestion(path[level], names)
    )


def _begins(key: Key, prefix: Path) -> bool:
    parts = key.parts[: len(prefix)]
    return len(parts) == len(prefix) and all(
        part == name or part[0] == "<" for part, name in zip(parts, prefix, strict=True)
    )


def _value_problem(key: Key, path: Path, leaf: Leaf) -> ConfigProblem | None:
    try:
        value = key.read(leaf.value)
    except ValueError as error:
        shown = "" if is_secret(path) else f", not {leaf.value!r}"
        return ConfigProblem(path=path, message=f"{error}{shown}", leaf=leaf)
    if key.path == "persistence.checkpoint_interval" and value != "none":
        try:
            _DURATION.read(value)
        except ValueError as error:
            return ConfigProblem(path=path, message=f"{error}, or none, not {leaf.value!r}", leaf=leaf)
    if not key.has_effect and value != key.default:
        return ConfigProblem(path=path, message="has no effect in this version", leaf=leaf, is_warning=True)
    return None
