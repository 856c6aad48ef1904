"""Statements: what an application text is a list of."""

from __future__ import annotations

from dataclasses import replace

from eventflux.language.ast import (
    Annotation,
    Dialect,
    Explain,
    Expression,
    InsertValues,
    OnDemandQuery,
    Partition,
    PartitionKey,
    PartitionRange,
    PartitionStatement,
    Query,
    QueryDefinition,
    RangePartition,
    SetStatement,
    Statement,
    UpsertValues,
    ValuePartition,
    ViewDefinition,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import string_value
from eventflux.language.visitors.definitions import DefinitionVisitor
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span


class StatementVisitor(DefinitionVisitor):
    """Reads one statement."""

    def statement(self, node: ParseNode) -> Statement | None:
        """`statement`; None if there are only annotations."""
        parts = self.parts(node)
        annotations = self.statement_annotations(parts.one("annotations"))
        body = parts.get("statement_body")
        if body is None:
            if annotations:
                self.error(annotations[-1].span, ErrorCode.SYNTAX, "expected a statement behind the annotation")
            return None
        inner = self.only(body)
        if self.dialect is Dialect.EVENTFLUXQL:
            if inner.expr_name == "definition":
                return self.definition(inner, annotations)
            return replace(self.ql_query(inner), annotations=annotations)
        if inner.expr_name == "explain":
            explained = self._plain(self.parts(inner).one("plain_statement"), annotations)
            return Explain(statement=explained, span=self.span(inner))
        return self._plain(inner, annotations)

    def _plain(self, node: ParseNode, annotations: tuple[Annotation, ...]) -> Statement:
        inner = self.only(node)
        match inner.expr_name:
            case "definition":
                return self.definition(inner, annotations)
            case "set_statement":
                return self._set(inner)
            case "mutation":
                return replace(self.mutation(inner), annotations=annotations)
            case _:
                query = self.sql_query(inner)
                if isinstance(query, Query):
                    self._check_from(query)
                return replace(query, annotations=annotations)

    def _check_from(self, query: Query) -> None:
        for branch in (query, *query.unions):
            if branch.input is None:
                end = branch.selection.span.end if branch.selection is not None else branch.span.end
                self.error(
                    Span(end, end),
                    ErrorCode.SYNTAX,
                    "expected FROM behind the select list",
                    hint="a query of an application reads a stream; SELECT without FROM is for on-demand queries",
                )

    def _set(self, node: ParseNode) -> SetStatement:
        parts = self.parts(node)
        key = parts.one("string")
        return SetStatement(
            key=string_value(self.text(key), self.dialect),
            value=self.signed_literal(parts.one("signed_literal")),
            key_span=self.span(key),
            span=self.span(node),
        )

    def lone_expression(self, node: ParseNode) -> Expression:
        return self.expression(self.parts(node).one("expression"))

    def on_demand_query(self, node: ParseNode) -> OnDemandQuery:
        statement = self.on_demand_statement(node)
        return OnDemandQuery(statement=statement, parameters=self.parameter_count, span=statement.span)

    # -- partitions

    def partition(self, node: ParseNode, statements: tuple[Statement, ...], end: int) -> Partition:
        """`partition_header` with the inner statements that were read on their own.

        Args:
            node: The header.
            statements: What stands between BEGIN and END.
            end: Offset of the author's text behind END.
        """
        parts = self.parts(node)
        annotations = self.statement_annotations(parts.one("annotations"))
        keys = tuple(self._partition_key(part) for part in parts.all("partition_key"))
        inner: list[PartitionStatement] = []
        for statement in statements:
            match statement:
                case Query() | InsertValues() | UpsertValues() | QueryDefinition() | ViewDefinition():
                    inner.append(statement)
                case _:
                    self.error(statement.span, ErrorCode.SYNTAX, "a partition holds queries, not definitions")
        start = self.span(parts.one("PARTITION")).start
        return Partition(
            dialect=self.dialect,
            annotations=annotations,
            keys=keys,
            properties=self.properties(parts.get("with_properties")),
            statements=tuple(inner),
            span=Span(start, end),
        )

    def _partition_key(self, node: ParseNode) -> PartitionKey:
        parts = self.parts(node)
        stream = self.relation_name(parts.one("relation_name"))
        ranges = parts.get("range_partition")
        if ranges is None:
            return ValuePartition(
                expression=self.expression(parts.one("expression")), stream=stream, span=self.span(node)
            )
        found: list[PartitionRange] = []
        for part in self.parts(ranges).all("partition_range"):
            inner = self.parts(part)
            found.append(
                PartitionRange(
                    condition=self.expression(inner.one("expression")),
                    label=string_value(self.text(inner.one("string")), self.dialect),
                    span=self.span(part),
                )
            )
        return RangePartition(ranges=tuple(found), stream=stream, span=self.span(node))
