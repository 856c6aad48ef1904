"""The store of a command: what its options say, else what the configuration says."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from eventflux import Config, EventFluxManager, load_config
from eventflux.configuration.load import config_of
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.runtime.persistence_settings import configured_store


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """`--persistence-dir`, `--sqlite`, `--redis`: one of them."""
    store = parser.add_mutually_exclusive_group()
    store.add_argument("--persistence-dir", metavar="DIR", help="the state is in files there")
    store.add_argument("--sqlite", metavar="DB", help="the state is in an SQLite database")
    store.add_argument("--redis", metavar="URL", help="the state is in Redis")


def with_store(options: argparse.Namespace, config: Config) -> Config:
    """The configuration with the store of the options above its own."""
    match options:
        case argparse.Namespace(persistence_dir=str(directory)):
            chosen = {"type": "file", "path": directory, "enabled": True}
        case argparse.Namespace(sqlite=str(database)):
            chosen = {"type": "sqlite", "path": database, "enabled": True}
        case argparse.Namespace(redis=str(url)):
            chosen = {"type": "redis", "url": url, "enabled": True}
        case _:
            return config
    return config_of({"persistence": chosen}).over(config)


def open_store(manager: EventFluxManager, config: Config, stack: ExitStack) -> PersistenceStore | None:
    """The configured store, closed at the end of the stack; None: there is none.

    Raises:
        ConfigError: There is no such store, or it does not take what is configured.
    """
    store = configured_store(config, manager.context.registry)
    close = getattr(store, "close", None)
    if close is not None:
        stack.callback(close)
    return store


def read_only(config: Config) -> Config:
    """The configuration with which an app restores but never saves."""
    never = load_config(overrides=["persistence.on_shutdown=false", "persistence.checkpoint_interval=none"], environ={})
    return never.over(config)
