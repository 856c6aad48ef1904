"""Reference pages from declarations, as Markdown: what an extension says about itself is all that they hold."""

from __future__ import annotations

from collections.abc import Iterable

from eventflux.extension.declaration import Extension, Parameter, Unit
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_OPTION_KINDS = frozenset(
    {
        ExtensionKind.SOURCE,
        ExtensionKind.SINK,
        ExtensionKind.SOURCE_MAPPER,
        ExtensionKind.SINK_MAPPER,
        ExtensionKind.STORE,
        ExtensionKind.DISTRIBUTION_STRATEGY,
    }
)


def reference_section(declaration: Extension, *, level: int = 3) -> str:
    """The section of one extension."""
    parts = [f"{'#' * level} {declaration.qualified_name}", declaration.description]
    if declaration.deprecated:
        parts.append(f"**Deprecated:** {declaration.deprecated}")
    if declaration.aliases:
        parts.append(f"Also: {', '.join(f'`{alias}`' for alias in declaration.aliases)}")
    if declaration.default_format is not None:
        parts.append(f"Format: `{declaration.default_format}` if none is given.")
    if declaration.kind in _OPTION_KINDS:
        parts.append(_options(declaration.parameters) if declaration.parameters else "No options.")
    else:
        parts.append("\n".join(f"    {declaration.name}{signature}" for signature in declaration.signatures))
        if declaration.parameters:
            parts.append(_arguments(declaration.parameters))
    parts += [f"{example.description}\n\n```sql\n{example.code}\n```" for example in declaration.examples]
    return "\n\n".join(parts)


def reference_page(title: str, introduction: str, groups: Iterable[tuple[str, Iterable[Extension]]]) -> str:
    """A page of several groups of extensions."""
    parts = [f"# {title}", introduction]
    for heading, declarations in groups:
        parts.append(f"## {heading}")
        parts += [reference_section(declaration) for declaration in declarations]
    return "\n\n".join(parts) + "\n"


def _options(parameters: Iterable[Parameter]) -> str:
    rows = ["| option | type | default | |", "|---|---|---|---|"]
    for parameter in parameters:
        name = f"`{parameter.name}`" if not parameter.is_prefix else f"`{parameter.name}<name>`"
        if parameter.aliases:
            name += f" ({', '.join(f'`{alias}`' for alias in parameter.aliases)})"
        description = parameter.description
        if parameter.choices is not None:
            choices = ", ".join(f"`{choice!s}`" for choice in parameter.choices if not isinstance(choice, bytes))
            description = f"{description} One of {choices}."
        if parameter.dynamic:
            description += " May hold `{{attribute}}`."
        rows.append(f"| {name} | {_type(parameter)} | {_default(parameter)} | {_cell(description)} |")
    return "\n".join(rows)


def _arguments(parameters: Iterable[Parameter]) -> str:
    rows = ["| parameter | types | default | |", "|---|---|---|---|"]
    for parameter in parameters:
        types = ", ".join(each.name for each in parameter.constant_types)
        what = f"{parameter.description} ({parameter.accepts.value})"
        rows.append(f"| `{parameter.name}` | {types} | {_default(parameter)} | {_cell(what)} |")
    return "\n".join(rows)


def _type(parameter: Parameter) -> str:
    match parameter.unit:
        case Unit.MILLISECONDS | Unit.DURATION:
            return "duration"
        case Unit.BYTES:
            return "size"
        case _:
            names = {
                AttributeType.BOOL: "bool",
                AttributeType.INT: "int",
                AttributeType.LONG: "int",
                AttributeType.FLOAT: "number",
                AttributeType.DOUBLE: "number",
            }
            return " or ".join(dict.fromkeys(names.get(each, "text") for each in parameter.constant_types))


def _default(parameter: Parameter) -> str:
    if not parameter.optional:
        return "required"
    value = parameter.default_value
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    shown = value.encode("unicode_escape").decode() if isinstance(value, str) else repr(value)
    return f"`{shown}`" if shown else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
