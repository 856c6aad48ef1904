"""Entry points: `eventflux COMMAND ...` and `run_eventflux APP ...`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from eventflux import EventFluxError, __version__
from eventflux_cli.commands import explain, extensions, run, validate
from eventflux_cli.exit_codes import ExitCode, exit_code_of
from eventflux_cli.terminal import say

_COMMANDS = {"run": run, "validate": validate, "explain": explain, "extensions": extensions}
_LEVELS = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """`eventflux`: the exit code."""
    parser = argparse.ArgumentParser(prog="eventflux", description="Run, check and inspect EventFlux apps.")
    parser.add_argument(
        "--version", action="version", version=f"eventflux {__version__}, Python {sys.version.split()[0]}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        summary = (command.__doc__ or "").split(": ", 1)[-1].strip()
        command.configure(_with_common(commands.add_parser(name, help=summary, description=summary)))
    options = parser.parse_args(arguments)
    return _carry_out(options)


def run_main(arguments: Sequence[str] | None = None) -> int:
    """`run_eventflux`: `eventflux run` with every stream printed."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return main(["run", "--log-all", *given])


def _with_common(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "-c", "--config", action="append", default=[], metavar="FILE", help="configuration (repeatable)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting (repeatable)")
    parser.add_argument(
        "--define", action="append", default=[], metavar="NAME=VALUE", help="value of ${NAME} (repeatable)"
    )
    parser.add_argument(
        "-e", "--extension", action="append", default=[], metavar="PATH", help="load a plug-in (repeatable)"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("--log-level", choices=_LEVELS, default="warning")
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors on standard error")
    return parser


def _carry_out(options: argparse.Namespace) -> int:
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        status = int(_COMMANDS[options.command].run(options))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has had enough; the flush at exit must not find the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.BROKEN_PIPE)
    except EventFluxError as error:
        say(str(error))
        return int(exit_code_of(error))
    except KeyboardInterrupt:
        return int(ExitCode.FORCED)
    return status


if __name__ == "__main__":
    sys.exit(main())
