"""Definitions of tables: attributes, primary key, indexes, properties."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.extension import suggestion
from eventflux.language.ast import (
    Annotation,
    IndexConstraint,
    PrimaryKeyConstraint,
    Property,
    TableDefinition,
    WatermarkConstraint,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.stores import store_plan
from eventflux.planner.logical.tables import TablePlan
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span


class _Keys:
    """Primary key and indexes of one definition while they are read."""

    def __init__(self, context: BindContext, definition: TableDefinition, schema: Schema) -> None:
        self._context = context
        self._schema = schema
        self._table = definition.name.name
        self._key_span: Span | None = None
        self.primary_key: list[int] = []
        self.indexes: list[int] = []

    def key(self, names: Sequence[tuple[str, Span]], span: Span) -> None:
        """Take the attributes of a primary key; there is one at most."""
        if self._key_span is not None:
            place = self._context.diagnostics.source.position(self._key_span.start)
            self._context.diagnostics.error(
                span,
                ErrorCode.INVALID_DEFINITION,
                f"table {self._table} has its primary key at {place.line}:{place.column} already",
            )
            return
        self._key_span = span
        for name, name_span in names:
            position = self._position(name, name_span)
            if position is not None and position in self.primary_key:
                self._context.diagnostics.error(
                    name_span, ErrorCode.INVALID_DEFINITION, f"attribute '{name}' is in the primary key twice"
                )
            elif position is not None:
                self.primary_key.append(position)

    def index(self, name: str, span: Span) -> None:
        """Take an indexed attribute."""
        position = self._position(name, span)
        if position is not None and position in self.indexes:
            self._context.diagnostics.error(span, ErrorCode.INVALID_DEFINITION, f"attribute '{name}' is indexed twice")
        elif position is not None:
            self.indexes.append(position)

    def _position(self, name: str, span: Span) -> int | None:
        position = self._schema.position(name)
        if position is None:
            self._context.diagnostics.error(
                span,
                ErrorCode.UNDEFINED_COLUMN,
                f"unknown attribute '{name}' of table {self._table}",
                suggestion(name, self._schema.names, self._table),
            )
        return position


def table_plan(context: BindContext, definition: TableDefinition, schema: Schema) -> TablePlan:
    """The table of a definition; what is wrong in it is noted."""
    keys = _Keys(context, definition, schema)
    for annotation in definition.annotations:
        _annotation(context, keys, annotation)
    inline = [(column.name.name, column.name.span) for column in definition.columns if column.primary_key]
    if inline:
        keys.key(inline, inline[0][1])
    for column in definition.columns:
        if column.index:
            keys.index(column.name.name, column.name.span)
    for constraint in definition.constraints:
        match constraint:
            case PrimaryKeyConstraint():
                keys.key([(column.name, column.span) for column in constraint.columns], constraint.span)
            case IndexConstraint():
                for name in constraint.columns:
                    keys.index(name.name, name.span)
            case WatermarkConstraint():
                context.diagnostics.error(constraint.span, ErrorCode.INVALID_DEFINITION, "a table has no watermark")
    for given in definition.properties:
        _property(context, keys, given)
    return TablePlan(
        store=store_plan(context, definition),
        name=definition.name.name,
        schema=schema,
        primary_key=tuple(keys.primary_key),
        indexes=tuple(keys.indexes),
        span=definition.name.span,
    )


def _annotation(context: BindContext, keys: _Keys, annotation: Annotation) -> None:
    if annotation.namespace is not None:
        return
    name = annotation.name.lower()
    if name not in {"primarykey", "index"}:
        return
    given = [(element.value, element.value_span) for element in annotation.elements if element.key is None]
    if not given or (name == "index" and len(given) != 1):
        wanted = "exactly one attribute" if name == "index" else "attributes"
        context.diagnostics.error(annotation.span, ErrorCode.INVALID_DEFINITION, f"@{annotation.name} names {wanted}")
    if name == "primarykey" and given:
        keys.key(given, annotation.span)
    elif name == "index":
        for each, span in given:
            keys.index(each, span)


def _property(context: BindContext, keys: _Keys, given: Property) -> None:
    key = given.key.lower()
    text = str(given.value)
    match key:
        case "primary_key":
            keys.key([(part.strip(), given.value_span) for part in text.split(",")], given.value_span)
        case "index":
            for part in text.split(","):
                keys.index(part.strip(), given.value_span)
        case "type" | "format":
            context.diagnostics.error(
                given.key_span, ErrorCode.INVALID_STREAM_KIND, f"a table cannot have '{given.key}'"
            )
        case _:
            pass
