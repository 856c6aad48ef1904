"""The types that are written in C, made once a process."""

from __future__ import annotations

import importlib
from typing import Any

from eventflux.engine import objects, values
from eventflux.engine._native import lib
from eventflux.engine.columns import Columns
from eventflux.engine.status import exception_of
from eventflux.types.errors import EventFluxError


def _native_error(status: int, message: str, row: int, operator: str | None) -> EventFluxError:
    error = exception_of(status, message, row=row)
    if operator is not None and not error.hint:
        error.hint = f"operator: {operator}"
    return error


def _rich_table(batch: object) -> object:
    # Only rich asks for it, so rich is there; nobody else shall have to install it.
    return importlib.import_module("eventflux.engine.rich_table").rich_table(batch)


def _start() -> dict[str, Any]:
    namespace: dict[str, Any] = {
        "pack_object": objects.pack,
        "unpack_object": objects.unpack,
        "plain_value": values.plain_value,
        "row_of": values.row_of,
        "timestamp_of": values.timestamp_of,
        "timestamps_of": values.timestamps_of,
        "data_error": values.data_error,
        "native_error": _native_error,
        "columns_of": Columns,
        "rich_of": _rich_table,
    }
    # The native side gets the dictionary by its address, which is what id() is in CPython.
    if lib.ef_host_start(id(namespace)) != 0:
        raise namespace["error"]
    return namespace


_namespace = _start()
Layout = _namespace["Layout"]
Event = _namespace["Event"]
EventBatch = _namespace["EventBatch"]
Border = _namespace["Border"]
Input = _namespace["Input"]
host = _namespace["host"]
# EventBatch has all methods of a Sequence and matches sequence patterns, but is not registered as one: libraries that
# look for sequences before Arrow data (polars) would take its events for single values.
Event.__module__ = EventBatch.__module__ = __name__
