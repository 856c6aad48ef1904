"""Patterns and sequences of both dialects, MATCH_RECOGNIZE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventflux.language.ast import (
    AbsentElement,
    ChainElement,
    Dialect,
    DurationLiteral,
    EventCount,
    EveryElement,
    Filter,
    Identifier,
    LogicalElement,
    LogicalOperand,
    LogicalOperator,
    NoWindow,
    PatternElement,
    PatternInput,
    PatternKind,
    Quantifier,
    RelationName,
    StreamElement,
    StreamFunction,
    WindowCall,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.visitors.windows import WindowVisitor
from eventflux.types.error_codes import ErrorCode

if TYPE_CHECKING:
    from eventflux.language.visitors.base import Parts

_SYMBOLS = {"+": (1, None), "*": (0, None), "?": (0, 1)}


class PatternVisitor(WindowVisitor):
    """Reads patterns. What only needs the pattern itself is checked here; what needs definitions is not."""

    # -- SQL

    def pattern_relation(self, node: ParseNode) -> PatternInput:
        parts = self.parts(node)
        kind = PatternKind(self.text(parts.one("pattern_word")).lower())
        body = self.parts(parts.one("pattern_body"))
        inner, outer = body.get("within"), parts.get("within")
        if inner is not None and outer is not None:
            self.error(
                self.span(outer), ErrorCode.INVALID_WITHIN, "WITHIN stands inside and behind the brackets: keep one"
            )
        alias = parts.get("alias")
        within = inner if inner is not None else outer
        pattern = self._or(body.one("pattern_or"), kind, is_first=True)
        limit = None if within is None else self.within(within)
        self._check_empty_match(pattern)
        if isinstance(limit, EventCount) and limit.count < (needed := _needed_elements(pattern)):
            self.error(
                limit.span,
                ErrorCode.INVALID_WITHIN,
                f"WITHIN {limit.count} EVENTS: the pattern has {needed} elements, each of which takes an event",
            )
        return PatternInput(
            kind=kind,
            pattern=pattern,
            within=limit,
            on_timeout=self.on_timeout(parts.get("timeout")),
            alias=None if alias is None else self.alias(alias),
            span=self.span(node),
        )

    def _check_empty_match(self, pattern: PatternElement) -> None:
        """Refuse a pattern that is one element, and that element may match nothing: it would match without end."""
        while isinstance(pattern, EveryElement):
            pattern = pattern.pattern
        match pattern:
            case StreamElement(quantifier=Quantifier(minimum=0) as quantifier):
                self.error(
                    quantifier.span,
                    ErrorCode.INVALID_QUANTIFIER,
                    "a quantifier that allows no event is not allowed on the only element of a pattern",
                )
            case _:
                pass

    def within(self, node: ParseNode) -> DurationLiteral | EventCount:
        return self.rate(self.parts(node).one("rate"), zero=True)

    def on_timeout(self, node: ParseNode | None) -> RelationName | None:
        """The stream of `ON TIMEOUT INSERT INTO ...`."""
        return None if node is None else self.relation_name(self.parts(node).one("relation_name"))

    def _or(self, node: ParseNode, kind: PatternKind, *, is_first: bool) -> PatternElement:
        operands = [self._and(part, kind, is_first=is_first) for part in self.parts(node).all("pattern_and")]
        return self._logical(LogicalOperator.OR, operands)

    def _and(self, node: ParseNode, kind: PatternKind, *, is_first: bool) -> PatternElement:
        operands = [self._chain(part, kind, is_first=is_first) for part in self.parts(node).all("pattern_chain")]
        return self._logical(LogicalOperator.AND, _bind_absent(operands))

    def _logical(self, operator: LogicalOperator, operands: list[PatternElement]) -> PatternElement:
        if len(operands) == 1:
            return operands[0]
        if isinstance(operands[0], EveryElement) and all(_is_operand(operand) for operand in operands[1:]):
            # EVERY binds one element; in `EVERY A AND B` that would leave an AND with half of it starting anew.
            self.error(
                operands[0].span,
                ErrorCode.LOGICAL_OPERANDS,
                f"{operator.name} joins single elements",
                hint=f"write EVERY (A {operator.name} B)",
            )
        checked: list[LogicalOperand] = []
        for operand in operands:
            if isinstance(operand, ChainElement | EveryElement):
                if not isinstance(operand, EveryElement) or operand is not operands[0]:
                    self.error(
                        operand.span,
                        ErrorCode.LOGICAL_OPERANDS,
                        f"{operator.name} joins single elements; put -> outside the parentheses",
                        hint=f"write A -> (B {operator.name} C)",
                    )
                continue
            if isinstance(operand, StreamElement) and operand.quantifier is not None:
                self.error(
                    operand.quantifier.span,
                    ErrorCode.INVALID_QUANTIFIER,
                    f"a quantifier is not allowed on an operand of {operator.name}",
                )
            checked.append(operand)
        if not checked:
            return operands[0]
        left = checked[0]
        for right in checked[1:]:
            left = LogicalElement(operator=operator, left=left, right=right, span=left.span.to(right.span))
        return left

    def _chain(self, node: ParseNode, kind: PatternKind, *, is_first: bool) -> PatternElement:
        parts = self.parts(node)
        for separator in parts.all("chain_separator"):
            if kind is PatternKind.PATTERN and self.text(separator) == ",":
                self.error(
                    self.span(separator),
                    ErrorCode.SYNTAX,
                    "expected '->' or ')' but found ','",
                    hint="PATTERN is written with ->; use SEQUENCE for events that follow at once",
                )
        elements = [
            self._sql_element(part, kind, is_first=is_first and position == 0)
            for position, part in enumerate(parts.all("pattern_element"))
        ]
        return elements[0] if len(elements) == 1 else ChainElement(elements=tuple(elements), span=self.span(node))

    def _sql_element(self, node: ParseNode, kind: PatternKind, *, is_first: bool) -> PatternElement:
        parts = self.parts(node)
        every, quantifier_node = parts.get("EVERY"), parts.get("quantifier")
        if every is not None and kind is PatternKind.SEQUENCE and not is_first:
            self.error(self.span(every), ErrorCode.MISPLACED_EVERY, "EVERY is only allowed at the start of a SEQUENCE")
        primary = self.only(parts.one("pattern_primary"))
        element: PatternElement
        match primary.expr_name:
            case "pattern_group":
                element = self._group(primary, kind, is_first=is_first and every is None)
            case "absent_element":
                element = self.absent(primary)
            case _:
                element = self.stream_element(primary)
        if quantifier_node is not None:
            quantifier = self.quantifier(quantifier_node)
            text = self.text(quantifier_node)
            match element:
                case StreamElement(quantifier=None) if primary.expr_name != "pattern_group":
                    element = StreamElement(
                        reference=element.reference,
                        relation=element.relation,
                        handlers=element.handlers,
                        quantifier=quantifier,
                        span=self.span(node),
                    )
                case StreamElement() if primary.expr_name != "pattern_group":
                    self.error(quantifier.span, ErrorCode.INVALID_QUANTIFIER, f"quantifier {text}: the element has one")
                case AbsentElement():
                    self.error(quantifier.span, ErrorCode.INVALID_QUANTIFIER, f"quantifier {text}: not allowed on NOT")
                case _:
                    self.error(
                        quantifier.span, ErrorCode.INVALID_QUANTIFIER, f"quantifier {text}: not allowed on a group"
                    )
        return element if every is None else EveryElement(pattern=element, span=self.span(node))

    def _group(self, node: ParseNode, kind: PatternKind, *, is_first: bool) -> PatternElement:
        body = self.parts(self.parts(node).one("pattern_body"))
        within = body.get("within")
        if within is not None:
            self.error(
                self.span(within), ErrorCode.INVALID_WITHIN, "WITHIN is only allowed at the end of the whole pattern"
            )
        return self._or(body.one("pattern_or"), kind, is_first=is_first)

    # -- elements, both dialects

    def stream_element(self, node: ParseNode) -> StreamElement:
        parts = self.parts(node)
        named, alias_node = parts.get("named_element"), parts.get("identifier")
        inner = parts if named is None else self.parts(named)
        name_node = inner.get("element_name")
        reference: Identifier | None = None
        if name_node is not None:
            reference = self.marked_identifier(name_node, 1)
            if alias_node is not None:
                self.error(self.span(alias_node), ErrorCode.SYNTAX, "the element has two names")
        elif alias_node is not None:
            reference = self.identifier(alias_node)
        quantifiers = parts.all("quantifier", "angle_quantifier", "quantifier_symbol")
        if len(quantifiers) > 1:
            self.error(self.span(quantifiers[1]), ErrorCode.INVALID_QUANTIFIER, "the element has two quantifiers")
        return StreamElement(
            reference=reference,
            relation=self.relation_name(inner.get("target") or inner.one("relation_name")),
            handlers=self._element_handlers(parts),
            quantifier=self.quantifier(quantifiers[0]) if quantifiers else None,
            span=self.span(node),
        )

    def absent(self, node: ParseNode) -> AbsentElement:
        parts = self.parts(node)
        timespan = parts.get("timespan") or parts.get("duration")
        return AbsentElement(
            relation=self.relation_name(parts.one("relation_name")),
            handlers=self._element_handlers(parts),
            duration=None if timespan is None else self.timespan(timespan),
            span=self.span(node),
        )

    def _element_handlers(self, parts: Parts) -> tuple[Filter | StreamFunction, ...]:
        found: list[Filter | StreamFunction] = []
        for node in parts.all("handler", "element_handler"):
            handler = self.handler(node)
            match handler:
                case Filter() | StreamFunction():
                    found.append(handler)
                case WindowCall() | NoWindow():
                    self.error(handler.span, ErrorCode.SYNTAX, "a pattern element can't have a window")
        return tuple(found)

    def quantifier(self, node: ParseNode) -> Quantifier:
        """`{2,5}`, `<2:5>`, `+`, `*`, `?`, in SQL wrapped in `quantifier`."""
        inner = self.only(node) if node.expr_name == "quantifier" else node
        span = self.span(node)
        minimum, maximum = self.bounds(inner)
        text = self.text(node)
        if maximum is not None and maximum < minimum:
            self.error(span, ErrorCode.INVALID_QUANTIFIER, f"quantifier {text}: the maximum is below the minimum")
        elif maximum == 0 and self.dialect is Dialect.SQL:
            self.error(span, ErrorCode.INVALID_QUANTIFIER, f"quantifier {text}: the maximum must be at least 1")
        return Quantifier(minimum=minimum, maximum=maximum, span=span)

    def bounds(self, node: ParseNode) -> tuple[int, int | None]:
        if node.expr_name == "quantifier_symbol":
            return _SYMBOLS[self.text(node)]
        parts = self.parts(node)
        bounds = parts.get("brace_range") or parts.get("angle_range")
        if bounds is None:
            exact = self.whole_number(parts.one("whole_number"))
            return exact, exact
        inner = self.parts(bounds)
        numbers = inner.all("whole_number")
        if not numbers:
            self.error(
                self.span(node), ErrorCode.INVALID_QUANTIFIER, f"quantifier {self.text(node)}: no bound is given"
            )
            return 1, 1
        if len(numbers) == 2:
            return self.whole_number(numbers[0]), self.whole_number(numbers[1])
        bound = self.whole_number(numbers[0])
        return (bound, None) if inner.nodes[0] is numbers[0] else (0, bound)

    # -- EventFluxQL

    def pattern_input(self, node: ParseNode) -> PatternInput:
        parts = self.parts(node)
        within = parts.get("within")
        limit = None if within is None else self.within(within)
        pattern = self._ql_chain(parts.one("pattern_chain"), in_every=False)
        return PatternInput(
            kind=PatternKind.PATTERN,
            pattern=pattern,
            within=limit,
            on_timeout=self.on_timeout(parts.get("timeout")),
            span=self.span(node),
        )

    def _ql_chain(self, node: ParseNode, *, in_every: bool) -> PatternElement:
        links = [self._ql_link(self.only(part), in_every=in_every) for part in self.parts(node).all("pattern_link")]
        return links[0] if len(links) == 1 else ChainElement(elements=tuple(links), span=self.span(node))

    def _ql_link(self, node: ParseNode, *, in_every: bool) -> PatternElement:
        parts = self.parts(node)
        if in_every and parts.has("EVERY"):
            self.error(
                self.span(parts.one("EVERY")), ErrorCode.SYNTAX, "expected an element but found 'every'",
                hint="every can't stand inside every",
            )  # fmt: skip
        match node.expr_name:
            case "every_group":
                inner = self._ql_chain(parts.one("pattern_chain"), in_every=True)
                return EveryElement(pattern=inner, span=self.span(node))
            case "every_state":
                return EveryElement(pattern=self._ql_state(parts.one("pattern_state")), span=self.span(node))
            case "pattern_group":
                return self._ql_chain(parts.one("pattern_chain"), in_every=in_every)
            case _:
                return self._ql_state(node)

    def _ql_state(self, node: ParseNode) -> PatternElement:
        inner = self.only(node)
        return self._ql_logical(inner) if inner.expr_name == "logical_state" else self._ql_element(inner)

    def _ql_logical(self, node: ParseNode) -> PatternElement:
        parts = self.parts(node)
        operator = LogicalOperator.AND if parts.has("AND") else LogicalOperator.OR
        operands: list[PatternElement] = [
            self._ql_element(part) for part in parts.all("pattern_element", "sequence_element")
        ]
        return self._logical(operator, operands)

    def _ql_element(self, node: ParseNode) -> StreamElement | AbsentElement:
        inner = self.only(node)
        return self.absent(inner) if inner.expr_name == "absent_element" else self.stream_element(inner)

    def sequence_input(self, node: ParseNode) -> PatternInput:
        parts = self.parts(node)
        first = self._sequence_link(parts.one("sequence_link"))
        every = parts.get("EVERY")
        if every is not None:
            first = EveryElement(pattern=first, span=self.span(every).to(first.span))
        elements = [first]
        for tail in parts.all("sequence_tail"):
            elements += self._sequence_tail(tail)
        within = parts.get("within")
        limit = None if within is None else self.within(within)
        span = elements[0].span.to(elements[-1].span)
        return PatternInput(
            kind=PatternKind.SEQUENCE,
            pattern=ChainElement(elements=tuple(elements), span=span),
            within=limit,
            on_timeout=self.on_timeout(parts.get("timeout")),
            span=self.span(node),
        )

    def _sequence_tail(self, node: ParseNode) -> list[PatternElement]:
        inner = self.parts(node).nodes[-1]
        if inner.expr_name == "sequence_link":
            return [self._sequence_link(inner)]
        # Brackets around a part of a sequence change nothing.
        parts = self.parts(inner)
        elements = [self._sequence_link(parts.one("sequence_link"))]
        for tail in parts.all("sequence_tail"):
            elements += self._sequence_tail(tail)
        return elements

    def _sequence_link(self, node: ParseNode) -> PatternElement:
        inner = self.only(node)
        match inner.expr_name:
            case "bracketed_logical":
                return self._ql_logical(self.parts(inner).one("sequence_logical"))
            case "sequence_logical":
                return self._ql_logical(inner)
            case _:
                return self._ql_element(inner)

    # -- absent elements need a time or a partner

    def check_absent(self, element: PatternElement) -> None:
        """`NOT A` without FOR is only allowed as an operand of AND whose other operand is an event."""
        match element:
            case AbsentElement(duration=None):
                word = "not" if self.dialect is Dialect.EVENTFLUXQL else "NOT"
                self.error(
                    element.span,
                    ErrorCode.ABSENT_NEEDS_TIME,
                    f"{word} {element.relation} needs FOR duration, or AND with another element",
                )
            case LogicalElement(operator=LogicalOperator.AND):
                leaves = _leaves(element)
                if not any(isinstance(leaf, StreamElement) for leaf in leaves):
                    for leaf in leaves:
                        self.check_absent(leaf)
            case LogicalElement():
                self.check_absent(element.left)
                self.check_absent(element.right)
            case EveryElement():
                self.check_absent(element.pattern)
            case ChainElement():
                for inner in element.elements:
                    self.check_absent(inner)
            case AbsentElement() | StreamElement():
                pass


def _bind_absent(operands: list[PatternElement]) -> list[PatternElement]:
    """Bind `NOT B` without FOR to its neighbour behind or before AND.

    `->` binds tighter than AND, but in `A -> NOT B AND C` a lone NOT B could mean nothing: it is A -> (NOT B AND C).
    """
    bound = operands[:1]
    for right in operands[1:]:
        left = bound[-1]
        before = left.elements if isinstance(left, ChainElement) else (left,)
        behind = right.elements if isinstance(right, ChainElement) else (right,)
        last, first = before[-1], behind[0]
        is_lone = any(isinstance(element, AbsentElement) and element.duration is None for element in (last, first))
        if len(before) + len(behind) == 2 or not is_lone or not (_is_operand(last) and _is_operand(first)):
            bound.append(right)
            continue
        assert not isinstance(last, ChainElement | EveryElement)
        assert not isinstance(first, ChainElement | EveryElement)
        logical = LogicalElement(operator=LogicalOperator.AND, left=last, right=first, span=last.span.to(first.span))
        bound[-1] = ChainElement(elements=(*before[:-1], logical, *behind[1:]), span=left.span.to(right.span))
    return bound


def _is_operand(element: PatternElement) -> bool:
    return isinstance(element, StreamElement | AbsentElement | LogicalElement)


def _needed_elements(element: PatternElement) -> int:
    """How many elements need an event of their own. One event may fill both sides of an AND."""
    match element:
        case StreamElement():
            return 1 if element.quantifier is None else min(1, element.quantifier.minimum)
        case ChainElement():
            return sum(_needed_elements(inner) for inner in element.elements)
        case EveryElement():
            return _needed_elements(element.pattern)
        case LogicalElement(operator=LogicalOperator.AND):
            return max(_needed_elements(element.left), _needed_elements(element.right))
        case LogicalElement():
            return min(_needed_elements(element.left), _needed_elements(element.right))
        case AbsentElement():
            return 0


def _leaves(element: LogicalElement) -> Sequence[StreamElement | AbsentElement]:
    found: list[StreamElement | AbsentElement] = []
    pending: list[LogicalOperand] = [element]
    while pending:
        match pending.pop():
            case LogicalElement(left=left, right=right):
                pending += [right, left]
            case leaf:
                found.append(leaf)
    return found
