"""Windows, stream processors and aggregators written in Python: one instance a query and partition key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eventflux.engine.callbacks import FunctionProcessor, HostOperator, ProcessorOperator, Schedule, WindowOperator
from eventflux.engine.host_aggregation import AggregatorCall, AggregatorOperator
from eventflux.engine.native_types import Layout
from eventflux.extension import Extension
from eventflux.extension.kinds.aggregator import AttributeAggregator
from eventflux.extension.kinds.stream_processor import StreamFunction, StreamProcessor
from eventflux.extension.kinds.window import Window
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.nodes import Window as WindowNode
from eventflux.runtime.extension_context import ElementContext
from eventflux.types.errors import ExtensionError
from eventflux.types.record import record
from eventflux.types.schema import Schema


@record(frozen=True, slots=True, kw_only=True)
class WindowElementContext(ElementContext):
    """Context of a window; a `WindowContext`."""

    timer: Schedule

    def current_time(self) -> int:
        """The clock of the rows or the timer that the window is called for."""
        return self.clock() if self.timer.now is None else self.timer.now

    def schedule(self, at_ms: int) -> None:
        """Have `Window.on_timer` called when the clock reaches the moment; an earlier request is replaced."""
        self.timer.at(at_ms)


@record(frozen=True, slots=True)
class HostOperators:
    """Makes the operators of an app that are written in Python."""

    context_of: Callable[[str], ElementContext]
    layout_of: Callable[[str, Schema], Layout]

    def window(self, window: WindowNode, query: str) -> Callable[[], HostOperator]:
        """What makes an instance of a window, stream function or stream processor of the plan."""
        element = self.context_of(f"query {query}")

        def make() -> HostOperator:
            timer = Schedule()
            context = WindowElementContext(
                app_name=element.app_name,
                element=element.element,
                attributes=element.attributes,
                clock=element.clock,
                system_parameters=element.system_parameters,
                timer=timer,
            )
            if window.appended is not None:
                return self._processor(window, query, context)
            made = _made(window.declaration)
            if not isinstance(made, Window):
                raise _no_such_thing(window.declaration, Window)
            made.init(window.arguments, window.schema, context)
            return WindowOperator(made, timer, len(window.schema))

        return make

    def _processor(self, window: WindowNode, query: str, context: WindowElementContext) -> HostOperator:
        made = _made(window.declaration)
        if not isinstance(made, (StreamFunction, StreamProcessor)):
            raise _no_such_thing(window.declaration, StreamProcessor)
        made.init(window.given, context)
        attributes = Schema(window.input.schema.attributes[: len(window.input.schema) - len(window.given)])
        processor = FunctionProcessor(made) if isinstance(made, StreamFunction) else made
        layout = self.layout_of(query, attributes)
        return ProcessorOperator(processor, context.timer, layout, len(window.schema))

    def aggregates(
        self, calls: Sequence[AggregateCall], query: str, *, columns: int, group_keys: int
    ) -> Callable[[], HostOperator]:
        """What makes an instance of the operator that computes the aggregates."""
        context = self.context_of(f"query {query}")

        def make() -> HostOperator:
            made: list[AggregatorCall] = []
            position = 0
            for call in calls:
                if call.host is None:
                    raise ValueError(f"aggregator {call.name} is a native one")
                aggregator = _made(call.host.declaration)
                if not isinstance(aggregator, AttributeAggregator):
                    raise _no_such_thing(call.host.declaration, AttributeAggregator)
                aggregator.init(call.host.arguments, context)
                count = len(call.host.arguments)
                made.append(
                    AggregatorCall(aggregator=aggregator, arguments=(position,) if count else (), is_list=count > 1)
                )
                position += 1 if count else 0
            return AggregatorOperator(made, columns=columns, group_keys=group_keys)

        return make


def _made(declaration: Extension) -> object:
    factory = declaration.factory
    return factory() if callable(factory) else None


def _no_such_thing(declaration: Extension, wanted: type) -> ExtensionError:
    return ExtensionError(f"{declaration.qualified_name}: its factory makes no {wanted.__name__}")
