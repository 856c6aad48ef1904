from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_TYPE_UNSPECIFIED: _ClassVar[MessageType]
    MESSAGE_TYPE_EVENT: _ClassVar[MessageType]
    MESSAGE_TYPE_QUERY: _ClassVar[MessageType]
    MESSAGE_TYPE_STATE: _ClassVar[MessageType]
    MESSAGE_TYPE_CONTROL: _ClassVar[MessageType]
    MESSAGE_TYPE_HEARTBEAT: _ClassVar[MessageType]
    MESSAGE_TYPE_CHECKPOINT: _ClassVar[MessageType]
    MESSAGE_TYPE_METADATA: _ClassVar[MessageType]
    MESSAGE_TYPE_ACKNOWLEDGMENT: _ClassVar[MessageType]

class CompressionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPRESSION_TYPE_NONE: _ClassVar[CompressionType]
    COMPRESSION_TYPE_LZ4: _ClassVar[CompressionType]
    COMPRESSION_TYPE_SNAPPY: _ClassVar[CompressionType]
    COMPRESSION_TYPE_ZSTD: _ClassVar[CompressionType]

class NodeHealth(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_HEALTH_UNKNOWN: _ClassVar[NodeHealth]
    NODE_HEALTH_HEALTHY: _ClassVar[NodeHealth]
    NODE_HEALTH_DEGRADED: _ClassVar[NodeHealth]
    NODE_HEALTH_UNHEALTHY: _ClassVar[NodeHealth]
    NODE_HEALTH_OFFLINE: _ClassVar[NodeHealth]
MESSAGE_TYPE_UNSPECIFIED: MessageType
MESSAGE_TYPE_EVENT: MessageType
MESSAGE_TYPE_QUERY: MessageType
MESSAGE_TYPE_STATE: MessageType
MESSAGE_TYPE_CONTROL: MessageType
MESSAGE_TYPE_HEARTBEAT: MessageType
MESSAGE_TYPE_CHECKPOINT: MessageType
MESSAGE_TYPE_METADATA: MessageType
MESSAGE_TYPE_ACKNOWLEDGMENT: MessageType
COMPRESSION_TYPE_NONE: CompressionType
COMPRESSION_TYPE_LZ4: CompressionType
COMPRESSION_TYPE_SNAPPY: CompressionType
COMPRESSION_TYPE_ZSTD: CompressionType
NODE_HEALTH_UNKNOWN: NodeHealth
NODE_HEALTH_HEALTHY: NodeHealth
NODE_HEALTH_DEGRADED: NodeHealth
NODE_HEALTH_UNHEALTHY: NodeHealth
NODE_HEALTH_OFFLINE: NodeHealth

class TransportMessage(_message.Message):
    __slots__ = ("id", "message_type", "payload", "headers", "timestamp", "source_node", "target_node", "priority", "compression")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SOURCE_NODE_FIELD_NUMBER: _ClassVar[int]
    TARGET_NODE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    message_type: MessageType
    payload: bytes
    headers: _containers.ScalarMap[str, str]
    timestamp: int
    source_node: str
    target_node: str
    priority: int
    compression: CompressionType
    def __init__(self, id: _Optional[str] = ..., message_type: _Optional[_Union[MessageType, str]] = ..., payload: _Optional[bytes] = ..., headers: _Optional[_Mapping[str, str]] = ..., timestamp: _Optional[int] = ..., source_node: _Optional[str] = ..., target_node: _Optional[str] = ..., priority: _Optional[int] = ..., compression: _Optional[_Union[CompressionType, str]] = ...) -> None: ...

class EventRequest(_message.Message):
    __slots__ = ("node_id", "filter", "batch_size")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    filter: EventFilter
    batch_size: int
    def __init__(self, node_id: _Optional[str] = ..., filter: _Optional[_Union[EventFilter, _Mapping]] = ..., batch_size: _Optional[int] = ...) -> None: ...

class EventFilter(_message.Message):
    __slots__ = ("stream_names", "message_types", "start_timestamp", "end_timestamp")
    STREAM_NAMES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPES_FIELD_NUMBER: _ClassVar[int]
    START_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    END_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    stream_names: _containers.RepeatedScalarFieldContainer[str]
    message_types: _containers.RepeatedScalarFieldContainer[MessageType]
    start_timestamp: int
    end_timestamp: int
    def __init__(self, stream_names: _Optional[_Iterable[str]] = ..., message_types: _Optional[_Iterable[_Union[MessageType, str]]] = ..., start_timestamp: _Optional[int] = ..., end_timestamp: _Optional[int] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("node_id", "timestamp", "status")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    timestamp: int
    status: NodeStatus
    def __init__(self, node_id: _Optional[str] = ..., timestamp: _Optional[int] = ..., status: _Optional[_Union[NodeStatus, _Mapping]] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("server_timestamp", "server_node_id", "server_status", "cluster_info")
    SERVER_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SERVER_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    SERVER_STATUS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_INFO_FIELD_NUMBER: _ClassVar[int]
    server_timestamp: int
    server_node_id: str
    server_status: NodeStatus
    cluster_info: ClusterInfo
    def __init__(self, server_timestamp: _Optional[int] = ..., server_node_id: _Optional[str] = ..., server_status: _Optional[_Union[NodeStatus, _Mapping]] = ..., cluster_info: _Optional[_Union[ClusterInfo, _Mapping]] = ...) -> None: ...

class NodeStatus(_message.Message):
    __slots__ = ("health", "cpu_usage", "memory_usage", "active_connections", "events_per_second", "version", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    CPU_USAGE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USAGE_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    health: NodeHealth
    cpu_usage: float
    memory_usage: float
    active_connections: int
    events_per_second: int
    version: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, health: _Optional[_Union[NodeHealth, str]] = ..., cpu_usage: _Optional[float] = ..., memory_usage: _Optional[float] = ..., active_connections: _Optional[int] = ..., events_per_second: _Optional[int] = ..., version: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ClusterInfo(_message.Message):
    __slots__ = ("cluster_id", "total_nodes", "healthy_nodes", "leader_node", "cluster_version")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    TOTAL_NODES_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_NODES_FIELD_NUMBER: _ClassVar[int]
    LEADER_NODE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_VERSION_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    total_nodes: int
    healthy_nodes: int
    leader_node: str
    cluster_version: str
    def __init__(self, cluster_id: _Optional[str] = ..., total_nodes: _Optional[int] = ..., healthy_nodes: _Optional[int] = ..., leader_node: _Optional[str] = ..., cluster_version: _Optional[str] = ...) -> None: ...
