"""What the options that every command has mean: the configuration, `${NAME}` values, plug-ins, the log."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eventflux import Config, ConfigError, EventFluxManager, load_config
from eventflux.configuration.check import text
from eventflux.configuration.load import discover, files_of_environment

logger = logging.getLogger("eventflux.cli")

_FILE_SUFFIXES: Final = frozenset({".py", ".whl", ".so", ".dylib", ".dll"})
LEVELS: Final = ("debug", "info", "warning", "error")


def add_common_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of every command."""
    group = parser.add_argument_group("options of every command")
    group.add_argument("-c", "--config", action="append", default=[], metavar="FILE", help="configuration (repeatable)")
    group.add_argument("--no-config", action="store_true", help="read no configuration that is not named")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting (repeatable)")
    group.add_argument(
        "--define", action="append", default=[], metavar="NAME=VALUE", help="value of ${NAME} (repeatable)"
    )
    group.add_argument(
        "-e", "--extension", action="append", default=[], metavar="PATH", help="load a plug-in (repeatable)"
    )
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    group.add_argument("--log-level", choices=LEVELS)
    group.add_argument("--log-format", choices=("auto", "console", "json"))
    group.add_argument("-q", "--quiet", action="store_true", help="nothing but errors on standard error")
    group.add_argument("-v", "--verbose", action="store_true", help="the same as --log-level debug")
    return parser


def load_settings(options: argparse.Namespace) -> Config:
    """The configuration: files in order, the environment, `--set`. Without `--config` one is looked for.

    Raises:
        ConfigError: It can't be read, or something in it is wrong.
    """
    files: list[str] = list(options.config) or files_of_environment()
    if not files and not options.no_config:
        found = discover()
        if found is not None:
            logger.info("configuration: %s", found)
            files = [str(found)]
    overrides = list(options.set)
    if getattr(options, "production", False):
        overrides.append("application.production=true")
    variables = load_variables(options.define)
    if not options.extension:
        return load_config(*files, overrides=overrides, variables=variables)
    with EventFluxManager() as manager:  # a plug-in of the command line may read the configuration
        for path in options.extension:
            manager.set_extension(extension_name(path), path)
        return load_config(*files, overrides=overrides, variables=variables, registry=manager.context.registry)


def load_variables(definitions: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` definitions for `${NAME}`.

    Raises:
        ConfigError: One has no `=`.
    """
    variables: dict[str, str] = {}
    for definition in definitions:
        name, separator, value = definition.partition("=")
        if not separator or not name:
            raise ConfigError(f"--define {definition!r}: expected NAME=VALUE", key=definition)
        variables[name] = value
    return variables


def open_manager(options: argparse.Namespace, config: Config) -> EventFluxManager:
    """A manager with the configuration and the plug-ins of the command line.

    Raises:
        ExtensionError: A plug-in can't be loaded.
    """
    manager = EventFluxManager(config)
    for path in options.extension:
        manager.set_extension(extension_name(path), path)
    return manager


def extension_name(path: str) -> str:
    """What a plug-in of the command line is called: the module, or the stem of the file without a version."""
    found = Path(path)
    if found.suffix in _FILE_SUFFIXES or found.is_dir():
        return found.stem.split("-", 1)[0]
    return path


def apps_of(options: argparse.Namespace, config: Config) -> list[str | Path]:
    """The apps of a command: those named, else the one of the configuration (files, or the text itself).

    Raises:
        ConfigError: None is named anywhere.
    """
    named: list[str | Path] = [Path(app) for app in options.apps]
    if named:
        return named
    inline = text(config, "application.query")
    if inline is not None:
        return [inline]
    leaf = config.leaves.get(("application", "app"))
    if leaf is not None:
        files = leaf.value if isinstance(leaf.value, list) else str(leaf.value).split(",")
        folder = Path(leaf.origin.name).parent if leaf.origin.line is not None else Path()
        return [folder / str(file).strip() for file in files]
    raise ConfigError(
        "no app is named: neither on the command line nor in the configuration",
        key="application.app",
        hint="name a file, or set application.app or application.query",
    )
