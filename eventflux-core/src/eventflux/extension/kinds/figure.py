"""Figures that a connector adds to the metrics of its app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number.

    Attributes:
        name: As in ``kafka_lag``.
        value: Now.
        labels: What it is of, as in ``{"topic": "orders", "partition": "0"}``.
    """

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
