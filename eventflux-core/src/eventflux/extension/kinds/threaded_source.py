"""A source with a thread of its own."""

from __future__ import annotations

import logging
from abc import abstractmethod

from eventflux.extension.environment import Waiter, Worker
from eventflux.extension.kinds.source import EventRefusedError, Source, SourceCallback, SourceContext
from eventflux.types.errors import RuntimeStateError

STOP_SECONDS = 5.0
POLL_SECONDS = 0.1

logger = logging.getLogger("eventflux.source")


class ThreadedSource(Source):
    """Runs `run` on a thread between ``connect`` and ``disconnect``.

    A subclass looks at ``stopping`` at least each 100 ms, and calls `paused` where it can wait.
    """

    ctx: SourceContext
    on_data: SourceCallback
    _worker: Worker | None = None
    _stopping: Waiter
    _running: Waiter

    def configure(self, ctx: SourceContext) -> None:
        self.ctx = ctx
        self._stopping = ctx.environment.waiter()
        self._running = ctx.environment.waiter()
        self._running.set()

    def open(self) -> None:
        """Connect to what is outside, on the caller's thread; what it raises is what ``connect`` raises."""

    @abstractmethod
    def run(self, stopping: Waiter) -> None:
        """Deliver to ``self.on_data`` until the input ends or ``stopping`` is set."""

    def close(self) -> None:
        """Release what `open` took; called when `run` is over."""

    def paused(self, stopping: Waiter) -> bool:
        """Wait while the source is paused; False: it stops."""
        while not stopping.is_set():
            if self._running.wait(POLL_SECONDS):
                return not stopping.is_set()
        return False

    def connect(self, on_data: SourceCallback) -> None:
        self.on_data = on_data
        self._stopping.clear()
        self.open()
        name = f"eventflux-{self.ctx.app_name}-source-{self.ctx.stream}"
        self._worker = self.ctx.environment.start_thread(self._main, name=name)

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def disconnect(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._stopping.set()
        worker.join(STOP_SECONDS)
        if worker.is_alive():
            logger.warning("source thread %s did not stop within %s s and is abandoned", worker.name, STOP_SECONDS)

    def _main(self) -> None:
        error: Exception | None = None
        try:
            self.run(self._stopping)
        except EventRefusedError as refusal:
            error = refusal
        except RuntimeStateError:
            self._stopping.set()  # the app has stopped: so does the source
        except Exception as failure:
            error = failure
        finally:
            self.close()
        if not self._stopping.is_set():
            self.on_data.lost(error)
