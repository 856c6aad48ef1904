"""What an extension sees of the app that it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class ElementContext:
    """Context of one element of an app; an `ExtensionContext`."""

    app_name: str
    element: str
    attributes: Mapping[str, object]
    clock: Callable[[], int]
    system_parameters: Mapping[str, str] = field(default_factory=dict)

    def current_time(self) -> int:
        """The app's clock in milliseconds."""
        return self.clock()
