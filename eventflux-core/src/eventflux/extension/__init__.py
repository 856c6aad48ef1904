"""All that the author of a plug-in imports."""

from eventflux.extension.arguments import (
    Argument,
    ArgumentProblem,
    BoundParameter,
    ProblemKind,
    ResolvedCall,
    check_arguments,
)
from eventflux.extension.declaration import (
    ANY,
    INTEGRAL,
    MISSING,
    NUMERIC,
    Constant,
    Example,
    Extension,
    Overload,
    Parameter,
    ParameterForm,
    Returns,
    SystemParameter,
    TypeVariable,
    Unit,
)
from eventflux.extension.decorators import extension, scalar_function
from eventflux.extension.environment import (
    Cancellable,
    Environment,
    Files,
    FileStatus,
    OpenFile,
    Waiter,
    Worker,
)
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.hookspecs import API_VERSION, hookimpl
from eventflux.extension.kinds.aggregator import AttributeAggregator, CollectionAggregation, IncrementalAggregator
from eventflux.extension.kinds.config_reader import ConfigReader
from eventflux.extension.kinds.context import ExtensionContext
from eventflux.extension.kinds.delivery import Deliveries, Receipt
from eventflux.extension.kinds.distribution_strategy import DistributionStrategy
from eventflux.extension.kinds.error_store import ErrorEntry, ErrorStore, EventForm, FailureType, Occurrence
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.handlers import (
    HandlerContext,
    SinkHandler,
    SinkHandlerFactory,
    SourceHandler,
    SourceHandlerFactory,
    TableHandler,
    TableHandlerFactory,
    TableOperation,
)
from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.persistence_store import ChecksHealth, PersistenceStore, Reachability, StateBackend
from eventflux.extension.kinds.rows import Column, EventLike, Payload, Row, RowBatch, State
from eventflux.extension.kinds.scalar_function import ScalarFunction, StatefulScalarFunction, VectorizedScalarFunction
from eventflux.extension.kinds.script import Script
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import (
    Acknowledge,
    BlockOrigin,
    MessageBatch,
    Pacer,
    SinkContext,
    Source,
    SourceCallback,
    SourceContext,
)
from eventflux.extension.kinds.stream_processor import ProcessorOutput, StreamFunction, StreamProcessor
from eventflux.extension.kinds.table_store import UNSUPPORTED, Assignment, TableDefinition, TableStore, Unsupported
from eventflux.extension.kinds.threaded_source import ThreadedSource
from eventflux.extension.kinds.transport import (
    Compression,
    HeartbeatResponse,
    Message,
    MessageType,
    TlsConfig,
    Transport,
    TransportConnection,
    TransportListener,
)
from eventflux.extension.kinds.window import Window, WindowContext, WindowOutput
from eventflux.extension.lazy import LazyFactory
from eventflux.extension.nearest import by_nearness, nearest, suggestion
from eventflux.extension.options import OptionProblem, OptionProblemKind, Options, parse_options
from eventflux.extension.plugin_manager import PluginFailure, PluginManager
from eventflux.extension.registry import ExtensionInfo, ExtensionRegistry
from eventflux.types.attribute_type import AttributeType
from eventflux.types.duration import parse_duration
from eventflux.types.errors import ConfigError, ConnectionUnavailableError, MappingError
from eventflux.types.schema import Attribute, Schema

__all__ = [
    "ANY",
    "API_VERSION",
    "INTEGRAL",
    "MISSING",
    "NUMERIC",
    "UNSUPPORTED",
    "Acknowledge",
    "Argument",
    "ArgumentProblem",
    "Assignment",
    "Attribute",
    "AttributeAggregator",
    "AttributeType",
    "BlockOrigin",
    "BoundParameter",
    "Cancellable",
    "ChecksHealth",
    "CollectionAggregation",
    "Column",
    "Compression",
    "ConfigError",
    "ConfigReader",
    "ConnectionUnavailableError",
    "Constant",
    "Deliveries",
    "DistributionStrategy",
    "Environment",
    "ErrorEntry",
    "ErrorStore",
    "EventForm",
    "EventLike",
    "Example",
    "Extension",
    "ExtensionContext",
    "ExtensionInfo",
    "ExtensionKind",
    "ExtensionRegistry",
    "FailureType",
    "Figure",
    "FileStatus",
    "Files",
    "HandlerContext",
    "HeartbeatResponse",
    "IncrementalAggregator",
    "LazyFactory",
    "MappedColumns",
    "MappedRows",
    "MapperContext",
    "MappingError",
    "Message",
    "MessageBatch",
    "MessageType",
    "Occurrence",
    "OpenFile",
    "OptionProblem",
    "OptionProblemKind",
    "Options",
    "Overload",
    "Pacer",
    "Parameter",
    "ParameterForm",
    "Payload",
    "PersistenceStore",
    "PluginFailure",
    "PluginManager",
    "ProblemKind",
    "ProcessorOutput",
    "PublishError",
    "Reachability",
    "Receipt",
    "ResolvedCall",
    "Returns",
    "Row",
    "RowBatch",
    "ScalarFunction",
    "Schema",
    "Script",
    "Sink",
    "SinkContext",
    "SinkHandler",
    "SinkHandlerFactory",
    "SinkMapper",
    "Source",
    "SourceCallback",
    "SourceContext",
    "SourceHandler",
    "SourceHandlerFactory",
    "SourceMapper",
    "State",
    "StateBackend",
    "StatefulScalarFunction",
    "StreamFunction",
    "StreamProcessor",
    "SystemParameter",
    "TableDefinition",
    "TableHandler",
    "TableHandlerFactory",
    "TableOperation",
    "TableStore",
    "ThreadedSource",
    "TlsConfig",
    "Transport",
    "TransportConnection",
    "TransportListener",
    "TypeVariable",
    "Unit",
    "Unsupported",
    "VectorizedScalarFunction",
    "Waiter",
    "Window",
    "WindowContext",
    "WindowOutput",
    "Worker",
    "by_nearness",
    "check_arguments",
    "extension",
    "hookimpl",
    "nearest",
    "parse_duration",
    "parse_options",
    "scalar_function",
    "suggestion",
]
