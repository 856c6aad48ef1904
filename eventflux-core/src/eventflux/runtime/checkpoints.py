"""Taking and restoring the state of one app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from eventflux.engine.engine import Engine, StatePart
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.extension.kinds.rows import State
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
    CorruptStateError,
    IncompatibleStateError,
    RevisionNotFoundError,
    StateError,
)

_CONNECTOR_VERSION: Final = (1, 0, 0)
_FUNCTION: Final = "function"


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


class Checkpoints:
    """Saves and restores: the engine's operators and the positions of connectors, as one snapshot."""

    def __init__(
        self,
        app: str,
        engine: Engine,
        functions: HostFunctions,
        connectors: Callable[[], Mapping[str, Positioned]],
        barrier: AbstractContextManager[object],
        environment: Environment,
        writer: str,
    ) -> None:
        self._app = app
        self._engine = engine
        self._functions = functions
        self._connectors = connectors
        self._barrier = barrier
        self._environment = environment
        self._writer = writer
        self._names = RevisionNames()
        self._lock = threading.Lock()  # one save at a time, so that revisions are written in order

    def snapshot(self, revision: str = "") -> bytes:
        """The state at one moment, as a container."""
        return self._take(revision)[0]

    def save(self, store: PersistenceStore) -> str:
        """Save into a store under a new revision; the revision appears whole or not at all."""
        with self._lock:
            now = self._environment.wall_clock()
            revision = self._names.next(now, self._app, store.last_revision(self._app))
            data, positions = self._take(revision)
            store.save(self._app, revision, data)
        connectors = self._connectors()
        for name, position in positions.items():
            if name in connectors:
                connectors[name].committed(position)
        return revision

    def restore(self, data: bytes) -> str:
        """Replace the state by that of a container; its revision.

        Raises:
            CorruptStateError: The bytes are damaged; nothing has changed.
            IncompatibleStateError: The state is of another app; nothing has changed.
        """
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
        for name, connector in self._connectors().items():
            position = snapshot.sections.get(name)
            if position is not None:
                connector.load(position.data)
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

    def _take(self, revision: str) -> tuple[bytes, dict[str, State]]:
        with self._barrier:
            positions = {name: connector.save() for name, connector in self._connectors().items()}
            functions = self._functions.save()
            parts = self._engine.save()
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
