"""What is to be built at a stream: the outcome of reading its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum, unique

from eventflux.extension.declaration import Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.options import Options
from eventflux.extension.stream_options import ErrorPolicy
from eventflux.types.record import record


@unique
class ConnectorRole(str, Enum):
    """Which way a connector goes."""

    SOURCE = "source"
    SINK = "sink"

    def __str__(self) -> str:
        return self.value

    @property
    def kind(self) -> ExtensionKind:
        """The kind of the connector."""
        return ExtensionKind.SOURCE if self is ConnectorRole.SOURCE else ExtensionKind.SINK

    @property
    def mapper_kind(self) -> ExtensionKind:
        """The kind of its mapper."""
        return ExtensionKind.SOURCE_MAPPER if self is ConnectorRole.SOURCE else ExtensionKind.SINK_MAPPER


@record(frozen=True, slots=True, kw_only=True)
class MapperSpec:
    """A mapper to build.

    Attributes:
        mapping: Attribute name -> where its value stands in the payload, or ``trp:<name>``. Sources.
        template: One text with placeholders. Sinks.
        named_templates: Key -> template. Sinks.
    """

    declaration: Extension
    options: Options
    mapping: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None
    named_templates: Mapping[str, str] = field(default_factory=dict)


@record(frozen=True, slots=True, kw_only=True)
class DistributionSpec:
    """How a sink's events are spread: one set of options a destination."""

    strategy: Extension
    settings: Mapping[str, str]
    destinations: tuple[Options, ...]


@record(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """A source or sink to build.

    Attributes:
        validates: Whether the app starts only if it can connect.
    """

    role: ConnectorRole
    declaration: Extension
    options: Options
    mapper: MapperSpec
    errors: ErrorPolicy = field(default_factory=ErrorPolicy)
    retries_connecting: bool = True
    validates: bool = True
    distribution: DistributionSpec | None = None
    origin: object = None


@record(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Everything that stands at a stream beside its columns.

    Attributes:
        asynchronous: Its queue, or None: senders run the queries themselves.
        errors: What happens to a row on which a query of the stream fails.
        has_fault_stream: ``!S`` exists.
        other: The options of `STREAM_OPTIONS`.
    """

    connectors: tuple[ConnectorSpec, ...] = ()
    asynchronous: Options | None = None
    errors: ErrorPolicy = field(default_factory=ErrorPolicy)
    has_fault_stream: bool = False
    other: Options = field(default_factory=Options)
