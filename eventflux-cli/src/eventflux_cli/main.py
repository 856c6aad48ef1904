"""Entry points: `eventflux COMMAND ...` and `run_eventflux APP ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distributions, version
from types import ModuleType
from typing import Any, Final

from eventflux import EventFluxError, __version__
from eventflux_cli.exit_codes import ExitCode, exit_code_of
from eventflux_cli.logs import set_up_first
from eventflux_cli.settings import add_common_options
from eventflux_cli.terminal import say

# Name -> (module, what it does). A command's module is imported when it is asked for: `run` starts in no time.
COMMANDS: Final = {
    "run": ("run", "start apps, run them until their input ends or a signal comes, say what they did"),
    "validate": ("validate", "all errors and warnings of app texts, without running them"),
    "explain": ("explain", "the plan of an app: logical, rewritten, native"),
    "extensions": ("extensions", "what queries can name, and what an extension takes"),
    "test": ("test", "run the tests that stand beside apps, in virtual time"),
    "format": ("format", "lay out app texts; comments and meaning stay"),
    "query": ("query", "rows of tables, windows and aggregations: of saved state, or of a running app"),
    "send": ("send", "rows into a stream of a running app"),
    "tail": ("tail", "events of a stream of a running app, as they come"),
    "errors": ("errors", "failed events that an error store keeps: list, show, replay, discard"),
    "replay": ("replay", "run an app over recorded events, in the time of the events"),
    "bench": ("bench", "how fast an app runs on this machine"),
    "new": ("new", "a folder with an app, its configuration and its tests; or with a plug-in"),
    "init": ("new", "the same as new"),
    "state": ("state", "the saved states of an app"),
    "config": ("config", "the configuration in force, and where each value came from"),
    "completion": ("completion", "a script that completes commands and options in a shell"),
}


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the list of commands as it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """`eventflux`: the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="eventflux",
        description="Run, check and inspect EventFlux apps.",
        epilog="commands:\n" + "\n".join(f"  {name:<12} {what}" for name, (_, what) in COMMANDS.items()),
        formatter_class=_Help,
        usage="eventflux [--version] COMMAND ...",
    )
    parser.add_argument("--version", action="store_true", help="versions of all that is installed, and leave")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="one of those below; COMMAND --help tells more")
    options, _ = parser.parse_known_args(given[:1])
    if options.version:
        print(_versions())
        return int(ExitCode.SUCCESS)
    if options.command is None:
        parser.print_usage(sys.stderr)
        say("eventflux: name a command; eventflux --help lists them")
        return int(ExitCode.USAGE)
    if options.command not in COMMANDS:
        parser.error(f"unknown command {options.command!r}; there are: {', '.join(COMMANDS)}")
    return _carry_out(command_module(options.command), options.command, given[1:])


def run_main(arguments: Sequence[str] | None = None) -> int:
    """`run_eventflux`: `eventflux run` with every stream printed."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return main(["run", "--log-all", *given])


def command_module(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"eventflux_cli.commands.{COMMANDS[name][0]}")


def command_parser(name: str, module: Any) -> argparse.ArgumentParser:
    """The parser of a command's own arguments."""
    parser = argparse.ArgumentParser(prog=f"eventflux {name}", description=COMMANDS[name][1])
    module.configure(parser)
    return add_common_options(parser)


def _carry_out(module: Any, name: str, arguments: Sequence[str]) -> int:
    options = command_parser(name, module).parse_intermixed_args(arguments)
    if options.verbose and options.log_level is None:
        options.log_level = "debug"
    set_up_first(options.log_level or "warning")
    try:
        status = int(module.run(options))
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


def _versions() -> str:
    names = sorted({str(each.metadata["Name"]) for each in distributions() if _is_ours(each.metadata["Name"])})
    lines = [f"eventflux {__version__}, Python {sys.version.split()[0]}"]
    for name in names:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return "\n".join(lines)


def _is_ours(name: str | None) -> bool:
    return name is not None and name.lower().startswith("eventflux")


if __name__ == "__main__":
    sys.exit(main())
