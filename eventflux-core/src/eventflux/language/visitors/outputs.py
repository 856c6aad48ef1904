"""Outputs: where the rows of a query go, which, and how often."""

from __future__ import annotations

from eventflux.language.ast import (
    Assignment,
    AttributeReference,
    ConflictAction,
    DeleteFrom,
    DurationLiteral,
    EventCount,
    EventType,
    Expression,
    Identifier,
    InsertInto,
    MergeInto,
    OnConflict,
    Output,
    OutputMode,
    OutputRate,
    RelationKind,
    RelationName,
    ReturnEvents,
    UpdateOrInsert,
    UpdateTable,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.visitors.base import Parts
from eventflux.language.visitors.inputs import InputVisitor
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span


class OutputVisitor(InputVisitor):
    """Reads outputs of both dialects."""

    def event_type(self, parts: Parts) -> EventType | None:
        """The event type among parts, or None."""
        node = parts.get("event_type")
        if node is None:
            return None
        words = self.parts(node)
        if words.has("ALL"):
            return EventType.ALL
        return EventType.EXPIRED if words.has("EXPIRED") else EventType.CURRENT

    def _for_events(self, parts: Parts) -> EventType | None:
        node = parts.get("for_events")
        return None if node is None else self.event_type(self.parts(node))

    def column_names(self, parts: Parts) -> tuple[Identifier, ...] | None:
        node = parts.get("column_names")
        if node is None:
            return None
        return tuple(self.identifier(part) for part in self.parts(node).all("column_name"))

    def insert(self, node: ParseNode) -> InsertInto:
        """`insert_head`, `insert_tail`, `insert_into`."""
        parts = self.parts(node)
        return InsertInto(
            target=self.relation_name(parts.get("target") or parts.one("relation_name")),
            columns=self.column_names(parts),
            event_type=self.event_type(parts),
            span=self.span(node),
        )

    @staticmethod
    def no_target(span: Span) -> RelationName:
        """Stands for the target of an ON CONFLICT until it is known."""
        return RelationName(name=Identifier(name="", span=span), span=span)

    def on_conflict(self, node: ParseNode) -> OnConflict:
        parts = self.parts(node)
        columns = self.column_names(parts) or ()
        update = parts.get("conflict_update")
        if update is None:
            return OnConflict(columns=columns, action=ConflictAction.NOTHING, span=self.span(node))
        return OnConflict(
            columns=columns,
            action=ConflictAction.UPDATE,
            assignments=self.assignments(self.parts(update).one("assignments")),
            span=self.span(node),
        )

    def assignments(self, node: ParseNode) -> tuple[Assignment, ...]:
        return tuple(self._assignment(part) for part in self.parts(node).all("assignment"))

    def _assignment(self, node: ParseNode) -> Assignment:
        parts = self.parts(node)
        target = parts.one("assignment_target")
        names = [self.identifier(part) for part in self.parts(target).all("word")]
        qualifier = RelationName(name=names[0], span=names[0].span) if len(names) > 1 else None
        return Assignment(
            target=AttributeReference(qualifier=qualifier, name=names[-1], span=self.span(target)),
            value=self.expression(parts.one("expression")),
            span=self.span(node),
        )

    def output_rate(self, node: ParseNode) -> OutputRate:
        parts = self.parts(node)
        mode_node = parts.get("output_mode")
        mode = OutputMode.ALL if mode_node is None else OutputMode(self.text(mode_node).lower())
        every: DurationLiteral | EventCount = self.rate(parts.one("rate"), calendar=False)
        if mode is OutputMode.SNAPSHOT and isinstance(every, EventCount):
            self.error(
                every.span,
                ErrorCode.INVALID_DURATION,
                f"{every.count} EVENTS is not a valid rate for SNAPSHOT",
                hint="SNAPSHOT EVERY takes a duration",
            )
        return OutputRate(mode=mode, every=every, span=self.span(node))

    # -- tables

    def _table(self, parts: Parts) -> RelationName:
        name = self.relation_name(parts.get("relation_name") or parts.one("target"))
        if name.kind is not RelationKind.NORMAL:
            self.error(name.span, ErrorCode.SYNTAX, f"expected the name of a table but found {str(name)!r}")
        return name

    def _table_alias(self, parts: Parts) -> Identifier | None:
        node = parts.get("table_alias")
        return None if node is None else self.alias(node)

    def update_output(
        self, node: ParseNode, *, assignments: tuple[Assignment, ...] | None, condition: Expression | None
    ) -> UpdateTable:
        parts = self.parts(node)
        return UpdateTable(
            target=self._table(parts),
            alias=self._table_alias(parts),
            event_type=self._for_events(parts),
            assignments=assignments,
            condition=condition,
            span=self.span(node),
        )

    def delete_output(self, node: ParseNode, *, condition: Expression | None) -> DeleteFrom:
        parts = self.parts(node)
        return DeleteFrom(
            target=self._table(parts),
            alias=self._table_alias(parts),
            event_type=self._for_events(parts),
            condition=condition,
            span=self.span(node),
        )

    def update_or_insert(self, node: ParseNode) -> UpdateOrInsert:
        """`update_or_insert` of both dialects."""
        parts = self.parts(node)
        assignments = parts.get("assignments")
        return UpdateOrInsert(
            target=self._table(parts),
            event_type=self._for_events(parts),
            assignments=None if assignments is None else self.assignments(assignments),
            condition=self.expression(parts.all("expression")[-1]),
            span=self.span(node),
        )

    def merge_output(self, node: ParseNode) -> MergeInto:
        parts = self.parts(node)
        matched = self.parts(parts.one("merge_matched"))
        missing = self.parts(parts.one("merge_not_matched"))
        return MergeInto(
            target=self._table(parts),
            alias=self._table_alias(parts),
            condition=self.expression(parts.one("expression")),
            assignments=self.assignments(matched.one("assignments")),
            columns=self.column_names(missing),
            values=self.expressions(missing.one("value_row")),
            span=self.span(node),
        )

    # -- EventFluxQL

    def output(self, node: ParseNode) -> Output:
        """`output`, `return_events`."""
        inner = self.only(node) if node.expr_name == "output" else node
        parts = self.parts(inner)
        match inner.expr_name:
            case "insert_into":
                return self.insert(inner)
            case "delete":
                return self.delete_output(inner, condition=self.expression(parts.one("expression")))
            case "update":
                assignments = parts.get("assignments")
                return self.update_output(
                    inner,
                    assignments=None if assignments is None else self.assignments(assignments),
                    condition=self.expression(parts.one("expression")),
                )
            case "update_or_insert":
                return self.update_or_insert(inner)
            case _:
                return ReturnEvents(event_type=self.event_type(parts), span=self.span(inner))
