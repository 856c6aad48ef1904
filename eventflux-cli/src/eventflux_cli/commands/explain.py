"""`eventflux explain`: the logical and the native plan of an app."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from eventflux import EventFluxManager
from eventflux_cli.analysis import OperatorFigures, analyse, inputs_of
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.plan_graph import plan_graph
from eventflux_cli.settings import load_settings, load_variables, open_manager
from eventflux_cli.terminal import say, show_table

_HEADINGS: Final = ("logical plan", "rewritten plan", "native plan", "drivers")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("app", metavar="APP", help="file with an app")
    parser.add_argument("query", nargs="?", metavar="QUERY", help="only this query")
    parser.add_argument("--logical", action="store_true", help="the logical plans only")
    parser.add_argument("--native", action="store_true", help="the native plan only")
    parser.add_argument(
        "--analyze",
        action="append",
        default=[],
        metavar="[STREAM=]FILE",
        help="run recorded events and show what each operator did (repeatable)",
    )
    parser.add_argument("--timestamp-field", metavar="NAME", help="field with the time of an event")
    parser.add_argument("--format", choices=("tree", "json", "dot"), default="tree")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    with open_manager(options, load_settings(options)) as manager:
        if options.analyze:
            return _analyze(manager, options)
        runtime = manager.create_eventflux_app_runtime(Path(options.app), variables=load_variables(options.define))
        if options.query is not None and options.query not in runtime.queries:
            say(f"the app has no query {options.query!r}; there are: {', '.join(runtime.queries) or 'none'}")
            return ExitCode.NEGATIVE
        sections = _sections(runtime.explain())
        name = runtime.name
    if options.format == "dot":
        print(plan_graph(name, sections["native plan"]))
        return ExitCode.SUCCESS
    if options.logical:
        sections = {name: lines for name, lines in sections.items() if name in _HEADINGS[:2]}
    if options.native:
        sections = {name: lines for name, lines in sections.items() if name in _HEADINGS[2:]}
    if options.query is not None:
        sections = {name: _of_query(lines, options.query) for name, lines in sections.items() if name != "drivers"}
    if options.format == "json":
        print(json.dumps({name.replace(" ", "_"): lines for name, lines in sections.items()}, ensure_ascii=False))
    else:
        print("\n\n".join("\n".join([name, *lines]) for name, lines in sections.items()))
    return ExitCode.SUCCESS


def _analyze(manager: EventFluxManager, options: argparse.Namespace) -> ExitCode:
    runtime = manager.create_sandbox_eventflux_app_runtime(
        Path(options.app), playback=True, variables=load_variables(options.define)
    )
    figures = analyse(runtime, inputs_of(options.analyze, runtime), options.timestamp_field)
    if options.query is not None:
        figures = [each for each in figures if each.operator.partition("/")[0] == options.query]
    rows = [asdict(each) for each in figures]
    if options.format == "json":
        print(json.dumps({"operators": rows}))
        return ExitCode.SUCCESS
    names = [each.name for each in fields(OperatorFigures)]
    show_table(
        [name.replace("_", " ") for name in names], [[row[name] for name in names] for row in rows], options.color
    )
    return ExitCode.SUCCESS


def _sections(text: str) -> dict[str, list[str]]:
    """Heading -> lines under it."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line in _HEADINGS:
            found[line] = []
        elif found:
            found[next(reversed(found))].append(line)
    return {name: lines[:-1] if lines and not lines[-1] else lines for name, lines in found.items()}


def _of_query(lines: list[str], query: str) -> list[str]:
    """The block of one query."""
    kept: list[str] = []
    is_its = False
    for line in lines:
        if not line.startswith(" "):
            is_its = line == f"query {query}" or line.startswith(f"query {query} ")
        if is_its:
            kept.append(line)
    return kept
