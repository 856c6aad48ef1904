"""Shared libraries that bring windows and functions written in C, against `eventflux.h`.

A library is opened once in a process and stays: operators of it run as long as any app does.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventflux.engine._native import ffi, lib
from eventflux.engine.status import new_error, text
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ExtensionError
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.engine._native import CData

CALLBACKS: Final = (
    "register_extension",
    "register_windows",
    "register_functions",
    "register_sources",
    "register_sinks",
    "register_stores",
    "register_source_mappers",
    "register_sink_mappers",
)
_VERSION_SYMBOL: Final = "efx_abi_version"
_PREFIX: Final = "plugin:"


@record(frozen=True, slots=True, kw_only=True)
class LibraryParameter:
    """One parameter of a window: a constant, or a column of its input."""

    name: str
    description: str
    type: AttributeType
    is_column: bool


@record(frozen=True, slots=True, kw_only=True)
class LibraryWindow:
    """A window of a library; `native_name` is what `EngineBuilder.window` takes."""

    namespace: str
    name: str
    description: str
    parameters: tuple[LibraryParameter, ...]
    native_name: str


@record(frozen=True, slots=True, kw_only=True)
class LibraryFunction:
    """A scalar function of a library; `address` is what `Engine.add_plugin_function` takes."""

    namespace: str
    name: str
    description: str
    parameters: tuple[AttributeType, ...]
    returns: AttributeType
    address: int


@record(frozen=True, slots=True, kw_only=True)
class Library:
    """What a shared library brings."""

    path: Path
    windows: tuple[LibraryWindow, ...]
    functions: tuple[LibraryFunction, ...]


class _Opened:
    """The libraries of the process, and the operators of their windows by native name."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # guards all
        self.libraries: dict[Path, tuple[Library, Any]] = {}
        self.classes: dict[str, int] = {}


_opened: Final = _Opened()


def load_library(path: Path) -> Library:
    """Open a library and let it register.

    Raises:
        ExtensionError: It can't be opened, is of another ABI, exports no callback, or one of them fails.
    """
    resolved = path.resolve()
    with _opened.lock:
        known = _opened.libraries.get(resolved)
        if known is not None:
            return known[0]
        handle = _open(resolved)
        _check_version(handle, resolved)
        plugin = lib.ef_plugin_new()
        if plugin == ffi.NULL:
            raise ExtensionError(f"{path}: no memory left")
        try:
            _register(handle, plugin, resolved)
            library = Library(path=resolved, windows=_windows(plugin, resolved), functions=_functions(plugin))
        finally:
            # What it added lies in the library, not here.
            lib.ef_plugin_free(plugin)
        _opened.libraries[resolved] = library, handle
        return library


def plugin_window(native_name: str) -> int | None:
    """Address of the operator of a plug-in's window, or None: it is one of the engine."""
    return _opened.classes.get(native_name) if native_name.startswith(_PREFIX) else None


def _open(path: Path) -> Any:
    import ctypes  # noqa: PLC0415 - only who loads a library pays for it

    try:
        return ctypes.CDLL(str(path), mode=ctypes.DEFAULT_MODE)
    except OSError as error:
        raise ExtensionError(f"{path}: the library cannot be opened: {error}") from error


def _check_version(handle: Any, path: Path) -> None:
    import ctypes  # noqa: PLC0415 - as above

    try:
        version = int(ctypes.c_uint32.in_dll(handle, _VERSION_SYMBOL).value)
    except ValueError:
        # Without EFX_PLUGIN every structure that it adds tells its version.
        return
    if version != lib.EF_ABI_VERSION:
        raise ExtensionError(
            f"{path}: the library was built for the extension ABI {version}, this engine has {lib.EF_ABI_VERSION}",
            hint="build it again with the eventflux.h of this version",
        )


def _register(handle: Any, plugin: CData, path: Path) -> None:
    import ctypes  # noqa: PLC0415 - as above

    found = 0
    for name in CALLBACKS:
        callback = getattr(handle, name, None)
        if callback is None:
            continue
        found += 1
        address = ctypes.cast(callback, ctypes.c_void_p).value or 0
        error = new_error()
        if lib.ef_plugin_register(plugin, address, error) != lib.EF_OK:
            raise ExtensionError(f"{path}: {name} failed: {text(error.message)}")
    if not found:
        raise ExtensionError(
            f"{path} exports no register_* callback", hint=f"it must export one of {', '.join(CALLBACKS[:3])}, …"
        )


def _windows(plugin: CData, path: Path) -> tuple[LibraryWindow, ...]:
    found: list[LibraryWindow] = []
    while (window := lib.ef_plugin_window(plugin, len(found))) != ffi.NULL:
        namespace, name = text(window.namespace_name), text(window.name)
        native_name = f"{_PREFIX}{path.name}:{namespace}:{name}"
        # Two libraries of one file name, in different folders, are told apart by number.
        number = 2
        while native_name in _opened.classes:
            native_name = f"{_PREFIX}{path.name}({number}):{namespace}:{name}"
            number += 1
        _opened.classes[native_name] = int(ffi.cast("uintptr_t", window.operator_class))
        found.append(
            LibraryWindow(
                namespace=namespace,
                name=name,
                description=text(window.description),
                parameters=tuple(
                    LibraryParameter(
                        name=text(each.name),
                        description=text(each.description),
                        type=AttributeType(each.type),
                        is_column=bool(each.is_column),
                    )
                    for each in _items(window.parameters, window.parameter_count)
                ),
                native_name=native_name,
            )
        )
    return tuple(found)


def _functions(plugin: CData) -> tuple[LibraryFunction, ...]:
    found: list[LibraryFunction] = []
    while (function := lib.ef_plugin_function(plugin, len(found))) != ffi.NULL:
        found.append(
            LibraryFunction(
                namespace=text(function.namespace_name),
                name=text(function.name),
                description=text(function.description),
                parameters=tuple(AttributeType(each) for each in _items(function.parameters, function.parameter_count)),
                returns=AttributeType(function.returns),
                address=int(ffi.cast("uintptr_t", function)),
            )
        )
    return tuple(found)


def _items(array: CData, count: int) -> Sequence[Any]:
    return [array[index] for index in range(count)]
