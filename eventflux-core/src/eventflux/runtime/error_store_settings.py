"""The error store that the configuration names."""

from __future__ import annotations

from typing import Any, Final

from eventflux.configuration.check import flag, integer, text
from eventflux.configuration.tree import Config
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.error_store import ErrorStore
from eventflux.extension.options import parse_options
from eventflux.extension.registry import ExtensionRegistry
from eventflux.state.error_stores.buffered import BufferedErrorStore
from eventflux.types.errors import ConfigError

_NONE: Final = "none"
_PATHS: Final = {"sqlite": ("path", "./errors.db"), "file": ("directory", "./errors")}


def configured_error_store(config: Config, registry: ExtensionRegistry) -> ErrorStore | None:
    """The error store of a configuration, or None.

    Raises:
        ConfigError: There is no such store, or it does not take what is configured.
    """
    named = text(config, "error_store.type") or _NONE
    if named == _NONE:
        return None
    declaration = registry.find(ExtensionKind.ERROR_STORE, named)
    if declaration is None or declaration.factory is None:
        known = ", ".join(registry.names(ExtensionKind.ERROR_STORE))
        raise ConfigError(
            f"error_store.type: no error store {named!r} is installed",
            key="error_store.type",
            value=named,
            hint=f"installed: {known}",
        )
    option, default = _PATHS.get(named, ("path", None))
    path = text(config, "error_store.path") or default
    given = {option: path, "max_entries": str(integer(config, "error_store.max_entries") or 0)}
    known_options = {
        key: value for key, value in given.items() if value is not None and declaration.parameter(key) is not None
    }
    options, problems = parse_options(declaration, known_options)
    if problems:
        raise ConfigError(f"error_store: {problems[0].message}", key="error_store", hint=problems[0].hint)
    made: Any = declaration.factory(**{name: options.values[name] for name in options.given})
    size = integer(config, "error_store.buffer_size") or 0
    if size == 0 or named == "memory":
        store: ErrorStore = made
        return store
    drops = flag(config, "error_store.drop_when_buffer_full")
    return BufferedErrorStore(made, buffer_size=size, drop_when_full=drops)
