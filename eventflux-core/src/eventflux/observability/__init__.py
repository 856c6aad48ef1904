"""Figures and health of running apps, for those who watch them: Prometheus, probes, a control endpoint."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventflux.observability.prometheus import exposition, prometheus_collector

__all__ = ["exposition", "prometheus_collector"]


def __getattr__(name: str) -> Any:
    # An app that nobody scrapes starts without what writes figures.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("eventflux.observability.prometheus"), name)
