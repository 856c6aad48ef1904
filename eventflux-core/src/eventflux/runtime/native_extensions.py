"""What shared libraries bring, as declarations for the registry."""

from __future__ import annotations

from pathlib import Path

from eventflux.engine.plugins import LibraryFunction, LibraryWindow, load_library
from eventflux.extension.declaration import Extension, Parameter, ParameterForm
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.native_function import NativeFunction


def native_extensions(path: Path) -> list[Extension]:
    """Open a library and declare its windows and functions.

    Raises:
        ExtensionError: It can't be opened, is of another ABI, registers nothing, or fails.
    """
    library = load_library(path)
    return [*map(_window, library.windows), *map(_function, library.functions)]


def _window(window: LibraryWindow) -> Extension:
    return Extension(
        name=window.name,
        namespace=window.namespace,
        kind=ExtensionKind.WINDOW,
        description=window.description,
        parameters=tuple(
            Parameter(
                each.name,
                (each.type,),
                each.description,
                form=ParameterForm.ATTRIBUTE if each.is_column else ParameterForm.CONSTANT,
            )
            for each in window.parameters
        ),
        native=window.native_name,
    )


def _function(function: LibraryFunction) -> Extension:
    return Extension(
        name=function.name,
        namespace=function.namespace,
        kind=ExtensionKind.FUNCTION,
        description=function.description,
        parameters=tuple(
            Parameter(f"argument_{number}", (kind,), "", dynamic=True)
            for number, kind in enumerate(function.parameters, 1)
        ),
        returns=function.returns,
        factory=NativeFunction(function.address),
    )
