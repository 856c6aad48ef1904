"""Decorators that attach a declaration to the class or function that implements it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from eventflux.extension.declaration import (
    Example,
    Extension,
    Overload,
    OverloadItem,
    Parameter,
    ReturnsLike,
    SystemParameter,
)
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.registry import DECLARATION_ATTRIBUTE

F = TypeVar("F", bound=Callable[..., Any])


def extension(
    *,
    name: str,
    kind: ExtensionKind | str,
    namespace: str = "",
    description: str = "",
    parameters: Sequence[Parameter] = (),
    overloads: Sequence[Overload | Sequence[OverloadItem]] = (),
    returns: ReturnsLike = None,
    examples: Sequence[Example] = (),
    since: str = "0.1",
    deprecated: str | None = None,
    version: tuple[int, int, int] = (1, 0, 0),
    aliases: Sequence[str] = (),
    system_parameters: Sequence[SystemParameter] = (),
    pure: bool = False,
    deterministic: bool = True,
    can_fail: bool = True,
    vectorized: bool = False,
    stateful: bool = False,
    accepts_options: bool = False,
    default_format: str | None = None,
    install_hint: str | None = None,
) -> Callable[[F], F]:
    """Declare a class or function as an extension; the arguments are the fields of `Extension`.

    Returns:
        A decorator that leaves its argument as it is, apart from the declaration that it now carries.
    """
    declaration = Extension(
        name=name,
        kind=ExtensionKind(kind),
        namespace=namespace,
        description=description,
        parameters=tuple(parameters),
        overloads=tuple(Overload.of(form) for form in overloads),
        returns=returns,
        examples=tuple(examples),
        since=since,
        deprecated=deprecated,
        version=version,
        aliases=tuple(aliases),
        system_parameters=tuple(system_parameters),
        pure=pure,
        deterministic=deterministic,
        can_fail=can_fail,
        vectorized=vectorized,
        stateful=stateful,
        accepts_options=accepts_options,
        default_format=default_format,
        install_hint=install_hint,
    )

    def attach(target: F) -> F:
        described = declaration.description or (inspect.getdoc(target) or "").partition("\n\n")[0]
        setattr(target, DECLARATION_ATTRIBUTE, replace(declaration, factory=target, description=described))
        return target

    return attach


def scalar_function(
    name: str,
    *,
    returns: ReturnsLike,
    parameters: Sequence[Parameter] = (),
    namespace: str = "",
    pure: bool = True,
    vectorized: bool = False,
    **declared: Any,
) -> Callable[[F], F]:
    """Declare a plain callable as a scalar function: ``@scalar_function("plus", returns="DOUBLE", parameters=…)``."""
    return extension(
        name=name,
        kind=ExtensionKind.FUNCTION,
        namespace=namespace,
        parameters=parameters,
        returns=returns,
        pure=pure,
        vectorized=vectorized,
        **declared,
    )
