"""Every worked trace, step by step, in bulk, and with a new engine after every step."""

from __future__ import annotations

from typing import Any

import pytest
from tests.patterns.traces import Event, Trace, TraceStep, load

from eventflux import EventBatch, EventFluxError, EventFluxManager

TRACES = load()
CASES = [pytest.param(trace, id=trace.name) for trace in TRACES if trace.expected is not None]
# Chunks and restores are exact, and mean something else in bulk.
BULK_CASES = [
    pytest.param(trace, id=trace.name)
    for trace in TRACES
    if trace.expected is not None and not any(step.stream.startswith("!") or len(step.rows) > 1 for step in trace.steps)
]
ENGINES: dict[str, dict[str, Any]] = {
    "slices": {},
    "depth-first": {"depth_first": True},
    "slices of 1": {"slice_rows": 1},
    "slices of 2": {"slice_rows": 2},
    "slices of 7": {"slice_rows": 7},
}


class Player:
    """A running app with an ear on O."""

    def __init__(self, trace: Trace, engine: dict[str, Any]) -> None:
        self._trace = trace
        self._engine = engine
        self.heard: list[list[Event]] = []
        self._saved = b""
        self._open()

    def _open(self) -> None:
        self._manager = EventFluxManager({"engine": self._engine}, plugins=False)
        self._runtime = self._manager.create_eventflux_app_runtime(self._trace.app)
        if "O" in self._runtime.streams:
            self._runtime.add_callback("O", self._hear)
        self._failures: list[object] = []
        self._runtime.on_exception(self._failures.append)
        self._runtime.start()

    def _hear(self, events: EventBatch) -> None:
        self.heard.append([(event.timestamp, list(event.data)) for event in events])

    def do(self, step: TraceStep) -> None:
        """One step."""
        if step.stream == "!persist":
            self._saved = self._runtime.snapshot()
        elif step.stream == "!restore":
            if self._saved:
                self._runtime.restore(self._saved)
        elif not step.stream.startswith("!"):
            handler = self._runtime.input_handler(step.stream)
            if len(step.rows) == 1:
                handler.send(tuple(step.rows[0][1]), step.rows[0][0])
            else:
                handler.send_batch([tuple(row) for _, row in step.rows], [ts for ts, _ in step.rows])
        assert self._failures == []

    def send_many(self, stream: str, rows: list[Event]) -> None:
        """Rows in one call, each an event of its own."""
        self._runtime.input_handler(stream).send_many([tuple(row) for _, row in rows], [ts for ts, _ in rows])
        assert self._failures == []

    def restart(self) -> None:
        """Go on in a new engine."""
        saved = self._runtime.snapshot()
        self.close()
        self._open()
        self._runtime.restore(saved)

    def close(self) -> None:
        """End."""
        self._manager.shutdown(drain=False)


def _flat(deliveries: list[list[Event]]) -> list[Event]:
    return [event for delivery in deliveries for event in delivery]


@pytest.mark.parametrize("trace", [trace for trace in TRACES if trace.expected is None], ids=lambda trace: trace.name)
def test_app_is_rejected(trace: Trace) -> None:
    with EventFluxManager(plugins=False) as manager, pytest.raises(EventFluxError):
        manager.create_eventflux_app_runtime(trace.app)


@pytest.mark.parametrize("trace", CASES)
def test_step_by_step(trace: Trace) -> None:
    assert trace.expected is not None
    player = Player(trace, {})
    try:
        for number, step in enumerate(trace.steps, 1):
            player.heard.clear()
            player.do(step)
            assert player.heard == trace.expected.get(number, []), f"step {number}"
    finally:
        player.close()


@pytest.mark.parametrize("trace", CASES)
def test_with_a_new_engine_after_every_step(trace: Trace) -> None:
    assert trace.expected is not None
    player = Player(trace, {})
    try:
        for number, step in enumerate(trace.steps, 1):
            player.heard.clear()
            player.do(step)
            assert player.heard == trace.expected.get(number, []), f"step {number}"
            player.restart()
    finally:
        player.close()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("trace", BULK_CASES)
def test_in_bulk(trace: Trace, engine: str) -> None:
    assert trace.expected is not None
    player = Player(trace, ENGINES[engine])
    try:
        run: list[Event] = []
        stream = ""
        for step in trace.steps:
            if run and step.stream != stream:
                player.send_many(stream, run)
                run = []
            stream = step.stream
            run += step.rows
        player.send_many(stream, run)
        wanted = [delivery for number in sorted(trace.expected) for delivery in trace.expected[number]]
        assert _flat(player.heard) == _flat(wanted)
    finally:
        player.close()
