"""Plays scenarios on the engine, in the several ways that must all give the same answers."""

from __future__ import annotations

import math
from typing import Any

from tests.scenarios.scenario import Scenario, Step

from eventflux import EventBatch, EventFluxManager, InMemoryPersistenceStore

Heard = dict[str, dict[str, list[tuple[int, list[Any]]]]]
"""Listener -> "current" or "expired" -> timestamp and data of what it was given."""


class Player:
    """A scenario's app with ears on all that it expects something of."""

    def __init__(self, scenario: Scenario, text: str, config: dict[str, Any]) -> None:
        self._scenario = scenario
        self._text = text
        self._config = config
        self._store = InMemoryPersistenceStore()
        self.heard: Heard = {name: {"current": [], "expired": []} for name in scenario.listeners}
        self._open(restore=False)

    def _open(self, *, restore: bool) -> None:
        self._manager = EventFluxManager(self._config, plugins=False)
        self._runtime = self._manager.create_eventflux_app_runtime(
            self._text, name="scenario", playback=self._scenario.playback or None
        )
        for name in self._scenario.listeners:
            if name in self._runtime.queries:
                self._runtime.add_query_callback(name, self._query_ear(name))
            else:
                self._runtime.add_callback(name, self._stream_ear(name))
        self._runtime.on_exception(self._raise)
        self._failures: list[str] = []
        self._runtime.start()
        if restore:
            self._runtime.restore(self._saved)

    def _raise(self, failure: object) -> None:
        self._failures.append(str(failure))

    def _stream_ear(self, name: str) -> Any:
        def hear(events: EventBatch) -> None:
            for event in events:
                kind = "expired" if event.is_expired else "current"
                self.heard[name][kind].append((event.timestamp, list(event.data)))

        return hear

    def _query_ear(self, name: str) -> Any:
        def hear(timestamp: int, current: EventBatch | None, expired: EventBatch | None) -> None:
            for kind, events in (("current", current), ("expired", expired)):
                self.heard[name][kind] += [(event.timestamp, list(event.data)) for event in events or ()]

        return hear

    def restart(self) -> None:
        """Save, throw everything away, and go on in a new engine from what was saved."""
        self._saved = self._runtime.snapshot()
        self._manager.shutdown(drain=False)
        self._open(restore=True)

    def do(self, step: Step) -> None:
        """One step."""
        if step.tick is not None:
            self._runtime.advance_time(step.tick)
            return
        if step.query is not None:
            result = self._runtime.query(step.query)
            shown = result if isinstance(result, int) else [list(event.data) for event in result]
            self._check_failures(step.failures)
            assert shown == step.result, f"{step.query}: expected {step.result}, got {shown}"
            return
        assert step.stream is not None
        handler = self._runtime.input_handler(step.stream)
        if step.is_chunk:
            handler.send_batch([tuple(row) for row in step.rows], step.timestamps)
        else:
            handler.send(tuple(step.rows[0]), step.timestamps[0])
        self._check_failures(step.failures)

    def _check_failures(self, wanted: int) -> None:
        assert len(self._failures) == wanted, f"expected {wanted} failures, heard {self._failures}"
        self._failures.clear()

    def send_many(self, stream: str, rows: list[list[Any]], timestamps: list[int], failures: int) -> None:
        """Rows in one call, each an event of its own."""
        self._runtime.input_handler(stream).send_many([tuple(row) for row in rows], timestamps)
        self._check_failures(failures)

    def close(self) -> None:
        """End."""
        self._manager.shutdown(drain=False)


def play(scenario: Scenario, text: str, config: dict[str, Any], *, restarts: bool = False) -> None:
    """Step by step; each step's answers are compared. `restarts`: a new engine after every step."""
    player = Player(scenario, text, config)
    try:
        for number, step in enumerate(scenario.steps):
            for ears in player.heard.values():
                ears["current"].clear()
                ears["expired"].clear()
            player.do(step)
            for name, ears in player.heard.items():
                _compare(f"step {number}, {name}", _wanted(step.expect.get(name)), ears)
            if restarts:
                player.restart()
    finally:
        player.close()


def play_in_bulk(scenario: Scenario, text: str, config: dict[str, Any]) -> None:
    """Runs of single rows for one stream go in one call; what each listener hears in the end is compared."""
    player = Player(scenario, text, config)
    wanted: Heard = {name: {"current": [], "expired": []} for name in scenario.listeners}
    try:
        run: list[Step] = []
        for step in (*scenario.steps, None):
            if run and (step is None or not step.is_single_row or step.stream != run[0].stream):
                rows = [each.rows[0] for each in run]
                stream = run[0].stream
                assert stream is not None
                timestamps = [each.timestamps[0] for each in run]
                player.send_many(stream, rows, timestamps, sum(each.failures for each in run))
                run = []
            if step is None:
                break
            if not step.is_single_row:
                player.do(step)
            else:
                run.append(step)
            for name in scenario.listeners:
                for kind, rows in _wanted(step.expect.get(name)).items():
                    wanted[name][kind] += rows
        for name, ears in player.heard.items():
            _compare(name, wanted[name], ears)
    finally:
        player.close()


def _wanted(expected: Any) -> dict[str, list[tuple[int | None, list[Any]]]]:
    parts = expected if isinstance(expected, dict) else {"current": expected or []}
    return {
        kind: [(row["ts"], row["row"]) if isinstance(row, dict) else (None, row) for row in parts.get(kind) or []]
        for kind in ("current", "expired")
    }


def _compare(where: str, wanted: Any, heard: Any) -> None:
    for kind in ("current", "expired"):
        shown = f"{where}, {kind}: expected {wanted[kind]}, heard {heard[kind]}"
        assert len(wanted[kind]) == len(heard[kind]), shown
        for (wanted_ts, wanted_row), (ts, row) in zip(wanted[kind], heard[kind], strict=True):
            assert wanted_ts in {None, ts}, shown
            assert len(wanted_row) == len(row), shown
            assert all(map(_same, wanted_row, row)), shown


def _same(wanted: Any, heard: Any) -> bool:
    if isinstance(wanted, float) and isinstance(heard, float):
        return math.isclose(wanted, heard, rel_tol=1e-9, abs_tol=1e-12)
    return type(wanted) is type(heard) and bool(wanted == heard)
