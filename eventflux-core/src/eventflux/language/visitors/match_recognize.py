"""MATCH_RECOGNIZE: the clause, and its row patterns."""

from __future__ import annotations

from eventflux.language.ast import (
    AfterMatchSkip,
    EventCount,
    MatchRecognizeInput,
    RowAlternation,
    RowConcatenation,
    RowDefinition,
    RowExclusion,
    RowGroup,
    RowPattern,
    RowPermutation,
    RowQuantifier,
    RowStart,
    RowSubset,
    RowVariable,
    SkipMode,
    StreamInput,
    SubqueryInput,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.visitors.patterns import PatternVisitor
from eventflux.types.error_codes import ErrorCode


class MatchRecognizeVisitor(PatternVisitor):
    """Reads MATCH_RECOGNIZE."""

    def match_recognize(self, node: ParseNode, source: StreamInput | SubqueryInput) -> MatchRecognizeInput:
        parts = self.parts(node)
        partition, order, measures = parts.get("partition_by"), parts.get("order_by"), parts.get("measures")
        rows, skip = parts.get("rows_per_match"), parts.get("after_match")
        within, definitions = parts.get("within"), parts.get("row_definitions")
        subsets = parts.get("row_subsets")
        all_rows = None if rows is None else self.parts(rows).get("all_rows")
        unmatched = None if all_rows is None else self.parts(all_rows).get("unmatched_rows")
        if unmatched is not None:
            self._refuse(unmatched, "WITH UNMATCHED ROWS is not supported; join the matches with the stream")
        limit = None if within is None else self.within(within)
        if isinstance(limit, EventCount):
            self._refuse(within if within is not None else node, "WITHIN takes a duration")
            limit = None
        return MatchRecognizeInput(
            input=source,
            partition_by=() if partition is None else self.expressions(partition),
            order_by=() if order is None else self.order_items(order),
            measures=()
            if measures is None
            else tuple(self.select_item(part) for part in self.parts(measures).all("aliased_expression")),
            all_rows=all_rows is not None,
            skip=None if skip is None else self._skip(skip),
            pattern=self._row_pattern(parts.one("row_pattern")),
            within=limit,
            on_timeout=self.on_timeout(parts.get("timeout")),
            subsets=() if subsets is None else self._row_subsets(subsets),
            definitions=() if definitions is None else self._row_definitions(definitions),
            span=source.span.to(self.span(node)),
        )

    def _refuse(self, node: ParseNode, message: str) -> None:
        self.error(self.span(node), ErrorCode.MATCH_RECOGNIZE, f"MATCH_RECOGNIZE: {message}")

    def _row_definitions(self, node: ParseNode) -> tuple[RowDefinition, ...]:
        found: list[RowDefinition] = []
        for part in self.parts(node).all("row_definition"):
            inner = self.parts(part)
            found.append(
                RowDefinition(
                    variable=self.identifier(inner.one("identifier")),
                    condition=self.expression(inner.one("expression")),
                    span=self.span(part),
                )
            )
        return tuple(found)

    def _row_subsets(self, node: ParseNode) -> tuple[RowSubset, ...]:
        found: list[RowSubset] = []
        for part in self.parts(node).all("row_subset"):
            name, *variables = (self.identifier(each) for each in self.parts(part).all("identifier"))
            found.append(RowSubset(name=name, variables=tuple(variables), span=self.span(part)))
        return tuple(found)

    def _skip(self, node: ParseNode) -> AfterMatchSkip:
        inner = self.parts(node).nodes[-1]
        modes = {
            "past_last_row": SkipMode.PAST_LAST_ROW,
            "to_next_row": SkipMode.TO_NEXT_ROW,
            "to_first": SkipMode.TO_FIRST,
            "to_last": SkipMode.TO_LAST,
        }
        variable = self.parts(inner).get("identifier")
        return AfterMatchSkip(
            mode=modes[inner.expr_name],
            variable=None if variable is None else self.identifier(variable),
            span=self.span(node),
        )

    def _row_pattern(self, node: ParseNode) -> RowPattern:
        items = [self._row_sequence(part) for part in self.parts(node).all("row_sequence")]
        return items[0] if len(items) == 1 else RowAlternation(items=tuple(items), span=self.span(node))

    def _row_sequence(self, node: ParseNode) -> RowPattern:
        items = [self._row_term(part) for part in self.parts(node).all("row_term")]
        return items[0] if len(items) == 1 else RowConcatenation(items=tuple(items), span=self.span(node))

    def _row_term(self, node: ParseNode) -> RowPattern:
        parts = self.parts(node)
        primary = self.only(parts.one("row_primary"))
        quantifier_node = parts.get("row_quantifier")
        quantifier = None if quantifier_node is None else self._row_quantifier(quantifier_node)
        inner: RowPattern
        match primary.expr_name:
            case "identifier":
                return RowVariable(name=self.identifier(primary), quantifier=quantifier, span=self.span(node))
            case "row_permutation":
                items = tuple(self._row_pattern(part) for part in self.parts(primary).all("row_pattern"))
                inner = RowPermutation(items=items, span=self.span(primary))
            case "row_exclusion":
                pattern = self._row_pattern(self.parts(primary).one("row_pattern"))
                inner = RowExclusion(pattern=pattern, span=self.span(primary))
            case "row_anchor":
                if self.text(primary) == "$":
                    self._refuse(primary, "$ is not supported: the last row of a stream never comes")
                inner = RowStart(span=self.span(primary))
            case _:
                inner = self._row_pattern(self.parts(primary).one("row_pattern"))
        if quantifier is None:
            return inner
        if isinstance(inner, RowStart):
            self._refuse(node, "^ takes no quantifier")
        return RowGroup(pattern=inner, quantifier=quantifier, span=self.span(node))

    def _row_quantifier(self, node: ParseNode) -> RowQuantifier:
        parts = self.parts(node)
        minimum, maximum = self.bounds(parts.nodes[0])
        if maximum is not None and (maximum < minimum or maximum == 0):
            self._refuse(node, f"quantifier {self.text(node)}: the maximum is below the minimum or 0")
        return RowQuantifier(minimum=minimum, maximum=maximum, reluctant=parts.has("question"), span=self.span(node))
