"""Entry points of the printers."""

from __future__ import annotations

from eventflux.language.ast import Dialect, EventFluxApp, Expression, OnDemandQuery, Statement
from eventflux.language.printers.base import BasePrinter
from eventflux.language.printers.eventfluxql import EventFluxQLPrinter
from eventflux.language.printers.sql import SqlPrinter


def print_app(app: EventFluxApp) -> str:
    """The app as text, each statement in the dialect that it was written in, one a line."""
    printers: dict[Dialect, BasePrinter] = {Dialect.SQL: SqlPrinter(), Dialect.EVENTFLUXQL: EventFluxQLPrinter()}
    for printer in printers.values():
        printer.inner_printers = printers
    # What stands behind the app's annotations decides how their strings are read.
    first = app.statements[0].dialect if app.statements else Dialect.EVENTFLUXQL
    lines = [printers[first].annotation(annotation) for annotation in app.annotations]
    lines += [f"{printers[statement.dialect].statement(statement)};" for statement in app.statements]
    return "".join(f"{line}\n" for line in lines)


def to_sql(node: EventFluxApp | Statement | OnDemandQuery | Expression) -> str:
    """A node in SQL.

    Raises:
        UnprintableError: SQL can't say it, or would mean something else by the same words.
    """
    printer = SqlPrinter()
    match node:
        case EventFluxApp():
            lines = [printer.annotation(annotation) for annotation in node.annotations]
            lines += [f"{printer.statement(statement)};" for statement in node.statements]
            return "".join(f"{line}\n" for line in lines)
        case OnDemandQuery():
            return printer.statement(node.statement)
        case _:
            return printer.statement(node) if isinstance(node, Statement) else printer.expression(node)


def to_eventfluxql(node: EventFluxApp | Statement | OnDemandQuery | Expression) -> str:
    """A node in EventFluxQL.

    Raises:
        UnprintableError: EventFluxQL can't say it, or would mean something else by the same words.
    """
    printer = EventFluxQLPrinter()
    match node:
        case EventFluxApp():
            lines = [printer.annotation(annotation) for annotation in node.annotations]
            lines += [f"{printer.statement(statement)};" for statement in node.statements]
            return "".join(f"{line}\n" for line in lines)
        case OnDemandQuery():
            return printer.on_demand(node)
        case _:
            return printer.statement(node) if isinstance(node, Statement) else printer.expression(node)
