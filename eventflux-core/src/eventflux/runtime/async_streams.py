"""Async streams of an app: which they are, with which rings, and the one thread that runs what is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from eventflux.engine.async_stream import AsyncMetrics, Backpressure, IdleWait, RingOptions
from eventflux.engine.builder import Node
from eventflux.engine.engine import Engine
from eventflux.extension.environment import Environment, Worker
from eventflux.planner.binder.async_options import AsyncOptions
from eventflux.planner.plan import StreamPlan

_BLOCK_TIMEOUT_MS: Final = 1000


def ring_options(options: AsyncOptions) -> RingOptions:
    """The ring that a stream's options ask for, with the defaults of what they leave open."""
    backpressure = Backpressure[(options.backpressure or "block").upper()]
    timeout_ms = options.timeout_ms
    if timeout_ms is None and backpressure is Backpressure.BLOCK_TIMEOUT:
        timeout_ms = _BLOCK_TIMEOUT_MS
    defaults = RingOptions()
    return RingOptions(
        buffer_size=options.buffer_size or defaults.buffer_size,
        batch_size_max=options.batch_size_max,
        backpressure=backpressure,
        timeout_ms=timeout_ms,
        backoff_initial_ms=_given(options.backoff_initial_ms, defaults.backoff_initial_ms),
        backoff_max_ms=_given(options.backoff_max_ms, defaults.backoff_max_ms),
        backoff_multiplier=_given(options.backoff_multiplier, defaults.backoff_multiplier),
        idle=IdleWait[(options.wait or "blocking").upper()],
    )


def _given(value: float | None, default: float) -> float:
    return default if value is None else value


def async_streams(streams: Sequence[StreamPlan], *, is_default: bool) -> dict[str, RingOptions]:
    """Name -> ring of the streams that are async: by their own options, or by the app's default."""
    chosen: dict[str, RingOptions] = {}
    for stream in streams:
        own = stream.options.buffer
        if stream.is_hidden or not (
            own.is_enabled if own is not None else is_default and stream.definition is not None
        ):
            continue
        chosen[stream.name] = ring_options(own if own is not None else AsyncOptions())
    return chosen


class AsyncStreams:
    """The consumer of an app's rings, and their figures."""

    def __init__(
        self,
        engine: Engine,
        options: Mapping[str, RingOptions],
        environment: Environment,
        name: str,
        on_error: Callable[[Exception], None],
    ) -> None:
        self.options = options
        self._engine = engine
        self._environment = environment
        self._name = name
        self._on_error = on_error
        self._thread: Worker | None = None
        self._nodes: dict[str, Node] = {}

    def opened(self, stream: str, node: Node) -> None:
        """A stream got its ring."""
        self._nodes[stream] = node

    def start(self) -> None:
        """Begin to run what comes into the rings; idempotent. Nothing is started where there is no async stream."""
        if self.options and self._thread is None:
            self._engine.start_consumer()
            self._thread = self._environment.start_thread(self._run, name=self._name)

    def stop(self, timeout: float = 5.0) -> bool:
        """End; rows that are still in the rings stay there. Whether the thread has ended in time."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._engine.stop_consumer()
        thread.join(timeout)
        return not thread.is_alive()

    def drain(self) -> None:
        """Run all rows that are in the rings now."""
        if self.options:
            self._engine.drain()

    def metrics(self) -> dict[str, AsyncMetrics]:
        """Figures by stream."""
        return {stream: self._engine.async_metrics(node) for stream, node in self._nodes.items()}

    def _run(self) -> None:
        try:
            self._engine.run_consumer()
        except Exception as error:  # the engine was closed, or is broken: either way it is said
            self._on_error(error)
