"""`eventflux completion`: a script that completes commands and options in a shell."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventflux_cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class _Option:
    """One option, or the positional arguments (no spellings): what may follow."""

    spellings: tuple[str, ...]
    choices: tuple[str, ...]
    help: str
    takes_value: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "shell", choices=tuple(_SHELLS), help="bash: source it; zsh: a file _eventflux in $fpath; fish: completions/"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    print(_SHELLS[options.shell](_commands()))
    return ExitCode.SUCCESS


def _commands() -> dict[str, tuple[str, list[_Option]]]:
    """All commands: what each does, and its options."""
    # The table of commands names this module, so it can only be asked for when a command runs.
    from eventflux_cli.main import COMMANDS, command_module, command_parser  # noqa: PLC0415

    return {
        name: (what, list(_options(command_parser(name, command_module(name))))) for name, (_, what) in COMMANDS.items()
    }


def _options(parser: argparse.ArgumentParser) -> Iterator[_Option]:
    for action in parser._actions:  # noqa: SLF001 - argparse tells its options nowhere else
        yield _Option(
            spellings=tuple(action.option_strings),
            choices=tuple(str(choice) for choice in action.choices or ()),
            help=(action.help or "").replace("'", "").replace("[", "(").replace("]", ")").replace(":", ""),
            takes_value=action.nargs != 0,
        )


def _bash(commands: Mapping[str, tuple[str, list[_Option]]]) -> str:
    cases: list[str] = []
    for name, (_, options) in commands.items():
        words = " ".join([*(each for option in options for each in option.spellings), *_positional(options)])
        values = [
            f"      {'|'.join(option.spellings)}) COMPREPLY=($(compgen -W {shlex.quote(' '.join(option.choices))} "
            f'-- "$current")); return;;'
            for option in options
            if option.choices and option.spellings
        ]
        previous = "\n".join(['    case "$previous" in', *values, "    esac"]) if values else "    :"
        cases.append(f"  {name})\n{previous}\n    words={shlex.quote(words)};;")
    return "\n".join(
        [
            "_eventflux() {",
            '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words=""',
            '  if [ "$COMP_CWORD" -eq 1 ]; then',
            f'    COMPREPLY=($(compgen -W {shlex.quote(" ".join(commands))} -- "$current")); return',
            "  fi",
            '  case "${COMP_WORDS[1]}" in',
            *cases,
            "  esac",
            '  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))',
            "}",
            "complete -o filenames -F _eventflux eventflux",
        ]
    )


def _positional(options: list[_Option]) -> list[str]:
    return [choice for option in options if not option.spellings for choice in option.choices]


def _zsh(commands: Mapping[str, tuple[str, list[_Option]]]) -> str:
    listed = "\n".join(f"    {shlex.quote(f'{name}:{what}')}" for name, (what, _) in commands.items())
    cases: list[str] = []
    for name, (_, options) in commands.items():
        arguments: list[str] = []
        for option in options:
            value = f":value:({' '.join(option.choices)})" if option.choices else ":value:_files"
            if not option.spellings:
                arguments.append(shlex.quote(f"*{value}"))
            after = value if option.takes_value else ""
            arguments += [shlex.quote(f"{spelling}[{option.help}]{after}") for spelling in option.spellings]
        cases.append(f"    {name}) _arguments {' '.join(arguments)};;")
    return "\n".join(
        [
            "#compdef eventflux",
            "_eventflux() {",
            "  local -a commands",
            "  commands=(",
            listed,
            "  )",
            "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
            '  local command="$words[2]"',
            "  shift words; (( CURRENT-- ))",
            '  case "$command" in',
            *cases,
            "  esac",
            "}",
            "compdef _eventflux eventflux",
        ]
    )


def _fish(commands: Mapping[str, tuple[str, list[_Option]]]) -> str:
    lines = [
        f"complete -c eventflux -n __fish_use_subcommand -a {name} -d {shlex.quote(what)}"
        for name, (what, _) in commands.items()
    ]
    for name, (_, options) in commands.items():
        for option in options:
            parts = [f"complete -c eventflux -n '__fish_seen_subcommand_from {name}'"]
            parts += [
                f"-l {spelling[2:]}" if spelling.startswith("--") else f"-s {spelling[1:]}"
                for spelling in option.spellings
            ]
            if option.choices:
                parts.append(f"-a {shlex.quote(' '.join(option.choices))}")
            if option.spellings and option.takes_value:
                parts.append("-r")
            parts.append(f"-d {shlex.quote(option.help)}")
            lines.append(" ".join(parts))
    return "\n".join(lines)


_SHELLS: dict[str, Callable[[Any], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
