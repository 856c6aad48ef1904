"""An app without its outside: streams keep their attributes, tables are held in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from eventflux.language.ast import Annotation, EventFluxApp, Property, Statement, StreamDefinition, TableDefinition

_CONNECTORS: Final = frozenset({"source", "sink"})
_STORES: Final = frozenset({"store", "cache"})
# Properties of a stream or table that are its own, not a connector's or store's.
_STREAM_HEADS: Final = frozenset({"async", "error", "watermark", "late", "partition"})
_TABLE_KEYS: Final = frozenset({"primary_key", "index"})


def sandboxed(app: EventFluxApp) -> EventFluxApp:
    """The app with sources, sinks and stores taken out of its definitions."""
    return replace(app, statements=tuple(_inside(statement) for statement in app.statements))


def _inside(statement: Statement) -> Statement:
    match statement:
        case StreamDefinition():
            return replace(
                statement,
                annotations=_without(statement.annotations, _CONNECTORS),
                properties=tuple(each for each in statement.properties if _is_of_stream(each)),
            )
        case TableDefinition():
            return replace(
                statement,
                annotations=_without(statement.annotations, _STORES),
                properties=tuple(each for each in statement.properties if each.key in _TABLE_KEYS),
            )
        case _:
            return statement


def _without(annotations: Iterable[Annotation], names: frozenset[str]) -> tuple[Annotation, ...]:
    return tuple(each for each in annotations if each.namespace is not None or each.name.lower() not in names)


def _is_of_stream(given: Property) -> bool:
    head, dot, _ = given.key.partition(".")
    return bool(dot) and head in _STREAM_HEADS
