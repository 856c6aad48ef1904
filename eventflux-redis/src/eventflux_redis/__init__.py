"""Redis for EventFlux: sources, sinks, tables, revisions of state and a state backend."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventflux_redis.config import RedisConfig
    from eventflux_redis.persistence_store import RedisPersistenceStore
    from eventflux_redis.state_backend import RedisBackend

__all__ = ["RedisBackend", "RedisConfig", "RedisPersistenceStore"]

# The plug-in is imported wherever the package is installed; the client only where it is used.
_HOMES = {
    "RedisBackend": "eventflux_redis.state_backend",
    "RedisConfig": "eventflux_redis.config",
    "RedisPersistenceStore": "eventflux_redis.persistence_store",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
