"""`eventflux send`: rows into a stream of a running app."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from eventflux import ConfigError
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.remote import RemoteApp
from eventflux_cli.terminal import say

_BATCH: Final = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("stream", metavar="STREAM")
    parser.add_argument("rows", nargs="?", metavar="ROWS", help="JSON: a row, or a list of rows")
    parser.add_argument("--url", default="http://localhost:9090", metavar="URL", help="of the app's endpoint")
    parser.add_argument("--token", metavar="TOKEN", help="of that endpoint")
    parser.add_argument("--format", choices=("json", "csv"), default="json", help="of the file: JSON lines, or CSV")
    parser.add_argument("--file", metavar="FILE", help="rows line by line; - is standard input")
    parser.add_argument("--rate", type=float, metavar="N", help="at most so many rows a second")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    if (options.rows is None) == (options.file is None):
        say("eventflux send: give rows, or a file (--file)")
        return ExitCode.USAGE
    app = RemoteApp(options.url, options.token)
    accepted = 0
    began = time.monotonic()
    size = 1 if options.rate is not None and options.rate < _BATCH else _BATCH
    for batch in _batches(_rows(options), size):
        if options.rate is not None:
            time.sleep(max(0.0, began + accepted / options.rate - time.monotonic()))
        accepted += app.send(options.stream, batch)
    print(f"{accepted} accepted")
    return ExitCode.SUCCESS


def _rows(options: argparse.Namespace) -> Iterator[Any]:
    if options.rows is not None:
        rows = _json(options.rows)
        if isinstance(rows, list) and rows and all(isinstance(row, (list, dict)) for row in rows):
            yield from rows
        elif rows != []:
            yield rows
        return
    file = sys.stdin if options.file == "-" else Path(options.file).open(encoding="utf-8", newline="")  # noqa: SIM115
    with file:
        if options.format == "csv":
            for row in csv.DictReader(file):
                yield {name: _typed(value) for name, value in row.items()}
        else:
            yield from (_json(line) for line in file if line.strip())


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{text.strip()[:80]!r} is no JSON: {error}") from error


def _typed(value: str | None) -> Any:
    """A cell as the JSON value that it looks like, else as it is."""
    if value is None or not value:
        return None
    try:
        return json.loads(value)
    except ValueError:
        return value


def _batches(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
