"""Helpers for tests of apps and plug-ins.

`AppRunner` runs an app and collects what it puts out; `evaluate` runs one expression; `EventFactory` makes random rows.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from typing_extensions import Self

from eventflux.engine.native_types import EventBatch
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.runtime.app_runtime import EventFluxAppRuntime
from eventflux.runtime.manager import EventFluxManager
from eventflux.state.stores.memory import InMemoryPersistenceStore
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError
from eventflux.types.schema import Schema

__all__ = ["AppRunner", "EventFactory", "InMemoryBroker", "evaluate"]

_LETTERS = string.ascii_letters + string.digits + "äß€𝄞"


class AppRunner:
    """Builds and starts an app, and collects what reaches streams or leaves queries.

    Args:
        app: Text of the app.
        names: Streams and queries to collect from; of a query the current and the expired rows.
        playback: Whether the clock follows the timestamps of events.
        config: Configuration tree.
        setup: Called with the manager before the app is made: registrations.
    """

    def __init__(
        self,
        app: str,
        *names: str,
        playback: bool = True,
        config: Mapping[str, object] | None = None,
        setup: Any = None,
    ) -> None:
        self._app = app
        self._names = names
        self._playback = playback
        self._config = config
        self._setup = setup
        self._store = InMemoryPersistenceStore()
        self._events: dict[str, list[tuple[Any, ...]]] = {name: [] for name in names}
        self._expired: dict[str, list[tuple[Any, ...]]] = {name: [] for name in names}
        self._manager, self.runtime = self._make()

    def _make(self) -> tuple[EventFluxManager, EventFluxAppRuntime]:
        manager = EventFluxManager(self._config)
        if self._setup is not None:
            self._setup(manager)
        manager.set_persistence_store(self._store)
        runtime = manager.create_eventflux_app_runtime(self._app, name="test", playback=self._playback or None)
        for name in self._names:
            if name in runtime.queries:
                runtime.add_query_callback(name, self._query_collector(name))
            else:
                runtime.add_callback(name, self._stream_collector(name))
        runtime.start()
        return manager, runtime

    def _stream_collector(self, name: str) -> Any:
        def collect(batch: EventBatch) -> None:
            for event in batch:
                (self._expired if event.is_expired else self._events)[name].append(event.data)

        return collect

    def _query_collector(self, name: str) -> Any:
        def collect(timestamp: int, current: EventBatch | None, expired: EventBatch | None) -> None:
            self._events[name].extend(event.data for event in current or ())
            self._expired[name].extend(event.data for event in expired or ())

        return collect

    def send(self, stream: str, row: Sequence[object], timestamp: int | None = None) -> None:
        """Send one row."""
        self.runtime.input_handler(stream).send(row, timestamp)

    def send_batch(self, stream: str, rows: Sequence[Sequence[object]], timestamps: Any = None) -> None:
        """Send one chunk."""
        self.runtime.input_handler(stream).send_batch(rows, timestamps)

    def send_many(self, stream: str, rows: Sequence[Sequence[object]], timestamps: Any = None) -> None:
        """Send rows, each an event of its own."""
        self.runtime.input_handler(stream).send_many(rows, timestamps)

    def advance(self, ms: int) -> None:
        """Move the clock of a playback app."""
        self.runtime.advance_time(ms)

    def events(self, name: str | None = None) -> list[tuple[Any, ...]]:
        """Rows collected from a stream or query (the only one, if no name is given)."""
        return list(self._events[name if name is not None else self._names[0]])

    def expired(self, name: str | None = None) -> list[tuple[Any, ...]]:
        """Expired rows collected."""
        return list(self._expired[name if name is not None else self._names[0]])

    def clear(self) -> None:
        """Forget what was collected."""
        for rows in (*self._events.values(), *self._expired.values()):
            rows.clear()

    def restart(self) -> None:
        """Save, close everything, make the app anew, and restore: as after a crash just behind a checkpoint."""
        self.runtime.persist()
        self._store_guard()
        self._manager, self.runtime = self._make()

    def _store_guard(self) -> None:
        # The shutdown of the old manager must not save once more behind the revision that counts.
        self._manager.set_persistence_store(None)
        self._manager.shutdown(drain=False)

    def shutdown(self) -> list[tuple[Any, ...]]:
        """Stop; gives what reached the first name."""
        self._manager.set_persistence_store(None)
        self._manager.shutdown()
        return self.events() if self._names else []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


def evaluate(
    expression: str, row: Mapping[str, object] | None = None, types: Mapping[str, AttributeType | str] | None = None
) -> Any:
    """Value of one EventFluxQL expression.

    Args:
        expression: Its text.
        row: Attribute name -> value.
        types: Attribute name -> type; guessed from the value where absent.

    Raises:
        ParseError: It is not an expression.
        ValidationError: Its types don't fit.
        EventFluxError: It failed on the row.
    """
    values = dict(row or {"_": 0})
    chosen = {name: _type_of(value, (types or {}).get(name)) for name, value in values.items()}
    columns = ", ".join(f"`{name}` {kind.name.lower()}" for name, kind in chosen.items())
    text = f"define stream Row ({columns}); from Row select {expression} as value insert into Value;"
    failures: list[str] = []
    results: list[Any] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.on_exception(lambda failure: failures.append(failure.message))
        runtime.add_callback("Value", lambda events: results.extend(event.data[0] for event in events))
        runtime.start()
        runtime.input_handler("Row").send(tuple(values.values()))
    if not results:
        raise EventFluxError(f"{expression!r} failed: {'; '.join(failures) or 'no value'}")
    return results[0]


def _type_of(value: object, given: AttributeType | str | None) -> AttributeType:
    if given is not None:
        return given if isinstance(given, AttributeType) else AttributeType[given.upper()]
    match value:
        case bool():
            return AttributeType.BOOL
        case int():
            return AttributeType.INT if -(2**31) <= value < 2**31 else AttributeType.LONG
        case float():
            return AttributeType.DOUBLE
        case str():
            return AttributeType.STRING
        case _:
            return AttributeType.OBJECT


class EventFactory:
    """Random rows of a schema; the same seed gives the same rows.

    Args:
        schema: Attributes of the rows.
        seed: Of the randomness.
        null_share: Chance of a null in each place.
    """

    def __init__(self, schema: Schema, seed: int = 0, *, null_share: float = 0.0) -> None:
        self._schema = schema
        self._random = random.Random(seed)
        self._null_share = null_share

    def row(self) -> tuple[object, ...]:
        """One row."""
        return tuple(self._value(attribute.type) for attribute in self._schema)

    def rows(self, count: int) -> list[tuple[object, ...]]:
        """Many rows."""
        return [self.row() for _ in range(count)]

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        while True:
            yield self.row()

    def _value(self, kind: AttributeType) -> object:
        if self._random.random() < self._null_share:
            return None
        match kind:
            case AttributeType.BOOL:
                return self._random.random() < 0.5
            case AttributeType.INT:
                return self._random.randint(-(2**31), 2**31 - 1)
            case AttributeType.LONG:
                return self._random.randint(-(2**63), 2**63 - 1)
            case AttributeType.FLOAT:
                return float(self._random.randint(-(2**20), 2**20)) / 64
            case AttributeType.DOUBLE:
                return self._random.uniform(-1e6, 1e6)
            case AttributeType.STRING:
                return "".join(self._random.choices(_LETTERS, k=self._random.randint(0, 20)))
            case AttributeType.OBJECT:
                return {"n": self._random.randint(0, 9)}
