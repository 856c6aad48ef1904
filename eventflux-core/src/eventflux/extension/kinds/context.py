"""What an extension may know of the app that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ExtensionContext(Protocol):
    """Given to `init` of an extension."""

    @property
    def app_name(self) -> str:
        """Name of the app."""
        ...

    @property
    def element(self) -> str:
        """What the extension belongs to, as messages name it: ``query q1``, ``stream Orders``."""
        ...

    @property
    def attributes(self) -> Mapping[str, object]:
        """What was set with ``manager.set_attribute``."""
        ...

    @property
    def system_parameters(self) -> Mapping[str, str]:
        """Settings of the extension from the configuration."""
        ...

    def current_time(self) -> int:
        """The app's clock in milliseconds: wall time, or event time in playback."""
        ...
