"""``timer`` source: an event every so often."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.environment import Waiter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.source import SourceContext
from eventflux.extension.kinds.threaded_source import ThreadedSource
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError
from eventflux.types.schema import Schema

_FIELDS: Final = {"triggered_time": AttributeType.LONG, "n": AttributeType.LONG}


class TimerSource(ThreadedSource):
    """Keeps to its grid: an event that is late doesn't make the next one late."""

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        self._interval = ctx.options.integer("interval") / 1000.0
        self._count = ctx.options.integer("count")
        self._ticks = _is_tick(ctx.schema)
        if not self._ticks:
            foreign = [f"{each}" for each in ctx.schema if _FIELDS.get(each.name) is not each.type]
            if foreign:
                raise ConfigError(
                    f"a timer can't fill {', '.join(foreign)} of stream {ctx.stream!r}",
                    hint="one STRING attribute, or triggered_time LONG and n LONG",
                )

    def run(self, stopping: Waiter) -> None:
        environment = self.ctx.environment
        started = environment.monotonic()
        number = 0
        while not self._count or number < self._count:
            due = started + (number + 1) * self._interval
            if stopping.wait(max(0.0, due - environment.monotonic())) or not self.paused(stopping):
                return
            number += 1
            if self._ticks:
                self.on_data(("tick",))
            else:
                values = {"triggered_time": environment.wall_clock(), "n": number}
                self.on_data(tuple(values[name] for name in self.ctx.schema.names))


def _is_tick(schema: Schema) -> bool:
    return len(schema) == 1 and schema[0].type is AttributeType.STRING


TIMER_SOURCE: Final = Extension(
    name="timer",
    kind=ExtensionKind.SOURCE,
    description="An event every so often: tick, or its time and number.",
    factory=TimerSource,
    default_format="passThrough",
    parameters=(
        Parameter("interval", (AttributeType.LONG,), "Time between two events.", default=1000, unit="ms", minimum=1),
        Parameter("count", (AttributeType.LONG,), "How many events; 0: without end.", default=0, minimum=0),
    ),
    examples=(
        Example(
            "CREATE STREAM Ticks (tick STRING) WITH ('type' = 'source', 'extension' = 'timer', "
            "'timer.interval' = '5000');",
            "A row every five seconds.",
        ),
    ),
)
