"""What the entry point names: the hooks that this package answers."""

from eventflux.extension import ExtensionRegistry, hookimpl
from eventflux_example.distance import Distance
from eventflux_example.latest import Latest
from eventflux_example.shelf import Shelf

EVENTFLUX_API = (1, 0)


@hookimpl
def eventflux_register_functions(registry: ExtensionRegistry) -> None:
    """`example:distance`."""
    registry.register(Distance)


@hookimpl
def eventflux_register_windows(registry: ExtensionRegistry) -> None:
    """`example:latest`."""
    registry.register(Latest)


@hookimpl
def eventflux_register_stores(registry: ExtensionRegistry) -> None:
    """`@store(type='shelf')`."""
    registry.register(Shelf)
