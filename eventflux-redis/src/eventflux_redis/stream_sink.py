"""``redis-stream`` sink: an entry a payload.

A chunk goes to the server as one script call, which is one command to write and one answer to read instead of one each;
the script stops at the entry that fails and says how many there were before it. A chunk whose answer was lost is sent
again: at least once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import NoScriptError

from eventflux.extension import (
    ConnectionUnavailableError,
    Payload,
    PublishError,
    Sink,
    SinkContext,
)
from eventflux_redis.client import Client
from eventflux_redis.options import as_bytes, link_of, reachable

_CHUNK: Final = 4000  # entries a call: the server answers nobody else meanwhile, for about two milliseconds

# KEYS[1]: the stream. ARGV: field, greatest length or '', '~' or '=', then the payloads.
_ADD: Final = """
local field, most, form = ARGV[1], ARGV[2], ARGV[3]
for at = 4, #ARGV do
  local reply
  if most == '' then
    reply = redis.pcall('XADD', KEYS[1], '*', field, ARGV[at])
  else
    reply = redis.pcall('XADD', KEYS[1], 'MAXLEN', form, most, '*', field, ARGV[at])
  end
  if type(reply) == 'table' and reply.err then return {at - 4, reply.err} end
end
return {#ARGV - 3}
"""


class RedisStreamSink(Sink):
    """Adds entries in order."""

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._stream = options.text("stream")
        self._link = link_of(options, 2)
        most = options.optional_integer("maxlen")
        form = "~" if options.flag("approximate") else "="
        self._head = (options.text("field"), "" if most is None else str(most), form)
        self._digest = ""

    def validate_connectivity(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def connect(self) -> None:
        with reachable(self._link):
            self._digest = self._link.call("connect", _loaded)

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self._add(dynamic.get("stream", self._stream), as_bytes(payloads))

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        found = block.split(delimiter)
        found.pop()  # behind the last delimiter
        if len(found) != payloads:
            return False
        self._add(self._stream, found)
        return True

    def disconnect(self) -> None:
        self._link.close()

    def _add(self, stream: str, payloads: list[bytes]) -> None:
        for start in range(0, len(payloads), _CHUNK):
            part = payloads[start : start + _CHUNK]
            try:
                with reachable(self._link):
                    reply = self._link.call("add", lambda client: self._run(client, stream, part))  # noqa: B023
            except ConnectionUnavailableError as lost:
                if not start:
                    raise
                raise PublishError(str(lost), sent=start) from lost
            added, error = reply
            if error is not None:
                raise PublishError(f"redis stream {stream}: {error}", sent=start + added)

    def _run(self, client: Client, stream: str, payloads: list[bytes]) -> tuple[int, str | None]:
        """How many entries were added, and what became of the one behind them."""
        try:
            reply: list[Any] = client.evalsha(self._digest, 1, stream, *self._head, *payloads)
        except NoScriptError:  # the server was started anew, or another node of the cluster answers
            reply = client.eval(_ADD, 1, stream, *self._head, *payloads)
        return reply[0], reply[1].decode() if len(reply) > 1 else None


def _loaded(client: Client) -> str:
    digest = client.script_load(_ADD)
    return digest.decode() if isinstance(digest, bytes) else str(digest)
