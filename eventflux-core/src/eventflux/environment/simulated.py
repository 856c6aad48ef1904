"""A deterministic environment: virtual time, files in memory, and threads of which one runs at a time.

     task A ── wait ─╮        ╭─ …            A task runs until it waits, sleeps, joins or ends. Then the scheduler
     task B          ╰─ runs ─╯               picks the next one by the seed. When all wait, the clock jumps to the
     clock  100 ms ─────────── 250 ms         earliest moment that one of them waits for.

The thread that made the environment is a task too. The same seed gives the same order to the last step. Only waits of
this environment let others run: code that holds a lock of another kind while it waits here can block the simulation,
which is then reported after a while instead of hanging.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from eventflux.environment.simulated_files import SimulatedFiles
from eventflux.extension.environment import Cancellable, Environment, Waiter, Worker

_STUCK_SECONDS = 60.0
_START_MS = 1_700_000_000_000


class SimulationStuckError(Exception):
    """Every task waits and no moment will come that ends a wait, or one holds the others up."""


@dataclass(eq=False)
class _Task:
    """One thread of the simulation; it runs while it has the baton."""

    name: str
    number: int
    baton: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    deadline: float | None = None
    waits_for: Callable[[], bool] | None = None
    is_done: bool = False
    error: BaseException | None = None


@dataclass(order=True)
class _Timer:
    due: float
    number: int
    call: Callable[[], None] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.is_cancelled = True


class SimulatedEnvironment:
    """Clocks, files, threads and randomness that one seed decides.

    Attributes:
        errors: What has ended tasks that did not end by themselves.
    """

    def __init__(self, seed: int, *, start_ms: int = _START_MS) -> None:
        """Begin at a moment.

        Args:
            seed: Of everything that is left to chance.
            start_ms: The wall clock's first value.
        """
        self._random = random.Random(seed)
        self._schedule = random.Random(seed + 1)
        self._files = SimulatedFiles(random.Random(seed + 2))
        self._now = 0.0
        self._start_ms = start_ms
        self._jump_ms = 0
        self._timers: list[_Timer] = []
        self._numbers = 0
        self._main = _Task("main", 0)
        self._current = self._main
        self._tasks: list[_Task] = [self._main]
        self._stuck: SimulationStuckError | None = None
        self.errors: list[BaseException] = []

    # ---- Environment

    @property
    def files(self) -> SimulatedFiles:
        return self._files

    @property
    def random(self) -> random.Random:
        return self._random

    def wall_clock(self) -> int:
        return self._start_ms + self._jump_ms + int(self._now * 1000)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._wait(None, seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        timer = _Timer(self._now + max(seconds, 0.0), self._number(), call)
        heapq.heappush(self._timers, timer)
        return timer

    def waiter(self) -> Waiter:
        return _SimulatedWaiter(self)

    def start_thread(self, target: Callable[[], None], *, name: str, daemon: bool = True) -> Worker:
        task = _Task(name, self._number())
        self._tasks.append(task)

        def main() -> None:
            task.baton.acquire()
            try:
                target()
            except BaseException as error:  # kept for whoever asks; the simulation goes on
                task.error = error
                self.errors.append(error)
            task.is_done = True
            self._tasks.remove(task)
            self._hand_on()

        threading.Thread(target=main, name=name, daemon=True).start()
        return _SimulatedWorker(self, task)

    # ---- of the simulation

    def jump_clock(self, milliseconds: int) -> None:
        """Set the wall clock forward or back; `monotonic` doesn't notice."""
        self._jump_ms += milliseconds

    def run_for(self, seconds: float) -> None:
        """Let everything else run for a time."""
        self.sleep(seconds)

    def run_until(self, condition: Callable[[], bool], *, seconds: float = 3600.0) -> bool:
        """Let everything else run until a condition holds, or for so long; whether it holds."""
        return self._wait(condition, seconds)

    # ---- scheduling: only the task that has the baton is in here

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _wait(self, condition: Callable[[], bool] | None, seconds: float | None) -> bool:
        """Let others run until the condition holds or time is up; whether it holds."""
        task = self._current
        if condition is not None and condition():
            return True
        task.waits_for = condition
        task.deadline = None if seconds is None else self._now + max(seconds, 0.0)
        chosen = self._choose() if task is self._main else self._choose_or_main()
        if chosen is not task:
            self._current = chosen
            chosen.baton.release()
            if not task.baton.acquire(timeout=_STUCK_SECONDS):
                raise SimulationStuckError(f"task {self._current.name!r} does not let others run")
        if self._stuck is not None and task is self._main:
            stuck, self._stuck = self._stuck, None
            raise stuck
        holds = condition is not None and condition()
        task.waits_for = None
        task.deadline = None
        return holds

    def _hand_on(self) -> None:
        """The current task has ended: another one goes on."""
        self._current = self._choose_or_main()
        self._current.baton.release()

    def _choose_or_main(self) -> _Task:
        """The task that goes on; where none can, the main one, which raises that."""
        try:
            return self._choose()
        except SimulationStuckError as error:
            self._stuck = error
            return self._main

    def _choose(self) -> _Task:
        """The task that goes on: a ready one by chance; when none is, time passes."""
        while True:
            ready = [task for task in self._tasks if self._is_ready(task)]
            if ready:
                return ready[self._schedule.randrange(len(ready))]
            moments = [task.deadline for task in self._tasks if task.deadline is not None]
            while self._timers and self._timers[0].is_cancelled:
                heapq.heappop(self._timers)
            if self._timers:
                moments.append(self._timers[0].due)
            if not moments:
                raise SimulationStuckError(f"all wait for ever: {', '.join(task.name for task in self._tasks)}")
            self._now = max(self._now, min(moments))
            self._fire()

    def _is_ready(self, task: _Task) -> bool:
        if task.deadline is not None and task.deadline <= self._now:
            return True
        if task.waits_for is not None:
            return task.waits_for()
        return task.deadline is None and task is not self._current

    def _fire(self) -> None:
        while self._timers and self._timers[0].due <= self._now:
            timer = heapq.heappop(self._timers)
            if not timer.is_cancelled:
                self.start_thread(timer.call, name="timer")


class _SimulatedWaiter:
    def __init__(self, environment: SimulatedEnvironment) -> None:
        self._environment = environment
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        return self._environment._wait(self.is_set, timeout)  # noqa: SLF001 - one unit with the environment


class _SimulatedWorker:
    def __init__(self, environment: SimulatedEnvironment, task: _Task) -> None:
        self._environment = environment
        self._task = task

    @property
    def name(self) -> str:
        return self._task.name

    @property
    def error(self) -> BaseException | None:
        """What ended it, if it did not end by itself."""
        return self._task.error

    def is_alive(self) -> bool:
        return not self._task.is_done

    def join(self, timeout: float | None = None) -> None:
        self._environment._wait(lambda: self._task.is_done, timeout)  # noqa: SLF001 - one unit with the environment


def simulated_environment(seed: int) -> Environment:
    """An environment for tests."""
    return SimulatedEnvironment(seed)
