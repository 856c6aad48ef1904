"""EventFlux: complex event processing over streams, written in SQL or EventFluxQL.

manager = EventFluxManager()
runtime = manager.create_eventflux_app_runtime(text)
runtime.add_callback("Alerts", print)
runtime.start()
runtime.input_handler("Trades").send(("ACME", 120.5, 10))
"""

from eventflux.engine.native_types import Event, EventBatch
from eventflux.engine.version import __version__
from eventflux.language.ast import EventFluxApp
from eventflux.runtime.app_runtime import EventFluxAppRuntime
from eventflux.runtime.context import EventFluxContext
from eventflux.runtime.failures import RuntimeFailure
from eventflux.runtime.input_handler import InputHandler
from eventflux.runtime.manager import EventFluxManager
from eventflux.runtime.metrics import Metrics
from eventflux.state.stores.file import FilePersistenceStore
from eventflux.state.stores.memory import InMemoryPersistenceStore
from eventflux.state.stores.sqlite import SqlitePersistenceStore
from eventflux.types.attribute_type import AttributeType
from eventflux.types.diagnostic import Diagnostic, Severity
from eventflux.types.errors import (
    BackpressureError,
    ConfigError,
    ConnectionUnavailableError,
    CorruptStateError,
    DuplicateDefinitionError,
    EventDataError,
    EventFluxError,
    ExtensionError,
    ExtensionNotFoundError,
    IncompatibleStateError,
    MappingError,
    ParseError,
    RevisionNotFoundError,
    RuntimePausedError,
    RuntimeStateError,
    RuntimeStoppedError,
    SerializationError,
    StateError,
    TypeMismatchError,
    UndefinedAttributeError,
    UndefinedQueryError,
    UndefinedStreamError,
    ValidationError,
)
from eventflux.types.schema import Attribute, Schema

__all__ = [
    "Attribute",
    "AttributeType",
    "BackpressureError",
    "ConfigError",
    "ConnectionUnavailableError",
    "CorruptStateError",
    "Diagnostic",
    "DuplicateDefinitionError",
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
    "FilePersistenceStore",
    "InMemoryPersistenceStore",
    "IncompatibleStateError",
    "InputHandler",
    "MappingError",
    "Metrics",
    "ParseError",
    "RevisionNotFoundError",
    "RuntimeFailure",
    "RuntimePausedError",
    "RuntimeStateError",
    "RuntimeStoppedError",
    "Schema",
    "SerializationError",
    "Severity",
    "SqlitePersistenceStore",
    "StateError",
    "TypeMismatchError",
    "UndefinedAttributeError",
    "UndefinedQueryError",
    "UndefinedStreamError",
    "ValidationError",
    "__version__",
]
