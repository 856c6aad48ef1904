"""Readers of configuration files and of values that lie elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ConfigReader(Protocol):
    """Reads files of a suffix (registered as ``.name``) or resolves ``${name:reference}``.

    It is made without arguments, once for each configuration that needs it.
    """

    def read(self, text: str, file: str) -> Mapping[str, object]:
        """The tree of a file; `ConfigError` with its line for what can't be read."""
        ...

    def resolve(self, reference: str) -> str | None:
        """The value behind a reference, or None if there is none."""
        ...
