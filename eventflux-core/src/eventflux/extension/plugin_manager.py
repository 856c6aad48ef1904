"""Finds plug-ins and lets them register.

Order: built-ins, entry points of installed distributions, then what is added by hand. A plug-in that fails is noted
with its distribution and everything that it had registered is taken back; the others go on. The note is attached to
the error when an app later needs a name that is missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from types import ModuleType

import pluggy

from eventflux.extension import hookspecs
from eventflux.extension.declaration import Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.registry import BUILT_IN, ExtensionInfo, ExtensionRegistry
from eventflux.types.errors import ExtensionError
from eventflux.types.record import record

_HOOK_PREFIX = "eventflux_register_"
_HOOK_NAMES = tuple(name for name in vars(hookspecs) if name.startswith(_HOOK_PREFIX))
_DYNAMIC_CALLBACKS = (
    "register_extension",
    "register_windows",
    "register_functions",
    "register_sources",
    "register_sinks",
    "register_stores",
    "register_source_mappers",
    "register_sink_mappers",
)
_LIBRARIES = frozenset({".so", ".dylib", ".dll"})
_LOADABLE = frozenset({".py", ".whl"}) | _LIBRARIES
# A module may name shared libraries: what they register is the plug-in's.
LIBRARIES_ATTRIBUTE = "EVENTFLUX_LIBRARIES"
NativeLoader = Callable[[Path], Iterable[Extension]]

logger = logging.getLogger("eventflux.extension")


@record(frozen=True, slots=True, kw_only=True)
class PluginFailure:
    """A plug-in that could not be loaded."""

    plugin: str
    distribution: str
    reason: str


class _Hooks(pluggy.PluginManager):
    """A function named as a hook is one, with or without the marker."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None and name in _HOOK_NAMES and inspect.isroutine(getattr(plugin, name, None)):
            return {
                "wrapper": False,
                "hookwrapper": False,
                "optionalhook": False,
                "tryfirst": False,
                "trylast": False,
                "specname": None,
            }
        return options


