"""Factories that import what they make only when it is wanted, so that a declaration costs next to nothing."""

from __future__ import annotations

from importlib import import_module

from eventflux.types.errors import ConfigError


class LazyFactory:
    """Makes instances of a class of a module that is imported on the first call.

    A connector or mapper that stands on a library of an extra keeps that import in the module; where the library is
    missing the call raises `ConfigError`, which names the extra.
    """

    def __init__(self, module: str, name: str, *, extra: str | None = None) -> None:
        """Bind the place.

        Args:
            module: Dotted name of the module.
            name: Of the class in it.
            extra: The extra of eventflux-core that brings what the module imports, such as ``avro``.
        """
        self.module = module
        self.name = name
        self.extra = extra

    def __call__(self, **settings: object) -> object:
        try:
            made: object = getattr(import_module(self.module), self.name)(**settings)
        except ModuleNotFoundError as error:
            if self.extra is None:
                raise
            raise missing_extra(self.extra, error.name or "") from error
        return made


def missing_extra(extra: str, library: str) -> ConfigError:
    """The error for a library that is not installed."""
    return ConfigError(
        f"{extra} needs the library {library!r}, which is not installed", hint=f"pip install 'eventflux-core[{extra}]'"
    )
