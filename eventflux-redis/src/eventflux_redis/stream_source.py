"""``redis-stream`` source: a member of a consumer group.

An entry stays pending with the server until it is acknowledged, and that happens when what came of it is secured: a
checkpoint that holds it is durable, or, without checkpoints, the sinks have acknowledged. Until then the source knows
it as *open*. The position in a checkpoint is the open entries: they are part of the state, so after a restart they are
acknowledged and not delivered again, while other pending entries are. Entries of consumers that have died are taken
over after a time.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from eventflux.extension import (
    BlockOrigin,
    Figure,
    MappingError,
    MessageBatch,
    SourceContext,
    State,
    ThreadedSource,
    Waiter,
)
from eventflux_redis.client import Client, Lane
from eventflux_redis.options import link_of, reachable

Entry = tuple[bytes, "list[bytes] | None"]

_ACK_CHUNK: Final = 5000
_CLAIM_COUNT: Final = 1000
_READS: Final = 4
_SECURE_SECONDS: Final = 0.1  # while there are new entries all the time; at once when there are none


class RedisStreamSource(ThreadedSource):
    """Reads new entries; first those that were left pending."""

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        options = ctx.options
        self._stream = options.text("stream")
        self._group = options.optional_text("group") or f"eventflux-{ctx.app_name}"
        self._consumer = options.optional_text("consumer") or socket.gethostname()
        self._start = options.text("start")
        self._count = options.integer("count")
        self._block = options.integer("block.ms")
        self._idle = options.integer("claim.idle.ms")
        self._field = options.text("field").encode()
        self._link = link_of(options, 4, raw=("XREADGROUP", "XAUTOCLAIM"))
        self._lock = threading.Lock()  # guards what stands below
        self._open: list[bytes] = []  # delivered, not secured, in order
        self._secured: list[bytes] = []  # to be acknowledged
        self._due: deque[list[bytes] | None] = deque()  # answers: to acknowledgements of entries, None: to a read
        self._saved: bytes | None = None  # the last position: the first entries of those that are open
        self._saved_count = 0
        self._is_restored = False

    def validate_connectivity(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def open(self) -> None:
        with reachable(self._link):
            self._link.call("connect", self._prepare)

    def run(self, stopping: Waiter) -> None:
        self._take_over(stopping)
        with reachable(self._link):
            lane = self._link.call("read", lambda client: Lane(client, self._stream))
        try:
            self._read_on(stopping, lane)
        finally:
            lane.close()

    def _read_on(self, stopping: Waiter, lane: Lane) -> None:
        """Deliver new entries; while some are delivered the server gets the next ones ready."""
        claim_at = secure_at = 0.0
        reads = 1  # that are asked for ahead: more while they come back full, so that each wait is for many entries
        while self.paused(stopping):
            entries = self._received(lane, reads)
            reads = _READS if len(entries) >= self._count else 1
            self._deliver(entries)
            if self._is_restored:
                self._deliver(self._rest(lane))
                self._take_over(stopping)
            if self._idle and time.monotonic() >= claim_at:
                claim_at = time.monotonic() + self._idle / 2000
                with reachable(self._link):
                    claimed = self._link.call("claim", self._claimed)
                self._deliver(self._unknown(claimed))
            if self._open and (not entries or time.monotonic() >= secure_at):
                secure_at = time.monotonic() + _SECURE_SECONDS
                self.on_data.secure()
        self._deliver(self._rest(lane))
        with reachable(self._link):
            self._link.call("acknowledge", self._acknowledge)

    def _take_over(self, stopping: Waiter) -> None:
        """Deliver what is pending for this consumer, those entries aside that are open or in the state."""
        with self._lock:
            self._is_restored = False
            self._secured = [each for part in self._due for each in part or ()] + self._secured
            self._due.clear()
        last = b"0"
        while self.paused(stopping):
            with reachable(self._link):
                entries = self._link.call("read", lambda client, after=last: self._pending(client, after))  # type: ignore[misc]
            if not entries:
                return
            last = entries[-1][0]
            self._deliver(self._unknown(entries))

    def close(self) -> None:
        self._link.close()

    def save(self) -> State:
        with self._lock:
            self._saved, self._saved_count = b" ".join(self._open), len(self._open)
            return self._saved

    def load(self, state: State) -> None:
        with self._lock:
            self._open, self._saved = [], None
            self._secured += (state or b"").split()
            self._is_restored = True

    def committed(self, state: State) -> None:
        with self._lock:
            if state == self._saved:
                found, self._open = self._open[: self._saved_count], self._open[self._saved_count :]
            else:  # of an older position
                found = (state or b"").split()
                gone = set(found)
                self._open = [each for each in self._open if each not in gone]
            self._saved = None
            self._secured += found
        worker = self._worker
        if worker is None or not worker.is_alive():  # nobody reads any more, who would do it along with that
            with reachable(self._link):
                self._link.call("acknowledge", self._acknowledge)
            self._link.close()

    def figures(self) -> Sequence[Figure]:
        with self._lock:
            count = len(self._open)
        return (
            Figure(name="redis_unacknowledged", value=count, labels={"stream": self._stream, "group": self._group}),
        )

    def _prepare(self, client: Client) -> None:
        try:
            client.xgroup_create(self._stream, self._group, id=self._start, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _received(self, lane: Lane, reads: int) -> list[Entry]:
        """What has come, after waiting for something. What is secured is acknowledged, more is asked for."""
        with reachable(self._link):
            self._request(lane, reads)
            entries = self._answers(lane)
            self._request(lane, reads)
        return entries

    def _rest(self, lane: Lane) -> list[Entry]:
        """What was asked for and has not come yet."""
        entries: list[Entry] = []
        with reachable(self._link):
            while self._due:
                entries += self._answers(lane)
        return entries

    def _request(self, lane: Lane, reads: int) -> None:
        """Ask for entries, as far as so many answers are not due already; what is secured is acknowledged before."""
        wanted = reads - sum(part is None for part in self._due)
        if wanted <= 0:
            return
        read = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", self._count, "BLOCK", self._block)
        with self._lock:
            secured, self._secured = self._secured, []
            parts = [secured[start : start + _ACK_CHUNK] for start in range(0, len(secured), _ACK_CHUNK)]
            self._due += [*parts, *[None] * wanted]
        acknowledge = [("XACK", self._stream, self._group, *part) for part in parts]
        lane.send([*acknowledge, *[(*read, "STREAMS", self._stream, ">")] * wanted])

    def _answers(self, lane: Lane) -> list[Entry]:
        """Wait for an answer that is no acknowledgement's, and take what else has come."""
        entries: list[Entry] = []
        waits = True
        while self._due and (waits or lane.is_ready()):
            reply = lane.receive()
            with self._lock:
                is_read = self._due.popleft() is None
            if is_read:
                waits = False
                entries += _new(reply)
        return entries

    def _pending(self, client: Client, after: bytes) -> list[Entry]:
        self._acknowledge(client)
        reply = client.execute_command(
            *("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", self._count, "STREAMS", self._stream, after)
        )
        return _new(reply)

    def _claimed(self, client: Client) -> list[Entry]:
        """Entries that their consumers have not acknowledged for long; from now on they are ours."""
        found: list[Entry] = []
        cursor: Any = "0-0"
        while True:
            reply = client.execute_command(
                *("XAUTOCLAIM", self._stream, self._group, self._consumer, self._idle, cursor, "COUNT", _CLAIM_COUNT),
            )
            cursor = reply[0]
            found += _plain(reply[1])
            if cursor in {b"0-0", "0-0"}:
                return found

    def _unknown(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that this process has not delivered."""
        with self._lock:
            known = {*self._open, *self._secured, *(each for part in self._due for each in part or ())}
        return [entry for entry in entries if entry[0] not in known]

    def _deliver(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        identities = [identity for identity, _ in entries]
        fields = [each for _, each in entries]
        # Nearly always an entry is the one field that is wanted, and nothing else.
        if [each[:-1] for each in fields if each] == [[self._field]] * len(fields):
            payloads = [each[1] for each in fields if each]
        else:
            entries = [entry for entry in entries if self._has_payload(*entry)]
            payloads = [_named(each or ())[self._field] for _, each in entries]

        def properties(index: int) -> Mapping[str, object]:
            identity, found = entries[index]
            return self._properties(identity, found or ())

        def accepted() -> None:
            with self._lock:
                self._open += identities

        self.on_data.messages(
            MessageBatch(payloads=payloads, name=f"redis stream {self._stream}", properties=properties), accepted
        )

    def _has_payload(self, identity: bytes, fields: Sequence[bytes] | None) -> bool:
        if fields is None:  # it was deleted while it was pending
            return False
        if self._field in fields[::2]:
            return True
        names = ", ".join(name.decode(errors="replace") for name in fields[::2])
        self.on_data.failed(
            MappingError(f"entry {identity.decode()} has no field {self._field.decode()!r}, it has {names}"),
            BlockOrigin(name=f"redis stream {self._stream}"),
        )
        return False

    def _properties(self, identity: bytes, fields: Sequence[bytes]) -> dict[str, object]:
        text = identity.decode()
        found: dict[str, object] = {"id": text, "stream": self._stream, "timestamp": int(text.partition("-")[0])}
        for name, value in _named(fields).items():
            if name != self._field:
                found[f"field.{name.decode(errors='replace')}"] = value.decode(errors="replace")
        return found

    def _acknowledge(self, client: Client) -> None:
        with self._lock:
            secured, self._secured = self._secured, []
        done = 0
        try:
            for start in range(0, len(secured), _ACK_CHUNK):
                client.execute_command("XACK", self._stream, self._group, *secured[start : start + _ACK_CHUNK])
                done = start + _ACK_CHUNK
        finally:
            if done < len(secured):
                with self._lock:
                    self._secured = secured[done:] + self._secured


def _new(reply: Any) -> list[Entry]:
    """The entries of an answer to XREADGROUP."""
    return _plain(reply[0][1]) if reply else []


def _plain(entries: Sequence[Any]) -> list[Entry]:
    """Entries as the server sent them, also where the client (that of a cluster) has made dictionaries of them."""
    if not entries or isinstance(entries[0][1], list):
        return list(entries)
    return [
        (identity, [each for pair in fields.items() for each in pair] if isinstance(fields, dict) else fields)
        for identity, fields in entries
    ]


def _named(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=True))
