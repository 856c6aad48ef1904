"""Queries of both dialects, mutations, VALUES, on-demand queries."""

from __future__ import annotations

from dataclasses import replace

from eventflux.language.ast import (
    AggregationRange,
    CommonTable,
    Dialect,
    Emit,
    Expression,
    Input,
    InsertInto,
    InsertValues,
    MatchRecognizeInput,
    NoWindow,
    OrderItem,
    Output,
    Query,
    Selection,
    SelectItem,
    Star,
    StreamInput,
    SubqueryInput,
    UpdateOrInsert,
    UpsertValues,
    WindowCall,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.visitors.base import Parts
from eventflux.language.visitors.inputs import as_subquery
from eventflux.language.visitors.outputs import OutputVisitor
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_TAIL_ORDER = ("order_by", "limit", "offset", "fetch", "output_rate", "emit")


class QueryVisitor(OutputVisitor):
    """Reads whole queries."""

    # -- selections

    def selection(self, node: ParseNode, *, distinct: bool = False) -> Selection:
        """`select_items`."""
        items: list[SelectItem | Star] = []
        for part in self.parts(node):
            if part.expr_name == "star":
                items.append(Star(span=self.span(part)))
            elif part.expr_name == "select_item":
                items.append(self._select_element(part))
        return Selection(items=tuple(items), distinct=distinct, span=self.span(node))

    @staticmethod
    def star(span: Span) -> Selection:
        """The selection of a query without one: everything."""
        return Selection(items=(Star(span=span),), span=span)

    def _select_element(self, node: ParseNode) -> SelectItem | Star:
        if self.dialect is Dialect.EVENTFLUXQL:
            return self._named_item(node)
        inner = self.only(node)
        match inner.expr_name:
            case "star":
                return Star(span=self.span(inner))
            case "qualified_star":
                qualifier = self.identifier(self.parts(inner).one("qualifier"))
                return Star(qualifier=qualifier, span=self.span(inner))
            case _:
                return self.select_item(inner)

    def select_item(self, node: ParseNode) -> SelectItem:
        """`aliased_expression` of SQL."""
        parts = self.parts(node)
        alias = parts.get("alias")
        return SelectItem(
            expression=self.expression(parts.one("expression")),
            alias=None if alias is None else self.alias(alias),
            span=self.span(node),
        )

    def _named_item(self, node: ParseNode) -> SelectItem:
        parts = self.parts(node)
        expression_node = parts.one("expression")
        expression = self.expression(expression_node)
        alias = parts.get("identifier")
        if alias is None and not self.is_reference(expression):
            self.error(
                self.span(expression_node),
                ErrorCode.SYNTAX,
                "an expression in select needs a name",
                hint=f"write: {self.text(expression_node)[:60]} as name",
            )
        return SelectItem(
            expression=expression, alias=None if alias is None else self.identifier(alias), span=self.span(node)
        )

    def order_items(self, node: ParseNode) -> tuple[OrderItem, ...]:
        """`order_by`."""
        found: list[OrderItem] = []
        for part in self.parts(node).all("order_item"):
            inner = self.parts(part)
            direction, nulls = inner.get("order_direction"), inner.get("nulls_order")
            found.append(
                OrderItem(
                    expression=self.expression(inner.one("expression")),
                    descending=direction is not None and self.only(direction).expr_name == "DESC",
                    nulls_first=None if nulls is None else self.parts(nulls).has("FIRST"),
                    span=self.span(part),
                )
            )
        return tuple(found)

    def aggregation_range(self, node: ParseNode) -> AggregationRange:
        bounds = self.expressions(node)
        return AggregationRange(
            start=bounds[0], end=bounds[1] if len(bounds) == 3 else None, per=bounds[-1], span=self.span(node)
        )

    # -- SQL queries

    def sql_query(self, node: ParseNode) -> Query | InsertValues:
        """`query`."""
        inner = self.only(node)
        match inner.expr_name:
            case "insert_values":
                return self._insert_values(inner)
            case "from_first":
                return self._from_first(inner)
            case _:
                return self._select_first(inner)

    def _insert_values(self, node: ParseNode) -> InsertValues:
        parts = self.parts(node)
        return InsertValues(
            target=self.relation_name(parts.one("target")),
            columns=self.column_names(parts),
            rows=self._rows(parts.one("values")),
            span=self.span(node),
        )

    def _rows(self, node: ParseNode) -> tuple[tuple[Expression, ...], ...]:
        return tuple(self.expressions(row) for row in self.parts(node).all("value_row"))

    def _select_first(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        head, tail = parts.get("insert_head"), parts.get("insert_tail")
        output = None if head is None else self.insert(head)
        if tail is not None:
            if output is not None:
                self.error(self.span(tail), ErrorCode.SYNTAX, "the query has two INSERT INTO")
            output = self.insert(tail)
        query = self._select_statement(parts.one("select_statement"))
        if query.output is not None:
            # ON CONFLICT was read without its target.
            conflict = query.output.on_conflict if isinstance(query.output, InsertInto) else None
            if output is None:
                self.error(query.output.span, ErrorCode.SYNTAX, "ON CONFLICT belongs to INSERT INTO a table")
            else:
                output = replace(output, on_conflict=conflict)
        return replace(query, common_tables=self._common_tables(parts), output=output, span=self.span(node))

    def _common_tables(self, parts: Parts) -> tuple[CommonTable, ...]:
        clauses = parts.all("common_tables")
        if len(clauses) > 1:
            self._again(clauses[1])
        found: list[CommonTable] = []
        for part in (part for clause in clauses for part in self.parts(clause).all("common_table")):
            inner = self.parts(part)
            found.append(
                CommonTable(
                    name=self.identifier(inner.one("identifier")),
                    query=self.subquery(inner.one("subquery")),
                    span=self.span(part),
                )
            )
        return tuple(found)

    def subquery(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        query = self._select_statement(parts.one("select_statement"))
        if query.output is not None:
            self.error(query.output.span, ErrorCode.SYNTAX, "ON CONFLICT belongs to INSERT INTO a table")
        return replace(query, common_tables=self._common_tables(parts), output=None, span=self.span(node))

    def _select_statement(self, node: ParseNode) -> Query:
        """Branches, tail, ON CONFLICT (kept in a provisional output), WITH."""
        parts = self.parts(node)
        query = self._branches(parts)
        conflict, properties = parts.get("on_conflict"), parts.get("with_properties")
        output: Output | None = None
        if conflict is not None:
            span = self.span(conflict)
            output = InsertInto(target=self.no_target(span), on_conflict=self.on_conflict(conflict), span=span)
        return replace(query, properties=self.properties(properties), output=output, span=self.span(node))

    def _branches(self, parts: Parts) -> Query:
        query = self._select_core(parts.one("select_core"))
        unions = tuple(self._select_core(self.parts(branch).one("select_core")) for branch in parts.all("union_branch"))
        return self._tail_clauses(replace(query, unions=unions), parts)

    def _select_core(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        source = parts.get("from_clause")
        query = Query(
            dialect=Dialect.SQL,
            input=None if source is None else self.from_clause(source),
            selection=self.selection(parts.one("select_items"), distinct=parts.has("DISTINCT")),
            span=self.span(node),
        )
        return self.clauses(query, parts)

    def _from_first(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        tail = parts.get("insert_tail")
        query = Query(
            dialect=Dialect.SQL,
            input=self.from_clause(parts.one("from_clause")),
            selection=self.selection(parts.one("select_items"), distinct=parts.has("DISTINCT")),
            output=None if tail is None else self.insert(tail),
            span=self.span(node),
        )
        partition = parts.get("partition_by")
        if partition is not None:
            query = replace(query, partition_by=self.expressions(partition))
        return self._tail_clauses(self.clauses(query, parts), parts)

    def clauses(self, query: Query, parts: Parts) -> Query:
        """WHERE, WINDOW, GROUP BY and so on, each at most once."""
        seen: set[str] = {"partition_by"} if query.partition_by else set()
        for clause in parts.all("clause"):
            inner = self.only(clause)
            name = inner.expr_name
            if name in seen:
                self._again(inner)
            seen.add(name)
            match name:
                case "where":
                    query = replace(query, where=self.expression(self.parts(inner).one("expression")))
                case "window_clause":
                    query = self._with_window(query, inner)
                case "aggregation_range":
                    query = replace(query, aggregation_range=self.aggregation_range(inner))
                case "group_by":
                    query = replace(query, group_by=self._group_by(inner))
                case "having":
                    query = replace(query, having=self.expression(self.parts(inner).one("expression")))
                case _:
                    query = replace(query, partition_by=self.expressions(inner))
        return query

    def _again(self, node: ParseNode) -> None:
        word = self.text(node).split()[0]
        span = self.span(node)
        self.error(
            Span(span.start, span.start + len(word)),
            ErrorCode.SYNTAX,
            f"expected the end of the query or a later clause but found {word!r}",
            hint=f"a query has one {word.upper()}; order: ORDER BY, LIMIT, OFFSET, OUTPUT, EMIT, ON CONFLICT, WITH",
        )

    def _group_by(self, node: ParseNode) -> tuple[Expression, ...]:
        for part in self.parts(node).all("expression"):
            words = self.text(part).upper().replace("(", " ").split()
            if words[0] in ("ROLLUP", "CUBE") and "(" in self.text(part):
                self.error(
                    self.span(part),
                    ErrorCode.NOT_SUPPORTED,
                    f"{words[0]} is not supported; use a query for each grouping",
                )
        return self.expressions(node)

    def _with_window(self, query: Query, clause: ParseNode) -> Query:
        source = query.input
        if isinstance(source, StreamInput | SubqueryInput):
            return replace(query, input=self.with_window(source, clause))
        if isinstance(source, MatchRecognizeInput):
            return replace(query, input=self.with_window(as_subquery(source), clause))
        window: WindowCall | NoWindow = self.window_clause(clause)
        return replace(query, window=window)

    def _tail_clauses(self, query: Query, parts: Parts) -> Query:
        """ORDER BY, LIMIT, OFFSET, OUTPUT, EMIT, each at most once and in this order."""
        last = -1
        for clause in parts.all("tail_clause"):
            inner = self.only(clause)
            rank = _TAIL_ORDER.index(inner.expr_name)
            if rank <= last:
                self._again(inner)
            last = rank
            query = self._tail_clause(query, inner)
        return query

    def _tail_clause(self, query: Query, node: ParseNode) -> Query:
        parts = self.parts(node)
        match node.expr_name:
            case "order_by":
                return replace(query, order_by=self.order_items(node))
            case "limit":
                numbers = self.expressions(node)
                if len(numbers) > 1:
                    comma = self.span(parts.one("comma"))
                    self.error(comma, ErrorCode.NOT_SUPPORTED, "LIMIT a, b is not supported; use LIMIT b OFFSET a")
                return replace(query, limit=numbers[0])
            case "offset":
                return replace(query, offset=self.expressions(node)[0])
            case "fetch":
                number = parts.one("whole_number")
                if query.limit is not None:
                    self._again(node)
                return replace(query, limit=self.number_literal(number))
            case "output_rate":
                return replace(query, output_rate=self.output_rate(node))
            case _:
                return replace(query, emit=Emit.CHANGES if parts.has("CHANGES") else Emit.FINAL)

    # -- SQL mutations

    def mutation(self, node: ParseNode) -> Query | UpsertValues:
        inner = self.only(node)
        match inner.expr_name:
            case "update":
                return self._update(inner)
            case "delete":
                return self._delete(inner)
            case "merge":
                return self._merge(inner)
            case "upsert":
                return self._upsert(inner)
            case _:
                return self._sql_update_or_insert(inner)

    def _mutation_query(self, node: ParseNode, source: Input | None, output: Output) -> Query:
        return Query(dialect=Dialect.SQL, input=source, output=output, span=self.span(node))

    def _update(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        source = parts.get("update_from")
        where = parts.get("where")
        output = self.update_output(
            node,
            assignments=self.assignments(parts.one("assignments")),
            condition=None if where is None else self.expression(self.parts(where).one("expression")),
        )
        return self._mutation_query(node, None if source is None else self.from_clause(source), output)

    def _delete(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        source = parts.get("delete_using")
        where = parts.get("where")
        output = self.delete_output(
            node, condition=None if where is None else self.expression(self.parts(where).one("expression"))
        )
        return self._mutation_query(node, None if source is None else self.from_clause(source), output)

    def _merge(self, node: ParseNode) -> Query:
        source = self.single_relation(self.parts(node).one("relation"))
        return self._mutation_query(node, source, self.merge_output(node))

    def _upsert(self, node: ParseNode) -> Query | UpsertValues:
        parts = self.parts(node)
        values, assignments = parts.get("values"), parts.get("assignments")
        target = self.relation_name(parts.one("target"))
        columns = self.column_names(parts)
        condition = self.expression(parts.all("expression")[-1])
        updates = None if assignments is None else self.assignments(assignments)
        if values is not None:
            return UpsertValues(
                target=target,
                columns=columns,
                rows=self._rows(values),
                condition=condition,
                assignments=updates,
                span=self.span(node),
            )
        query = self._branches(self.parts(parts.one("upsert_select")))
        output = UpdateOrInsert(
            target=target, columns=columns, assignments=updates, condition=condition, span=self.span(node)
        )
        return replace(query, output=output, span=self.span(node))

    def _sql_update_or_insert(self, node: ParseNode) -> Query:
        parts = self.parts(node)
        query = self._branches(self.parts(parts.one("upsert_select")))
        return replace(query, output=self.update_or_insert(node), span=self.span(node))

    # -- EventFluxQL

    def ql_query(self, node: ParseNode) -> Query:
        """`query`, `anonymous_query`."""
        parts = self.parts(node)
        source, bounds = self.input(parts.one("input"))
        section, rate = parts.get("section"), parts.get("output_rate")
        output_node = parts.get("output") or parts.one("return_events")
        query = Query(
            dialect=Dialect.EVENTFLUXQL,
            input=source,
            aggregation_range=None if bounds is None else self.aggregation_range(bounds),
            selection=self.star(source.span),
            output_rate=None if rate is None else self.output_rate(rate),
            output=self.output(output_node),
            span=self.span(node),
        )
        return query if section is None else self._section(query, section)

    def anonymous_query(self, node: ParseNode) -> Query:
        return self.ql_query(node)

    def _section(self, query: Query, node: ParseNode) -> Query:
        parts = self.parts(node)
        group, having, order = parts.get("group_by"), parts.get("having"), parts.get("order_by")
        limit, offset = parts.get("limit"), parts.get("offset")
        items = self.parts(parts.one("select_clause")).one("select_items")
        return replace(
            query,
            selection=self.selection(items),
            group_by=() if group is None else self.references(group),
            having=None if having is None else self.expressions(having)[0],
            order_by=() if order is None else self._ordered_references(order),
            limit=None if limit is None else self.expressions(limit)[0],
            offset=None if offset is None else self.expressions(offset)[0],
        )

    def references(self, node: ParseNode) -> tuple[Expression, ...]:
        """Expressions that must be attribute references."""
        found = self.expressions(node)
        for expression in found:
            self._must_be_reference(expression, "group by")
        return found

    def _ordered_references(self, node: ParseNode) -> tuple[OrderItem, ...]:
        found = self.order_items(node)
        for item in found:
            self._must_be_reference(item.expression, "order by")
        return found

    def _must_be_reference(self, expression: Expression, clause: str) -> None:
        if not self.is_reference(expression):
            self.error(
                expression.span,
                ErrorCode.SYNTAX,
                f"{clause} takes attributes, not expressions",
                hint="select the expression, by this query or one before it, and use its name",
            )

    # -- on demand

    def on_demand_statement(self, node: ParseNode) -> Query | InsertValues | UpsertValues:
        """`on_demand`."""
        inner = self.parts(node).nodes[0]
        if self.dialect is Dialect.SQL:
            return self.mutation(inner) if inner.expr_name == "mutation" else self.sql_query(inner)
        body = self.only(inner)
        parts = self.parts(body)
        section = parts.get("section")
        if body.expr_name == "section_mutation":
            query = Query(dialect=self.dialect, output=self.output(parts.one("output")), span=self.span(body))
            return query if section is None else self._section(query, section)
        alias, on, bounds = parts.get("identifier"), parts.get("join_on"), parts.get("aggregation_range")
        relation = self.relation_name(parts.one("relation_name"))
        query = Query(
            dialect=self.dialect,
            input=StreamInput(
                relation=relation, alias=None if alias is None else self.identifier(alias), span=relation.span
            ),
            where=None if on is None else self.expression(self.parts(on).one("expression")),
            aggregation_range=None if bounds is None else self.aggregation_range(bounds),
            selection=self.star(relation.span),
            span=self.span(body),
        )
        return query if section is None else self._section(query, section)
