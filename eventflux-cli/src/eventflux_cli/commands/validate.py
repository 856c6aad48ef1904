"""`eventflux validate`: all errors and warnings of app texts, without running them."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from eventflux import ConnectionUnavailableError, Diagnostic, EventFluxError, EventFluxManager, Severity
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.settings import apps_of, load_settings, load_variables, open_manager
from eventflux_cli.terminal import say


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("apps", nargs="*", metavar="APP", help="file with an app")
    parser.add_argument("--connect", action="store_true", help="find out whether what is outside can be reached")
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    parser.add_argument("--format", choices=("text", "json", "github"), default="text")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    variables = load_variables(options.define)
    found: dict[str | Path, list[Diagnostic]] = {}
    unreadable = False
    config = load_settings(options)
    with open_manager(options, config) as manager:
        for app in apps_of(options, config):
            try:
                found[app] = manager.validate(app, variables=variables)
            except EventFluxError as error:
                say(str(error))
                unreadable = True
        _show(manager, found, options)
        unreachable = options.connect and not _can_connect(manager, found, variables, options)
    if unreachable:
        return ExitCode.CONNECTIVITY
    bad = unreadable or any(_counts(each, strict=options.strict) for each in found.values())
    return ExitCode.NEGATIVE if bad else ExitCode.SUCCESS


def _can_connect(
    manager: EventFluxManager,
    found: dict[str | Path, list[Diagnostic]],
    variables: dict[str, str],
    options: argparse.Namespace,
) -> bool:
    """Whether the sources, sinks and stores of the apps that are right can be reached; what can't be is said."""
    reached = True
    for app, diagnostics in found.items():
        if _counts(diagnostics, strict=options.strict):
            continue
        runtime = manager.create_eventflux_app_runtime(app, variables=variables)
        try:
            runtime.validate_connectivity()
        except ConnectionUnavailableError as error:
            say(f"{app if isinstance(app, Path) else runtime.name}: {error}")
            reached = False
        finally:
            manager.shutdown_app_runtime(runtime.name)
    return reached


def _counts(diagnostics: list[Diagnostic], *, strict: bool) -> bool:
    return any(strict or each.severity is Severity.ERROR for each in diagnostics)


def _show(manager: EventFluxManager, found: dict[str | Path, list[Diagnostic]], options: argparse.Namespace) -> None:
    match options.format:
        case "json":
            rows = [_row(each) for diagnostics in found.values() for each in diagnostics]
            print(json.dumps(rows))
        case "github":
            for each in (each for diagnostics in found.values() for each in diagnostics):
                print(f"::{each.severity.value} file={each.file},line={each.line},col={each.column}::{each.message}")
        case _:
            for app, diagnostics in found.items():
                if diagnostics:
                    say("\n".join(str(each) for each in diagnostics))
                if not _counts(diagnostics, strict=options.strict):
                    print(_ok(manager, app, load_variables(options.define)))


def _row(diagnostic: Diagnostic) -> dict[str, object]:
    row = asdict(diagnostic)
    row["severity"] = diagnostic.severity.value
    row["code"] = str(diagnostic.code)
    return row


def _ok(manager: EventFluxManager, app: str | Path, variables: dict[str, str]) -> str:
    runtime = manager.create_eventflux_app_runtime(app, variables=variables)
    shown = app if isinstance(app, Path) else runtime.name
    text = f"OK {shown}: {len(runtime.streams)} streams, {len(runtime.queries)} queries"
    manager.shutdown_app_runtime(runtime.name)
    return text
