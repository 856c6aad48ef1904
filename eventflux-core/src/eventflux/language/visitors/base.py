"""What all visitors share: named parts of a node, spans, names, diagnostics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from eventflux.language.ast import (
    Annotation,
    Dialect,
    Expression,
    Identifier,
    OrderItem,
    Query,
    RelationKind,
    RelationName,
    SelectItem,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import name_value
from eventflux.language.variables import ExpandedText
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import SourceText, Span

_BLANKS = " \t\r\n\f\v"


class Parts:
    """The nearest named descendants of a node, in order. Visitors ask for them by name, not by position."""

    __slots__ = ("nodes",)

    def __init__(self, node: ParseNode) -> None:
        self.nodes: list[ParseNode] = []
        _collect(node, self.nodes)

    def __iter__(self) -> Iterator[ParseNode]:
        return iter(self.nodes)

    def one(self, name: str) -> ParseNode:
        """The first part of that name; the grammar promises that there is one."""
        for node in self.nodes:
            if node.expr_name == name:
                return node
        raise AssertionError(f"the grammar has no {name} here: {[node.expr_name for node in self.nodes]}")

    def get(self, name: str) -> ParseNode | None:
        """The first part of that name, or None."""
        for node in self.nodes:
            if node.expr_name == name:
                return node
        return None

    def all(self, *names: str) -> list[ParseNode]:
        """All parts with one of the names."""
        return [node for node in self.nodes if node.expr_name in names]

    def has(self, name: str) -> bool:
        """Whether there is a part of that name."""
        return any(node.expr_name == name for node in self.nodes)


def _collect(node: ParseNode, found: list[ParseNode]) -> None:
    for child in node.children:
        if child.expr.name:
            found.append(child)
        elif child.children:
            _collect(child, found)


class BaseVisitor(ABC):
    """State of reading one statement, and helpers.

    The visitors of the sections derive from each other in the order of the grammar; what an earlier one needs of a
    later one is declared here.
    """

    @abstractmethod
    def expression(self, node: ParseNode) -> Expression:
        """`expression` or `additive`."""

    @abstractmethod
    def exists(self, node: ParseNode) -> Expression:
        """`exists`."""

    @abstractmethod
    def subquery(self, node: ParseNode) -> Query:
        """A query inside another one."""

    @abstractmethod
    def anonymous_query(self, node: ParseNode) -> Query:
        """EventFluxQL's `from ... return`."""

    @abstractmethod
    def order_items(self, node: ParseNode) -> tuple[OrderItem, ...]:
        """`order_by`."""

    @abstractmethod
    def select_item(self, node: ParseNode) -> SelectItem:
        """`aliased_expression`."""

    def __init__(
        self, source: SourceText, expanded: ExpandedText, start: int, dialect: Dialect, *, on_demand: bool = False
    ) -> None:
        """Start reading.

        Args:
            source: The author's text.
            expanded: The same after variables were replaced.
            start: Where the statement starts in the expanded text.
            dialect: Language of the statement.
            on_demand: Whether parameters are allowed.
        """
        self.source = source
        self.expanded = expanded
        self.start = start
        self.dialect = dialect
        self.on_demand = on_demand
        self.diagnostics: list[Diagnostic] = []
        self.app_annotations: list[Annotation] = []
        self.parameter_count = 0

    # -- places

    def span(self, node: ParseNode) -> Span:
        """Place of a node without the white space behind it."""
        text, end = node.full_text, node.end
        while end > node.start and text[end - 1] in _BLANKS:
            end -= 1
        return self.expanded.span(self.start + node.start, self.start + end)

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        """Note an error and go on: what is read after it is thrown away, but its errors are wanted too."""
        self.diagnostics.append(Diagnostic.at(self.source, span, code, message, hint=hint))

    @staticmethod
    def text(node: ParseNode) -> str:
        """Text of a token without the white space behind it."""
        return node.full_text[node.start : node.end].rstrip(_BLANKS)

    @staticmethod
    def parts(node: ParseNode) -> Parts:
        return Parts(node)

    @staticmethod
    def only(node: ParseNode) -> ParseNode:
        """The first named part of a node."""
        while True:
            node = node.children[0]
            if node.expr_name:
                return node

    # -- names

    def identifier(self, node: ParseNode) -> Identifier:
        """Identifier of any name token."""
        name, quoted = name_value(self.text(node))
        return Identifier(name=name, quoted=quoted, span=self.span(node))

    def marked_identifier(self, node: ParseNode, mark: int) -> Identifier:
        """Identifier of a token with `mark` characters of punctuation at its end (`e1=`, `x =>`)."""
        name, quoted = name_value(self.text(node)[:-mark].rstrip(_BLANKS))
        start = self.start + node.start
        return Identifier(name=name, quoted=quoted, span=self.expanded.span(start, start + len(name) + 2 * quoted))

    def relation_name(self, node: ParseNode) -> RelationName:
        """`relation_name` or `target`: a name with an optional mark."""
        parts = self.parts(node)
        mark = parts.get("relation_mark")
        kind = RelationKind.NORMAL if mark is None else RelationKind(self.text(mark))
        return RelationName(name=self.identifier(parts.nodes[-1]), kind=kind, span=self.span(node))

    def qualified_name(self, node: ParseNode) -> tuple[str | None, str]:
        """Namespace and name of a function token: `ns:name`, `name`, `` `ns:name` ``."""
        text = self.text(node)
        if text[0] in '`"':
            name, _ = name_value(text)
            namespace, colon, rest = name.partition(":")
            return (namespace, rest) if colon else (None, name)
        namespace, colon, rest = text.partition(":")
        if not colon:
            return None, text
        return namespace.strip(_BLANKS), name_value(rest.strip(_BLANKS))[0]