class PluginManager:
    """The plug-ins of one manager, and the registry that they fill."""

    def __init__(
        self,
        builtins: Sequence[ModuleType] = (),
        *,
        plugins: bool = True,
        allowed: Iterable[str] | None = None,
        denied: Iterable[str] = (),
        replaceable: Iterable[str] = (),
        native_loader: NativeLoader | None = None,
    ) -> None:
        """Register the built-ins, then discover.

        Args:
            builtins: Modules with hooks; an error in one is a bug and is raised.
            plugins: Look for entry points of installed distributions.
            allowed: Names of entry points or distributions that may be loaded; None: all.
            denied: Names of entry points or distributions that must not be loaded.
            replaceable: Qualified names of built-ins that plug-ins may shadow.
            native_loader: Opens a shared library and gives the declarations of what it brings.
        """
        self.registry = ExtensionRegistry(replaceable=frozenset(replaceable))
        self.failures: list[PluginFailure] = []
        self._native_loader = native_loader
        self._hooks = _Hooks(hookspecs.GROUP)
        self._hooks.add_hookspecs(hookspecs)
        self._added: dict[str, tuple[str, list[ExtensionInfo]]] = {}
        for module in builtins:
            self._load(module, module.__name__, BUILT_IN)
        if plugins:
            self._discover(None if allowed is None else frozenset(allowed), frozenset(denied))

    @property
    def plugins(self) -> tuple[str, ...]:
        """The names of the plug-ins loaded, in order."""
        return tuple(name for name, _ in self._hooks.list_name_plugin())

    def failure_hint(self, kind: ExtensionKind) -> str | None:
        """What to add to the message of a missing extension when plug-ins failed."""
        if not self.failures:
            return None
        failed = "; ".join(f"{failure.distribution} ({failure.reason})" for failure in self.failures)
        return f"plug-ins that could not be loaded may have held the {kind.words}: {failed}"

    def set_extension(self, name: str, extension: str | os.PathLike[str] | ModuleType) -> list[ExtensionInfo]:
        """Load an extension by hand: a module, a dotted name, a ``.py`` file, a package, a wheel, or a shared library.

        The same name with the same thing again changes nothing.

        Raises:
            ExtensionError: It is not there, fails, registers nothing, or the name stands for another one.
        """
        origin = extension.__name__ if isinstance(extension, ModuleType) else os.fspath(extension)
        if name in self._added:
            known, infos = self._added[name]
            if known == origin:
                return infos
            raise ExtensionError(f"extension {name!r} is already loaded from {known!r}")
        before = self.registry.checkpoint()
        try:
            if not isinstance(extension, ModuleType) and Path(extension).suffix in _LIBRARIES:
                self._load_library(name, Path(extension), str(extension))
            else:
                for plugin_name, module, distribution in self._modules(name, extension):
                    if self._hooks.is_registered(module):
                        # It was found by its entry point: what it brings is there.
                        return [info for info in self.registry.infos() if info.distribution == distribution]
                    self._load(module, plugin_name, distribution)
        except ExtensionError:
            self.registry.rollback(before)
            raise
        infos = self.registry.added_since(before)
        if not infos:
            raise ExtensionError(
                f"extension {name!r} ({origin}) exports no register_* callback",
                hint=f"it must define one of {', '.join(_HOOK_NAMES[:3])}, …",
            )
        self._added[name] = (origin, infos)
        return infos

    def remove_extension(self, name: str) -> bool:
        """Take away what `set_extension` of that name has registered; False if there is none."""
        known = self._added.pop(name, None)
        if known is None:
            return False
        for info in known[1]:
            self.registry.remove(info.kind, info.name, info.namespace)
        if self._hooks.has_plugin(name):
            self._hooks.unregister(name=name)
        return True

    def load_directory(self, directory: str | os.PathLike[str]) -> None:
        """Load every plug-in of a folder: `.py` files, packages, wheels and shared libraries, by name.

        Raises:
            ExtensionError: The folder is not there, or one of them can't be loaded.
        """
        folder = Path(directory)
        if not folder.is_dir():
            raise ExtensionError(f"the extension directory {str(folder)!r} does not exist")
        for path in sorted(folder.iterdir()):
            is_package = path.is_dir() and (path / "__init__.py").is_file()
            if is_package or (path.is_file() and path.suffix in _LOADABLE and not path.name.startswith("_")):
                self.set_extension(path.stem, path)

    def _discover(self, allowed: frozenset[str] | None, denied: frozenset[str]) -> None:
        for distribution, entry_point in _entry_points():
            if allowed is not None and not {entry_point.name, distribution} & allowed:
                continue
            if entry_point.name in denied or distribution in denied or self._is_loaded(entry_point):
                continue
            try:
                module = entry_point.load()
                self._load(module, entry_point.name, distribution)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                failure = PluginFailure(plugin=entry_point.value, distribution=distribution, reason=reason)
                self.failures.append(failure)
                logger.warning("plug-in %s of %s was not loaded: %s", entry_point.value, distribution, reason)

    def _is_loaded(self, entry_point: EntryPoint) -> bool:
        return any(
            isinstance(plugin, ModuleType) and plugin.__name__ == entry_point.module
            for plugin in self._hooks.get_plugins()
        )

    def _load(self, module: object, name: str, distribution: str) -> None:
        """Register a plug-in and call its hooks; on failure nothing of it stays."""
        _check_api(module, distribution)
        if self._hooks.has_plugin(name):
            raise ExtensionError(f"a plug-in named {name!r} is already loaded, {distribution} brings another one")
        before = self.registry.checkpoint()
        attributed = self.registry.distribution
        self.registry.distribution = distribution
        try:
            self._hooks.register(module, name=name)
            for call in self._calls(module):
                call(self.registry)
            for library in getattr(module, LIBRARIES_ATTRIBUTE, ()):
                self._load_library(name, Path(library), distribution)
        except Exception as error:
            self.registry.rollback(before)
            if self._hooks.has_plugin(name):
                self._hooks.unregister(name=name)
            if isinstance(error, ExtensionError):
                raise
            raise ExtensionError(
                f"extension {name!r} of {distribution} failed: {type(error).__name__}: {error}"
            ) from error
        finally:
            self.registry.distribution = attributed

    def _load_library(self, name: str, path: Path, distribution: str) -> None:
        """Register what a shared library brings."""
        if self._native_loader is None:
            raise ExtensionError(f"extension {name!r}: shared libraries cannot be loaded here")
        if not path.is_file():
            raise ExtensionError(f"extension {name!r}: {str(path)!r} does not exist")
        attributed = self.registry.distribution
        self.registry.distribution = distribution
        try:
            self.registry.register(*self._native_loader(path))
        finally:
            self.registry.distribution = attributed

    def _calls(self, module: object) -> Iterator[Callable[[ExtensionRegistry], object]]:
        for caller in self._hooks.get_hookcallers(module) or []:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is module:
                    yield implementation.function
        for name in _DYNAMIC_CALLBACKS:
            callback = getattr(module, name, None)
            if callback is not None and inspect.isroutine(callback):
                yield callback

    def _modules(
        self, name: str, extension: str | os.PathLike[str] | ModuleType
    ) -> Iterator[tuple[str, ModuleType, str]]:
        if isinstance(extension, ModuleType):
            yield name, extension, extension.__name__
            return
        path = Path(extension)
        if path.suffix == ".whl":
            yield from _wheel_modules(path)
        elif path.suffix == ".py" or path.is_dir():
            yield name, _module_from_path(name, path), str(path)
        elif _is_dotted(str(extension)):
            yield name, _module_by_name(name, str(extension)), str(extension)
        else:
            raise ExtensionError(
                f"extension {name!r}: {str(path)!r} is no module, package folder, .py file, wheel or shared library"
            )


