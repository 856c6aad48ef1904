"""Queries that tell which events made each row of a query over a pattern: copies of it with one more attribute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eventflux.planner.logical.nodes import Match, Pattern, QueryPlan
from eventflux.planner.logical.reading import parts, scans
from eventflux.planner.logical.row_patterns import COMPUTED
from eventflux.types.record import record
from eventflux.types.schema import Schema

MATCHED_EVENTS: Final = "matched events~"
"""The attribute: a list of [number of the element, timestamp, values...]."""


@record(frozen=True, slots=True, kw_only=True)
class ExplainedElement:
    """An element of a pattern, or a variable of a row pattern: its name, what it reads, and the attributes."""

    name: str
    stream: str
    attributes: tuple[str, ...]


@record(frozen=True, slots=True, kw_only=True)
class ExplainedQuery:
    """A query whose rows are explained.

    Attributes:
        name: Of the query.
        stream: The hidden stream with its rows and MATCHED_EVENTS.
        schema: Of that stream.
        elements: By the number that events have.
    """

    name: str
    stream: str
    schema: Schema
    elements: tuple[ExplainedElement, ...]


def elements_of(plans: Iterable[QueryPlan]) -> tuple[ExplainedElement, ...]:
    """The elements of the one pattern that the plans of a query read."""
    for plan in plans:
        for node in parts(plan.root):
            match node:
                case Pattern():
                    return tuple(
                        ExplainedElement(
                            name=state.reference,
                            stream=state.relation,
                            attributes=node.inputs[state.port].schema.names,
                        )
                        for state in node.states
                    )
                case Match():
                    source = scans(node.input)[0].stream
                    names = tuple(name for name in node.input.schema.names if not name.startswith(COMPUTED))
                    return tuple(
                        ExplainedElement(name=variable.name, stream=source, attributes=names)
                        for variable in node.variables
                    )
                case _:
                    pass
    return ()
