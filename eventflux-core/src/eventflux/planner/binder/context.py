"""What binding a statement needs to know beside the statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from eventflux.extension import ExtensionRegistry
from eventflux.language.ast import Partition, RelationName
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.host_functions import HostFunctions, ScriptFunction
from eventflux.planner.logical.aggregations import UTC
from eventflux.planner.logical.patterns import MatchLimit
from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.dialect import Dialect
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class PartitionBlock:
    """A partition block of the text, and the name that it has or gets."""

    name: str
    statement: Partition

    def inner(self, stream: RelationName) -> str:
        """The name of its inner stream within the app."""
        return f"{self.name}/{stream}"


@record(frozen=True, slots=True, kw_only=True)
class BindContext:
    """Shared by all binders of one statement.

    Attributes:
        diagnostics: Where errors go.
        registry: Functions, aggregators, windows that can be named.
        scripts: Functions that the text defines, by name.
        host_functions: Collects the places that call out of the engine.
        dialect: Language of the statement.
        three_valued: SQL's standard null logic was asked for.
        query: Name of the query, for messages and host functions.
        block: The partition block that the statement stands in.
        zone: IANA name of the zone whose calendar aggregations follow.
        event_times: Stream with a watermark -> position of the attribute that is its time.
        gives_timeouts: The query is about what runs out of time, not about matches.
        match_limit: On partial matches of patterns.
        tells_events: The query tells the events of each match, in MATCHED_EVENTS.
        parameters: Values of an on-demand query, by position or name; None: the text can have none.
    """

    diagnostics: Diagnostics
    registry: ExtensionRegistry
    scripts: Mapping[str, ScriptFunction]
    host_functions: HostFunctions
    dialect: Dialect
    three_valued: bool = False
    query: str = ""
    block: PartitionBlock | None = None
    zone: str = UTC
    event_times: Mapping[str, int] = field(default_factory=dict)
    gives_timeouts: bool = False
    match_limit: MatchLimit | None = None
    tells_events: bool = False
    parameters: Mapping[int | str, TypedExpression] | None = None

    @property
    def is_sql(self) -> bool:
        return self.dialect is Dialect.SQL

    def for_query(self, query: str) -> BindContext:
        """The same for a query of that name."""
        return replace(self, query=query)
