"""(kind, namespace, name) -> declaration.

Functions, windows, aggregators and stream processors are found in any case, windows also without underscores
(``LENGTH_BATCH``). The rest is found by its exact name, or in any case where that is not ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from eventflux.extension.declaration import Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.nearest import by_nearness
from eventflux.types.errors import ExtensionError, ExtensionNotFoundError
from eventflux.types.record import record

DECLARATION_ATTRIBUTE = "__eventflux_extension__"
BUILT_IN = "eventflux-core"

_Key = tuple[ExtensionKind, str, str]


@record(frozen=True, slots=True, kw_only=True)
class ExtensionInfo:
    """What `eventflux extensions` lists of one extension."""

    kind: ExtensionKind
    namespace: str
    name: str
    distribution: str
    description: str
    aliases: tuple[str, ...] = ()

    @staticmethod
    def of(declaration: Extension) -> ExtensionInfo:
        """The listing of a declaration."""
        return ExtensionInfo(
            kind=declaration.kind,
            namespace=declaration.namespace,
            name=declaration.name,
            distribution=declaration.distribution,
            description=declaration.description,
            aliases=declaration.aliases,
        )


@dataclass(slots=True, repr=False)
class ExtensionRegistry:
    """All that can be named. Hooks get one and register into it.

    Attributes:
        distribution: Whom to attribute what is registered next; set by the plug-in manager around each plug-in.
        replaceable: Qualified names of built-ins that a plug-in may shadow, by configuration.
    """

    distribution: str = BUILT_IN
    replaceable: frozenset[str] = frozenset()
    _declarations: dict[_Key, Extension] = field(default_factory=dict)
    _spellings: dict[_Key, _Key] = field(default_factory=dict)

    def register(self, *extensions: object, replace: bool = False) -> None:
        """Add declarations, or classes and functions that carry one (made by the decorators of this package).

        Raises:
            ExtensionError: A name is taken, or the object carries no declaration; nothing of the call was added.
        """
        declarations = [_declaration_of(extension) for extension in extensions]
        before = self._save()
        try:
            for declaration in declarations:
                self._add(declaration.attributed_to(declaration.distribution or self.distribution), replace=replace)
        except ExtensionError:
            self._restore(before)
            raise

    def remove(self, kind: ExtensionKind | str, name: str, namespace: str = "") -> bool:
        """Take one away; False if it wasn't there."""
        declaration = self.find(kind, name, namespace)
        if declaration is None:
            return False
        self._forget(_key(declaration.kind, declaration.namespace, declaration.name))
        return True

    def find(self, kind: ExtensionKind | str, name: str, namespace: str = "") -> Extension | None:
        """The extension of that name, or None. ``name`` may be qualified: ``stats:percentile``."""
        kind = ExtensionKind(kind)
        if not namespace and ":" in name:
            namespace, name = name.split(":", 1)
        key = self._spellings.get(_key(kind, namespace, name))
        if key is not None:
            return self._declarations[key]
        if kind.is_case_sensitive:
            folded = {
                self._spellings[spelling]
                for spelling in self._spellings
                if spelling[0] is kind
                and spelling[1].casefold() == namespace.casefold()
                and spelling[2].casefold() == name.casefold()
            }
            if len(folded) == 1:
                return self._declarations[folded.pop()]
        return None

    def get(self, kind: ExtensionKind | str, name: str, namespace: str = "") -> Extension:
        """The extension of that name.

        Raises:
            ExtensionNotFoundError: There is none; it carries the names that there are, nearest first.
        """
        kind = ExtensionKind(kind)
        found = self.find(kind, name, namespace)
        if found is None:
            wanted = f"{namespace}:{name}" if namespace else name
            raise ExtensionNotFoundError(
                kind=kind.words,
                name=wanted,
                available=self.nearest(kind, wanted),
                install_hint=install_hint(kind, wanted),
            )
        return found

    def declarations(self, kind: ExtensionKind | str | None = None) -> tuple[Extension, ...]:
        """All declarations, or those of a kind, by kind and name."""
        wanted = None if kind is None else ExtensionKind(kind)
        found = (value for value in self._declarations.values() if wanted is None or value.kind is wanted)
        return tuple(sorted(found, key=lambda value: (value.kind.value, value.namespace, value.name.casefold())))

    def infos(self, kind: ExtensionKind | str | None = None) -> list[ExtensionInfo]:
        """The listing of `declarations`."""
        return [ExtensionInfo.of(declaration) for declaration in self.declarations(kind)]

    def names(self, kind: ExtensionKind | str) -> tuple[str, ...]:
        """The qualified names of a kind, in alphabetical order, without aliases."""
        return tuple(declaration.qualified_name for declaration in self.declarations(kind))

    def nearest(self, kind: ExtensionKind | str, name: str) -> tuple[str, ...]:
        """The qualified names of a kind, the most similar first; an alias stands for its name where it is nearer."""
        return by_nearness(name, self.names(kind))

    def copy(self) -> ExtensionRegistry:
        """An independent registry of the same content."""
        return ExtensionRegistry(
            distribution=self.distribution,
            replaceable=self.replaceable,
            _declarations=dict(self._declarations),
            _spellings=dict(self._spellings),
        )

    def __contains__(self, declaration: object) -> bool:
        return declaration in self._declarations.values()

    def __iter__(self) -> Iterator[Extension]:
        return iter(self.declarations())

    def __len__(self) -> int:
        return len(self._declarations)

    def __repr__(self) -> str:
        return f"ExtensionRegistry({len(self)} extensions)"

    def _add(self, declaration: Extension, *, replace: bool) -> None:
        key = _key(declaration.kind, declaration.namespace, declaration.name)
        spellings = {_key(declaration.kind, declaration.namespace, name) for name in declaration.aliases} | {key}
        for spelling in spellings:
            owner = self._spellings.get(spelling)
            if owner is None:
                continue
            present = self._declarations[owner]
            if present == declaration and present.factory is declaration.factory:
                continue
            if not replace and declaration.qualified_name not in self.replaceable:
                raise ExtensionError(_taken(declaration, present))
            self._forget(owner)
        self._declarations[key] = declaration
        for spelling in spellings:
            self._spellings[spelling] = key

    def _forget(self, key: _Key) -> None:
        del self._declarations[key]
        for spelling in [spelling for spelling, owner in self._spellings.items() if owner == key]:
            del self._spellings[spelling]

    def _save(self) -> tuple[dict[_Key, Extension], dict[_Key, _Key]]:
        return dict(self._declarations), dict(self._spellings)

    def _restore(self, saved: tuple[dict[_Key, Extension], dict[_Key, _Key]]) -> None:
        self._declarations, self._spellings = saved

    def checkpoint(self) -> RegistryCheckpoint:
        """What `rollback` goes back to."""
        return RegistryCheckpoint(*self._save())

    def rollback(self, checkpoint: RegistryCheckpoint) -> None:
        """Undo every registration made since the checkpoint."""
        self._restore((dict(checkpoint.declarations), dict(checkpoint.spellings)))

    def added_since(self, checkpoint: RegistryCheckpoint) -> list[ExtensionInfo]:
        """What was registered since the checkpoint."""
        return [
            ExtensionInfo.of(declaration)
            for key, declaration in self._declarations.items()
            if checkpoint.declarations.get(key) != declaration
        ]


