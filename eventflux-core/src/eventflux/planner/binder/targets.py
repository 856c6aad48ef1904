"""Where the rows of a query go: streams that it makes, streams that there are, streams that nobody sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eventflux.language.ast import Identifier
from eventflux.language.ast import RelationKind as Prefix
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.outputs import OutputKinds, fit, inferred_schema, unchanged
from eventflux.planner.binder.pending import PendingQuery
from eventflux.planner.binder.queries import BoundBranch
from eventflux.planner.binder.select_nodes import is_bound, make_select
from eventflux.planner.binder.selection import BoundSelection, SelectedItem
from eventflux.planner.binder.unions import attributes_of, shared_schema
from eventflux.planner.catalog import Catalog, Entry, RelationKind
from eventflux.planner.logical.nodes import Node, Output, QueryPlan, Scan, Select
from eventflux.planner.typed.nodes import Column
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span


@record(frozen=True, slots=True)
class Targets:
    """Sends the rows of bound queries into relations of the catalog."""

    catalog: Catalog

    def insert(
        self,
        context: BindContext,
        pending: PendingQuery,
        branches: Sequence[BoundBranch],
        kinds: OutputKinds,
    ) -> tuple[QueryPlan, ...]:
        """The plans of a query of the text; none where something in it is wrong or not run."""
        branch, plans = self.joined(context, branches, kinds, pending.query.span)
        if plans:
            kinds = OutputKinds(current=True, expired=False)
        target = self._target(context, pending, branch.selection.items)
        if target is None or target.schema is None:
            return ()
        attributes = fit(context, branch.selection.items, target, pending.columns, pending.target_span)
        if attributes is None or target.kind not in {RelationKind.STREAM, RelationKind.WINDOW, RelationKind.TABLE}:
            return ()
        plan = _plan(context, branch, attributes, target.name, kinds, pending.name)
        return () if plan is None else (*plans, plan)

    def joined(
        self, context: BindContext, branches: Sequence[BoundBranch], kinds: OutputKinds, span: Span
    ) -> tuple[BoundBranch, tuple[QueryPlan, ...]]:
        """The one branch; of several what reads the hidden stream that they fill, and the queries that do it.

        The rate of the query, which its first branch has, is that of all their rows.
        """
        if len(branches) == 1:
            return branches[0], ()
        entry, hidden = self.hidden(context, [replace(each, rate=None) for each in branches], kinds, "union", span)
        return _all_of(entry, branches[0]), hidden

    def hidden(
        self,
        context: BindContext,
        branches: Sequence[BoundBranch],
        kinds: OutputKinds,
        stem: str,
        span: Span,
    ) -> tuple[Entry, tuple[QueryPlan, ...]]:
        """A stream that no text can name, and the queries that fill it."""
        if len(branches) > 1 and branches[0].rate is not None:
            branch, filling = self.joined(context, branches, kinds, span)
            entry, limited = self.hidden(context, [branch], OutputKinds(current=True, expired=False), stem, span)
            return entry, (*filling, *limited)
        is_union = len(branches) > 1
        if is_union:
            schema = shared_schema(context, branches)
        else:
            schema = inferred_schema(context, branches[0].selection.items)
        entry = self.catalog.add(
            Entry(
                name=self.catalog.fresh_name(stem),
                kind=RelationKind.STREAM,
                schema=schema,
                span=span,
                is_hidden=True,
            )
        )
        plans: list[QueryPlan] = []
        for number, branch in enumerate(branches, 1):
            if schema is None:
                break
            attributes = attributes_of(branch, schema) if is_union else unchanged(branch.selection.items)
            name = f"{context.query}/{number}" if is_union else context.query
            plan = _plan(context, branch, attributes, entry.name, kinds, name)
            if plan is not None:
                plans.append(replace(plan, is_hidden=True))
        return entry, tuple(plans)

    def rows_of(self, context: BindContext, node: Node, stem: str, span: Span) -> tuple[Entry, QueryPlan]:
        """A stream that no text can name with all columns of a node, and the query that fills it."""
        entry = self.catalog.add(
            Entry(
                name=self.catalog.fresh_name(stem),
                kind=RelationKind.STREAM,
                schema=node.schema,
                span=span,
                is_hidden=True,
            )
        )
        columns = tuple(
            Output(name=attribute.name, expression=Column(index=index, type=attribute.type, name=attribute.name))
            for index, attribute in enumerate(node.schema)
        )
        root = Select(input=node, outputs=columns, visible=len(columns), schema=node.schema, span=span)
        return entry, QueryPlan(name=context.query, root=root, target=entry.name, is_hidden=True, span=span)

    def _target(self, context: BindContext, pending: PendingQuery, items: Sequence[SelectedItem]) -> Entry | None:
        """The relation that the rows go into, made if there is none; None after an error was noted."""
        name, span = pending.target_name, pending.target_span
        if name is None:
            return None
        partition: str | None = None
        if pending.target is not None and pending.target.kind is Prefix.INNER and pending.block is not None:
            partition = pending.block.name
        elif pending.target is not None and pending.target.kind is not Prefix.NORMAL:
            hint = "a fault stream gets its rows from errors"
            if pending.target.kind is Prefix.INNER:
                hint = "inner streams exist within partitions only"
            context.diagnostics.error(span, ErrorCode.INVALID_QUERY, f"cannot insert into '{name}'", hint)
            return None
        entry = self.catalog.find(name)
        if entry is None:
            schema = inferred_schema(context, _renamed(items, pending.columns))
            entry = self.catalog.add(
                Entry(
                    name=name,
                    kind=RelationKind.STREAM,
                    schema=schema,
                    span=span,
                    inferred_at=pending.number,
                    partition=partition,
                )
            )
        elif entry.kind in {RelationKind.TRIGGER, RelationKind.AGGREGATION}:
            context.diagnostics.error(span, ErrorCode.INVALID_QUERY, f"cannot insert into {entry.what}")
            return None
        return entry


def _plan(
    context: BindContext,
    branch: BoundBranch,
    attributes: tuple[Output, ...],
    target: str,
    kinds: OutputKinds,
    name: str,
) -> QueryPlan | None:
    if branch.node is None or not is_bound(branch.selection):
        return None
    root = make_select(
        context,
        branch.node,
        branch.selection,
        attributes,
        current=kinds.current,
        expired=kinds.expired,
        span=branch.query.span,
        rate=branch.rate,
    )
    return QueryPlan(
        name=name,
        root=root,
        target=target,
        current=kinds.current,
        expired=kinds.expired,
        partition=branch.partition,
        span=branch.query.span,
    )


def _all_of(entry: Entry, first: BoundBranch) -> BoundBranch:
    """Everything that a hidden stream has."""
    schema = Schema(()) if entry.schema is None else entry.schema
    items = tuple(
        SelectedItem(
            name=attribute.name,
            expression=Column(index=index, type=attribute.type, name=attribute.name, span=item.span),
            span=item.span,
        )
        for index, (attribute, item) in enumerate(zip(schema, first.selection.items, strict=False))
    )
    return BoundBranch(
        node=None if entry.schema is None else Scan(stream=entry.name, schema=schema, span=first.query.span),
        selection=BoundSelection(items=items),
        query=first.query,
        rate=first.rate,
    )


def _renamed(items: Sequence[SelectedItem], columns: Sequence[Identifier] | None) -> tuple[SelectedItem, ...]:
    """The items under the names of a column list, where there is one and it fits."""
    if columns is None or len(columns) != len(items):
        # A list of another length is told when the items are fitted.
        return tuple(items)
    return tuple(replace(item, name=column.name) for item, column in zip(items, columns, strict=True))
