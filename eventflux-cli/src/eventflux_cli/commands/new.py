"""`eventflux new`: a folder with an app, its configuration and its tests; or with a plug-in."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.terminal import say

if TYPE_CHECKING:
    from importlib.abc import Traversable

TEMPLATES: Final = ("basic", "kafka", "plugin", "c-plugin")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("name", metavar="NAME", help="of the app or plug-in; also the folder")
    parser.add_argument("--template", choices=TEMPLATES, default="basic")
    parser.add_argument("--directory", metavar="DIR", help="the folder, where it is not to be called so")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    if _NAME.match(options.name) is None:
        say(f"eventflux new: {options.name!r} is no name: letters, digits, - and _, a letter first")
        return ExitCode.USAGE
    target = Path(options.directory or options.name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        say(f"eventflux new: {str(target)!r} is there already, and not empty")
        return ExitCode.NEGATIVE
    source = files("eventflux_cli") / "skeletons" / options.template / "template"
    package = options.name.lower().replace("-", "_")

    def filled(text: str) -> str:
        return text.replace("{{ name }}", options.name).replace("{{ package }}", package)

    for path, item in _all(source, Path()):
        text = filled(item.read_text("utf-8"))
        file = target / filled(str(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        print(file)
    return ExitCode.SUCCESS


def _all(folder: Traversable, path: Path) -> Iterator[tuple[Path, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda each: each.name):
        if item.name == "__pycache__":  # installers compile what ends in .py, templates too
            continue
        if item.is_dir():
            yield from _all(item, path / item.name)
        else:
            yield path / item.name, item
