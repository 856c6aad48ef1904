"""Runs one case: the app without its outside, in playback, with a store in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eventflux import (
    Config,
    EventBatch,
    EventFluxAppRuntime,
    EventFluxError,
    EventFluxManager,
    InMemoryPersistenceStore,
    RuntimeFailure,
)
from eventflux.configuration.load import config_of
from eventflux_cli.app_tests.compare import Row, difference
from eventflux_cli.app_tests.model import Advance, Case, CaseFile, Expectation, Persist, Query, Restart, Send, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case.

    Attributes:
        case: The case.
        seconds: How long it took.
        problems: What is not as expected, a list of lines each; empty: it passed.
        observed: Stream or query -> the rows that reached it.
        observed_expired: The same for expired rows.
    """

    case: Case
    seconds: float
    problems: tuple[tuple[str, ...], ...] = ()
    observed: Mapping[str, list[Row]] = field(default_factory=dict)
    observed_expired: Mapping[str, list[Row]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.problems


class CaseRun:
    """One run of one case.

    Args:
        file: With the app.
        case: To run.
        config: Of the command line; the file's own stands above it.
        variables: Of the command line, above the file's own.
        extensions: Plug-ins to load, by name.
    """

    def __init__(
        self,
        file: CaseFile,
        case: Case,
        config: Config,
        variables: Mapping[str, str],
        extensions: Mapping[str, str],
    ) -> None:
        self._file = file
        self._case = case
        self._config = config_of(file.config).over(config)
        self._variables = {**file.variables, **variables}
        self._extensions = extensions
        self._store = InMemoryPersistenceStore()
        self._clock = 0
        self._problems: list[tuple[str, ...]] = []
        self._failures: list[str] = []
        self._rows: dict[str, list[Row]] = {name: [] for name in case.expect}
        self._expired: dict[str, list[Row]] = {name: [] for name in case.expired}
        self._names: dict[str, tuple[str, ...]] = {}

    def run(self) -> Outcome:
        """Carry it out; whatever goes wrong is a problem of the case, not an error."""
        started = time.monotonic()
        manager: EventFluxManager | None = None
        try:
            manager, runtime = self._made()
            for step in self._case.steps:
                if isinstance(step, Restart):
                    runtime.persist()
                    _forget(manager)
                    manager, runtime = self._made()
                else:
                    self._step(runtime, step)
            _forget(manager)
            self._compare()
        except EventFluxError as error:
            self._problems.append(tuple(str(error).splitlines()))
        finally:
            if manager is not None:
                _forget(manager)
        return Outcome(
            case=self._case,
            seconds=time.monotonic() - started,
            problems=tuple(self._problems),
            observed=self._rows,
            observed_expired=self._expired,
        )

    def _made(self) -> tuple[EventFluxManager, EventFluxAppRuntime]:
        manager = EventFluxManager(self._config)
        try:
            for name, path in self._extensions.items():
                manager.set_extension(name, path)
            manager.set_persistence_store(self._store)
            runtime = manager.create_sandbox_eventflux_app_runtime(
                self._file.app, playback=True, variables=self._variables
            )
            runtime.on_exception(self._failed)
            for name in {**self._rows, **self._expired}:
                self._listen(runtime, name)
            runtime.start()
        except BaseException:
            _forget(manager)
            raise
        return manager, runtime

    def _failed(self, failure: RuntimeFailure) -> None:
        self._failures.append(str(failure))

    def _listen(self, runtime: EventFluxAppRuntime, name: str) -> None:
        if name in runtime.queries:
            runtime.add_query_callback(name, lambda _, current, expired: self._seen(name, current, expired))
        else:
            runtime.add_callback(name, lambda batch: self._seen(name, batch, batch))

    def _seen(self, name: str, current: EventBatch | None, expired: EventBatch | None) -> None:
        for batch, rows, is_expired in ((current, self._rows, False), (expired, self._expired, True)):
            if batch is None or name not in rows:
                continue
            self._names[name] = tuple(batch.columns)
            rows[name] += [event.data for event in batch if event.is_expired is is_expired]

    def _step(self, runtime: EventFluxAppRuntime, step: Step) -> None:
        match step:
            case Send():
                self._clock = max(self._clock, step.at if step.at is not None else self._clock)
                at = step.at if step.at is not None else self._clock
                handler = runtime.input_handler(step.stream)
                rows: list[Any] = [tuple(row) if isinstance(row, list) else row for row in step.rows]
                if step.is_chunk:
                    handler.send_batch(rows, at)
                else:
                    for row in rows:
                        handler.send(row, at)
            case Advance():
                self._clock = step.to if step.to is not None else self._clock + step.by
                try:
                    runtime.advance_time(self._clock)
                except ValueError as error:
                    raise EventFluxError(str(error)) from error
            case Query():
                self._query(runtime, step)
            case Persist():
                runtime.persist()

    def _query(self, runtime: EventFluxAppRuntime, step: Query) -> None:
        found = runtime.query(step.text)
        if step.expect is None:
            return
        if isinstance(found, int):
            if step.expect.form != "count" or step.expect.count != found:
                self._problems.append((f"query {step.text!r} changed {found} rows",))
            return
        names = tuple(attribute.name for attribute in runtime.query_output_attributes(step.text))
        self._check(f"query {step.text!r}", step.expect, [event.data for event in found], names)

    def _compare(self) -> None:
        for name, expected in self._case.expect.items():
            self._check(name, expected, self._rows[name], self._names.get(name, ()))
        for name, expected in self._case.expired.items():
            self._check(f"{name} (expired)", expected, self._expired[name], self._names.get(name, ()))
        left = list(self._failures)
        for part in self._case.failures:
            found = next((message for message in left if part in message), None)
            if found is None:
                self._problems.append((f"no failure says {part!r}",))
            else:
                left.remove(found)
        self._problems += [(f"unexpected failure: {message}",) for message in left]

    def _check(self, what: str, expected: Expectation, rows: list[Row], names: tuple[str, ...]) -> None:
        if not rows and expected.rows and not names:
            names = tuple({key: None for row in expected.rows if isinstance(row, dict) for key in row})
        lines = difference(expected, rows, names)
        if lines is not None:
            self._problems.append((f"{what}:", *(f"  {line}" for line in lines)))


def _forget(manager: EventFluxManager) -> None:
    manager.set_persistence_store(None)
    manager.shutdown(drain=False)


def run_file(
    file: CaseFile, config: Config, variables: Mapping[str, str], extensions: Mapping[str, str], only: str | None
) -> list[Outcome]:
    """The outcomes of a file's cases, or of those whose names contain `only`."""
    return [
        CaseRun(file, case, config, variables, extensions).run()
        for case in file.cases
        if only is None or only.casefold() in f"{Path(file.path).name} {case.name}".casefold()
    ]
