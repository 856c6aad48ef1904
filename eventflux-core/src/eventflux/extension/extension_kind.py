"""The kinds of things that a query, a definition or a configuration can name."""

from __future__ import annotations

from enum import Enum, unique


@unique
class ExtensionKind(str, Enum):
    """What an extension is; the value is its spelling in declarations, messages and configuration files."""

    FUNCTION = "function"
    AGGREGATOR = "aggregator"
    INCREMENTAL_AGGREGATOR = "incremental_aggregator"
    COLLECTION_AGGREGATION = "collection_aggregation"
    WINDOW = "window"
    STREAM_PROCESSOR = "stream_processor"
    SOURCE = "source"
    SINK = "sink"
    SOURCE_MAPPER = "source_mapper"
    SINK_MAPPER = "sink_mapper"
    STORE = "store"
    SCRIPT = "script"
    DISTRIBUTION_STRATEGY = "distribution_strategy"
    PERSISTENCE_STORE = "persistence_store"
    ERROR_STORE = "error_store"
    STATE_BACKEND = "state_backend"
    TRANSPORT = "transport"
    CONFIG_READER = "config_reader"

    def __str__(self) -> str:
        return self.value

    @property
    def words(self) -> str:
        """The kind as messages spell it: ``source mapper``, not ``source_mapper``."""
        return self.value.replace("_", " ")

    @property
    def is_case_sensitive(self) -> bool:
        """Functions, windows, aggregators and what else stands in expressions are found in any case."""
        return self not in _ANY_CASE


_ANY_CASE = frozenset(
    {
        ExtensionKind.FUNCTION,
        ExtensionKind.AGGREGATOR,
        ExtensionKind.INCREMENTAL_AGGREGATOR,
        ExtensionKind.COLLECTION_AGGREGATION,
        ExtensionKind.WINDOW,
        ExtensionKind.STREAM_PROCESSOR,
    }
)
