"""The doors of the engine: one hook a kind of extension.

A plug-in is a module named by an entry point of the group ``eventflux``. It defines those of these functions that it
needs; each gets the registry and registers declarations, or classes and functions that carry one.
"""

from __future__ import annotations

import pluggy

from eventflux.extension.registry import ExtensionRegistry

GROUP = "eventflux"
API_VERSION = (1, 0)

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def eventflux_register_functions(registry: ExtensionRegistry) -> None:
    """Register scalar functions: ``f(x)``, ``ns:f(x)``."""


@hookspec
def eventflux_register_aggregators(registry: ExtensionRegistry) -> None:
    """Register attribute aggregators: ``sum(x)`` in a selection."""


@hookspec
def eventflux_register_incremental_aggregators(registry: ExtensionRegistry) -> None:
    """Register aggregators of ``define aggregation``."""


@hookspec
def eventflux_register_collection_aggregations(registry: ExtensionRegistry) -> None:
    """Register aggregations over the list of events of a pattern's state."""


@hookspec
def eventflux_register_windows(registry: ExtensionRegistry) -> None:
    """Register windows: ``#window.name(…)``, ``WINDOW name(…)``."""


@hookspec
def eventflux_register_stream_processors(registry: ExtensionRegistry) -> None:
    """Register stream functions and stream processors: ``#ns:name(…)``."""


@hookspec
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    """Register sources: ``@source(type='…')``, ``'extension'='…'``."""


@hookspec
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    """Register sinks: ``@sink(type='…')``, ``'extension'='…'``."""


@hookspec
def eventflux_register_source_mappers(registry: ExtensionRegistry) -> None:
    """Register source mappers: ``@map(type='…')``, ``'format'='…'``."""


@hookspec
def eventflux_register_sink_mappers(registry: ExtensionRegistry) -> None:
    """Register sink mappers: ``@map(type='…')``, ``'format'='…'``."""


@hookspec
def eventflux_register_stores(registry: ExtensionRegistry) -> None:
    """Register table stores: ``@store(type='…')``, ``'extension'='…'`` on a table."""


@hookspec
def eventflux_register_scripts(registry: ExtensionRegistry) -> None:
    """Register script languages: ``define function f[python] …``."""


@hookspec
def eventflux_register_distribution_strategies(registry: ExtensionRegistry) -> None:
    """Register distribution strategies: ``@distribution(strategy='…')``."""


@hookspec
def eventflux_register_persistence_stores(registry: ExtensionRegistry) -> None:
    """Register persistence stores: ``persistence.type``."""


@hookspec
def eventflux_register_error_stores(registry: ExtensionRegistry) -> None:
    """Register error stores: ``error_store.type``."""


@hookspec
def eventflux_register_state_backends(registry: ExtensionRegistry) -> None:
    """Register state backends: ``state_backend.implementation``."""


@hookspec
def eventflux_register_transports(registry: ExtensionRegistry) -> None:
    """Register transports: ``transport.implementation``."""


@hookspec
def eventflux_register_config_readers(registry: ExtensionRegistry) -> None:
    """Register configuration readers: a file suffix, or ``${scheme:…}``."""
