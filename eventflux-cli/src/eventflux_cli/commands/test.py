"""`eventflux test`: run the tests that stand beside apps, in virtual time."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from eventflux_cli.app_tests.model import files_of, read_file
from eventflux_cli.app_tests.report import lines_of, write_junit
from eventflux_cli.app_tests.runner import Outcome, run_file
from eventflux_cli.app_tests.update import updated
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.settings import extension_name, load_settings, load_variables
from eventflux_cli.terminal import say, wants_rich


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="test files, or folders with *.test.yaml (default: .)"
    )
    parser.add_argument("-k", metavar="TEXT", help="only cases with this in their name")
    parser.add_argument("--update", action="store_true", help="write what was observed into failed cases")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    config = load_settings(options)
    variables = load_variables(options.define)
    extensions = {extension_name(path): path for path in options.extension}
    results: dict[Path, list[Outcome]] = {}
    for path in files_of(options.paths):
        outcomes = run_file(read_file(path), config, variables, extensions, options.k)
        results[path] = outcomes
        if not options.json:
            for line in lines_of(path, outcomes, is_rich=wants_rich(options.color, sys.stdout)):
                print(line)
        if options.update and any(not outcome.passed for outcome in outcomes):
            failed = [outcome for outcome in outcomes if not outcome.passed]
            path.write_text(updated(path, failed), "utf-8")
            say(f"{path}: written anew")
    if options.junit:
        write_junit(Path(options.junit), results)
    every = [outcome for outcomes in results.values() for outcome in outcomes]
    failed_count = sum(not outcome.passed for outcome in every)
    if options.json:
        print(json.dumps([_row(path, outcome) for path, outcomes in results.items() for outcome in outcomes]))
    else:
        print(f"{len(every)} cases, {failed_count} failed")
    if not every:
        say("no test was found")
        return ExitCode.NEGATIVE
    return ExitCode.NEGATIVE if failed_count else ExitCode.SUCCESS


def _row(path: Path, outcome: Outcome) -> dict[str, object]:
    return {
        "file": str(path),
        "case": outcome.case.name,
        "passed": outcome.passed,
        "seconds": round(outcome.seconds, 3),
        "problems": ["\n".join(problem) for problem in outcome.problems],
    }
