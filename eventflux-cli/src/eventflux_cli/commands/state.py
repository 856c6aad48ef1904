"""`eventflux state`: the saved states of an app."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from eventflux import ConfigError, EventFluxError, RevisionNotFoundError, StateError
from eventflux.configuration.check import text
from eventflux.extension.kinds.persistence_store import PersistenceStore
from eventflux.state.revisions import moment_of
from eventflux.state.snapshot import Snapshot, read_snapshot
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.moments import moment
from eventflux_cli.settings import load_settings, open_manager
from eventflux_cli.stores import add_store_options, open_store, with_store
from eventflux_cli.terminal import say, show_table


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "action",
        choices=tuple(_ACTIONS),
        help="list: revisions; inspect: parts of one; verify: read all and name what is damaged; diff: two revisions; "
        "export, import: one as a file; prune: forget old ones",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="of export and import; of diff the other revision")
    add_store_options(parser)
    parser.add_argument("--app", metavar="NAME", help="of the app (default: application.name)")
    parser.add_argument("--revision", metavar="REV", help="default: the last one")
    parser.add_argument("--at", metavar="TIME", help="the last revision up to a time")
    parser.add_argument("--keep", type=int, default=3, metavar="N", help="of prune: how many stay")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    with ExitStack() as stack:
        config = with_store(options, load_settings(options))
        manager = stack.enter_context(open_manager(options, config))
        store = open_store(manager, config, stack)
        if store is None:
            raise ConfigError(
                "no store is named", key="persistence.type", hint="--persistence-dir, --sqlite or --redis"
            )
        app = options.app or text(config, "application.name")
        if app is None:
            raise ConfigError("no app is named", key="application.name", hint="--app NAME")
        return _ACTIONS[options.action](store, app, options)


def _chosen(store: PersistenceStore, app: str, options: argparse.Namespace) -> str:
    """The revision that is meant."""
    known = store.revisions(app)
    if options.revision is not None:
        if options.revision not in known:
            raise RevisionNotFoundError(
                f"app {app!r} has no revision {options.revision!r}",
                hint=f"revisions: {', '.join(known[-8:]) or 'none'}",
            )
        return str(options.revision)
    latest = moment(options.at)
    fitting = [name for name in known if latest is None or (moment_of(name) or 0) <= latest]
    if not fitting:
        raise RevisionNotFoundError(f"app {app!r} has no revision{f' up to {options.at}' if options.at else ''}")
    return fitting[-1]


def _bytes(store: PersistenceStore, app: str, revision: str) -> bytes:
    data = store.load(app, revision)
    if data is None:
        raise RevisionNotFoundError(f"app {app!r} has no revision {revision!r}")
    return data


def _snapshot(store: PersistenceStore, app: str, revision: str) -> Snapshot:
    return read_snapshot(_bytes(store, app, revision))


def _show(options: argparse.Namespace, names: Sequence[str], rows: Sequence[Sequence[object]]) -> ExitCode:
    if options.json:
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
    else:
        show_table(names, rows, options.color)
    return ExitCode.SUCCESS


def _list(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    rows: list[tuple[object, ...]] = []
    for revision in store.revisions(app):
        saved = moment_of(revision)
        data = _bytes(store, app, revision)
        try:
            parts: object = len(read_snapshot(data).sections)
        except StateError:
            parts = "damaged"
        when = "" if saved is None else datetime.fromtimestamp(saved / 1000, timezone.utc).isoformat(timespec="seconds")
        rows.append((revision, when, len(data), parts))
    return _show(options, ("revision", "saved", "bytes", "parts"), rows)


def _inspect(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    snapshot = _snapshot(store, app, _chosen(store, app, options))
    rows = [
        (each.component, each.kind, ".".join(map(str, each.version)), len(each.data))
        for each in snapshot.sections.values()
    ]
    if not options.json:
        header = snapshot.header
        say(f"{header.revision}: app {header.app}, clock {header.clock}, written by {header.writer}")
    return _show(options, ("component", "kind", "version", "bytes"), rows)


def _verify(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    damaged = 0
    revisions = [_chosen(store, app, options)] if options.revision or options.at else store.revisions(app)
    for revision in revisions:
        try:
            _snapshot(store, app, revision)
        except EventFluxError as error:
            damaged += 1
            print(f"{revision}: {error}")
        else:
            print(f"{revision}: ok")
    return ExitCode.STATE if damaged else ExitCode.SUCCESS


def _diff(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    if len(options.files) != 1:
        say("eventflux state diff: name the other revision")
        return ExitCode.USAGE
    revision = _chosen(store, app, options)
    before = {name: each.data for name, each in _snapshot(store, app, options.files[0]).sections.items()}
    after = {name: each.data for name, each in _snapshot(store, app, revision).sections.items()}
    rows: list[tuple[object, ...]] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old != new:
            what = "added" if old is None else "removed" if new is None else "changed"
            rows.append((name, what, len(old or b""), len(new or b"")))
    return _show(options, ("component", "change", "bytes before", "bytes"), rows)


def _export(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    if len(options.files) != 1:
        say("eventflux state export: name the file")
        return ExitCode.USAGE
    revision = _chosen(store, app, options)
    Path(options.files[0]).write_bytes(_bytes(store, app, revision))
    print(revision)
    return ExitCode.SUCCESS


def _import(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    if len(options.files) != 1:
        say("eventflux state import: name the file")
        return ExitCode.USAGE
    try:
        data = Path(options.files[0]).read_bytes()
    except OSError as error:
        raise StateError(f"{options.files[0]}: cannot be read: {error.strerror}") from error
    snapshot = read_snapshot(data)
    if snapshot.header.app != app:
        raise StateError(f"{options.files[0]} is a state of app {snapshot.header.app!r}, not of {app!r}")
    store.save(app, snapshot.header.revision, data)
    print(snapshot.header.revision)
    return ExitCode.SUCCESS


def _prune(store: PersistenceStore, app: str, options: argparse.Namespace) -> ExitCode:
    if options.keep < 1:
        say("eventflux state prune: --keep is at least 1")
        return ExitCode.USAGE
    old = store.revisions(app)[: -options.keep]
    for revision in old:
        store.delete(app, revision)
    print(f"{len(old)} revisions deleted")
    return ExitCode.SUCCESS


_ACTIONS: Final[dict[str, Callable[[PersistenceStore, str, argparse.Namespace], ExitCode]]] = {
    "list": _list,
    "inspect": _inspect,
    "verify": _verify,
    "diff": _diff,
    "export": _export,
    "import": _import,
    "prune": _prune,
}
