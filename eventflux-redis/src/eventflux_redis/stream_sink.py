"""``redis-stream`` sink: an entry a payload.

A chunk goes to the server as one script call, which is one command to write and one answer to read instead of one each;
the script stops at the entry that fails and says how many there were before it. A chunk whose answer was lost is sent
again: at least once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from redis.exceptions import NoScriptError

from eventflux.extension import (
    ConnectionUnavailableError,
    Payload,
    PublishError,
    Sink,
    SinkContext,
)
from eventflux.wire import ArgumentWriter
from eventflux_redis.client import Client
from eventflux_redis.lane import Lane, argument
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
        self._arguments = ArgumentWriter()
        self._lane: Lane | None = None  # for blocks; a cluster has none, since only its client knows where a key is

    def validate_connectivity(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def connect(self) -> None:
        with reachable(self._link):
            self._digest = self._link.call("connect", _loaded)

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self._add(dynamic.get("stream", self._stream), as_bytes(payloads))

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        if block.count(delimiter) != payloads:
            return False
        if self._link.is_cluster or delimiter != b"\n":
            self._add(self._stream, block.split(delimiter)[:-1])
            return True
        sent = at = 0
        while at < len(block):
            arguments, count, at = self._arguments.write(block, at, _CHUNK)
            self._call(sent, self._stream, partial(self._run_packed, arguments, count))
            sent += count
        return True

    def disconnect(self) -> None:
        self._close_lane()
        self._link.close()

    def _add(self, stream: str, payloads: list[bytes]) -> None:
        for start in range(0, len(payloads), _CHUNK):
            self._call(start, stream, partial(self._run, stream, payloads[start : start + _CHUNK]))

    def _call(self, sent: int, stream: str, run: Callable[[Client], tuple[int, str | None]]) -> None:
        """Add entries, behind so many that were added before."""
        try:
            with reachable(self._link):
                added, error = self._link.call("add", run)
        except ConnectionUnavailableError as lost:
            if not sent:
                raise
            raise PublishError(str(lost), sent=sent) from lost
        if error is not None:
            raise PublishError(f"redis stream {stream}: {error}", sent=sent + added)

    def _run_packed(self, arguments: bytes, count: int, client: Client) -> tuple[int, str | None]:
        """As `_run`, without an object an entry."""
        fixed = ("EVALSHA", self._digest, "1", self._stream, *self._head)
        command = b"*%d\r\n%s" % (len(fixed) + count, b"".join(map(argument, fixed)))
        try:
            if self._lane is None:
                self._lane = Lane(client, self._stream)
            self._lane.send_packed((command, arguments), 1)
            return _outcome(self._lane.receive())
        except NoScriptError:  # the server was started anew: nothing of it was done
            self._digest = _loaded(client)
            return self._run_packed(arguments, count, client)
        except BaseException:
            self._close_lane()
            raise

    def _close_lane(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.close()

    def _run(self, stream: str, payloads: list[bytes], client: Client) -> tuple[int, str | None]:
        """How many entries were added, and what became of the one behind them."""
        try:
            reply = client.evalsha(self._digest, 1, stream, *self._head, *payloads)
        except NoScriptError:  # the server was started anew, or another node of the cluster answers
            reply = client.eval(_ADD, 1, stream, *self._head, *payloads)
        return _outcome(reply)


def _outcome(reply: Any) -> tuple[int, str | None]:
    return reply[0], reply[1].decode() if len(reply) > 1 else None


def _loaded(client: Client) -> str:
    digest = client.script_load(_ADD)
    return digest.decode() if isinstance(digest, bytes) else str(digest)
