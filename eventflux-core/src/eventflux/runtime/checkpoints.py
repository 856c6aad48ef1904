"""Taking and restoring the state of one app."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from eventflux.engine.engine import Engine, StatePart
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.extension.kinds.rows import State
from eventflux.extension.kinds.sink import PublishError
from eventflux.runtime.checkpoint_figures import CheckpointCounts
from eventflux.runtime.host_functions import HostFunctions
from eventflux.state.revisions import RevisionNames
from eventflux.state.snapshot import (
    Section,
    Snapshot,
    SnapshotHeader,
    is_readable,
    read_snapshot,
    write_snapshot,
)
from eventflux.types.errors import (
    ConnectionUnavailableError,
    CorruptStateError,
    IncompatibleStateError,
    RevisionNotFoundError,
    StateError,
)

logger = logging.getLogger("eventflux.runtime")

_CONNECTOR_VERSION: Final = (1, 0, 0)
_FUNCTION: Final = "function"
_PATIENCE_SECONDS: Final = 0.02


class Positioned(Protocol):
    """A source or sink whose position is part of a checkpoint."""

    def save(self) -> State:
        """The position, or None."""
        ...

    def load(self, state: State) -> None:
        """Go on from there."""
        ...

    def committed(self, state: State) -> None:
        """The checkpoint that holds the position is durable."""
        ...


class Connectors(Protocol):
    """What a checkpoint needs of the connectors of an app."""

    @property
    def barrier(self) -> threading.RLock:
        """Held, rows and positions of sources stand still."""
        ...

    def positioned(self) -> Mapping[str, Positioned]:
        """The connectors by the names of their parts."""
        ...

    def prepare(self, revision: str) -> None:
        """Have all sinks acknowledge what they got; the first phase of those that have two."""
        ...

    def commit(self, revision: str) -> None:
        """The checkpoint is durable."""
        ...

    def abort(self, revision: str) -> None:
        """The checkpoint was not saved."""
        ...


class Checkpoints:
    """Saves and restores: the engine's operators and the positions of connectors, as one snapshot.

    Order of a save, so that a crash between any two steps loses nothing: what sources have delivered runs to the sinks;
    state and positions are taken at one moment; the sinks acknowledge all that came out before it; the revision is
    stored; sources learn that their position is secured. After a crash in between, what lies behind the last stored
    position is delivered again.
    """

    def __init__(
        self,
        app: str,
        engine: Engine,
        functions: HostFunctions,
        connectors: Connectors,
        drain: Callable[[], None],
        environment: Environment,
        writer: str,
    ) -> None:
        self._app = app
        self._engine = engine
        self._functions = functions
        self._connectors = connectors
        self._drain = drain
        self._environment = environment
        self._writer = writer
        self.counts = CheckpointCounts()
        self._names = RevisionNames()
        self._lock = threading.Lock()  # one save at a time, so that revisions are written in order

    def snapshot(self, revision: str = "") -> bytes:
        """The state at one moment, as a container."""
        return self._take(revision)[0]

    def save(self, store: PersistenceStore) -> str:
        """Save into a store under a new revision; the revision appears whole or not at all."""
        began = self._environment.monotonic()
        try:
            revision, size = self._save(store)
        except BaseException:
            self.counts.failed()
            raise
        now = self._environment.wall_clock()
        self.counts.saved(self._environment.monotonic() - began, size, now)
        logger.info(
            "app %r: revision %s saved, %d bytes",
            self._app,
            revision,
            size,
            extra={"app": self._app, "revision": revision},
        )
        return revision

    def _save(self, store: PersistenceStore) -> tuple[str, int]:
        with self._lock:
            now = self._environment.wall_clock()
            revision = self._names.next(now, self._app, store.last_revision(self._app))
            data, positions = self._take(revision)
            try:
                self._connectors.prepare(revision)
                store.save(self._app, revision, data)
            except (PublishError, ConnectionUnavailableError) as error:
                self._connectors.abort(revision)
                raise StateError(f"the state was not saved, since a sink has not acknowledged: {error}") from error
            except BaseException:
                self._connectors.abort(revision)
                raise
            self._connectors.commit(revision)
        connectors = self._connectors.positioned()
        for name, position in positions.items():
            if name in connectors:
                connectors[name].committed(position)
        return revision, len(data)

    def restore(self, data: bytes) -> str:
        """Replace the state by that of a container; its revision.

        Raises:
            CorruptStateError: The bytes are damaged; nothing has changed.
            IncompatibleStateError: The state is of another app; nothing has changed.
        """
        began = self._environment.monotonic()
        snapshot = read_snapshot(data)
        self._check(snapshot)
        parts = [
            StatePart(name=section.component, operator=section.kind, version=section.version[0], data=section.data)
            for section in snapshot.sections.values()
            if section.kind not in {"source", "sink", _FUNCTION}
        ]
        self._engine.load(parts)
        self._functions.reset()
        for section in snapshot.sections.values():
            if section.kind == _FUNCTION:
                self._functions.load(section.component, section.data)
        for name, connector in self._connectors.positioned().items():
            position = snapshot.sections.get(name)
            if position is not None:
                connector.load(position.data)
        self.counts.restored(self._environment.monotonic() - began)
        logger.info(
            "app %r: revision %s restored",
            self._app,
            snapshot.header.revision,
            extra={"app": self._app, "revision": snapshot.header.revision},
        )
        return snapshot.header.revision

    def restore_revision(self, store: PersistenceStore, revision: str) -> None:
        """Replace the state by that of a revision.

        Raises:
            RevisionNotFoundError: The store has none of that name.
        """
        data = store.load(self._app, revision)
        if data is None:
            known = store.revisions(self._app)
            raise RevisionNotFoundError(
                f"app {self._app!r} has no revision {revision!r}",
                hint=f"revisions: {', '.join(known[-8:])}" if known else "nothing has been saved yet",
            )
        try:
            self.restore(data)
        except (CorruptStateError, IncompatibleStateError) as error:
            error.hint = error.hint or f"revision {revision}"
            raise

    def restore_last(self, store: PersistenceStore) -> str | None:
        """Replace the state by that of the newest revision; None: there is none."""
        revision = store.last_revision(self._app)
        if revision is not None:
            self.restore_revision(store, revision)
        return revision

    def restore_newest(self, store: PersistenceStore, on_error: str) -> str | None:
        """As `restore_last`; when that can't be restored, what `on_error` says.

        Args:
            store: Where revisions are.
            on_error: `fail`, `previous`: the newest that can be restored, or `fresh`: nothing.

        Raises:
            StateError: It can't be restored, and `on_error` does not help.
        """
        if on_error == "fail":
            return self.restore_last(store)
        failure: StateError | None = None
        for revision in reversed(store.revisions(self._app)):
            try:
                self.restore_revision(store, revision)
            except StateError as error:
                failure = failure or error
                logger.warning("app %r: revision %s can't be restored: %s", self._app, revision, error.message)
                if on_error == "fresh":
                    return None
            else:
                return revision
        if failure is not None:
            raise failure
        return None

    def _take(self, revision: str) -> tuple[bytes, dict[str, State]]:
        with self._sources_stand_still():
            self._drain()
            self._engine.deliver()
            positions = {name: connector.save() for name, connector in self._connectors.positioned().items()}
            functions = self._functions.save()
            parts = self._engine.save()
        self._engine.deliver()
        sections = [
            Section(
                component=part.name,
                kind=part.operator,
                version=(part.version, 0, 0),
                fingerprint=part.operator,
                data=part.data,
            )
            for part in parts
        ]
        sections += [
            Section(component=name, kind=_FUNCTION, version=_CONNECTOR_VERSION, fingerprint=name, data=data)
            for name, data in functions.items()
        ]
        sections += [
            Section(
                component=name, kind=name.split("/", 1)[0], version=_CONNECTOR_VERSION, fingerprint=name, data=position
            )
            for name, position in positions.items()
            if position is not None
        ]
        header = SnapshotHeader(
            app=self._app,
            revision=revision,
            created=self._environment.wall_clock(),
            clock=self._engine.now,
            writer=self._writer,
        )
        return write_snapshot(header, sections), positions

    @contextmanager
    def _sources_stand_still(self) -> Iterator[None]:
        """Hold the barrier.

        A source that holds it may be waiting for its rows to reach the listeners. If those wait for this very thread,
        which calls them, it goes on calling them meanwhile.
        """
        barrier = self._connectors.barrier
        while not barrier.acquire(timeout=_PATIENCE_SECONDS if self._engine.is_delivering else -1):
            self._engine.deliver()
        try:
            yield
        finally:
            barrier.release()

    def _check(self, snapshot: Snapshot) -> None:
        if snapshot.header.app != self._app:
            raise IncompatibleStateError(
                f"the snapshot is of app {snapshot.header.app!r}, this is {self._app!r}",
                saved=snapshot.header.app,
                current=self._app,
            )
        for section in snapshot.sections.values():
            is_connector = section.kind in {"source", "sink"}
            if is_connector and not is_readable(section.version, _CONNECTOR_VERSION):
                raise IncompatibleStateError(
                    f"the position of {section.component} has version {section.version}",
                    component=section.component,
                    saved=section.version,
                    current=_CONNECTOR_VERSION,
                )


def require_store(store: PersistenceStore | None) -> PersistenceStore:
    """The store, or the error for the lack of one."""
    if store is None:
        raise StateError(
            "no persistence store is set", hint="manager.set_persistence_store(FilePersistenceStore(path))"
        )
    return store
