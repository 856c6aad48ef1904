"""The whole of an application text."""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from eventflux.language.ast.annotations import Annotation
from eventflux.language.ast.definitions import Definition
from eventflux.language.ast.expressions import Literal
from eventflux.language.ast.node import Node
from eventflux.language.ast.partitions import Partition
from eventflux.language.ast.queries import InsertValues, Query, UpsertValues
from eventflux.types.dialect import Dialect
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, SourceText, Span


@record(frozen=True, slots=True, kw_only=True)
class SetStatement(Node):
    """`SET 'app.name' = 'Fraud'`: the same as `@app:name('Fraud')`."""

    dialect: Dialect = Dialect.SQL
    key: str
    value: Literal
    key_span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Explain(Node):
    """`EXPLAIN statement`: shows the plan of the statement, which is otherwise part of the app."""

    dialect: Dialect = Dialect.SQL
    statement: Statement


Statement: TypeAlias = Definition | Query | InsertValues | UpsertValues | Partition | SetStatement | Explain


@record(frozen=True, slots=True, kw_only=True)
class EventFluxApp(Node):
    """Statements in text order. `annotations` are the `@app:...` ones, wherever they stand."""

    annotations: tuple[Annotation, ...] = ()
    statements: tuple[Statement, ...] = ()
    source: SourceText = field(compare=False, repr=False)

    @property
    def settings(self) -> tuple[SetStatement, ...]:
        """The SET statements, in text order."""
        return tuple(statement for statement in self.statements if isinstance(statement, SetStatement))
