"""How the scalar functions of the engine are declared: SQL's bare name and EventFluxQL's name in a namespace alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eventflux.extension.declaration import Example, Extension, Overload, Parameter, ReturnsLike
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType


def function(
    name: str,
    description: str,
    *,
    parameters: Sequence[Parameter] = (),
    overloads: Sequence[Overload],
    returns: ReturnsLike = None,
    examples: Sequence[Example],
    aliases: Sequence[str] = (),
    pure: bool = True,
    can_fail: bool = False,
) -> Extension:
    """A function without a namespace, the same in both dialects.

    The code of an example is an expression that is true, in SQL; its description says what that shows.
    """
    return Extension(
        name=name,
        kind=ExtensionKind.FUNCTION,
        description=description,
        parameters=tuple(parameters),
        overloads=tuple(overloads),
        returns=returns,
        examples=tuple(examples),
        aliases=tuple(aliases),
        pure=pure and not can_fail,
        can_fail=can_fail,
    )


def also_as(bare: Extension, namespace: str, name: str | None = None, *, aliases: Sequence[str] = ()) -> Extension:
    """The same function under its name in a namespace, with its examples in EventFluxQL."""
    named = name or bare.name
    examples = tuple(
        Example(_in_eventfluxql(example.code, bare.name, f"{namespace}:{named}"), example.description)
        for example in bare.examples
        if "CAST(" not in example.code
    )
    return replace(bare, namespace=namespace, name=named, aliases=tuple(aliases), examples=examples)


def _in_eventfluxql(code: str, bare: str, qualified: str) -> str:
    code = code if f"{qualified}(" in code else code.replace(f"{bare}(", f"{qualified}(")
    return code.replace(" = ", " == ").replace(" IS NULL", " is null")


def argument(
    name: str, types: Sequence[AttributeType], description: str, *, choices: tuple[str, ...] | None = None
) -> Parameter:
    """A parameter that takes any expression."""
    return Parameter(name, types, description, dynamic=True, choices=choices)
