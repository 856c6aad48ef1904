"""`eventflux explain`: the logical and the native plan of an app."""

from __future__ import annotations

import argparse
from pathlib import Path

from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.settings import load_settings, load_variables, open_manager


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("app", metavar="APP", help="file with an app")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    with open_manager(options, load_settings(options)) as manager:
        runtime = manager.create_eventflux_app_runtime(Path(options.app), variables=load_variables(options.define))
        print(runtime.explain())
    return ExitCode.SUCCESS
