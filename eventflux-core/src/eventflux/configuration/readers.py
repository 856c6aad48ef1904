"""Readers of plug-ins: of files with other suffixes, and of values behind `${scheme:reference}`.

A configuration is read before there is a manager, so plug-ins are looked for here, and only when something is met that
the core does not know: a suffix, or a scheme that is no variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from eventflux.configuration.tree import Config, Origin, OriginKind
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.config_reader import ConfigReader
from eventflux.extension.plugin_manager import PluginManager
from eventflux.extension.registry import ExtensionRegistry
from eventflux.types.errors import ConfigError, EventFluxError


class ReaderLookup(Protocol):
    """Where readers are found."""

    def find(self, name: str) -> ConfigReader | None:
        """The reader of a suffix (with its dot) or a scheme, or None."""
        ...


class RegisteredReaders:
    """The readers of a registry.

    Args:
        registry: None: of what is installed, looked for when it is needed.
    """

    def __init__(self, registry: ExtensionRegistry | None = None) -> None:
        self._registry = registry
        self._made: dict[str, ConfigReader | None] = {}

    def find(self, name: str) -> ConfigReader | None:
        """See `ReaderLookup`."""
        if name not in self._made:
            if self._registry is None:
                self._registry = PluginManager().registry
            declaration = self._registry.find(ExtensionKind.CONFIG_READER, name)
            made = None if declaration is None or declaration.factory is None else declaration.factory()
            self._made[name] = made if made is None else _checked(name, made)
        return self._made[name]


def _checked(name: str, made: object) -> ConfigReader:
    if callable(getattr(made, "read", None)) and callable(getattr(made, "resolve", None)):
        reader: ConfigReader = made  # type: ignore[assignment]
        return reader
    raise ConfigError(
        f"the reader {name!r} of configurations has no methods read and resolve",
        hint="see eventflux.extension.ConfigReader",
    )


def read_by(reader: ConfigReader, path: Path, text: str) -> Config:
    """The tree of a file of another format.

    Raises:
        ConfigError: The reader can't read it.
    """
    try:
        tree = reader.read(text, str(path))
    except EventFluxError:
        raise
    except Exception as error:  # foreign code
        raise ConfigError(f"{path}: {type(error).__name__}: {error}", file=str(path)) from error
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{path}: its reader gave no tree but {type(tree).__name__}", file=str(path))
    return Config.of(tree, Origin(OriginKind.FILE, str(path)))