def _entry_points() -> Iterator[tuple[str, EntryPoint]]:
    """Entry points of the group with the distribution that brings each, by name; the first distribution found wins.

    The names of distributions stand in files that are long to read: only those of the group's are asked for.
    """
    seen: set[str] = set()
    found: list[tuple[str, EntryPoint]] = []
    for distribution in distributions():
        points = [point for point in distribution.entry_points if point.group == hookspecs.GROUP]
        if not points:
            continue
        name = str(distribution.metadata["Name"])
        if name not in seen:
            seen.add(name)
            found.extend((name, point) for point in points)
    yield from sorted(found, key=lambda pair: (pair[0] != BUILT_IN, pair[0], pair[1].name))


def _check_api(module: object, distribution: str) -> None:
    version = getattr(module, "EVENTFLUX_API", hookspecs.API_VERSION)
    if not (isinstance(version, tuple) and version and isinstance(version[0], int)):
        raise ExtensionError(f"{distribution}: EVENTFLUX_API must be a pair of numbers, is {version!r}")
    if version[0] > hookspecs.API_VERSION[0]:
        wanted, ours = (".".join(str(part) for part in each) for each in (version, hookspecs.API_VERSION))
        raise ExtensionError(f"{distribution} needs the extension interface {wanted}, this is {ours}")


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _module_by_name(name: str, dotted: str) -> ModuleType:
    try:
        return importlib.import_module(dotted)
    except Exception as error:
        raise ExtensionError(f"extension {name!r}: {dotted!r} can't be imported: {error}") from error


def _module_from_path(name: str, path: Path) -> ModuleType:
    source = path / "__init__.py" if path.is_dir() else path
    if not source.is_file():
        raise ExtensionError(f"extension {name!r}: {str(source)!r} does not exist")
    module_name = f"eventflux_ext_{name}"
    spec = importlib.util.spec_from_file_location(
        module_name, source, submodule_search_locations=[str(path)] if path.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise ExtensionError(f"extension {name!r}: {str(source)!r} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise ExtensionError(f"extension {name!r}: {str(source)!r} failed: {type(error).__name__}: {error}") from error
    return module


def _importable(wheel: Path) -> Path:
    """Where a wheel is imported from: itself, or with compiled parts a folder of its own that it is unpacked into."""
    import hashlib  # noqa: PLC0415 - for wheels only
    import shutil  # noqa: PLC0415

    with zipfile.ZipFile(wheel) as archive:
        if not any(entry.endswith((".so", ".pyd", ".dylib", ".dll")) for entry in archive.namelist()):
            return wheel
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()[:16]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventflux" / "wheels"
        place = cache / f"{wheel.stem}-{digest}"
        if not place.is_dir():
            # Unpacked beside and renamed, so that a folder of that name is whole.
            part = cache / f".{wheel.stem}-{digest}-{os.getpid()}"
            archive.extractall(part)
            try:
                part.rename(place)
            except OSError:
                shutil.rmtree(part, ignore_errors=True)
        return place


def _wheel_modules(path: Path) -> Iterator[tuple[str, ModuleType, str]]:
    """A wheel becomes an import path, and its entry points are loaded; nothing is installed."""
    if not path.is_file():
        raise ExtensionError(f"wheel {str(path)!r} does not exist")
    place = _importable(path)
    if str(place) not in sys.path:
        sys.path.append(str(place))
        importlib.invalidate_caches()
    for distribution in distributions(path=[str(place)]):
        for entry_point in distribution.entry_points:
            if entry_point.group != hookspecs.GROUP:
                continue
            try:
                module = entry_point.load()
            except ImportError as error:
                raise ExtensionError(f"wheel {path.name}: {entry_point.value} can't be imported: {error}") from error
            yield entry_point.name, module, str(distribution.metadata["Name"])
