"""SQL patterns, sequences, MATCH_RECOGNIZE."""

from __future__ import annotations

from eventflux.language.ast import (
    AbsentElement,
    ChainElement,
    DurationLiteral,
    EventCount,
    EveryElement,
    Filter,
    LogicalElement,
    MatchRecognizeInput,
    NoWindow,
    OrderItem,
    PatternElement,
    PatternInput,
    Quantifier,
    RowAlternation,
    RowConcatenation,
    RowExclusion,
    RowGroup,
    RowPattern,
    RowPermutation,
    RowQuantifier,
    RowStart,
    RowVariable,
    SelectItem,
    StreamElement,
    StreamFunction,
    WindowCall,
)
from eventflux.language.ast.windows import Handler
from eventflux.language.printers.sql_expressions import SqlExpressionPrinter


def quantifier(node: Quantifier | RowQuantifier) -> str:
    """`{2}`, `{2,5}`, `{2,}`."""
    if node.maximum == node.minimum:
        text = f"{{{node.minimum}}}"
    else:
        text = f"{{{node.minimum},{'' if node.maximum is None else node.maximum}}}"
    return text + ("?" if isinstance(node, RowQuantifier) and node.reluctant else "")


class SqlPatternPrinter(SqlExpressionPrinter):
    """Writes patterns as SQL."""

    # -- handlers

    def handler(self, node: Handler) -> str:
        """A filter or stream function behind a name."""
        match node:
            case Filter():
                return f"[{self.expression(node.condition)}]"
            case StreamFunction():
                inner = self.arguments(node.arguments, star=node.star)
                return f"#{self.function_name(node.namespace, node.name)}({inner})"
            case WindowCall() | NoWindow():
                raise self.refusal("a handler behind a window")

    def window(self, node: WindowCall | NoWindow) -> str:
        if isinstance(node, NoWindow):
            return "WINDOW NONE"
        inner = self.arguments(node.arguments, star=node.star)
        return f"WINDOW {self.function_name(node.namespace, node.name)}({inner})"

    # -- patterns

    def pattern_input(self, node: PatternInput) -> str:
        text = f"{node.kind.name} ({self.pattern(node.pattern)})"
        if node.within is not None:
            text += f" WITHIN {self.limit(node.within)}"
        if node.on_timeout is not None:
            text += f" ON TIMEOUT INSERT INTO {self.relation(node.on_timeout)}"
        return text if node.alias is None else f"{text} AS {self.name(node.alias)}"

    def limit(self, node: DurationLiteral | EventCount) -> str:
        return f"{node.count} EVENTS" if isinstance(node, EventCount) else self.duration(node)

    def pattern(self, node: PatternElement) -> str:
        match node:
            case StreamElement():
                return self._stream_element(node)
            case AbsentElement():
                text = f"NOT {self.relation(node.relation)}{self._handlers(node.handlers)}"
                return text if node.duration is None else f"{text} FOR {self.duration(node.duration)}"
            case LogicalElement():
                left, right = self._operand(node.left), self._operand(node.right)
                return f"{left} {node.operator.name} {right}"
            case EveryElement():
                return f"EVERY {self._operand(node.pattern)}"
            case ChainElement():
                return " -> ".join(
                    self.pattern(element) if isinstance(element, EveryElement) else self._operand(element)
                    for element in node.elements
                )

    def _operand(self, node: PatternElement) -> str:
        text = self.pattern(node)
        return text if isinstance(node, StreamElement | AbsentElement) else f"({text})"

    def _stream_element(self, node: StreamElement) -> str:
        reference = "" if node.reference is None else f"{self.name(node.reference)}="
        text = f"{reference}{self.relation(node.relation)}{self._handlers(node.handlers)}"
        return text if node.quantifier is None else text + quantifier(node.quantifier)

    def _handlers(self, handlers: tuple[Filter | StreamFunction, ...]) -> str:
        return "".join(self.handler(handler) for handler in handlers)

    # -- MATCH_RECOGNIZE

    def select_item(self, node: SelectItem) -> str:
        text = self.expression(node.expression)
        return text if node.alias is None else f"{text} AS {self.name(node.alias)}"

    def order_items(self, nodes: tuple[OrderItem, ...]) -> str:
        return ", ".join(self._order_item(node) for node in nodes)

    def _order_item(self, node: OrderItem) -> str:
        text = self.expression(node.expression)
        if node.descending:
            text += " DESC"
        if node.nulls_first is not None:
            text += " NULLS FIRST" if node.nulls_first else " NULLS LAST"
        return text

    def match_recognize(self, node: MatchRecognizeInput) -> str:
        """The clause behind its input."""
        parts: list[str] = []
        if node.partition_by:
            parts.append(f"PARTITION BY {', '.join(self.expression(key) for key in node.partition_by)}")
        if node.order_by:
            parts.append(f"ORDER BY {self.order_items(node.order_by)}")
        if node.measures:
            parts.append(f"MEASURES {', '.join(self.select_item(item) for item in node.measures)}")
        if node.all_rows:
            parts.append("ALL ROWS PER MATCH")
        if node.skip is not None:
            variable = "" if node.skip.variable is None else f" {self.name(node.skip.variable)}"
            parts.append(f"AFTER MATCH SKIP {node.skip.mode.value}{variable}")
        parts.append(f"PATTERN ({self._row_pattern(node.pattern)})")
        if node.within is not None:
            parts.append(f"WITHIN {self.duration(node.within)}")
        if node.on_timeout is not None:
            parts.append(f"ON TIMEOUT INSERT INTO {self.relation(node.on_timeout)}")
        if node.subsets:
            unions = [
                f"{self.name(subset.name)} = ({', '.join(self.name(variable) for variable in subset.variables)})"
                for subset in node.subsets
            ]
            parts.append(f"SUBSET {', '.join(unions)}")
        if node.definitions:
            items = [
                f"{self.name(definition.variable)} AS {self.expression(definition.condition)}"
                for definition in node.definitions
            ]
            parts.append(f"DEFINE {', '.join(items)}")
        text = f"MATCH_RECOGNIZE ({' '.join(parts)})"
        return text if node.alias is None else f"{text} AS {self.name(node.alias)}"

    def _row_pattern(self, node: RowPattern) -> str:
        match node:
            case RowVariable():
                return self.name(node.name) + ("" if node.quantifier is None else quantifier(node.quantifier))
            case RowConcatenation():
                return " ".join(self._row_operand(item) for item in node.items)
            case RowAlternation():
                return " | ".join(
                    self._row_pattern(item) if isinstance(item, RowConcatenation) else self._row_operand(item)
                    for item in node.items
                )
            case RowPermutation():
                return f"PERMUTE({', '.join(self._row_pattern(item) for item in node.items)})"
            case RowExclusion():
                return f"{{- {self._row_pattern(node.pattern)} -}}"
            case RowStart():
                return "^"
            case RowGroup():
                return f"({self._row_pattern(node.pattern)}){quantifier(node.quantifier)}"

    def _row_operand(self, node: RowPattern) -> str:
        text = self._row_pattern(node)
        return f"({text})" if isinstance(node, RowConcatenation | RowAlternation) else text
