"""Keys and values in Redis that outlive a process and are shared by several, with checkpoints.

    <prefix><key>                 a value
    <prefix>@checkpoint:<id>      a hash: v<key> -> value, t<key> -> when it expires (ms since the epoch); the field m
                                  makes a checkpoint of nothing exist too

A checkpoint is taken, and restored, by one script on the server: at one moment, whatever others do. The scripts look
through the whole database for keys of the prefix, which costs about a second for a million keys. In a cluster the
prefix is the hash tag, so that all keys of a backend are on one node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from redis.exceptions import RedisError

from eventflux import RevisionNotFoundError, StateBackendError
from eventflux_redis.client import Client, RedisHealth, RedisLink
from eventflux_redis.config import BACKEND_PREFIX, STORE_PREFIX, RedisConfig
from eventflux_redis.values import DamagedValueError, check_codec, decoded, encoded

T = TypeVar("T")

_RESERVED: Final = "@checkpoint:"
_SCAN_COUNT: Final = 1000

# KEYS[1]: the checkpoint. ARGV: the pattern of keys, the prefix, the prefix of checkpoints, seconds to live or ''.
_FIND_KEYS: Final = """
local function own_keys()
  local found, cursor = {}, '0'
  repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
      if string.sub(key, 1, #ARGV[3]) ~= ARGV[3] and redis.call('TYPE', key).ok == 'string' then found[key] = true end
    end
  until cursor == '0'
  return found
end
"""
_CHECKPOINT: Final = (
    _FIND_KEYS
    + """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'm', '1')
for key in pairs(own_keys()) do
  local name = string.sub(key, #ARGV[2] + 1)
  redis.call('HSET', KEYS[1], 'v' .. name, redis.call('GET', key))
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('HSET', KEYS[1], 't' .. name, string.format('%.0f', now + left)) end
end
if ARGV[4] ~= '' then redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
)
_RESTORE: Final = (
    _FIND_KEYS
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for key in pairs(own_keys()) do redis.call('DEL', key) end
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local name = string.sub(fields[at], 2)
  if string.sub(fields[at], 1, 1) == 'v' then redis.call('SET', ARGV[2] .. name, fields[at + 1]) end
end
for at = 1, #fields, 2 do
  if string.sub(fields[at], 1, 1) == 't' then
    redis.call('PEXPIREAT', ARGV[2] .. string.sub(fields[at], 2), fields[at + 1])
  end
end
return 1
"""
)


class RedisBackend:
    """A state backend on Redis. Thread-safe.

    Args:
        config: Where Redis is; None: the local server. A prefix that is the default of `RedisConfig` is taken for
            ``eventflux:state:``.
    """

    def __init__(self, config: RedisConfig | None = None) -> None:
        self.config = config or RedisConfig()
        check_codec(self.config.compression)
        prefix = BACKEND_PREFIX if self.config.key_prefix == STORE_PREFIX else self.config.key_prefix
        self._link = RedisLink(self.config)
        self._prefix = self._link.tagged(prefix)
        self._is_closed = False

    @property
    def key_prefix(self) -> str:
        """What all keys in Redis begin with."""
        return self._prefix

    def initialize(self) -> None:
        """Connect.

        Raises:
            StateBackendError: The server can't be reached.
        """
        self._is_closed = False
        try:
            self._link.ping()
        except (RedisError, OSError) as error:
            raise StateBackendError(f"Redis connection failed: {error}") from error

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        stored: bytes | None = self._call("get", lambda client: client.get(self._key(key)))
        try:
            return None if stored is None else decoded(stored)
        except DamagedValueError as error:
            raise StateBackendError(f"the value of {key!r} is damaged: {error}") from error

    def set(self, key: str, value: bytes, *, ttl_seconds: int | None = None) -> None:
        """Keep a value, for ever, for that long, or as long as the configuration says."""
        ttl = self.config.ttl_seconds if ttl_seconds is None else ttl_seconds
        stored = encoded(value, self.config.compression)
        self._call("set", lambda client: client.set(self._key(key), stored, ex=ttl))

    def delete(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        return bool(self._call("delete", lambda client: client.delete(self._key(key))))

    def exists(self, key: str) -> bool:
        """Whether a key is there."""
        return bool(self._call("exists", lambda client: client.exists(self._key(key))))

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin so, in order."""

        def scan(client: Client) -> list[str]:
            found = client.scan_iter(match=_literal(self._prefix + prefix) + "*", count=_SCAN_COUNT)
            return [key.decode()[len(self._prefix) :] for key in found]

        names = self._call("keys", scan)
        return iter(sorted({name for name in names if not name.startswith(_RESERVED)}))

    def checkpoint(self, checkpoint_id: str) -> None:
        """Remember all keys and values as they are at one moment; one of that name is replaced."""
        self._script("checkpoint", _CHECKPOINT, checkpoint_id)

    def restore(self, checkpoint_id: str) -> None:
        """Exactly what was remembered: later keys vanish.

        Raises:
            RevisionNotFoundError: Nothing was remembered under that name.
        """
        if not self._script("restore", _RESTORE, checkpoint_id):
            known = self._checkpoints()
            raise RevisionNotFoundError(
                f"there is no checkpoint {checkpoint_id!r}",
                hint=f"checkpoints: {', '.join(known)}" if known else "nothing has been checkpointed yet",
            )

    def delete_checkpoint(self, checkpoint_id: str) -> bool:
        """Forget what was remembered; whether it was there."""
        return bool(self._call("delete_checkpoint", lambda client: client.delete(self._checkpoint_key(checkpoint_id))))

    def health(self) -> RedisHealth:
        """How the connection does."""
        return self._link.health()

    def shutdown(self) -> None:
        """Close; idempotent; later calls raise `StateBackendError`."""
        self._is_closed = True
        self._link.close()

    def _call(self, what: str, operation: Callable[[Client], T]) -> T:
        if self._is_closed:
            raise StateBackendError("the state backend is shut down")
        try:
            return self._link.call(what, operation)
        except (RedisError, OSError) as error:
            raise StateBackendError(f"{what} failed: {error}") from error

    def _script(self, what: str, script: str, checkpoint_id: str) -> bool:
        key = self._checkpoint_key(checkpoint_id)
        ttl = "" if self.config.ttl_seconds is None else str(self.config.ttl_seconds)
        arguments = (_literal(self._prefix) + "*", self._prefix, self._prefix + _RESERVED, ttl)
        return bool(self._call(what, lambda client: client.eval(script, 1, key, *arguments)))

    def _checkpoints(self) -> list[str]:
        begin = self._prefix + _RESERVED

        def scan(client: Client) -> list[str]:
            return [key.decode()[len(begin) :] for key in client.scan_iter(match=_literal(begin) + "*")]

        return sorted(set(self._call("restore", scan)))

    def _key(self, key: str) -> str:
        if key.startswith(_RESERVED):
            raise ValueError(f"keys that begin with {_RESERVED!r} are taken")
        return self._prefix + key

    def _checkpoint_key(self, checkpoint_id: str) -> str:
        return self._prefix + _RESERVED + checkpoint_id


def state_backend(**settings: Any) -> RedisBackend:
    """A backend with settings by name, as a configuration has them."""
    return RedisBackend(RedisConfig(**settings))


def _literal(text: str) -> str:
    """A text as a pattern that matches nothing else."""
    return "".join(f"\\{each}" if each in "*?[]^-\\" else each for each in text)
