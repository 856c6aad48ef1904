"""Keeps something connected: tries again with back-off, on a timer, until it is connected or told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum, unique

from eventflux.extension.environment import Cancellable, Environment
from eventflux.io.retry import ConnectBackoff
from eventflux.types.errors import ConnectionUnavailableError, EventFluxError

logger = logging.getLogger("eventflux.io")


@unique
class ConnectionState(str, Enum):
    """Where a source or sink is in its life."""

    CREATED = "created"
    CONNECTING = "connecting"
    RETRYING = "retrying"
    CONNECTED = "connected"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    DISCONNECTED = "disconnected"
    DESTROYED = "destroyed"

    def __str__(self) -> str:
        return self.value


class Connection:
    """The connection of one source or sink."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], None],
        environment: Environment,
        *,
        retries: bool = True,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Bind; nothing is connected yet.

        Args:
            name: For the log.
            connect: Raises `ConnectionUnavailableError` to be tried again; anything else is final.
            environment: For timers.
            retries: False: an unavailable connection is final too.
            on_failure: Told what is final, when it happens on the timer's thread.
        """
        self.name = name
        self.state = ConnectionState.CREATED
        self.attempts = 0
        self.reconnects = 0
        self.is_interrupted = False
        self._connect = connect
        self._environment = environment
        self._retries = retries
        self._on_failure = on_failure
        self._backoff = ConnectBackoff()
        self._lock = threading.RLock()  # guards state and timer
        self._timer: Cancellable | None = None
        self._interrupted_at = 0.0
        self._was_lost = False

    @property
    def is_connected(self) -> bool:
        """Whether it is; one that mends itself stays so while it is interrupted."""
        return self.state in {ConnectionState.CONNECTED, ConnectionState.PAUSED}

    @property
    def shown_state(self) -> ConnectionState:
        """The state, for those who look: `RETRYING` while it is interrupted."""
        return ConnectionState.RETRYING if self.is_connected and self.is_interrupted else self.state

    def interrupted(self, error: Exception) -> None:
        """What is at the other end is gone; the connector itself tries until it is there again."""
        with self._lock:
            if self.is_interrupted or not self.is_connected:
                return
            self.is_interrupted = True
            self._interrupted_at = self._environment.monotonic()
        logger.warning("%s lost its connection and is reconnecting: %s", self.name, error)

    def restored(self) -> None:
        """It is there again."""
        with self._lock:
            if not self.is_interrupted:
                return
            self.is_interrupted = False
            self.reconnects += 1
            seconds = self._environment.monotonic() - self._interrupted_at
        logger.info("%s is connected again after %.1f s", self.name, seconds)

    def start(self) -> None:
        """Connect now, or begin to try.

        Raises:
            EventFluxError: It failed for good.
        """
        with self._lock:
            self.state = ConnectionState.CONNECTING
            self._attempt()

    def try_once(self) -> bool:
        """Connect now if it isn't; whether it is. A timer that was set stays."""
        with self._lock:
            if self.is_connected:
                return True
            try:
                self._connect()
            except ConnectionUnavailableError:
                return False
            self._connected()
            return True

    def lost(self, error: Exception) -> None:
        """It was connected and is no more: begin to try."""
        with self._lock:
            if not self.is_connected:
                return
            logger.warning("%s lost its connection: %s", self.name, error)
            self._was_lost = True
            self._later(error)

    def stop(self, state: ConnectionState = ConnectionState.DISCONNECTED) -> None:
        """Try no more."""
        with self._lock:
            self.state = state
            self.is_interrupted = False
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _attempt(self) -> None:
        self.attempts += 1
        try:
            self._connect()
        except ConnectionUnavailableError as error:
            if not self._retries:
                self.state = ConnectionState.FAILED
                raise
            self._later(error)
        except Exception:
            self.state = ConnectionState.FAILED
            raise
        else:
            self._connected()

    def _connected(self) -> None:
        self.state = ConnectionState.CONNECTED
        if self._was_lost:
            self._was_lost = False
            self.reconnects += 1
            logger.info("%s is connected again", self.name)
        self._backoff.succeeded()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _later(self, error: Exception) -> None:
        delay = self._backoff.next_delay()
        logger.warning("%s is not connected, next attempt in %g s: %s", self.name, delay, error)
        self.state = ConnectionState.RETRYING
        self._timer = self._environment.call_later(delay, self._again)

    def _again(self) -> None:
        with self._lock:
            if self.state is not ConnectionState.RETRYING:
                return
            self._timer = None
            try:
                self._attempt()
            except EventFluxError as error:
                self._on_failure(error)
            except Exception as error:  # foreign code: reported as the failure it is
                self._on_failure(error)
