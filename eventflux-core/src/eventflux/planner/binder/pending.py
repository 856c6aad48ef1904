"""The queries of a text: their order, their names, what they write to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from eventflux.language.ast import (
    Annotation,
    AttributeReference,
    EventType,
    Identifier,
    InsertInto,
    MatchRecognizeInput,
    Partition,
    PatternInput,
    Query,
    QueryDefinition,
    RelationName,
    SelectItem,
    Star,
    Statement,
    ViewDefinition,
)
from eventflux.language.ast import RelationKind as Prefix
from eventflux.planner.binder.context import PartitionBlock
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.explanations import MATCHED_EVENTS
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

# Where a SELECT without a target puts its rows.
OUTPUT_STREAM = "OutputStream"


@record(frozen=True, slots=True, kw_only=True)
class PendingQuery:
    """A query of the text that waits for its turn.

    Attributes:
        number: Position among the queries of the text, those in partitions and of ON TIMEOUT included, from 0.
        name: Given, or `query<position>`.
        query: The query.
        view: Name of the view that it fills.
        block: The partition block that it stands in.
        gives_timeouts: Made of ON TIMEOUT: the same query over what runs out of time.
        explains: Name of the query that this is a copy of which tells the events of its matches.
    """

    number: int
    name: str
    query: Query
    view: Identifier | None = None
    block: PartitionBlock | None = None
    gives_timeouts: bool = False
    explains: str | None = None

    @property
    def target(self) -> RelationName | None:
        """The relation that the text names behind INSERT INTO."""
        return self.query.output.target if isinstance(self.query.output, InsertInto) else None

    @property
    def target_name(self) -> str | None:
        """The relation that its rows go into; None where they change a table, or are returned."""
        if self.view is not None:
            return self.view.name
        if self.query.output is None:
            return OUTPUT_STREAM
        if self.target is not None and self.target.kind is Prefix.INNER and self.block is not None:
            return self.block.inner(self.target)
        return None if self.target is None else str(self.target)

    @property
    def columns(self) -> tuple[Identifier, ...] | None:
        """The column list behind the target."""
        return self.query.output.columns if isinstance(self.query.output, InsertInto) else None

    @property
    def target_span(self) -> Span:
        """Where the target stands in the text."""
        if self.view is not None:
            return self.view.span
        return self.query.span if self.target is None else self.target.span


def pending_queries(
    statements: Sequence[Statement],
    blocks: Sequence[PartitionBlock],
    diagnostics: Diagnostics,
    *,
    tells_events: bool = False,
) -> tuple[PendingQuery, ...]:
    """The queries that are planned, in text order, all with names of their own.

    `tells_events`: before those over patterns stand copies that tell the events of each match.
    """
    found = list(_queries(statements, blocks))
    given = _given_names(found, diagnostics)
    taken = {name for name in given if name is not None}
    pending: list[PendingQuery] = []
    for position, (query, _, view, block) in enumerate(found):
        name = given[position]
        if name is None:
            name = f"query{position + 1}"
            while name in taken:
                name += "_"
            taken.add(name)
        query, missed = _without_timeouts(query)
        made = [PendingQuery(number=0, name=name, query=query, view=view, block=block)]
        if missed is not None:
            name = f"{name}/timeout"
            made.append(PendingQuery(number=0, name=name, query=missed, block=block, gives_timeouts=True))
        for one in made:
            copy = _telling(one) if tells_events else None
            if copy is not None:
                pending.append(replace(copy, number=len(pending)))
            pending.append(replace(one, number=len(pending)))
    return tuple(pending)


def _telling(pending: PendingQuery) -> PendingQuery | None:
    """The same query with MATCHED_EVENTS as a further attribute; None where it is none over a pattern."""
    query = pending.query
    is_insert = query.output is None or (
        isinstance(query.output, InsertInto) and query.output.event_type in {None, EventType.CURRENT}
    )
    if not isinstance(query.input, (PatternInput, MatchRecognizeInput)) or query.selection is None or not is_insert:
        return None
    if query.unions or query.selection.distinct:
        return None
    items = query.selection.items
    if not (isinstance(query.input, MatchRecognizeInput) and any(isinstance(item, Star) for item in items)):
        name = Identifier(name=MATCHED_EVENTS, span=query.span)
        items = (*items, SelectItem(expression=AttributeReference(name=name, span=query.span), span=query.span))
    target = RelationName(name=Identifier(name=f"{pending.name}/why", span=query.span), span=query.span)
    return replace(
        pending,
        name=f"{pending.name}/why",
        query=replace(
            query,
            annotations=(),
            selection=replace(query.selection, items=items),
            output=InsertInto(target=target, span=query.span),
        ),
        view=None,
        explains=pending.name,
    )


def _without_timeouts(query: Query) -> tuple[Query, Query | None]:
    """The query without ON TIMEOUT, and the one that this stands for.

    It selects the same, of what runs out of time; conditions, limits and rates are for matches.
    """
    source = query.input
    if not isinstance(source, (PatternInput, MatchRecognizeInput)) or source.on_timeout is None:
        return query, None
    if query.selection is None or query.unions:
        return query, None
    matching = replace(query, input=replace(source, on_timeout=None))
    missed = Query(
        dialect=query.dialect,
        common_tables=query.common_tables,
        input=matching.input,
        partition_by=query.partition_by,
        selection=query.selection,
        group_by=query.group_by,
        output=InsertInto(target=source.on_timeout, span=source.on_timeout.span),
        span=query.span,
    )
    return matching, missed


_Found = tuple["Query", "tuple[str, Span] | None", "Identifier | None", "PartitionBlock | None"]


def _queries(statements: Sequence[Statement], blocks: Sequence[PartitionBlock]) -> Iterator[_Found]:
    """Query, given name, view, block."""
    waiting = iter(blocks)
    for statement in statements:
        if isinstance(statement, Partition):
            block = next(waiting)
            for inner in statement.statements:
                yield from _query(inner, block)
        else:
            yield from _query(statement, None)


def _query(statement: Statement, block: PartitionBlock | None) -> Iterator[_Found]:
    match statement:
        case Query():
            yield statement, _info_name(statement.annotations), None, block
        case QueryDefinition(statement=Query() as query, name=name):
            yield query, (name.name, name.span), None, block
        case ViewDefinition():
            yield statement.query, _info_name(statement.annotations), statement.name, block
        case _:
            pass


def partition_blocks(statements: Sequence[Statement], diagnostics: Diagnostics) -> tuple[PartitionBlock, ...]:
    """The partition blocks of a text, in order, all with names of their own."""
    partitions = [statement for statement in statements if isinstance(statement, Partition)]
    given = [_info_name(partition.annotations) for partition in partitions]
    taken: set[str] = set()
    for each in given:
        if each is not None and each[0] in taken:
            diagnostics.error(each[1], ErrorCode.DUPLICATE_NAME, f"partition name '{each[0]}' is already given")
        if each is not None:
            taken.add(each[0])
    blocks: list[PartitionBlock] = []
    for number, (partition, each) in enumerate(zip(partitions, given, strict=True), 1):
        name = f"partition_{number}" if each is None else each[0]
        while each is None and name in taken:
            name += "_"
        blocks.append(PartitionBlock(name=name, statement=partition))
    return tuple(blocks)


def _info_name(annotations: Sequence[Annotation]) -> tuple[str, Span] | None:
    for annotation in annotations:
        if annotation.is_named("info"):
            element = annotation.element("name")
            if element is not None:
                return element.value, element.value_span
    return None


def _given_names(found: Sequence[_Found], diagnostics: Diagnostics) -> list[str | None]:
    places: dict[str, Span] = {}
    names: list[str | None] = []
    for _, given, _, _ in found:
        if given is None:
            names.append(None)
            continue
        name, span = given
        if name in places:
            place = diagnostics.source.position(places[name].start)
            diagnostics.error(
                span, ErrorCode.DUPLICATE_NAME, f"query name '{name}' is already given at {place.line}:{place.column}"
            )
            names.append(None)
        else:
            places[name] = span
            names.append(name)
    return names
