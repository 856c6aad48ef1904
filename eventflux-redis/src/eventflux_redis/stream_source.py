"""``redis-stream`` source: a member of a consumer group.

An entry stays pending with the server until it is acknowledged, and that happens when what came of it is secured: a
checkpoint that holds it is durable, or, without checkpoints, the sinks have acknowledged. Until then the source knows
it as *open*. The position in a checkpoint is the open entries, and those whose acknowledgement the server has not
confirmed: they are part of the state, so after a restart they are acknowledged and not delivered again, while other
pending entries are. Entries of consumers that have died are taken over after a time.

Identities stay in the form in which they came, arguments of a command one behind the other, from the answer to the
acknowledgement: there is no object an entry, unless one has other fields beside its payload.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

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
from eventflux.wire import StreamAnswer
from eventflux_redis.client import Client
from eventflux_redis.lane import Lane, argument
from eventflux_redis.options import link_of, reachable

Entry = tuple[bytes, "list[bytes] | None"]
Arrival: TypeAlias = "StreamAnswer | Sequence[Entry]"
Identities = bytes  # of entries, each as the argument of a command

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
        self._open: list[Identities] = []  # delivered, not secured, in order
        self._secured: list[Identities] = []  # to be acknowledged
        self._due: deque[Identities | None] = deque()  # answers: to acknowledgements of entries, None: to a read
        self._saved: Identities | None = None  # the last position
        self._saved_count = 0  # how many of `_open` are in it
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
            lane = self._link.call("read", lambda client: Lane(client, self._stream, self._field))
        try:
            self._read_on(stopping, lane)
        finally:
            lane.close()

    def _read_on(self, stopping: Waiter, lane: Lane) -> None:
        """Deliver new entries; while some are delivered the server gets the next ones ready."""
        claim_at = secure_at = 0.0
        reads = 1  # that are asked for ahead: more while they come back full, so that each wait is for many entries
        while self.paused(stopping):
            entries = self._deliver_all(self._received(lane, reads))
            reads = _READS if entries >= self._count else 1
            if self._is_restored:
                self._deliver_all(self._rest(lane))
                self._take_over(stopping)
            if self._idle and time.monotonic() >= claim_at:
                claim_at = time.monotonic() + self._idle / 2000
                with reachable(self._link):
                    claimed = self._link.call("claim", self._claimed)
                self._deliver(self._unknown(claimed))
            if self._open and (not entries or time.monotonic() >= secure_at):
                secure_at = time.monotonic() + _SECURE_SECONDS
                self.on_data.secure()
        self._deliver_all(self._rest(lane))
        with reachable(self._link):
            self._link.call("acknowledge", self._acknowledge)

    def _take_over(self, stopping: Waiter) -> None:
        """Deliver what is pending for this consumer, those entries aside that are open or in the state."""
        with self._lock:
            self._is_restored = False
            self._secured = [part for part in self._due if part] + self._secured
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
            unconfirmed = [part for part in self._due if part] + self._secured
            self._saved, self._saved_count = b"".join([*unconfirmed, *self._open]), len(self._open)
            return self._saved

    def load(self, state: State) -> None:
        with self._lock:
            self._open, self._saved = [], None
            self._secured += [state] if state else []
            self._is_restored = True

    def committed(self, state: State) -> None:
        with self._lock:
            if state == self._saved:
                done, self._open = self._open[: self._saved_count], self._open[self._saved_count :]
            else:  # of an older position
                gone = set(_split(state or b""))
                known = [each for part in self._open for each in _split(part)]
                done = [_joined(each for each in known if each in gone)]
                self._open = [_joined(each for each in known if each not in gone)]
            self._saved = None
            self._secured += filter(None, done)
        worker = self._worker
        if worker is None or not worker.is_alive():  # nobody reads any more, who would do it along with that
            with reachable(self._link):
                self._link.call("acknowledge", self._acknowledge)
            self._link.close()

    def figures(self) -> Sequence[Figure]:
        with self._lock:
            count = sum(map(_count, self._open))
        return (
            Figure(name="redis_unacknowledged", value=count, labels={"stream": self._stream, "group": self._group}),
        )

    def _prepare(self, client: Client) -> None:
        try:
            client.xgroup_create(self._stream, self._group, id=self._start, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _received(self, lane: Lane, reads: int) -> list[Arrival]:
        """What has come, after waiting for something. What is secured is acknowledged, more is asked for."""
        with reachable(self._link):
            self._request(lane, reads)
            arrivals = self._answers(lane)
            self._request(lane, reads)
        return arrivals

    def _rest(self, lane: Lane) -> list[Arrival]:
        """What was asked for and has not come yet."""
        arrivals: list[Arrival] = []
        with reachable(self._link):
            while self._due:
                arrivals += self._answers(lane)
        return arrivals

    def _request(self, lane: Lane, reads: int) -> None:
        """Ask for entries, as far as so many answers are not due already; what is secured is acknowledged before."""
        wanted = reads - sum(part is None for part in self._due)
        if wanted <= 0:
            return
        read = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", self._count, "BLOCK", self._block)
        with self._lock:
            parts, self._secured = self._secured, []
            self._due += [*parts, *[None] * wanted]
        if parts:
            place = argument(self._stream) + argument(self._group)
            commands = [b"*%d\r\n$4\r\nXACK\r\n%s%s" % (3 + _count(part), place, part) for part in parts]
            lane.send_packed(commands, len(commands))
        lane.send([(*read, "STREAMS", self._stream, ">")] * wanted)

    def _answers(self, lane: Lane) -> list[Arrival]:
        """Wait for an answer that is no acknowledgement's, and take what else has come."""
        arrivals: list[Arrival] = []
        waits = True
        while self._due and (waits or lane.is_ready()):
            reply = lane.receive()
            with self._lock:
                is_read = self._due.popleft() is None
            if is_read:
                waits = False
                arrivals.append(reply if isinstance(reply, StreamAnswer) else _new(reply))
        return arrivals

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
            known = {each for part in (*self._open, *self._secured, *self._due) for each in _split(part or b"")}
        return [entry for entry in entries if entry[0] not in known]

    def _deliver_all(self, arrivals: Sequence[Arrival]) -> int:
        """Deliver what has come; how many entries."""
        count = 0
        for arrival in arrivals:
            if isinstance(arrival, StreamAnswer):
                count += arrival.entries
                self._deliver_plain(arrival)
            else:
                count += len(arrival)
                self._deliver(arrival)
        return count

    def _deliver_plain(self, answer: StreamAnswer) -> None:
        if not answer.entries:
            return
        identities = answer.identities

        def properties(index: int) -> Mapping[str, object]:
            return self._properties(_split(identities)[index], ())

        def accepted() -> None:
            with self._lock:
                self._open.append(identities)

        if self.on_data.uses_properties:
            lines = answer.lines.split(b"\n")
            self._deliver([(each, [self._field, lines[at]]) for at, each in enumerate(_split(identities))])
            return
        batch = MessageBatch.of_lines(
            answer.lines, answer.entries, name=f"redis stream {self._stream}", properties=properties
        )
        self.on_data.messages(batch, accepted)

    def _deliver(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        identities = _joined(identity for identity, _ in entries)
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
                self._open.append(identities)

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
        identities = [each for part in secured for each in _split(part)]
        done = 0
        try:
            for start in range(0, len(identities), _ACK_CHUNK):
                client.execute_command("XACK", self._stream, self._group, *identities[start : start + _ACK_CHUNK])
                done = start + _ACK_CHUNK
        finally:
            if done < len(identities):
                with self._lock:
                    self._secured = [_joined(identities[done:]), *self._secured]


def _split(identities: Identities) -> list[bytes]:
    """The identities themselves."""
    return identities.split(b"\r\n")[1::2]


def _joined(each: Iterable[bytes]) -> Identities:
    return b"".join(map(argument, each))


def _count(identities: Identities) -> int:
    return identities.count(b"$")


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
