"""Texts that stand at a definition: properties of WITH, elements of annotations, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from eventflux.extension.declaration import Extension
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record

KEY_PROPERTIES: Final = ("type", "extension", "format", "ref")
_NUMBERED: Final = re.compile(r"(source|sink)\.(\d+)\.(.+)")


@record(frozen=True, slots=True)
class Setting:
    """One text: a property of WITH, or an element of an annotation (``key`` None: a value alone)."""

    key: str | None
    value: str
    origin: object = None


@record(frozen=True, slots=True)
class SettingGroup:
    """An annotation: ``@name(elements, @inner(...))``; the name in lower case."""

    name: str
    settings: tuple[Setting, ...] = ()
    groups: tuple[SettingGroup, ...] = ()
    origin: object = None

    def value(self, key: str) -> Setting | None:
        """The first element of that key, in any case."""
        for setting in self.settings:
            if setting.key is not None and setting.key.casefold() == key.casefold():
                return setting
        return None

    def inner(self, name: str) -> tuple[SettingGroup, ...]:
        """The inner annotations of that name."""
        return tuple(group for group in self.groups if group.name.casefold() == name.casefold())


@record(frozen=True, slots=True, kw_only=True)
class SettingProblem:
    """One thing that is wrong; ``origin`` is that of the text it is about, or of the definition."""

    code: ErrorCode
    message: str
    origin: object = None
    hint: str | None = None


def resolve_properties(own: Sequence[Setting], *layers: Mapping[str, str]) -> tuple[Setting, ...]:
    """The effective properties of an element: its own text, then for each key the first layer that has it.

    Args:
        own: What stands in the app's text.
        layers: Key -> value, the strongest first: the configuration's section of the stream, then that of the
            application. Defaults are the declarations' and come in last, when options are parsed.

    Returns:
        Own texts in order, then what the layers add; the origin of those is ``"configuration"``.
    """
    known = {setting.key for setting in own}
    added: dict[str, Setting] = {}
    for layer in layers:
        for key, value in layer.items():
            if key not in known and key not in added:
                added[key] = Setting(key, value, "configuration")
    return (*own, *added.values())


class Prefixed:
    """Settings by key, with those that were taken marked."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self.settings = dict(settings)
        self._taken: set[str] = {key for key in self.settings if key in KEY_PROPERTIES}

    def take(self, prefix: str) -> dict[str, Setting]:
        """Those that begin so, without the prefix."""
        found = {key: setting for key, setting in self.settings.items() if key.startswith(prefix)}
        self._taken.update(found)
        return {key[len(prefix) :]: setting for key, setting in found.items()}

    def take_any(self, names: Iterable[str]) -> dict[str, Setting]:
        """Those below any of the names, in any case, without it."""
        folded = {name.casefold() for name in names}
        found: dict[str, Setting] = {}
        for key, setting in self.settings.items():
            head, dot, rest = key.partition(".")
            if dot and head.casefold() in folded:
                self._taken.add(key)
                found[rest] = setting
        return found

    def take_named(self, declaration: Extension) -> dict[str, Setting]:
        """Those that the declaration has."""
        found = {key: setting for key, setting in self.settings.items() if declaration.parameter(key) is not None}
        self._taken.update(found)
        return found

    def take_numbered(self) -> dict[tuple[str, int], dict[str, Setting]]:
        """``source.0.…``, ``sink.1.…``: by role and number, in order of the numbers."""
        found: dict[tuple[str, int], dict[str, Setting]] = {}
        for key, setting in self.settings.items():
            match = _NUMBERED.fullmatch(key)
            if match is not None:
                self._taken.add(key)
                place = match[1], int(match[2])
                found.setdefault(place, {})[match[3]] = setting
        return dict(sorted(found.items(), key=lambda pair: (pair[0][0], pair[0][1])))

    def unused(self) -> Iterator[tuple[str, Setting]]:
        """Those that nobody has taken."""
        for key, setting in self.settings.items():
            if key not in self._taken:
                yield key, setting
