"""Windows written in Python: made from their declarations, one instance a query and partition key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eventflux.engine.callbacks import HostOperator, Schedule, WindowOperator
from eventflux.extension.kinds.window import Window
from eventflux.planner.logical.nodes import Window as WindowNode
from eventflux.runtime.extension_context import ElementContext
from eventflux.types.errors import ExtensionError


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowElementContext(ElementContext):
    """Context of a window; a `WindowContext`."""

    timer: Schedule

    def current_time(self) -> int:
        """The clock of the rows or the timer that the window is called for."""
        return self.clock() if self.timer.now is None else self.timer.now

    def schedule(self, at_ms: int) -> None:
        """Have `Window.on_timer` called when the clock reaches the moment; an earlier request is replaced."""
        self.timer.at(at_ms)


@dataclass(frozen=True, slots=True)
class HostWindows:
    """Makes the windows of an app."""

    context_of: Callable[[str], ElementContext]

    def maker(self, window: WindowNode, query: str) -> Callable[[], HostOperator]:
        """What makes an instance of a window of the plan."""
        context = self.context_of(f"query {query}")

        def make() -> HostOperator:
            timer = Schedule()
            made = self._made(window)
            made.init(
                window.arguments,
                window.schema,
                WindowElementContext(
                    app_name=context.app_name,
                    element=context.element,
                    attributes=context.attributes,
                    clock=context.clock,
                    system_parameters=context.system_parameters,
                    timer=timer,
                ),
            )
            return WindowOperator(made, timer, len(window.schema))

        return make

    def _made(self, window: WindowNode) -> Window:
        factory = window.declaration.factory
        made = factory() if callable(factory) else None
        if not isinstance(made, Window):
            raise ExtensionError(f"window {window.declaration.qualified_name}: its factory makes no Window")
        return made
