"""Config: a tree of values, kept flat, each with the place that it came from.

A path is a tuple of names; `streams.Orders.kafka.brokers` and the same with sections, or with dots inside a key, are
one path. What stands higher wins leaf by leaf, so a merge of two trees is a walk over leaves. A list is one leaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Final

from eventflux.configuration.secrets import masked
from eventflux.types.errors import ConfigError
from eventflux.types.record import record

Path = tuple[str, ...]


@unique
class OriginKind(str, Enum):
    """What gave a value."""

    FILE = "file"
    ENVIRONMENT = "environment"
    OVERRIDE = "override"
    CALL = "call"

    def __str__(self) -> str:
        return self.value


@record(frozen=True, slots=True)
class Origin:
    """Where a value came from: a file (with its line), a variable of the environment, `--set`, or a call."""

    kind: OriginKind
    name: str
    line: int | None = None

    def __str__(self) -> str:
        return self.name if self.line is None else f"{self.name}:{self.line}"


CALL: Final = Origin(OriginKind.CALL, "call")


@record(frozen=True, slots=True)
class Leaf:
    """One value. `is_literal`: it was written as it is, not by way of a variable or a file."""

    value: object
    origin: Origin = CALL
    is_literal: bool = True


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Config(Mapping[str, object]):
    """A configuration. As a mapping it is the tree of plain dicts; its leaves know their places.

    `repr` and `str` never show secrets.
    """

    leaves: Mapping[Path, Leaf] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Mapping[str, object], origin: Origin = CALL) -> Config:
        """A tree of dicts, all of one origin.

        Raises:
            ConfigError: A key is no text, or stands for a value and for a section.
        """
        return cls(collected((path, Leaf(value, origin)) for path, value in flattened(tree)))

    def value(self, key: str, default: object = None) -> object:
        """The value of a dotted key, or the default."""
        leaf = self.leaves.get(tuple(key.split(".")))
        return default if leaf is None else leaf.value

    def origin(self, key: str) -> Origin | None:
        """Where the value of a dotted key came from; None: nobody gave one."""
        leaf = self.leaves.get(tuple(key.split(".")))
        return None if leaf is None else leaf.origin

    def below(self, *prefix: str) -> dict[Path, Leaf]:
        """The leaves under a section, by their paths without its own."""
        size = len(prefix)
        return {path[size:]: leaf for path, leaf in self.leaves.items() if path[:size] == prefix and len(path) > size}

    def names(self, *prefix: str) -> tuple[str, ...]:
        """The keys and sections directly under a section, in order of appearance."""
        return tuple(dict.fromkeys(path[0] for path in self.below(*prefix)))

    def over(self, lower: Config) -> Config:
        """This configuration above another one: for each leaf this one's value if it has one.

        Raises:
            ConfigError: What is a value here is a section there.
        """
        return Config(collected([*lower.leaves.items(), *self.leaves.items()]))

    def tree(self) -> dict[str, object]:
        """Plain nested dicts."""
        return nested({path: leaf.value for path, leaf in self.leaves.items()})

    def __getitem__(self, key: str) -> object:
        return self.tree()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tree())

    def __len__(self) -> int:
        return len(self.tree())

    def __eq__(self, other: object) -> bool:
        return self.tree() == (other.tree() if isinstance(other, Config) else other)

    def __hash__(self) -> int:
        return hash(frozenset(self.leaves))

    def __repr__(self) -> str:
        shown = {path: masked(path, leaf.value) for path, leaf in self.leaves.items()}
        return f"Config({nested(shown)!r})"


def flattened(tree: Mapping[str, object], prefix: Path = ()) -> Iterator[tuple[Path, object]]:
    """The leaves of nested mappings; a list that holds mappings is a section of numbered ones.

    Raises:
        ConfigError: A key is no text.
    """
    for key, value in tree.items():
        if not isinstance(key, str):
            raise ConfigError(f"the configuration key {key!r} is not a text", key=".".join((*prefix, str(key))))
        path = (*prefix, *key.split("."))
        if isinstance(value, Mapping):
            yield from flattened(value, path)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield from flattened({str(index): item for index, item in enumerate(value)}, path)
        else:
            yield path, value


def collected(pairs: Iterable[tuple[Path, Leaf]]) -> dict[Path, Leaf]:
    """Leaves by path, a later one over an earlier; None takes one away.

    Raises:
        ConfigError: A path is a value and a section.
    """
    leaves: dict[Path, Leaf] = {}
    sections: dict[Path, Path] = {}  # section -> some leaf in it
    for path, leaf in pairs:
        above = next((path[:size] for size in range(1, len(path)) if path[:size] in leaves), None)
        if above is not None:
            raise _conflict(path, leaf, f"{'.'.join(above)!r} is a value ({leaves[above].origin}), no section")
        if leaf.value is None:
            leaves.pop(path, None)
            continue
        below = sections.get(path)
        if below is not None and below in leaves:
            raise _conflict(path, leaf, f"this is a section ({leaves[below].origin}), no value")
        leaves[path] = leaf
        for size in range(1, len(path)):
            sections.setdefault(path[:size], path)
    return leaves


def _conflict(path: Path, leaf: Leaf, message: str) -> ConfigError:
    return ConfigError(
        f"{leaf.origin}: {'.'.join(path)}: {message}",
        key=".".join(path),
        file=leaf.origin.name,
        line=leaf.origin.line,
    )


def nested(flat: Mapping[Path, object]) -> dict[str, object]:
    """Nested dicts of values by path."""
    tree: dict[str, object] = {}
    for path, value in flat.items():
        section = tree
        for name in path[:-1]:
            inner = section.setdefault(name, {})
            assert isinstance(inner, dict)
            section = inner
        section[path[-1]] = value
    return tree


def merged(configs: Iterable[Config]) -> Config:
    """Several, a later one over the former ones."""
    result = Config()
    for config in configs:
        result = config.over(result)
    return result
