"""Revisions of apps' states in Redis.

    <prefix><app>:<revision>          the snapshot, or a list of its parts
    <prefix><app>:<revision>:part:<n> parts of a snapshot larger than one value should be
    <prefix><app>:revisions           a sorted set of the revisions; one that is not in it does not exist

A revision and its entry in the set are written by one MULTI/EXEC, parts before that, so that a revision appears whole
or not at all. In a cluster all keys of an app share a hash tag, and with it a node.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, TypeVar

import msgpack
from redis.exceptions import RedisError
from typing_extensions import Self

from eventflux import CorruptStateError, StateError
from eventflux_redis.client import Client, RedisHealth, RedisLink
from eventflux_redis.config import RedisConfig
from eventflux_redis.values import DamagedValueError, check_codec, decoded, encoded

T = TypeVar("T")

PART_BYTES: Final = 64 * 1024 * 1024
_PARTS: Final = b"EFXP"
_ESCAPED: Final = str.maketrans({"%": "%25", ":": "%3A", "{": "%7B", "}": "%7D"})


class RedisPersistenceStore:
    """Keeps revisions in Redis.

    Args:
        config: Where Redis is, or its url; None: the local server.
        revisions_to_keep: Older ones are removed by each save; 0 keeps all.
        part_bytes: Larger snapshots are cut into parts of that size.

    Raises:
        StateError: The server can't be reached.
    """

    def __init__(
        self,
        config: RedisConfig | str | None = None,
        *,
        revisions_to_keep: int = 3,
        part_bytes: int = PART_BYTES,
    ) -> None:
        if revisions_to_keep < 0:
            raise ValueError("revisions_to_keep must not be negative")
        if part_bytes < 1:
            raise ValueError("part_bytes must be at least 1")
        self.config = RedisConfig(url=config) if isinstance(config, str) else config or RedisConfig()
        check_codec(self.config.compression)
        self._keep = revisions_to_keep
        self._part_bytes = part_bytes
        self._link = RedisLink(self.config)
        try:
            self._link.ping()
        except RedisError as error:
            self._link.close()
            raise StateError(f"Redis connection failed: {error}") from error

    def save(self, app: str, revision: str, snapshot: bytes) -> None:
        """Keep a snapshot under a new revision; when this returns the server has it.

        Raises:
            StateError: It could not be written, also not when tried again; older revisions are as they were.
        """
        key, index, ttl = self._key(app, revision), self._index(app), self.config.ttl_seconds
        value = encoded(snapshot, self.config.compression)
        parts: list[bytes] = []
        if len(value) > self._part_bytes:
            parts = [value[at : at + self._part_bytes] for at in range(0, len(value), self._part_bytes)]
            value = _PARTS + msgpack.packb([len(parts), len(value)])
        elif value.startswith(_PARTS):
            raise StateError(f"revision {revision!r} could not be written: it is not a snapshot")

        def write(client: Client) -> None:
            for number, part in enumerate(parts):
                client.set(_part(key, number), part, ex=ttl)
            old = self._old(client, app, revision)
            pipeline = client.pipeline(transaction=True)
            pipeline.set(key, value, ex=ttl)
            pipeline.zadd(index, {revision: 0})
            if ttl is not None:
                pipeline.expire(index, ttl)
            if old:
                pipeline.zrem(index, *old)
            pipeline.execute()
            for each in old:
                self._delete_value(client, self._key(app, each))

        self._call(f"revision {revision!r} could not be written", write)

    def load(self, app: str, revision: str) -> bytes | None:
        """The snapshot of a revision, or None.

        Raises:
            StateError: The server can't be reached.
            CorruptStateError: What lies there is damaged.
        """
        key, index = self._key(app, revision), self._index(app)

        def read(client: Client) -> tuple[bytes | None, list[bytes | None]]:
            if client.zscore(index, revision) is None:
                return None, []
            value: bytes | None = client.get(key)
            count, _ = _parts_of(value, revision)
            return value, [client.get(_part(key, number)) for number in range(count)]

        value, parts = self._call(f"revision {revision!r} could not be read", read)
        if value is None:
            return None
        if value.startswith(_PARTS):
            _, length = _parts_of(value, revision)
            whole = b"".join(part or b"" for part in parts)
            if len(whole) != length:
                raise CorruptStateError(
                    f"revision {revision!r} is cut short", where=revision, expected=length, got=len(whole)
                )
            value = whole
        try:
            return decoded(value)
        except DamagedValueError as error:
            raise CorruptStateError(f"revision {revision!r} is damaged: {error}", where=revision) from error

    def last_revision(self, app: str) -> str | None:
        """The newest revision, or None."""
        return max(self.revisions(app), default=None)

    def revisions(self, app: str) -> list[str]:
        """All revisions, oldest first; those that have expired are not among them."""
        return self._call("the revisions could not be listed", lambda client: self._live(client, app))

    def delete(self, app: str, revision: str) -> None:
        """Forget a revision; nothing happens if it isn't there."""

        def remove(client: Client) -> None:
            client.zrem(self._index(app), revision)
            self._delete_value(client, self._key(app, revision))

        self._call(f"revision {revision!r} could not be removed", remove)

    def clear_all_revisions(self, app: str) -> int:
        """Forget all; how many there were."""
        revisions = self.revisions(app)
        for revision in revisions:
            self.delete(app, revision)
        return len(revisions)

    def health(self) -> RedisHealth:
        """How the connection does."""
        return self._link.health()

    def close(self) -> None:
        """Close the connections; idempotent."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, failed: str, operation: Callable[[Client], T]) -> T:
        try:
            return self._link.call(failed.partition(" could")[0], operation)
        except (RedisError, OSError) as error:
            raise StateError(f"{failed}: {error}") from error

    def _key(self, app: str, revision: str) -> str:
        return f"{self.config.key_prefix}{self._link.tagged(app.translate(_ESCAPED))}:{revision}"

    def _index(self, app: str) -> str:
        return self._key(app, "revisions")

    def _live(self, client: Client, app: str) -> list[str]:
        names = [name.decode() for name in client.zrange(self._index(app), 0, -1)]
        if not names:
            return []
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.exists(self._key(app, name))
        return [name for name, there in zip(names, pipeline.execute(), strict=True) if there]

    def _old(self, client: Client, app: str, newest: str) -> list[str]:
        """Revisions that the saving of another one makes superfluous, and entries of expired ones."""
        names = [name.decode() for name in client.zrange(self._index(app), 0, -1)]
        live = set(self._live(client, app))
        expired = [name for name in names if name not in live and name != newest]
        if not self._keep:
            return expired
        return expired + sorted({*live, newest})[: -self._keep]

    def _delete_value(self, client: Client, key: str) -> None:
        value: bytes | None = client.get(key)
        try:
            count, _ = _parts_of(value, key)
        except CorruptStateError:
            count = 0
        client.delete(key, *(_part(key, number) for number in range(count)))


def persistence_store(*, revisions_to_keep: int = 3, **settings: Any) -> RedisPersistenceStore:
    """A store with settings by name, as a configuration has them."""
    return RedisPersistenceStore(RedisConfig(**settings), revisions_to_keep=revisions_to_keep)


def _part(key: str, number: int) -> str:
    return f"{key}:part:{number}"


def _parts_of(value: bytes | None, revision: str) -> tuple[int, int]:
    """How many parts a value stands for, and their length."""
    if value is None or not value.startswith(_PARTS):
        return 0, 0
    try:
        count, length = msgpack.unpackb(value[len(_PARTS) :])
    except (ValueError, msgpack.UnpackException) as error:
        raise CorruptStateError(f"revision {revision!r} is damaged", where=revision) from error
    return int(count), int(length)
