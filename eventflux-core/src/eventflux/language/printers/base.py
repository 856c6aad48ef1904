"""What both printers share: names, types, annotations, properties, definitions' columns."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from eventflux.language.ast import (
    Annotation,
    Argument,
    ColumnDefinition,
    Constraint,
    Dialect,
    EventIndex,
    EventType,
    Expression,
    Identifier,
    IndexConstraint,
    Literal,
    Node,
    OutputMode,
    OutputRate,
    PrimaryKeyConstraint,
    Property,
    PropertyKind,
    RelationName,
    Statement,
    TypeName,
    WatermarkConstraint,
)
from eventflux.language.ast.expressions import DurationLiteral
from eventflux.language.ast.patterns import EventCount
from eventflux.types.attribute_type import AttributeType
from eventflux.types.duration import format_duration
from eventflux.types.errors import UnprintableError

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[.:-][A-Za-z0-9_]+)*")
_NUMBER_END: Final = {AttributeType.LONG: "L", AttributeType.FLOAT: "f"}


class BasePrinter(ABC):
    """Writes the parts that both dialects write alike."""

    language: str
    dialect: Dialect

    def __init__(self) -> None:
        self.inner_printers: dict[Dialect, BasePrinter] = {}
        """Printers of statements inside a partition, where they are not all to be written in one dialect."""

    def inner_statement(self, node: Statement) -> str:
        """A statement of a partition."""
        return self.inner_printers.get(node.dialect, self).statement(node)

    def keyword(self, text: str) -> str:
        """Keywords in the case that this dialect writes them in."""
        return text.upper() if self.dialect is Dialect.SQL else text

    def refusal(self, what: str) -> UnprintableError:
        """The error for what this dialect has no words for."""
        return UnprintableError(f"{what} can't be written in {self.language}")

    @abstractmethod
    def statement(self, node: Statement) -> str:
        """A statement without the `;` behind it."""

    @abstractmethod
    def name(self, identifier: Identifier) -> str:
        """An identifier, quoted if it has to be."""

    @abstractmethod
    def string(self, value: str) -> str:
        """A string literal."""

    @abstractmethod
    def expression(self, node: Expression, level: int = 0) -> str:
        """An expression, in brackets if it binds looser than `level`."""

    @abstractmethod
    def argument_value(self, node: Expression) -> str:
        """An expression as the argument of a call."""

    def names(self, identifiers: Iterable[Identifier]) -> str:
        return ", ".join(self.name(identifier) for identifier in identifiers)

    def relation(self, node: RelationName) -> str:
        return f"{node.kind.value}{self.name(node.name)}"

    def number(self, literal: Literal) -> str:
        value, kind = literal.value, literal.type
        assert kind is not None
        if isinstance(value, float):
            text = "1e999" if value == float("inf") else "-1e999" if value == float("-inf") else repr(value)
            return text + _NUMBER_END.get(kind, "")
        return f"{value}{_NUMBER_END.get(kind, '')}"

    def duration(self, node: DurationLiteral) -> str:
        """A span of time where one is due."""
        return format_duration(node.milliseconds)

    def event_index(self, node: EventIndex) -> str:
        if not node.from_last:
            return str(node.offset)
        return "last" if node.offset == 0 else f"last - {node.offset}"

    def arguments(self, arguments: Iterable[Argument], *, star: bool) -> str:
        if star:
            return "*"
        return ", ".join(self.argument(argument) for argument in arguments)

    def argument(self, node: Argument) -> str:
        if node.name is not None:
            raise self.refusal("a named argument")
        return self.argument_value(node.value)

    # -- annotations and properties

    def annotation(self, node: Annotation) -> str:
        name = node.name if node.namespace is None else f"{node.namespace}:{node.name}"
        items: list[str] = []
        for element in node.elements:
            key = element.key
            if key is None:
                items.append(self.string(element.value))
            elif _KEY.fullmatch(key):
                items.append(f"{key} = {self.string(element.value)}")
            else:
                items.append(f"{self.string(key)} = {self.string(element.value)}")
        items += [self.annotation(nested) for nested in node.annotations]
        return f"@{name}({', '.join(items)})" if items else f"@{name}"

    def annotations(self, nodes: Iterable[Annotation]) -> str:
        return "".join(f"{self.annotation(node)} " for node in nodes)

    def properties(self, nodes: tuple[Property, ...]) -> str:
        if not nodes:
            return ""
        return f" WITH ({', '.join(self._property(node) for node in nodes)})"

    def _property(self, node: Property) -> str:
        key = self.string(node.key)
        match node.kind:
            case PropertyKind.FLAG:
                return key
            case PropertyKind.STRING:
                return f"{key} = {self.string(node.value)}"
            case PropertyKind.NUMBER | PropertyKind.WORD | PropertyKind.BOOL | PropertyKind.NULL:
                return f"{key} = {node.value}"

    # -- columns

    def columns(self, columns: tuple[ColumnDefinition, ...], constraints: tuple[Constraint, ...] = ()) -> str:
        items = [self._column(column) for column in columns]
        items += [self._constraint(constraint) for constraint in constraints]
        return f"({', '.join(items)})"

    def _column(self, node: ColumnDefinition) -> str:
        text = f"{self.name(node.name)} {self.type_name(node.type)}"
        if node.primary_key:
            text += " PRIMARY KEY"
        if node.not_null:
            text += " NOT NULL"
        if node.index:
            text += " INDEX"
        if node.default is not None:
            text += f" DEFAULT {self.expression(node.default)}"
        return text

    def _constraint(self, node: Constraint) -> str:
        match node:
            case PrimaryKeyConstraint():
                return f"PRIMARY KEY ({self.names(node.columns)})"
            case IndexConstraint():
                return f"INDEX ({self.names(node.columns)})"
            case WatermarkConstraint():
                return f"WATERMARK FOR {self.name(node.column)} AS {self.expression(node.expression)}"

    def type_name(self, node: TypeName) -> str:
        text = node.name if self.dialect is Dialect.SQL else node.name.lower()
        if node.fields:
            fields = ", ".join(f"{self.name(field.name)} {self.type_name(field.type)}" for field in node.fields)
            return f"{text}({fields})" if node.name == "ROW" else f"{text}<{fields}>"
        if node.elements:
            return f"{text}<{', '.join(self.type_name(element) for element in node.elements)}>"
        return f"{text}({', '.join(map(str, node.lengths))})" if node.lengths else text

    # -- outputs

    def event_type(self, event_type: EventType | None) -> str:
        return "" if event_type is None else f"{self.keyword(event_type.value)} "

    def output_rate(self, node: OutputRate | None) -> str:
        if node is None:
            return ""
        if isinstance(node.every, EventCount):
            every = f"{node.every.count} {self.keyword('events')}"
        else:
            every = self.duration(node.every)
        mode = "" if node.mode is OutputMode.ALL else f"{node.mode.value} "
        return f" {self.keyword(f'output {mode}every')} {every}"

    def unreadable(self, node: Node) -> UnprintableError:
        """The error for a node that this dialect has no words for."""
        return self.refusal(type(node).__name__)
