"""The state backend for asyncio: each call runs on a thread of the loop's executor and is awaited."""

from __future__ import annotations

import asyncio

from eventflux_redis.client import RedisHealth
from eventflux_redis.config import RedisConfig
from eventflux_redis.state_backend import RedisBackend as _RedisBackend


class RedisBackend:
    """As `eventflux_redis.RedisBackend`, with coroutines."""

    def __init__(self, config: RedisConfig | None = None) -> None:
        self._backend = _RedisBackend(config)

    @property
    def config(self) -> RedisConfig:
        """Where Redis is."""
        return self._backend.config

    async def initialize(self) -> None:
        """Connect; `StateBackendError` if the server can't be reached."""
        await asyncio.to_thread(self._backend.initialize)

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        return await asyncio.to_thread(self._backend.get, key)

    async def set(self, key: str, value: bytes, *, ttl_seconds: int | None = None) -> None:
        """Keep a value, for ever or for that long."""
        await asyncio.to_thread(self._backend.set, key, value, ttl_seconds=ttl_seconds)

    async def delete(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        return await asyncio.to_thread(self._backend.delete, key)

    async def exists(self, key: str) -> bool:
        """Whether a key is there."""
        return await asyncio.to_thread(self._backend.exists, key)

    async def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin so, in order."""
        return list(await asyncio.to_thread(self._backend.keys, prefix))

    async def checkpoint(self, checkpoint_id: str) -> None:
        """Remember all keys and values as they are at one moment."""
        await asyncio.to_thread(self._backend.checkpoint, checkpoint_id)

    async def restore(self, checkpoint_id: str) -> None:
        """Exactly what was remembered; `RevisionNotFoundError` if nothing was."""
        await asyncio.to_thread(self._backend.restore, checkpoint_id)

    async def delete_checkpoint(self, checkpoint_id: str) -> bool:
        """Forget what was remembered; whether it was there."""
        return await asyncio.to_thread(self._backend.delete_checkpoint, checkpoint_id)

    async def health(self) -> RedisHealth:
        """How the connection does."""
        return await asyncio.to_thread(self._backend.health)

    async def shutdown(self) -> None:
        """Close; idempotent."""
        await asyncio.to_thread(self._backend.shutdown)