@record(frozen=True, slots=True)
class RegistryCheckpoint:
    """The content of a registry at one moment."""

    declarations: Mapping[_Key, Extension]
    spellings: Mapping[_Key, _Key]


def _declaration_of(extension: object) -> Extension:
    if isinstance(extension, Extension):
        return extension
    declaration = getattr(extension, DECLARATION_ATTRIBUTE, None)
    if isinstance(declaration, Extension):
        return declaration
    raise ExtensionError(
        f"{extension!r} has no declaration",
        hint="decorate it with eventflux.extension.extension(...), or pass an Extension",
    )


def _key(kind: ExtensionKind, namespace: str, name: str) -> _Key:
    if kind.is_case_sensitive:
        return kind, namespace, name
    folded = name.casefold()
    if kind is ExtensionKind.WINDOW:
        folded = folded.replace("_", "")
    return kind, namespace.casefold(), folded


def _taken(new: Extension, present: Extension) -> str:
    text = (
        f"{new.kind.words} {new.qualified_name!r} of {new.distribution} is already registered by {present.distribution}"
    )
    return text if present.name == new.name else f"{text} (as {present.name!r})"


_INSTALLABLE = {
    "kafka": "eventflux-kafka",
    "redis": "eventflux-redis",
    "redis-stream": "eventflux-redis",
    "redis-pubsub": "eventflux-redis",
    "grpc": "eventflux-grpc",
    "websocket": "eventflux-core[websocket]",
    "rabbitmq": "eventflux-core[rabbitmq]",
    "avro": "eventflux-core[avro]",
    "protobuf": "eventflux-core[protobuf]",
}


def install_hint(kind: ExtensionKind, name: str) -> str | None:
    """What to install for a known extension that isn't there."""
    package = _INSTALLABLE.get(name.casefold())
    if package is None or not kind.is_case_sensitive:
        return None
    return f"pip install '{package}'"
