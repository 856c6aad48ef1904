"""What all apps of one manager share."""

from __future__ import annotations

from dataclasses import dataclass, field

from eventflux.configuration.tree import Config
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.error_store import ErrorStore
from eventflux.extension.kinds.handlers import SinkHandlerFactory, SourceHandlerFactory, TableHandlerFactory
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.extension.kinds.table_store import TableStore
from eventflux.extension.plugin_manager import PluginManager
from eventflux.extension.registry import ExtensionRegistry
from eventflux.runtime.metrics import StatisticsLevel
from eventflux.state.stores.memory import InMemoryPersistenceStore
from eventflux.state.tables.data_source import DataSource


@dataclass(slots=True)
class EventFluxContext:
    """Extensions, stores and settings of a manager. Read mostly: change it through the manager.

    Attributes:
        plugins: The plug-ins that were found, and those that failed.
        environment: The outside world: clock, files, threads.
        config: The configuration; a mapping of sections.
        persistence_store: Where revisions are kept, or None. A store that was set is restored from at start and saved
            to at shutdown.
        fallback_store: Where `persist()` keeps revisions while no store was set: in memory. None once one was set.
        error_store: Where failed events of streams and sinks with the action STORE are kept, or None.
        source_handlers: Makes what sees the rows of sources, or None.
        sink_handlers: Makes what sees the events of sinks, or None.
        table_handlers: Makes what sees the operations of tables outside the engine, or None.
        statistics: How much apps count, whatever the configuration says; None: as that says.
        tables: Tables that any app can name, by name.
        data_sources: Connections to databases that tables can name, by name.
        attributes: Free-form values for extensions.
    """

    plugins: PluginManager
    environment: Environment
    config: Config = field(default_factory=Config)
    persistence_store: PersistenceStore | None = None
    fallback_store: PersistenceStore | None = field(default_factory=InMemoryPersistenceStore)
    error_store: ErrorStore | None = None
    source_handlers: SourceHandlerFactory | None = None
    sink_handlers: SinkHandlerFactory | None = None
    table_handlers: TableHandlerFactory | None = None
    statistics: StatisticsLevel | None = None
    tables: dict[str, TableStore] = field(default_factory=dict)
    data_sources: dict[str, DataSource] = field(default_factory=dict)
    attributes: dict[str, object] = field(default_factory=dict)

    @property
    def registry(self) -> ExtensionRegistry:
        """All that an app can name."""
        return self.plugins.registry
