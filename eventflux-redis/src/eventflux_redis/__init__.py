"""Redis for EventFlux: sources, sinks, revisions of state and a state backend."""

from eventflux_redis.config import RedisConfig
from eventflux_redis.persistence_store import RedisPersistenceStore
from eventflux_redis.state_backend import RedisBackend

__all__ = ["RedisBackend", "RedisConfig", "RedisPersistenceStore"]
