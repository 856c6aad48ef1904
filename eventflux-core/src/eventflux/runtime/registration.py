"""Declarations of what is registered by hand on a manager."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from eventflux.extension.declaration import Extension, Overload, Parameter, ReturnsLike
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.registry import DECLARATION_ATTRIBUTE
from eventflux.types.attribute_type import AttributeType

ParameterLike = Parameter | AttributeType | str


def scalar_function_declaration(
    name: str,
    fn: Callable[..., Any],
    *,
    returns: ReturnsLike,
    params: Sequence[ParameterLike] | None,
    namespace: str,
    vectorized: bool,
) -> Extension:
    """A scalar function given as a callable or a class; without `params` those of the callable, or any of any type."""
    parameters = _parameters(fn, params)
    return Extension(
        name=name,
        namespace=namespace,
        kind=ExtensionKind.FUNCTION,
        description=(inspect.getdoc(fn) or "").partition("\n\n")[0],
        parameters=parameters or (Parameter("value", dynamic=True),),
        overloads=(Overload(parameters=("value",), repeat=True), Overload()) if parameters is None else (),
        returns=returns,
        factory=fn,
        pure=not isinstance(fn, type),
        can_fail=True,
        vectorized=vectorized,
        stateful=isinstance(fn, type),
    )


def programmatic_declaration(kind: ExtensionKind, name: str, factory: Callable[..., Any], namespace: str) -> Extension:
    """What the class carries as its declaration, under this name; without one, a bare declaration."""
    carried = getattr(factory, DECLARATION_ATTRIBUTE, None)
    if isinstance(carried, Extension):
        return replace(carried, name=name, namespace=namespace, kind=kind, factory=factory)
    return Extension(
        name=name,
        namespace=namespace,
        kind=kind,
        description=(inspect.getdoc(factory) or "").partition("\n\n")[0],
        factory=factory,
        can_fail=True,
        accepts_options=True,
    )


def _parameters(fn: Callable[..., Any], params: Sequence[ParameterLike] | None) -> tuple[Parameter, ...] | None:
    if params is not None:
        return tuple(
            each if isinstance(each, Parameter) else Parameter(f"arg{index}", (each,), dynamic=True)
            for index, each in enumerate(params, 1)
        )
    if isinstance(fn, type):
        return None
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return None
    found: list[Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}:
            return None
        found.append(Parameter(parameter.name, dynamic=True, optional=parameter.default is not parameter.empty))
    return tuple(found)
