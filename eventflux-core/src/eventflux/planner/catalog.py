"""The one name space of an app: streams, tables, windows, triggers, aggregations."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from eventflux.extension import suggestion
from eventflux.language.ast import RelationName, StreamDefinition, TypeName
from eventflux.planner.logical.aggregations import AggregationPlan
from eventflux.planner.typed.nodes import Constant
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import NO_SPAN, Span


class RelationKind(enum.Enum):
    """What a name stands for; the value is its word in messages."""

    STREAM = "stream"
    TABLE = "table"
    WINDOW = "window"
    TRIGGER = "trigger"
    AGGREGATION = "aggregation"


@record(frozen=True, slots=True, kw_only=True)
class Entry:
    """A named relation.

    Attributes:
        name: With `#` or `!` for inner and fault streams.
        kind: What it is.
        schema: Its attributes; None while unknown because of an error that was reported.
        span: Where it is defined or first inserted into.
        shapes: Declared types of attributes that are structs, arrays, maps.
        defaults: What an attribute gets that an INSERT with a column list leaves out.
        definition: The definition of a stream; None where a query made it.
        inferred_at: Number of the statement whose query made it; None where it is defined.
        primary_key: Positions of the attributes of a table's primary key.
        aggregation: What an aggregation is, for those that read its buckets.
        is_hidden: Made by the planner for a subquery; no text can name it.
        partition: The partition that it is a stream within.
        fault_of: The stream whose failed rows it has.
    """

    name: str
    kind: RelationKind
    schema: Schema | None
    span: Span = field(default=NO_SPAN, compare=False)
    shapes: Mapping[str, TypeName] = field(default_factory=dict)
    defaults: Mapping[str, Constant] = field(default_factory=dict)
    definition: StreamDefinition | None = None
    inferred_at: int | None = None
    primary_key: tuple[int, ...] = ()
    aggregation: AggregationPlan | None = field(default=None, compare=False, repr=False)
    is_hidden: bool = False
    partition: str | None = None
    fault_of: str | None = None

    @property
    def what(self) -> str:
        """`stream Trades`, as messages call it."""
        return f"{self.kind.value} {self.shown}"

    @property
    def shown(self) -> str:
        """The name as the text has it."""
        return self.name.rpartition("/")[2]


@dataclass(slots=True)
class Catalog:
    """Entries in the order in which they were added."""

    _entries: dict[str, Entry] = field(default_factory=dict)
    _hidden: int = 0

    def add(self, entry: Entry) -> Entry:
        """Add or replace an entry."""
        self._entries[entry.name] = entry
        return entry

    def find(self, name: RelationName | str) -> Entry | None:
        """The entry of exactly that name."""
        return self._entries.get(str(name))

    def fresh_name(self, stem: str) -> str:
        """A name that no text can have: it holds a character that identifiers may not."""
        self._hidden += 1
        return f"{stem}~{self._hidden}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries.values())

    def hint(self, name: str) -> str | None:
        """`did you mean 'Trades'?`, or the names that there are if they are few."""
        return suggestion(
            name, [entry.name for entry in self._entries.values() if not entry.is_hidden and entry.partition is None]
        )
