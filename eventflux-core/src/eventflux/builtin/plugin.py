"""The built-ins, through the same hooks as everybody."""

from __future__ import annotations

from eventflux.builtin.aggregators import arithmetic, collecting, counting, extremes, logical
from eventflux.builtin.functions import conditional, conversion, events, mathematics, objects, strings, time
from eventflux.builtin.stream_processors import log, pol2cart
from eventflux.builtin.windows import bounded, count_based, delayed, external_time, keyed, time_based
from eventflux.extension.hookspecs import hookimpl
from eventflux.extension.registry import ExtensionRegistry


@hookimpl
def eventflux_register_functions(registry: ExtensionRegistry) -> None:
    for module in (conversion, conditional, mathematics, strings, time, objects, events):
        registry.register(*module.FUNCTIONS)


@hookimpl
def eventflux_register_windows(registry: ExtensionRegistry) -> None:
    for module in (count_based, time_based, external_time, delayed, keyed, bounded):
        registry.register(*module.WINDOWS)


@hookimpl
def eventflux_register_aggregators(registry: ExtensionRegistry) -> None:
    for module in (arithmetic, counting, extremes, logical, collecting):
        registry.register(*module.AGGREGATORS)


@hookimpl
def eventflux_register_stream_processors(registry: ExtensionRegistry) -> None:
    for module in (log, pol2cart):
        registry.register(*module.STREAM_PROCESSORS)
