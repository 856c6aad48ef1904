"""`output ... every ...`: the rows of a selection at a rate."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.language.ast import EventCount, OutputMode
from eventflux.language.ast import OutputRate as RateClause
from eventflux.planner.logical.nodes import Join, Node, Output, RateLimit, RateMode, Select, Window, chain
from eventflux.planner.typed.nodes import TypedExpression
from eventflux.planner.typed.walk import has_aggregates, is_pure
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span


@record(frozen=True, slots=True, kw_only=True)
class BoundRate:
    """A rate of the text: every so many events, or milliseconds where `by_time`."""

    mode: RateMode
    every: int
    by_time: bool
    span: Span

    @property
    def is_snapshot(self) -> bool:
        return self.mode is RateMode.SNAPSHOT

    @property
    def reads_groups(self) -> bool:
        """Whether it matters how the selection groups."""
        return self.mode is not RateMode.ALL


def bind_rate(clause: RateClause | None) -> BoundRate | None:
    """The rate of a query, if it has one."""
    if clause is None:
        return None
    by_time = not isinstance(clause.every, EventCount)
    every = clause.every.count if isinstance(clause.every, EventCount) else clause.every.milliseconds
    return BoundRate(mode=RateMode(clause.mode.value), every=every, by_time=by_time, span=clause.span)


def gives_all_kinds(clause: RateClause | None) -> bool:
    """Whether the output is that of all events, whatever the query says: so a snapshot is."""
    return clause is not None and clause.mode is OutputMode.SNAPSHOT


def with_keys(
    rate: BoundRate, attributes: Sequence[Output], keys: Sequence[TypedExpression]
) -> tuple[tuple[Output, ...], tuple[int, ...]]:
    """The attributes and behind them those group keys that are not among them; and where each key is."""
    if not rate.reads_groups:
        return tuple(attributes), ()
    outputs = list(attributes)
    positions: list[int] = []
    for key in keys:
        known = (at for at, output in enumerate(outputs) if output.expression == key and is_pure(key))
        position = next(known, len(outputs))
        if position == len(outputs):
            outputs.append(Output(name=f"_key{len(positions)}", expression=key))
        positions.append(position)
    return tuple(outputs), tuple(positions)


def limited(rate: BoundRate, select: Select, attributes: Sequence[Output], keys: tuple[int, ...]) -> RateLimit:
    """The rate over a selection that puts out the attributes and then keys."""
    shown = (Attribute(each.name, each.expression.type) for each in attributes if each.expression.type is not None)
    aggregates = (index for index, each in enumerate(attributes) if has_aggregates((each.expression,)))
    return RateLimit(
        input=select,
        mode=rate.mode,
        every=rate.every,
        by_time=rate.by_time,
        keys=keys,
        windowed=_reads_window(select.input),
        aggregates=frozenset(aggregates),
        schema=Schema(shown),
        span=rate.span,
    )


def _reads_window(node: Node) -> bool:
    return any(isinstance(each, (Window, Join)) for each in chain(node))
