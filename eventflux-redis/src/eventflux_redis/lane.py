"""A connection of its own, on which commands are sent before the answers to earlier ones are wanted.

The server works while the sender does something else. The lane reads the socket itself: an answer with entries of a
stream is taken apart natively (`eventflux.wire`), any other by hiredis.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any, Final

import hiredis
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError, InvalidResponse

from eventflux.wire import StreamAnswer, StreamAnswerReader
from eventflux_redis.client import Client

_FIRST_SIZE: Final = 1 << 18
_ROOM: Final = 1 << 16  # below that the buffer gets larger before more is read


class Lane:
    """One connection. Not thread-safe.

    Args:
        client: An open client.
        key: Of all commands: the lane goes to its node.
        field: Of the entries that are taken apart natively; empty: none are.
    """

    def __init__(self, client: Client, key: str, field: bytes = b"") -> None:
        if isinstance(client, RedisCluster):
            client = client.get_redis_connection(client.get_node_from_key(key))  # type: ignore[no-untyped-call]
        self._pool: Any = client.connection_pool
        self._connection: Any = self._pool.get_connection()
        self._socket: Any = self._connection._sock  # noqa: SLF001 - as redis-py gives it to its own parsers
        self._reader = StreamAnswerReader(field)
        self._general = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=self._connection._parser.parse_error,  # noqa: SLF001 - likewise
        )
        self._buffer = bytearray(_FIRST_SIZE)
        self._start = self._end = 0  # of what has come and was not given out
        self._due = 0

    def send(self, commands: Sequence[Sequence[object]]) -> None:
        """Send commands; an answer of each is due."""
        self.send_packed(self._connection.pack_commands(commands), len(commands))

    def send_packed(self, parts: Sequence[bytes], answers: int) -> None:
        """Send what is encoded already.

        Args:
            parts: Bytes of whole commands.
            answers: How many are due for them.
        """
        self._connection.send_packed_command(parts)
        self._due += answers

    def receive(self) -> StreamAnswer | Any:
        """The next answer: entries that were taken apart, or whatever else it is.

        Raises:
            redis.RedisError: The connection is lost, or the server refused the command.
            OSError: The connection is lost.
        """
        while (answer := self._read()) is None:
            self._fill()
        self._due -= 1
        start = self._start
        self._start += answer.size
        if answer.is_plain:
            return answer
        self._general.feed(bytes(memoryview(self._buffer)[start : self._start]))
        found = self._general.gets()
        if isinstance(found, Exception):
            raise found
        return found

    def is_ready(self) -> bool:
        """Whether something of an answer has come."""
        if not self._due:
            return False
        if self._start < self._end:
            return True
        pending = getattr(self._socket, "pending", None)  # TLS may have read what the socket does not show any more
        return bool(pending and pending()) or bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        """Give the connection back; idempotent. One with answers due is closed."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._due or self._start < self._end:
            connection.disconnect()
        self._pool.release(connection)

    def _read(self) -> StreamAnswer | None:
        if self._start == self._end:
            return None
        try:
            return self._reader.read(self._buffer, self._start, self._end)
        except ValueError as error:
            raise InvalidResponse(str(error)) from error

    def _fill(self) -> None:
        """Take what has come behind what is there; wait for something."""
        if self._start == self._end:
            self._start = self._end = 0
        if len(self._buffer) - self._end < _ROOM:
            self._make_room()
        with memoryview(self._buffer) as whole, whole[self._end :] as room:
            count = self._socket.recv_into(room)
        if not count:
            raise ConnectionError("the server closed the connection")
        self._end += count

    def _make_room(self) -> None:
        kept = self._end - self._start
        larger = len(self._buffer) if kept <= len(self._buffer) // 2 else len(self._buffer) * 2
        buffer = bytearray(larger)
        buffer[:kept] = self._buffer[self._start : self._end]
        self._buffer, self._start, self._end = buffer, 0, kept


def argument(value: str | bytes) -> bytes:
    """One argument of a command, encoded."""
    encoded = value.encode() if isinstance(value, str) else value
    return b"$%d\r\n%s\r\n" % (len(encoded), encoded)
