"""Aggregates of a selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from eventflux.extension import Argument, Extension
from eventflux.planner.typed.nodes import AggregateValue, TypedExpression
from eventflux.planner.typed.walk import is_pure
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class HostAggregator:
    """An aggregator written in Python: its declaration, and what is known of the arguments of the call."""

    declaration: Extension
    arguments: tuple[Argument, ...]


@record(frozen=True, slots=True, kw_only=True)
class AggregateCall:
    """One aggregate: the engine's aggregator and its argument over the input of the selection.

    Rows for which `condition` is not true do not count.
    Of an aggregator written in Python, `host` says what makes it; where it takes more arguments than one, `argument` is
    the list of them.
    """

    name: str
    argument: TypedExpression | None
    type: AttributeType
    condition: TypedExpression | None = None
    host: HostAggregator | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def expressions(self) -> tuple[TypedExpression, ...]:
        """What it reads of a row."""
        return tuple(part for part in (self.argument, self.condition) if part is not None)

    def changed(self, change: Callable[[TypedExpression], TypedExpression]) -> AggregateCall:
        """The same with `change` applied to what it reads."""
        return replace(
            self,
            argument=None if self.argument is None else change(self.argument),
            condition=None if self.condition is None else change(self.condition),
        )


@dataclass(slots=True)
class AggregateCollector:
    """The aggregates of one selection; equal ones are computed once."""

    calls: list[AggregateCall] = field(default_factory=list)

    def add(self, call: AggregateCall) -> AggregateValue:
        """The value of the aggregate, a new one or an equal one that is there."""
        shareable = all(part is None or is_pure(part) for part in (call.argument, call.condition))
        if shareable and call in self.calls:
            index = self.calls.index(call)
        else:
            index = len(self.calls)
            self.calls.append(call)
        return AggregateValue(index=index, type=call.type, span=call.span)
