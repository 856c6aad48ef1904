"""The persistence stores of the core, through the same hooks as everybody's."""

from __future__ import annotations

from eventflux.extension.declaration import Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.hookspecs import hookimpl
from eventflux.extension.registry import ExtensionRegistry
from eventflux.state.backends.memory import InMemoryBackend
from eventflux.state.backends.sqlite import SqliteBackend
from eventflux.state.error_stores.file import FileErrorStore
from eventflux.state.error_stores.memory import MemoryErrorStore
from eventflux.state.error_stores.sqlite import SqliteErrorStore
from eventflux.state.stores.file import FilePersistenceStore
from eventflux.state.stores.memory import InMemoryPersistenceStore
from eventflux.state.stores.sqlite import SqlitePersistenceStore

_KEEP = Parameter(
    "revisions_to_keep", ("INT",), "Older ones are removed after each save; 0 keeps all.", default=3, minimum=0
)
_MOST = Parameter("max_entries", ("INT",), "Most that are kept; 0: no limit.", default=0, minimum=0)


@hookimpl
def eventflux_register_persistence_stores(registry: ExtensionRegistry) -> None:
    registry.register(
        Extension(
            name="inMemory",
            kind=ExtensionKind.PERSISTENCE_STORE,
            description="Revisions in memory: for tests.",
            factory=InMemoryPersistenceStore,
        ),
        Extension(
            name="file",
            kind=ExtensionKind.PERSISTENCE_STORE,
            description="Revisions as files in a directory, each whole or not there.",
            parameters=(
                Parameter("path", ("STRING",), "The directory."),
                _KEEP,
                Parameter("fsync", ("BOOL",), "Make each save durable before it counts.", default=True),
            ),
            factory=FilePersistenceStore,
        ),
        Extension(
            name="sqlite",
            kind=ExtensionKind.PERSISTENCE_STORE,
            description="Revisions in an SQLite database.",
            parameters=(Parameter("db_path", ("STRING",), "The database file."), _KEEP),
            factory=SqlitePersistenceStore,
        ),
    )


@hookimpl
def eventflux_register_error_stores(registry: ExtensionRegistry) -> None:
    registry.register(
        Extension(
            name="memory",
            kind=ExtensionKind.ERROR_STORE,
            description="Failed events in memory, until the process ends.",
            parameters=(_MOST,),
            factory=MemoryErrorStore,
        ),
        Extension(
            name="sqlite",
            kind=ExtensionKind.ERROR_STORE,
            description="Failed events in an SQLite database.",
            parameters=(Parameter("path", ("STRING",), "The database file."), _MOST),
            factory=SqliteErrorStore,
        ),
        Extension(
            name="file",
            kind=ExtensionKind.ERROR_STORE,
            description="Failed events as files in a directory.",
            parameters=(Parameter("directory", ("STRING",), "Made if it is not there."), _MOST),
            factory=FileErrorStore,
        ),
    )


@hookimpl
def eventflux_register_state_backends(registry: ExtensionRegistry) -> None:
    registry.register(
        Extension(
            name="in-memory",
            kind=ExtensionKind.STATE_BACKEND,
            description="Keys and values in memory.",
            factory=InMemoryBackend,
        ),
        Extension(
            name="sqlite",
            kind=ExtensionKind.STATE_BACKEND,
            description="Keys and values in an SQLite database.",
            parameters=(Parameter("db_path", ("STRING",), "The database file."),),
            factory=SqliteBackend,
        ),
    )
