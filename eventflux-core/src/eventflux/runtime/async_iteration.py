"""Streams for asyncio: `async for events in runtime.stream("Alerts")`.

A bounded queue between the thread that delivers and the event loop. When it is full the delivering thread waits:
back-pressure reaches the sender, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable

from eventflux.engine.native_types import EventBatch


class StreamIterator(AsyncIterator[EventBatch]):
    """Batches of one stream, for one consumer.

    Args:
        max_pending: Batches that may wait before the delivering thread does.
        unlisten: Called once when the iteration ends.
    """

    def __init__(self, max_pending: int, unlisten: Callable[[StreamIterator], None]) -> None:
        if max_pending < 1:
            raise ValueError("max_pending must be at least 1")
        self._max_pending = max_pending
        self._unlisten = unlisten
        self._changed = threading.Condition()  # guards all below
        self._batches: deque[EventBatch] = deque()
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: asyncio.Future[None] | None = None

    def put(self, batch: EventBatch) -> None:
        """The listener: called by the thread that delivers."""
        with self._changed:
            # Waiting in the loop's own thread would stop the consumer for ever, so there the bound gives way.
            inside_loop = self._loop is not None and _running_loop() is self._loop
            while len(self._batches) >= self._max_pending and not self._is_closed and not inside_loop:
                self._changed.wait()
            if self._is_closed:
                return
            self._batches.append(batch)
            self._wake()

    @property
    def pending(self) -> int:
        """Batches that wait."""
        return len(self._batches)

    def close(self) -> None:
        """End the iteration after what is pending; idempotent, from any thread."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify_all()
            self._wake()
        self._unlisten(self)

    async def aclose(self) -> None:
        """End the iteration; what is pending is dropped."""
        self.close()
        with self._changed:
            self._batches.clear()

    async def __anext__(self) -> EventBatch:
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
                self._loop = loop
                if self._batches:
                    batch = self._batches.popleft()
                    self._changed.notify()
                    return batch
                if self._is_closed:
                    raise StopAsyncIteration
                waiting = self._waiting = loop.create_future()
            await waiting

    def _wake(self) -> None:
        waiting, loop = self._waiting, self._loop
        self._waiting = None
        if waiting is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_finish, waiting)


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
