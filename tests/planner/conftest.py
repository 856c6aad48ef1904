"""Planning texts against the built-ins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.builtin import plugin
from eventflux.extension import ExtensionRegistry, PluginManager
from eventflux.language import parse
from eventflux.planner import Plan, PlannerOptions, plan
from eventflux.state.tables import plugin as tables_plugin
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.errors import AppTextError


@pytest.fixture(scope="session")
def registry() -> ExtensionRegistry:
    """The built-ins."""
    return PluginManager([plugin, tables_plugin], plugins=False).registry


@pytest.fixture
def planned(registry: ExtensionRegistry) -> Callable[..., Plan]:
    """The plan of a text."""

    def make(text: str, *, playback: bool | None = None, switched_off: tuple[str, ...] = ()) -> Plan:
        options = PlannerOptions(switched_off=frozenset(switched_off))
        return plan(parse(text), registry, playback=playback, options=options)

    return make


@pytest.fixture
def refused(registry: ExtensionRegistry) -> Callable[[str], tuple[Diagnostic, ...]]:
    """The diagnostics of a text that must not be planned."""

    def make(text: str) -> tuple[Diagnostic, ...]:
        with pytest.raises(AppTextError) as caught:
            plan(parse(text), registry)
        return caught.value.diagnostics

    return make
