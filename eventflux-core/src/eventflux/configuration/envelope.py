"""The envelope `apiVersion: eventflux.io/v1`, `kind: EventFluxConfig`, in which the tree may be wrapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eventflux.configuration.tree import Leaf, Path
from eventflux.types.errors import ConfigError

_VERSION: Final[Path] = ("apiVersion",)
_KIND: Final[Path] = ("kind",)
_EXPECTED: Final[dict[Path, str]] = {_VERSION: "eventflux.io/v1", _KIND: "EventFluxConfig"}
_ROLES: Final = ("source", "sink")
_STREAM_TYPES: Final = frozenset({"source", "sink", "internal"})


def unwrapped(leaves: Mapping[Path, Leaf], file: str) -> dict[Path, Leaf]:
    """The tree inside an envelope; what has none is given back as it is.

    Raises:
        ConfigError: The envelope is of another version or kind, or holds something that it can't.
    """
    if _VERSION not in leaves and _KIND not in leaves:
        return dict(leaves)
    for path, expected in _EXPECTED.items():
        leaf = leaves.get(path)
        if leaf is None or leaf.value != expected:
            shown = "is missing" if leaf is None else f"is {leaf.value!r}"
            raise ConfigError(
                f"{file if leaf is None else leaf.origin}: {path[0]} {shown}, expected {expected!r}",
                key=path[0],
                file=file,
                line=None if leaf is None else leaf.origin.line,
            )
    return {
        inner: value for path, leaf in leaves.items() if path not in _EXPECTED for inner, value in _inner(path, leaf)
    }


def _inner(path: Path, leaf: Leaf) -> list[tuple[Path, Leaf]]:
    match path:
        case ("metadata", "name"):
            return [(("application", "name"), leaf)]
        case ("metadata", *_):
            return []
        case ("eventflux", _, *_):
            return [(path[1:], leaf)]
        case ("applications", _, "streams", stream, role, *rest) if role in _ROLES and rest:
            inner: Path = ("streams", stream, *rest)
            if rest == ["type"] and leaf.value not in _STREAM_TYPES:
                # There the type of a source is what we call its extension.
                inner = ("streams", stream, "extension")
            kind = Leaf(role, leaf.origin, leaf.is_literal)
            return [(("streams", stream, "type"), kind), (inner, leaf)]
        case ("applications", _, "error_handling", *rest) if rest:
            return [(("application", "error", *rest), leaf)]
        case ("applications", _, section, *rest) if rest:
            return [((section, *rest), leaf)]
        case _:
            raise ConfigError(
                f"{leaf.origin}: {'.'.join(path)}: an envelope holds metadata, eventflux and applications",
                key=".".join(path),
                file=leaf.origin.name,
                line=leaf.origin.line,
            )
