"""The state machine of an app runtime, its allowed moves as a table."""

from __future__ import annotations

import threading
from enum import Enum, unique

from eventflux.types.errors import RuntimePausedError, RuntimeStateError, RuntimeStoppedError


@unique
class RuntimeState(str, Enum):
    """Where a runtime stands."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"


_MOVES: dict[RuntimeState, frozenset[RuntimeState]] = {
    RuntimeState.CREATED: frozenset({RuntimeState.STARTING, RuntimeState.STOPPED}),
    RuntimeState.STARTING: frozenset({RuntimeState.RUNNING, RuntimeState.STOPPED, RuntimeState.FAILED}),
    RuntimeState.RUNNING: frozenset({RuntimeState.PAUSED, RuntimeState.DRAINING, RuntimeState.FAILED}),
    RuntimeState.PAUSED: frozenset({RuntimeState.RUNNING, RuntimeState.DRAINING, RuntimeState.FAILED}),
    RuntimeState.DRAINING: frozenset({RuntimeState.STOPPED, RuntimeState.FAILED}),
    RuntimeState.STOPPED: frozenset({RuntimeState.STARTING}),
    RuntimeState.FAILED: frozenset({RuntimeState.DRAINING, RuntimeState.STOPPED}),
}


class Lifecycle:
    """The present state, changed only along the allowed moves."""

    def __init__(self, app: str) -> None:
        self._app = app
        self._lock = threading.Lock()  # guards _state
        self._state = RuntimeState.CREATED

    @property
    def state(self) -> RuntimeState:
        return self._state

    def move(self, target: RuntimeState) -> None:
        """Enter another state.

        Raises:
            RuntimeStateError: It can't be reached from the present one.
        """
        with self._lock:
            if target not in _MOVES[self._state]:
                raise RuntimeStateError(f"app {self._app!r} is {self._state.value} and cannot become {target.value}")
            self._state = target

    def move_from(self, *sources: RuntimeState, target: RuntimeState) -> bool:
        """Enter `target` if the present state is one of `sources`; whether it was."""
        with self._lock:
            if self._state not in sources:
                return False
            self._state = target
            return True

    def refuse_input(self) -> RuntimeStateError:
        """The error for input that comes in a state that takes none."""
        match self._state:
            case RuntimeState.PAUSED:
                return RuntimePausedError(f"app {self._app!r} is paused")
            case RuntimeState.CREATED | RuntimeState.STARTING:
                return RuntimeStateError(f"app {self._app!r} is not running yet", hint="call start() first")
            case _:
                return RuntimeStoppedError(f"app {self._app!r} is {self._state.value}")
