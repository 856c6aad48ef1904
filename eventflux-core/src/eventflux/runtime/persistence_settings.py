"""What the configuration says of saving and restoring: the store, when to save, what to do when restoring fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventflux.configuration.check import flag, integer, is_given, text
from eventflux.configuration.keys import Key, KeyType
from eventflux.configuration.tree import Config
from eventflux.extension.declaration import Constant
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.extension.options import parse_options
from eventflux.extension.registry import ExtensionRegistry
from eventflux.types.errors import ConfigError
from eventflux.types.record import record

_NONE: Final = "none"
_NAMES: Final = {"memory": "inMemory"}
_PATHS: Final = {"file": "./snapshots", "sqlite": "./eventflux.db"}
# The option of a store that takes `persistence.path`.
_PATH_OPTIONS: Final = {"file": "path", "sqlite": "db_path"}
_INTERVAL: Final = Key("persistence.checkpoint_interval", KeyType.DURATION, "How often state is saved.")


@record(frozen=True, slots=True, kw_only=True)
class PersistenceSettings:
    """When state is saved and restored.

    Attributes:
        checkpoint_interval_ms: Between saves while the app runs; None: only when asked and at the end.
        saves_on_shutdown: Whether a draining stop saves.
        restores_on_start: Whether a start begins with the last revision.
        on_restore_error: `fail`, `previous` (try older ones) or `fresh`.
    """

    checkpoint_interval_ms: int | None = None
    saves_on_shutdown: bool = True
    restores_on_start: bool = True
    on_restore_error: str = "fail"


def persistence_settings(config: Config) -> PersistenceSettings:
    """The settings of a configuration. Without one, state is saved when asked and at the end."""
    interval = None
    if is_given(config, "persistence.checkpoint_interval") or has_store(config):
        said = text(config, "persistence.checkpoint_interval") or _NONE
        interval = None if said == _NONE else _milliseconds(said)
    return PersistenceSettings(
        checkpoint_interval_ms=interval,
        saves_on_shutdown=flag(config, "persistence.on_shutdown"),
        restores_on_start=flag(config, "persistence.auto_restore"),
        on_restore_error=text(config, "persistence.on_restore_error") or "fail",
    )


def has_store(config: Config) -> bool:
    """Whether the configuration names a store."""
    return flag(config, "persistence.enabled") and (text(config, "persistence.type") or _NONE) != _NONE


def configured_store(config: Config, registry: ExtensionRegistry) -> PersistenceStore | None:
    """The store that the configuration names, or None.

    Raises:
        ConfigError: There is no such store, or it does not take what is configured.
    """
    if not has_store(config):
        return None
    named = text(config, "persistence.type") or ""
    declaration = registry.find(ExtensionKind.PERSISTENCE_STORE, _NAMES.get(named, named))
    leaf = config.leaves.get(("persistence", "type"))
    place = "" if leaf is None else f"{leaf.origin}: "
    if declaration is None or declaration.factory is None:
        known = sorted({*_NAMES, *registry.names(ExtensionKind.PERSISTENCE_STORE)} - set(_NAMES.values()))
        raise ConfigError(
            f"{place}persistence.type: no persistence store {named!r} is installed",
            key="persistence.type",
            value=named,
            hint=f"installed: {', '.join(known)}; redis comes with eventflux-redis",
        )
    options = _options(config, named, declaration.name)
    given = {key: value for key, value in options.items() if declaration.parameter(key) is not None}
    unknown = [key for key in config.below("persistence", "options") if ".".join(key) not in given]
    if unknown:
        key = ".".join(unknown[0])
        raise ConfigError(
            f"{place}persistence.options.{key}: persistence store {named!r} has no such option",
            key=f"persistence.options.{key}",
        )
    parsed, problems = parse_options(declaration, given)
    if problems:
        raise ConfigError(f"{place}persistence: {problems[0].message}", key="persistence", hint=problems[0].hint)
    return _made(declaration.factory, {name: parsed.values[name] for name in parsed.given}, f"{place}persistence.type")


def _options(config: Config, named: str, declared: str) -> dict[str, str]:
    options = {".".join(path): str(leaf.value) for path, leaf in config.below("persistence", "options").items()}
    path = text(config, "persistence.path") or _PATHS.get(named)
    if path is not None:
        options.setdefault(_PATH_OPTIONS.get(declared, "path"), path)
    url = text(config, "persistence.url")
    if url is not None:
        options.setdefault("url", url)
    keep = integer(config, "persistence.revisions_to_keep")
    options.setdefault("revisions_to_keep", str(keep))
    for key, leaf in config.below(declared).items():
        options.setdefault(".".join(key), str(leaf.value))
    return options


def _made(factory: Any, options: Mapping[str, Constant], place: str) -> PersistenceStore:
    try:
        store = factory(**options)
    except TypeError as error:
        raise ConfigError(f"{place}: {error}", key="persistence.type") from error
    if not isinstance(store, PersistenceStore):
        raise ConfigError(f"{place}: {factory!r} made no persistence store", key="persistence.type")
    return store


def _milliseconds(said: str) -> int | None:
    value = _INTERVAL.read(said)
    return value if isinstance(value, int) and value > 0 else None
