"""`eventflux query`: rows of tables, windows and aggregations: of saved state, or of a running app."""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from eventflux import EventBatch, EventFluxError
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.remote import RemoteApp
from eventflux_cli.settings import load_settings, load_variables, open_manager
from eventflux_cli.stores import add_store_options, read_only, with_store
from eventflux_cli.terminal import say, show_table


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("text", metavar="TEXT", help="an on-demand query, in either language")
    parser.add_argument("file", nargs="?", metavar="FILE", help="with --output arrow: where to")
    parser.add_argument("--url", metavar="URL", help="of a running app that serves its control endpoint")
    parser.add_argument("--token", metavar="TOKEN", help="of that endpoint")
    parser.add_argument("--app", metavar="APP", help="file with an app, whose last saved state is asked")
    add_store_options(parser)
    parser.add_argument("--output", choices=("table", "csv", "json", "arrow"), default="table")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    if (options.url is None) == (options.app is None):
        say("eventflux query: name a running app (--url) or a file with one (--app)")
        return ExitCode.USAGE
    if options.output == "arrow" and options.file is None:
        say("eventflux query: --output arrow needs a file")
        return ExitCode.USAGE
    if options.url is not None:
        names, rows, changed = RemoteApp(options.url, options.token).query(options.text)
        return _show(names, rows, changed, options)
    with ExitStack() as stack:
        config = read_only(with_store(options, load_settings(options)))
        manager = stack.enter_context(open_manager(options, config))
        # In playback no timer runs: the state is asked as it was saved.
        runtime = manager.create_sandbox_eventflux_app_runtime(
            Path(options.app), playback=True, variables=load_variables(options.define)
        )
        runtime.start()
        if runtime.restored_revision is not None and not options.quiet:
            say(f"revision {runtime.restored_revision}")
        found = runtime.query(options.text)
        if isinstance(found, int):
            return _show((), [], found, options)
        if options.output == "arrow":
            _write_arrow(found, options.file)
            return ExitCode.SUCCESS
        schema = runtime.query_output_attributes(options.text)
        names = tuple(attribute.name for attribute in schema)
        return _show(names, [event.data for event in found], None, options)


def _show(
    names: Sequence[str], rows: Sequence[Sequence[Any]], changed: int | None, options: argparse.Namespace
) -> ExitCode:
    if changed is not None:
        print(json.dumps({"changed": changed}) if options.output == "json" else f"{changed} rows changed")
        return ExitCode.SUCCESS
    match options.output:
        case "json":
            documents = [dict(zip(names, row, strict=True)) for row in rows]
            print(json.dumps(documents, ensure_ascii=False, default=str))
        case "csv":
            writer = csv.writer(sys.stdout)
            writer.writerow(names)
            writer.writerows(rows)
        case "arrow":
            pyarrow = _pyarrow()
            table = pyarrow.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
            _write_table(table, options.file)
        case _:
            show_table(names, rows, options.color)
    if not options.quiet:
        say(f"{len(rows)} rows")
    return ExitCode.SUCCESS


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise EventFluxError("writing Arrow files needs pyarrow", hint="pip install pyarrow") from error


def _write_arrow(rows: EventBatch, file: str) -> None:
    _write_table(_pyarrow().table(rows), file)


def _write_table(table: Any, file: str) -> None:
    ipc = importlib.import_module("pyarrow.ipc")
    with ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    say(f"{table.num_rows} rows")
