"""`eventflux errors`: failed events that an error store keeps: list them, show one, put them back, forget them."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from eventflux import Config, ConfigError, EventFluxManager
from eventflux.configuration.load import config_of
from eventflux.engine import objects
from eventflux.extension import ErrorEntry, ErrorStore
from eventflux.runtime.error_store_settings import configured_error_store
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.moments import moment
from eventflux_cli.remote import RemoteApp
from eventflux_cli.settings import load_settings, load_variables, open_manager
from eventflux_cli.terminal import say, show_table

_HEAD = ("id", "time", "app", "stream", "where", "attempt", "cause")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("action", choices=("list", "show", "replay", "discard"))
    parser.add_argument("app", nargs="?", metavar="APP", help="replay: the file with the app that takes the events")
    parser.add_argument("--store", metavar="PATH", help="a database, or a folder with a file an entry; else configured")
    parser.add_argument("--url", metavar="URL", help="replay: of a running app that serves its control endpoint")
    parser.add_argument("--token", metavar="TOKEN", help="of that endpoint")
    parser.add_argument("--name", metavar="NAME", help="of the app whose entries are meant")
    parser.add_argument("--stream", metavar="STREAM", help="whose entries are meant")
    parser.add_argument("--since", metavar="TIME", help="those that failed then or later")
    parser.add_argument("--id", type=int, action="append", default=[], metavar="N", help="that entry (repeatable)")
    parser.add_argument("--limit", type=int, metavar="N", help="most entries; list: 100 if nothing is said")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    if options.action == "show" and not options.id:
        say("eventflux errors show: name an entry (--id)")
        return ExitCode.USAGE
    if options.action == "replay" and options.url is not None and options.app is None:
        print(f"{RemoteApp(options.url, options.token).replay(options.id or None)} entries replayed")
        return ExitCode.SUCCESS
    if (options.action == "replay") == (options.app is None) or options.url is not None:
        say("eventflux errors: replay, and nothing else, takes a file with an app, or --url")
        return ExitCode.USAGE
    config = _with_store(options, load_settings(options))
    with ExitStack() as stack:
        manager = stack.enter_context(open_manager(options, config))
        if options.action == "replay":
            return _replay(manager, options)
        store = configured_error_store(config, manager.context.registry)
        if store is None:
            raise _no_store()
        close = getattr(store, "close", None)
        if close is not None:
            stack.callback(close)
        return _carry_out(store, options)


def _with_store(options: argparse.Namespace, config: Config) -> Config:
    if options.store is None:
        return config
    path = Path(options.store)
    kind = "file" if path.is_dir() else "sqlite"
    if not path.exists():
        raise ConfigError(f"there is no error store {str(path)!r}", key="error_store.path")
    return config_of({"error_store": {"type": kind, "path": str(path)}}).over(config)


def _no_store() -> ConfigError:
    return ConfigError("no error store is named", key="error_store.type", hint="--store PATH, or error_store.type")


def _carry_out(store: ErrorStore, options: argparse.Namespace) -> ExitCode:
    entries = _chosen(store, options)
    match options.action:
        case "discard":
            print(f"{store.discard(entry.id for entry in entries)} entries discarded")
        case "show":
            for entry in entries:
                print(json.dumps(_document(entry), ensure_ascii=False, indent=2, default=str))
        case _ if options.output == "json":
            print(json.dumps([_document(entry) for entry in entries], ensure_ascii=False, default=str))
        case _:
            rows = [
                (entry.id, _time(entry), entry.app, entry.stream, entry.where, entry.attempt, entry.cause)
                for entry in entries
            ]
            show_table(_HEAD, rows, options.color)
            if not options.quiet:
                say(f"{len(rows)} of {store.count(options.name)} entries")
    missing = set(options.id) - {entry.id for entry in entries}
    if missing:
        say(f"there is no entry {', '.join(map(str, sorted(missing)))}")
        return ExitCode.NEGATIVE
    return ExitCode.SUCCESS


def _chosen(store: ErrorStore, options: argparse.Namespace) -> list[ErrorEntry]:
    if options.id:
        return [entry for number in options.id if (entry := store.load_one(number)) is not None]
    limit = options.limit
    if limit is None:
        limit = 100 if options.action == "list" else store.count()
    return store.load(app=options.name, stream=options.stream, since=moment(options.since), limit=limit)


def _replay(manager: EventFluxManager, options: argparse.Namespace) -> ExitCode:
    runtime = manager.create_eventflux_app_runtime(
        Path(options.app), name=options.name, variables=load_variables(options.define)
    )
    store = manager.error_store
    if store is None:
        raise _no_store()
    with runtime:
        options.name = runtime.name
        ids = [entry.id for entry in _chosen(store, options)]
        gone = runtime.replay_errors(ids) if ids else 0
    print(f"{gone} of {len(ids)} entries replayed")
    return ExitCode.SUCCESS if gone == len(ids) else ExitCode.NEGATIVE


def _time(entry: ErrorEntry) -> str:
    return datetime.fromtimestamp(entry.timestamp / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _document(entry: ErrorEntry) -> dict[str, Any]:
    events: Any = objects.unpack(entry.event)
    payload = entry.original_payload
    return {
        "id": entry.id,
        "time": _time(entry),
        "app": entry.app,
        "stream": entry.stream,
        "where": entry.where,
        "occurrence": entry.occurrence.value,
        "error_type": entry.error_type.value,
        "attempt": entry.attempt,
        "cause": entry.cause,
        "events": [{"timestamp": timestamp, "data": values} for timestamp, values in events],
        "payload": None if payload is None else payload.decode("utf-8", "replace"),
        "stack_trace": entry.stack_trace,
    }
