"""`eventflux config`: the configuration in force, and where each value came from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from eventflux import Config, ConfigError, EventFluxManager
from eventflux.configuration.check import read, text
from eventflux.configuration.keys import KEYS
from eventflux.configuration.layers import Effective, Layered, layered
from eventflux.configuration.schema import json_schema
from eventflux.configuration.secrets import is_secret, masked
from eventflux.configuration.tree import Path as KeyPath
from eventflux.language import parse
from eventflux.types.source_text import SourceText
from eventflux_cli.documents import Entry, show_json, show_list, show_toml, show_yaml
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.settings import apps_of, load_settings, load_variables, open_manager
from eventflux_cli.terminal import say


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "action",
        choices=("show", "list", "validate", "schema"),
        help="show: as a document; list: a line a value; validate: check it; schema: of the keys, as JSON Schema",
    )
    parser.add_argument("apps", nargs="*", metavar="APP", help="file with an app, for what its streams get")
    parser.add_argument("--stream", metavar="S", help="only what concerns a stream")
    parser.add_argument("--origin", action="store_true", help="in JSON too: where each value came from")
    parser.add_argument("--defaults", action="store_true", help="also keys that nobody has set")
    parser.add_argument("--show-secrets", action="store_true", help="on a terminal: do not mask them")
    parser.add_argument("--format", choices=("yaml", "toml", "json"), default="yaml")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    if options.action == "schema":
        print(json.dumps(json_schema(), indent=2))
        return ExitCode.SUCCESS
    config = load_settings(options)
    with open_manager(options, config) as manager:
        merged = _merged(options, config, manager)
    if merged is not None and merged.problems:
        wrong = [problem for problem in merged.problems if not problem.is_warning]
        for problem in merged.problems:
            say(f"{'warning: ' if problem.is_warning else ''}{problem}")
        if wrong:
            return ExitCode.CONFIGURATION
    if options.action == "validate":
        print("OK: the configuration is valid")
        return ExitCode.SUCCESS
    reveals = _reveals(options)
    entries = _entries(options, config, merged, reveals=reveals)
    if options.action == "list":
        print(show_list(entries))
        return ExitCode.SUCCESS
    match options.format:
        case "yaml":
            print(show_yaml(entries))
        case "toml":
            print(show_toml(entries))
        case _:
            print(show_json(entries, with_origin=options.origin))
    return ExitCode.SUCCESS


def _reveals(options: argparse.Namespace) -> bool:
    if not options.show_secrets:
        return False
    if not sys.stdout.isatty():
        say("--show-secrets works on a terminal only: secrets are masked")
        return False
    say("warning: secrets are shown")
    return True


def _merged(options: argparse.Namespace, config: Config, manager: EventFluxManager) -> Layered | None:
    """The app with what the configuration adds to its streams; None: no app is named anywhere."""
    if not options.apps and text(config, "application.query") is None and ("application", "app") not in config.leaves:
        return None
    variables = {
        **{path[0]: str(leaf.value) for path, leaf in config.below("variables").items()},
        **load_variables(options.define),
    }
    app = apps_of(options, config)[0]
    if isinstance(app, str):
        parsed = parse(app, variables=variables)
    else:
        try:
            parsed = parse(SourceText(app.read_text("utf-8"), str(app)), variables=variables)
        except OSError as error:
            raise ConfigError(f"the app {str(app)!r} cannot be read: {error.strerror}") from error
    return layered(parsed, config, manager.context.registry)


def _entries(options: argparse.Namespace, config: Config, merged: Layered | None, *, reveals: bool) -> list[Entry]:
    found: list[Entry] = []
    own_sections = {"streams", "tables"} if merged is not None else set()
    if options.stream is None:
        for path, leaf in config.leaves.items():
            if path[0] not in own_sections:
                value = leaf.value if reveals else masked(path, leaf.value)
                found.append(Entry(path=path, value=value, origin=str(leaf.origin)))
        if options.defaults:
            found += _defaults(config)
    if merged is None:
        if options.stream is not None:
            found += [
                Entry(path=path, value=leaf.value if reveals else masked(path, leaf.value), origin=str(leaf.origin))
                for path, leaf in config.leaves.items()
                if path[:2] == ("streams", options.stream)
            ]
        return found
    found += _of_definitions("streams", merged.streams, options.stream, reveals=reveals)
    if options.stream is None:
        found += _of_definitions("tables", merged.tables, None, reveals=reveals)
    elif options.stream not in merged.streams:
        raise ConfigError(
            f"the app has no stream {options.stream!r}", hint=f"streams: {', '.join(merged.streams) or 'none'}"
        )
    return found


def _of_definitions(
    section: str, definitions: Mapping[str, tuple[Effective, ...]], only: str | None, *, reveals: bool
) -> list[Entry]:
    return [
        Entry(
            path=(section, name, *each.key.split(".")),
            value=each.value if reveals else each.shown,
            origin=f"{each.origin}" if each.layer in {"text", "default"} else f"{each.origin} [{each.layer}]",
        )
        for name, properties in definitions.items()
        if only in {None, name}
        for each in properties
    ]


def _defaults(config: Config) -> list[Entry]:
    found: list[Entry] = []
    for key in KEYS:
        path: KeyPath = key.parts
        if "<" in key.path or path in config.leaves or key.alias_of is not None or key.default is None:
            continue
        value = read(config, key.path)
        found.append(Entry(path=path, value="****" if is_secret(path) else value, origin="default"))
    return found
