"""Aggregates of a selection."""

from __future__ import annotations

from dataclasses import dataclass, field

from eventflux.extension import Argument, Extension
from eventflux.planner.typed.nodes import AggregateValue, TypedExpression
from eventflux.planner.typed.walk import is_pure
from eventflux.types.attribute_type import AttributeType
from eventflux.types.source_text import NO_SPAN, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAggregator:
    """An aggregator written in Python: its declaration, and what is known of the arguments of the call."""

    declaration: Extension
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateCall:
    """One aggregate: the engine's aggregator and its argument over the input of the selection.

    Of an aggregator written in Python, `host` says what makes it; where it takes more arguments than one, `argument` is
    the list of them.
    """

    name: str
    argument: TypedExpression | None
    type: AttributeType
    host: HostAggregator | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@dataclass(slots=True)
class AggregateCollector:
    """The aggregates of one selection; equal ones are computed once."""

    calls: list[AggregateCall] = field(default_factory=list)

    def add(self, call: AggregateCall) -> AggregateValue:
        """The value of the aggregate, a new one or an equal one that is there."""
        shareable = call.argument is None or is_pure(call.argument)
        if shareable and call in self.calls:
            index = self.calls.index(call)
        else:
            index = len(self.calls)
            self.calls.append(call)
        return AggregateValue(index=index, type=call.type, span=call.span)
