"""`eventflux format`: lay out app texts; comments and meaning stay."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from eventflux import EventFluxError
from eventflux.language.formatting import format_app
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.settings import load_variables
from eventflux_cli.terminal import say


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="files with apps")
    parser.add_argument("--check", action="store_true", help="change nothing; say which files would change")
    parser.add_argument("--diff", action="store_true", help="change nothing; show what would change")
    parser.add_argument("--stdin", action="store_true", help="from standard input to standard output")
    parser.add_argument("--width", type=int, default=100, metavar="N", help="columns of a line (default 100)")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    variables = load_variables(options.define)
    if options.stdin:
        sys.stdout.write(format_app(sys.stdin.read(), name="stdin", width=options.width, variables=variables))
        return ExitCode.SUCCESS
    if not options.files:
        say("eventflux format: name files, or give --stdin")
        return ExitCode.USAGE
    changes = failures = 0
    for name in options.files:
        try:
            text = Path(name).read_text("utf-8")
            formatted = format_app(text, name=name, width=options.width, variables=variables)
        except OSError as error:
            say(f"{name}: cannot be read: {error.strerror}")
            failures += 1
            continue
        except EventFluxError as error:
            say(str(error))
            failures += 1
            continue
        if formatted == text:
            continue
        changes += 1
        if options.diff:
            sys.stdout.writelines(
                difflib.unified_diff(text.splitlines(keepends=True), formatted.splitlines(keepends=True), name, name)
            )
        if options.check:
            say(f"{name}: would change")
        elif not options.diff:
            Path(name).write_text(formatted, "utf-8")
            say(f"{name}: changed")
    is_bad = failures or (changes and options.check)
    return ExitCode.NEGATIVE if is_bad else ExitCode.SUCCESS
