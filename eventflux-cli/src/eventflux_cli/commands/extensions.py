"""`eventflux extensions`: what queries can name, and what each of it takes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from eventflux.extension import Extension, ExtensionKind
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.settings import load_settings, open_manager
from eventflux_cli.terminal import say


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="explain one: name or namespace:name")
    parser.add_argument("--kind", choices=[kind.value for kind in ExtensionKind], help="only of this kind")
    parser.add_argument("--distribution", metavar="D", help="only those that this distribution brought")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    with open_manager(options, load_settings(options)) as manager:
        registry = manager.context.registry
        for failure in manager.context.plugins.failures:
            say(f"plug-in {failure.plugin} of {failure.distribution} was not loaded: {failure.reason}")
        found = [
            declaration
            for declaration in registry.declarations(options.kind)
            if options.distribution in {None, declaration.distribution}
        ]
        if options.name is None:
            _list(found, options.format)
            return ExitCode.SUCCESS
        wanted = options.name.casefold()
        named = [
            each
            for each in found
            if wanted in {each.qualified_name.casefold(), *(alias.casefold() for alias in each.aliases)}
        ]
        if not named:
            kinds = [options.kind] if options.kind else [kind.value for kind in ExtensionKind]
            near = [name for kind in kinds for name in registry.nearest(kind, options.name)[:2]]
            say(f"no extension {options.name!r}; near: {', '.join(near[:8])}")
            return ExitCode.NEGATIVE
        print("\n\n".join(_explained(declaration) for declaration in named))
    return ExitCode.SUCCESS


def _list(found: Sequence[Extension], output: str) -> None:
    if output == "json":
        listed = [
            {
                "kind": each.kind.value,
                "name": each.qualified_name,
                "distribution": each.distribution,
                "description": each.description,
                "aliases": list(each.aliases),
            }
            for each in found
        ]
        print(json.dumps(listed))
        return
    rows = [(each.kind.value, each.qualified_name, each.distribution, each.description) for each in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        print("  ".join([*(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)), row[3]]).rstrip())


def _explained(declaration: Extension) -> str:
    lines = [
        f"{declaration.kind.words} {declaration.qualified_name} ({declaration.distribution})",
        f"  {declaration.description}",
    ]
    if declaration.aliases:
        lines.append(f"  also: {', '.join(declaration.aliases)}")
    if declaration.kind in {ExtensionKind.FUNCTION, ExtensionKind.AGGREGATOR, ExtensionKind.WINDOW}:
        lines += ["  forms:", *(f"    {signature}" for signature in declaration.signatures)]
    if declaration.parameters:
        lines.append("  parameters:")
        for parameter in declaration.parameters:
            types = "|".join(kind.name for kind in parameter.constant_types)
            default = f", default {parameter.default_value!r}" if parameter.optional else ""
            lines.append(f"    {parameter.name} {types}{default}: {parameter.description}")
    lines += [f"  example: {example.code}\n    {example.description}" for example in declaration.examples]
    return "\n".join(lines)
