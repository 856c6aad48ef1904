"""EventFlux: complex event processing over streams, written in SQL or EventFluxQL.

manager = EventFluxManager()
runtime = manager.create_eventflux_app_runtime(text)
runtime.add_callback("Alerts", print)
runtime.start()
runtime.input_handler("Trades").send(("ACME", 120.5, 10))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventflux.engine.version import __version__

if TYPE_CHECKING:
    from eventflux.configuration.load import load_config
    from eventflux.configuration.tree import Config
    from eventflux.engine.native_types import Event, EventBatch
    from eventflux.language.ast import EventFluxApp
    from eventflux.runtime.app_runtime import EventFluxAppRuntime
    from eventflux.runtime.context import EventFluxContext
    from eventflux.runtime.failures import RuntimeFailure
    from eventflux.runtime.health import Health, HealthStatus
    from eventflux.runtime.input_handler import InputHandler
    from eventflux.runtime.manager import EventFluxManager
    from eventflux.runtime.match_explanations import CapturedEvent, MatchExplanation
    from eventflux.runtime.metrics import Metrics
    from eventflux.state.backends.memory import InMemoryBackend
    from eventflux.state.backends.sqlite import SqliteBackend
    from eventflux.state.error_stores.file import FileErrorStore
    from eventflux.state.error_stores.memory import MemoryErrorStore
    from eventflux.state.error_stores.sqlite import SqliteErrorStore
    from eventflux.state.stores.file import FilePersistenceStore
    from eventflux.state.stores.memory import InMemoryPersistenceStore
    from eventflux.state.stores.sqlite import SqlitePersistenceStore
    from eventflux.state.tables.cache import CacheTable
    from eventflux.state.tables.data_source import SqlDataSource
    from eventflux.state.tables.memory import InMemoryTable
    from eventflux.types.attribute_type import AttributeType
    from eventflux.types.diagnostic import Diagnostic, Severity
    from eventflux.types.errors import (
        BackpressureError,
        ConfigError,
        ConnectionUnavailableError,
        CoordinationError,
        CorruptStateError,
        DatabaseError,
        DistributedError,
        DuplicateDefinitionError,
        ErrorStoreError,
        EventDataError,
        EventFluxError,
        ExtensionError,
        ExtensionNotFoundError,
        IncompatibleStateError,
        MappingError,
        ParseError,
        RevisionNotFoundError,
        RowError,
        RuntimePausedError,
        RuntimeStateError,
        RuntimeStoppedError,
        SerializationError,
        StateBackendError,
        StateError,
        TransportError,
        TypeMismatchError,
        UndefinedAttributeError,
        UndefinedQueryError,
        UndefinedStreamError,
        ValidationError,
    )
    from eventflux.types.schema import Attribute, Schema

# Name -> module. A name is imported when it is first asked for: plug-ins and tools that need a part of the package do
# not pay for the grammar, the planner and the runtime.
_HOMES = {
    "Attribute": "eventflux.types.schema",
    "AttributeType": "eventflux.types.attribute_type",
    "BackpressureError": "eventflux.types.errors",
    "CacheTable": "eventflux.state.tables.cache",
    "CapturedEvent": "eventflux.runtime.match_explanations",
    "Config": "eventflux.configuration.tree",
    "ConfigError": "eventflux.types.errors",
    "ConnectionUnavailableError": "eventflux.types.errors",
    "CoordinationError": "eventflux.types.errors",
    "CorruptStateError": "eventflux.types.errors",
    "DatabaseError": "eventflux.types.errors",
    "Diagnostic": "eventflux.types.diagnostic",
    "DistributedError": "eventflux.types.errors",
    "DuplicateDefinitionError": "eventflux.types.errors",
    "ErrorStoreError": "eventflux.types.errors",
    "Event": "eventflux.engine.native_types",
    "EventBatch": "eventflux.engine.native_types",
    "EventDataError": "eventflux.types.errors",
    "EventFluxApp": "eventflux.language.ast",
    "EventFluxAppRuntime": "eventflux.runtime.app_runtime",
    "EventFluxContext": "eventflux.runtime.context",
    "EventFluxError": "eventflux.types.errors",
    "EventFluxManager": "eventflux.runtime.manager",
    "ExtensionError": "eventflux.types.errors",
    "ExtensionNotFoundError": "eventflux.types.errors",
    "FileErrorStore": "eventflux.state.error_stores.file",
    "FilePersistenceStore": "eventflux.state.stores.file",
    "Health": "eventflux.runtime.health",
    "HealthStatus": "eventflux.runtime.health",
    "InMemoryBackend": "eventflux.state.backends.memory",
    "InMemoryPersistenceStore": "eventflux.state.stores.memory",
    "InMemoryTable": "eventflux.state.tables.memory",
    "IncompatibleStateError": "eventflux.types.errors",
    "InputHandler": "eventflux.runtime.input_handler",
    "MappingError": "eventflux.types.errors",
    "MatchExplanation": "eventflux.runtime.match_explanations",
    "MemoryErrorStore": "eventflux.state.error_stores.memory",
    "Metrics": "eventflux.runtime.metrics",
    "ParseError": "eventflux.types.errors",
    "RevisionNotFoundError": "eventflux.types.errors",
    "RowError": "eventflux.types.errors",
    "RuntimeFailure": "eventflux.runtime.failures",
    "RuntimePausedError": "eventflux.types.errors",
    "RuntimeStateError": "eventflux.types.errors",
    "RuntimeStoppedError": "eventflux.types.errors",
    "Schema": "eventflux.types.schema",
    "SerializationError": "eventflux.types.errors",
    "Severity": "eventflux.types.diagnostic",
    "SqlDataSource": "eventflux.state.tables.data_source",
    "SqliteBackend": "eventflux.state.backends.sqlite",
    "SqliteErrorStore": "eventflux.state.error_stores.sqlite",
    "SqlitePersistenceStore": "eventflux.state.stores.sqlite",
    "StateBackendError": "eventflux.types.errors",
    "StateError": "eventflux.types.errors",
    "TransportError": "eventflux.types.errors",
    "TypeMismatchError": "eventflux.types.errors",
    "UndefinedAttributeError": "eventflux.types.errors",
    "UndefinedQueryError": "eventflux.types.errors",
    "UndefinedStreamError": "eventflux.types.errors",
    "ValidationError": "eventflux.types.errors",
    "load_config": "eventflux.configuration.load",
}

__all__ = [
    "Attribute",
    "AttributeType",
    "BackpressureError",
    "CacheTable",
    "CapturedEvent",
    "Config",
    "ConfigError",
    "ConnectionUnavailableError",
    "CoordinationError",
    "CorruptStateError",
    "DatabaseError",
    "Diagnostic",
    "DistributedError",
    "DuplicateDefinitionError",
    "ErrorStoreError",
    "Event",
    "EventBatch",
    "EventDataError",
    "EventFluxApp",
    "EventFluxAppRuntime",
    "EventFluxContext",
    "EventFluxError",
    "EventFluxManager",
    "ExtensionError",
    "ExtensionNotFoundError",
    "FileErrorStore",
    "FilePersistenceStore",
    "Health",
    "HealthStatus",
    "InMemoryBackend",
    "InMemoryPersistenceStore",
    "InMemoryTable",
    "IncompatibleStateError",
    "InputHandler",
    "MappingError",
    "MatchExplanation",
    "MemoryErrorStore",
    "Metrics",
    "ParseError",
    "RevisionNotFoundError",
    "RowError",
    "RuntimeFailure",
    "RuntimePausedError",
    "RuntimeStateError",
    "RuntimeStoppedError",
    "Schema",
    "SerializationError",
    "Severity",
    "SqlDataSource",
    "SqliteBackend",
    "SqliteErrorStore",
    "SqlitePersistenceStore",
    "StateBackendError",
    "StateError",
    "TransportError",
    "TypeMismatchError",
    "UndefinedAttributeError",
    "UndefinedQueryError",
    "UndefinedStreamError",
    "ValidationError",
    "__version__",
    "get_include",
    "load_config",
]


def get_include() -> str:
    """The folder with `eventflux.h`, for the compiler of a plug-in in C."""
    from pathlib import Path  # noqa: PLC0415 - importing the package brings as little along as it can

    here = Path(__file__).resolve().parent
    installed = here / "include"
    return str(installed if installed.is_dir() else here.parents[1] / "native" / "include")


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
