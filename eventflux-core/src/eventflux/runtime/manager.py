"""EventFluxManager: makes apps, and holds what they share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType, TracebackType
from zoneinfo import ZoneInfoNotFoundError

from typing_extensions import Self

from eventflux.builtin import plugin as builtin_plugin
from eventflux.configuration.check import flag, raise_problems, text, texts
from eventflux.configuration.layers import layered
from eventflux.configuration.load import config_of
from eventflux.configuration.tree import Config
from eventflux.environment.real import real_environment
from eventflux.extension.declaration import ReturnsLike
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.error_store import ErrorStore
from eventflux.extension.kinds.handlers import SinkHandlerFactory, SourceHandlerFactory, TableHandlerFactory
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.extension.kinds.table_store import TableDefinition, TableStore
from eventflux.extension.plugin_manager import PluginManager
from eventflux.extension.registry import ExtensionInfo
from eventflux.io import plugin as io_plugin
from eventflux.language import parse
from eventflux.language.ast import EventFluxApp
from eventflux.planner.emit.zones import zone_changes
from eventflux.planner.logical.aggregations import UTC
from eventflux.planner.plan import PlannerOptions, check, plan
from eventflux.planner.rewrite.rules import RULE_NAMES
from eventflux.runtime.app_runtime import EventFluxAppRuntime
from eventflux.runtime.context import EventFluxContext
from eventflux.runtime.engine_settings import read_engine_settings
from eventflux.runtime.error_store_settings import configured_error_store
from eventflux.runtime.metrics import LEVELS, StatisticsLevel
from eventflux.runtime.native_extensions import native_extensions
from eventflux.runtime.persistence_settings import configured_store, persistence_settings
from eventflux.runtime.registration import ParameterLike, programmatic_declaration, scalar_function_declaration
from eventflux.runtime.sandbox import sandboxed
from eventflux.runtime.stream_connectors import read_connectors
from eventflux.state import plugin as state_plugin
from eventflux.state.tables import plugin as tables_plugin
from eventflux.state.tables.data_source import DataSource
from eventflux.state.tables.memory import InMemoryTable
from eventflux.types.diagnostic import Diagnostic, Severity
from eventflux.types.errors import AppTextError, ConfigError, EventFluxError, RuntimeStateError
from eventflux.types.source_text import SourceText

_BUILT_IN: tuple[ModuleType, ...] = (builtin_plugin, io_plugin, state_plugin, tables_plugin)
ConfigLike = Config | Mapping[str, object] | str | os.PathLike[str] | None


class EventFluxManager:
    """Creates app runtimes from texts. One a process is enough; `with` closes it.

    Args:
        config: A `Config`, a tree of keys, a file, or None.
        plugins: False: built-ins only, no discovery of installed plug-ins.

    Raises:
        ConfigError: Something in the configuration is wrong.
        ExtensionError: A plug-in that the configuration names can't be loaded.
    """

    def __init__(self, config: ConfigLike = None, *, plugins: bool = True) -> None:
        self._lock = threading.RLock()  # guards _runtimes
        self._runtimes: dict[str, EventFluxAppRuntime] = {}
        self._configured_store: PersistenceStore | None = None
        self._configured_errors: ErrorStore | None = None
        chosen = config_of(config)
        self._context = EventFluxContext(
            plugins=_plugins(chosen, plugins=plugins), environment=real_environment(), config=chosen
        )

    @property
    def context(self) -> EventFluxContext:
        """Extensions, stores and settings."""
        return self._context

    @property
    def runtimes(self) -> Mapping[str, EventFluxAppRuntime]:
        """The apps by name, a live view."""
        return MappingProxyType(self._runtimes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(drain=error is None)

    # ---- apps

    def create_eventflux_app_runtime(
        self,
        app: str | os.PathLike[str] | EventFluxApp,
        *,
        name: str | None = None,
        playback: bool | None = None,
        config: ConfigLike = None,
        variables: Mapping[str, str] | None = None,
        explain_matches: bool = False,
    ) -> EventFluxAppRuntime:
        """Make an app; it takes no input before `start()`.

        Args:
            app: Text in either language, a path, or a parsed app.
            name: Instead of the name in the text.
            playback: Whether the clock follows the timestamps of events; None: as the text says.
            config: Above the manager's configuration, key by key.
            variables: Values for `${NAME}`, before the environment's.
            explain_matches: Keep the events behind the latest matches, for `explain_match`. Queries over patterns then
                run twice; state saved without it cannot be restored, and the other way round.

        Raises:
            ParseError: The text is not in the language.
            ValidationError: It makes no sense; all errors found, each with its place.
            ExtensionNotFoundError: It names an extension that is not there.
            ConfigError: The configuration does not fit the app.
        """
        return self._create(app, name, playback, config, variables, explain_matches, is_sandbox=False)

    create_eventflux_app_runtime_from_string = create_eventflux_app_runtime

    def create_sandbox_eventflux_app_runtime(
        self,
        app: str | os.PathLike[str] | EventFluxApp,
        *,
        name: str | None = None,
        playback: bool | None = None,
        config: ConfigLike = None,
        variables: Mapping[str, str] | None = None,
        explain_matches: bool = False,
    ) -> EventFluxAppRuntime:
        """As `create_eventflux_app_runtime`, without sources, sinks and stores: for tests.

        Streams keep their attributes, tables are held in memory; nothing outside is read or written.
        """
        return self._create(app, name, playback, config, variables, explain_matches, is_sandbox=True)

    def _create(
        self,
        app: str | os.PathLike[str] | EventFluxApp,
        name: str | None,
        playback: bool | None,  # noqa: FBT001 - None is a value
        config: ConfigLike,
        variables: Mapping[str, str] | None,
        explain_matches: bool,  # noqa: FBT001 - as its callers were called
        *,
        is_sandbox: bool,
    ) -> EventFluxAppRuntime:
        chosen = config_of(config, self._context.registry).over(self._context.config)
        parsed, file = self._parsed(app, _variables(chosen, variables))
        completed = layered(parsed, chosen, self._context.registry)
        raise_problems(completed.problems)
        if playback is None and flag(chosen, "application.playback"):
            playback = True
        wanted_app = sandboxed(completed.app) if is_sandbox else completed.app
        options = replace(self._planner_options(chosen), tells_events=explain_matches)
        made = plan(wanted_app, self._context.registry, playback=playback, options=options)
        settings = read_engine_settings(chosen, playback=made.settings.playback is not None)
        self._use_configured_store(chosen)
        said = name or text(chosen, "application.name") or made.settings.name
        wanted = said or (file.stem if file is not None else "EventFluxApp")
        with self._lock:
            unique = wanted
            if unique in self._runtimes:
                if said is not None:
                    raise RuntimeStateError(
                        f"an app named {wanted!r} exists already", hint="shut it down first, or give another name"
                    )
                unique = next(
                    candidate
                    for number in range(2, len(self._runtimes) + 3)
                    if (candidate := f"{wanted}_{number}") not in self._runtimes
                )
            runtime = EventFluxAppRuntime(
                unique,
                made,
                self._context,
                settings,
                self._forget,
                persistence_settings(chosen),
                explains_matches=explain_matches,
            )
            self._runtimes[unique] = runtime
        runtime.set_statistics_level(self._context.statistics or _statistics(chosen))
        return runtime

    def validate(
        self,
        app: str | os.PathLike[str] | EventFluxApp,
        *,
        config: ConfigLike = None,
        variables: Mapping[str, str] | None = None,
    ) -> list[Diagnostic]:
        """The checks of creation, errors and warnings; nothing is created, and a bad app doesn't raise.

        Raises:
            ConfigError: The configuration does not fit the app.
        """
        chosen = config_of(config, self._context.registry).over(self._context.config)
        try:
            parsed, _ = self._parsed(app, _variables(chosen, variables))
            completed = layered(parsed, chosen, self._context.registry)
            raise_problems(completed.problems)
            options = self._planner_options(chosen)
            found = list(check(completed.app, self._context.registry, options))
            if not any(each.severity is Severity.ERROR for each in found):
                read_connectors(plan(completed.app, self._context.registry, options=options), self._context.registry)
            return found
        except AppTextError as error:
            return list(error.diagnostics)

    def get_eventflux_app_runtime(self, name: str) -> EventFluxAppRuntime | None:
        """The app of that name, or None."""
        return self._runtimes.get(name)

    def shutdown_app_runtime(self, name: str) -> bool:
        """Stop and forget an app; False: there is none of that name."""
        runtime = self._runtimes.get(name)
        if runtime is None:
            return False
        runtime.close()
        return True

    def persist_all(self) -> dict[str, str]:
        """Save every app; revision by app name."""
        return {name: runtime.persist() for name, runtime in tuple(self._runtimes.items())}

    def restore_all_last_state(self) -> dict[str, str | None]:
        """Restore every app's newest revision; revision (or None) by app name."""
        return {name: runtime.restore_last_revision() for name, runtime in tuple(self._runtimes.items())}

    def shutdown(self, *, drain: bool = True, timeout: float | None = 30.0) -> None:
        """Stop and forget all apps; idempotent."""
        for runtime in tuple(self._runtimes.values()):
            runtime.shutdown(drain=drain, timeout=timeout)
            runtime.close()
        errors, self._configured_errors = self._configured_errors, None
        if errors is not None:
            if self._context.error_store is errors:
                self._context.error_store = None
            close_errors = getattr(errors, "close", None)
            if close_errors is not None:
                close_errors()
        store, self._configured_store = self._configured_store, None
        if store is not None:
            if self._context.persistence_store is store:
                self._context.persistence_store = None
            close = getattr(store, "close", None)
            if close is not None:
                close()
        for source in self._context.data_sources.values():
            source.shutdown()

    close = shutdown

    def _planner_options(self, config: Config) -> PlannerOptions:
        definitions = {name: _definition(table) for name, table in self._context.tables.items()}
        return PlannerOptions(
            switched_off=frozenset(RULE_NAMES) if text(config, "runtime.optimizer") == "off" else frozenset(),
            tables={name: each for name, each in definitions.items() if each is not None},
            zone=_zone(config),
        )

    def _forget(self, runtime: EventFluxAppRuntime) -> None:
        with self._lock:
            if self._runtimes.get(runtime.name) is runtime:
                del self._runtimes[runtime.name]

    def _parsed(
        self, app: str | os.PathLike[str] | EventFluxApp, variables: Mapping[str, str] | None
    ) -> tuple[EventFluxApp, Path | None]:
        if isinstance(app, EventFluxApp):
            return app, None
        if isinstance(app, str):
            return parse(app, variables=variables), None
        path = Path(app)
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise EventFluxError(f"the app {str(path)!r} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise EventFluxError(f"the app {str(path)!r} is not UTF-8: {error.reason} at byte {error.start}") from error
        return parse(SourceText(text, str(path)), variables=variables), path

    # ---- wiring

    def set_config(self, config: Config | Mapping[str, object] | str | os.PathLike[str]) -> None:
        """Take a configuration for apps created from now on: a `Config`, a tree of keys, or a file.

        Raises:
            ConfigError: Something in it is wrong.
        """
        self._context.config = config_of(config, self._context.registry)

    def _use_configured_store(self, config: Config) -> None:
        """Open the store that the configuration names, where none was set by hand."""
        if self._context.persistence_store is None and self._context.fallback_store is not None:
            self._configured_store = configured_store(config, self._context.registry)
            self._context.persistence_store = self._configured_store
        if self._context.error_store is None and self._configured_errors is None:
            self._configured_errors = configured_error_store(config, self._context.registry)
            self._context.error_store = self._configured_errors

    def set_persistence_store(self, store: PersistenceStore | None) -> None:
        """Keep revisions there: restored from at start, saved to at shutdown. None: `persist()` is refused.

        As long as this was never called, `persist()` keeps revisions in memory.
        """
        self._context.persistence_store = store
        self._context.fallback_store = None

    def set_error_store(self, store: ErrorStore | None) -> None:
        """Keep failed events there, of streams and sinks whose action is `STORE`; for apps created from now on."""
        self._context.error_store = store

    @property
    def error_store(self) -> ErrorStore | None:
        """Where failed events are kept."""
        return self._context.error_store

    def set_source_handler_factory(self, factory: SourceHandlerFactory | None) -> None:
        """Have a handler made for each source, or none where the factory gives None; for apps created from now on."""
        self._context.source_handlers = factory

    def set_sink_handler_factory(self, factory: SinkHandlerFactory | None) -> None:
        """Have a handler made for each sink, or none where the factory gives None; for apps created from now on."""
        self._context.sink_handlers = factory

    def set_statistics(self, level: StatisticsLevel = "basic") -> None:
        """How much apps count, those that are there and those to come; as `runtime.set_statistics_level`.

        Raises:
            ValueError: There is no such level.
        """
        if level not in LEVELS:
            raise ValueError(f"{level!r} is no level of statistics; there are: {', '.join(LEVELS)}")
        self._context.statistics = level
        for runtime in tuple(self._runtimes.values()):
            runtime.set_statistics_level(level)

    def set_table_handler_factory(self, factory: TableHandlerFactory | None) -> None:
        """The same for tables outside the engine: those of a store, and those that the manager has."""
        self._context.table_handlers = factory

    def add_table(self, name: str, table: InMemoryTable) -> None:
        """Let apps that are created from now on name a table without defining it: all of them have these rows.

        An app that defines a table of that name has its own.

        Args:
            name: For apps.
            table: With its `definition`; an `InMemoryTable`, or any `TableStore` that has one.
        """
        if _definition(table) is None:
            raise ConfigError(f"a table of a manager is a TableStore with a definition, not {type(table).__name__}")
        self._context.tables[name] = table

    def add_data_source(self, name: str, data_source: DataSource, config: Mapping[str, str] | None = None) -> None:
        """Let tables name a database: `@store(type='jdbc', data_source='...')`.

        Args:
            name: For tables.
            data_source: Its `init` is called once.
            config: Its settings; None: the section `data_sources.<name>` of the configuration.

        Raises:
            ConfigError: `init` failed; the data source isn't known.
        """
        sections = self._context.config.get("data_sources")
        section = sections.get(name) if isinstance(sections, Mapping) else None
        found = config if config is not None else section
        settings = {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
        try:
            data_source.init(self._context, name, settings)
        except Exception as error:  # foreign code
            raise ConfigError(f"data source {name!r} failed to start: {type(error).__name__}: {error}") from error
        self._context.data_sources[name] = data_source

    def set_attribute(self, key: str, value: object) -> None:
        """Give extensions a value: `context.attributes[key]`."""
        self._context.attributes[key] = value

    # ---- extensions

    def set_extension(self, name: str, extension: os.PathLike[str] | ModuleType | str) -> list[ExtensionInfo]:
        """Load an extension: a module, a dotted name, a .py file, a package folder, a wheel, or a shared library.

        Raises:
            ExtensionError: It is not there, fails, or registers nothing.
        """
        return self._context.plugins.set_extension(name, extension)

    def remove_extension(self, name: str) -> None:
        """Take away what `set_extension` of that name registered."""
        self._context.plugins.remove_extension(name)

    def extensions(self, kind: str | None = None) -> list[ExtensionInfo]:
        """All extensions, or those of a kind."""
        return self._context.registry.infos(kind)

    def add_scalar_function(
        self,
        name: str,
        fn: Callable[..., object],
        *,
        returns: ReturnsLike,
        params: Sequence[ParameterLike] | None = None,
        namespace: str = "",
        vectorized: bool = False,
        replace: bool = False,
    ) -> None:
        """Register a Python function for queries.

        Args:
            name: As queries call it.
            fn: One value an argument a row, or with `vectorized` a list of columns a batch; or a function class.
            returns: Type of its result by name, or a function of the argument types.
            params: Types of its arguments; None: as many as the callable has, of any type.
            namespace: Before the name: `namespace:name(...)`.
            vectorized: Whether it takes columns.
            replace: Put it in place of one of that name.
        """
        declaration = scalar_function_declaration(
            name, fn, returns=returns, params=params, namespace=namespace, vectorized=vectorized
        )
        self._context.registry.register(declaration, replace=replace)

    def _add(
        self, kind: ExtensionKind, name: str, factory: Callable[..., object], namespace: str, *, replace: bool
    ) -> None:
        declaration = programmatic_declaration(kind, name, factory, namespace)
        self._context.registry.register(declaration, replace=replace)

    def add_window(
        self, name: str, factory: Callable[..., object], *, namespace: str = "", replace: bool = False
    ) -> None:
        """Register a window class."""
        self._add(ExtensionKind.WINDOW, name, factory, namespace, replace=replace)

    def add_attribute_aggregator(
        self, name: str, factory: Callable[..., object], *, namespace: str = "", replace: bool = False
    ) -> None:
        """Register an aggregator class."""
        self._add(ExtensionKind.AGGREGATOR, name, factory, namespace, replace=replace)

    def add_stream_function(
        self, name: str, factory: Callable[..., object], *, namespace: str = "", replace: bool = False
    ) -> None:
        """Register a class whose instances append attributes to each row."""
        self._add(ExtensionKind.STREAM_PROCESSOR, name, factory, namespace, replace=replace)

    def add_stream_processor(
        self, name: str, factory: Callable[..., object], *, namespace: str = "", replace: bool = False
    ) -> None:
        """Register a class whose instances let rows go on, in any number, with more attributes."""
        self._add(ExtensionKind.STREAM_PROCESSOR, name, factory, namespace, replace=replace)

    def add_table_factory(self, name: str, factory: Callable[..., object], *, replace: bool = False) -> None:
        """Register a store class: `@store(type='name')`."""
        self._add(ExtensionKind.STORE, name, factory, "", replace=replace)

    def add_source(self, name: str, factory: Callable[..., object], *, replace: bool = False) -> None:
        """Register a source class."""
        self._add(ExtensionKind.SOURCE, name, factory, "", replace=replace)

    def add_sink(self, name: str, factory: Callable[..., object], *, replace: bool = False) -> None:
        """Register a sink class."""
        self._add(ExtensionKind.SINK, name, factory, "", replace=replace)

    def add_source_mapper(self, name: str, factory: Callable[..., object], *, replace: bool = False) -> None:
        """Register a source mapper class."""
        self._add(ExtensionKind.SOURCE_MAPPER, name, factory, "", replace=replace)

    def add_sink_mapper(self, name: str, factory: Callable[..., object], *, replace: bool = False) -> None:
        """Register a sink mapper class."""
        self._add(ExtensionKind.SINK_MAPPER, name, factory, "", replace=replace)


def _variables(config: Config, variables: Mapping[str, str] | None) -> dict[str, str]:
    """Values of `${NAME}`: those of the call above those of the configuration."""
    configured = {path[0]: str(leaf.value) for path, leaf in config.below("variables").items()}
    return {**configured, **(variables or {})}


def _plugins(config: Config, *, plugins: bool) -> PluginManager:
    """The plug-ins that are installed and those that the configuration names."""
    named = {path[0]: leaf for path, leaf in config.below("extensions").items() if path[1:] == ("path",)}
    replacing = [name for name in config.names("extensions") if flag(config, f"extensions.{name}.replace")]
    allowed = texts(config, "extensions.allow")
    manager = PluginManager(
        _BUILT_IN,
        plugins=plugins,
        allowed=allowed or None,
        denied=texts(config, "extensions.deny"),
        replaceable=replacing,
        native_loader=native_extensions,
    )
    for directory in texts(config, "extensions.directories"):
        manager.load_directory(directory)
    for name, leaf in named.items():
        manager.set_extension(name, str(leaf.value))
    return manager


def _definition(table: object) -> TableDefinition | None:
    found = getattr(table, "definition", None) if isinstance(table, TableStore) else None
    return found if isinstance(found, TableDefinition) else None


def _zone(config: Config) -> str:
    """The zone of the configuration.

    Raises:
        ConfigError: There is no zone of that name.
    """
    name = text(config, "application.timezone") or UTC
    try:
        zone_changes(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"no time zone {name!r} is known", key="application.timezone") from error
    return name


def _statistics(config: Config) -> StatisticsLevel:
    said = text(config, "observability.metrics.level")
    return next((level for level in LEVELS if level == said), "basic")
