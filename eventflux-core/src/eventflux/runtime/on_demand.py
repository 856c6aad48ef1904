"""On-demand queries of a running app: planned once a text, run in an engine of their own beside the app's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from eventflux.engine.builder import EngineBuilder
from eventflux.engine.builder import Node as NativeNode
from eventflux.engine.engine import Engine
from eventflux.engine.native_types import EventBatch, Input
from eventflux.extension import ExtensionRegistry
from eventflux.language import parse_on_demand
from eventflux.language.ast import OnDemandQuery, UpsertValues
from eventflux.planner.binder.mutations import Mutation
from eventflux.planner.emit.tables import OutsideContent
from eventflux.planner.on_demand import EmittedOnDemand, OnDemandPlan, plan_on_demand, plan_row_change
from eventflux.planner.plan import Plan
from eventflux.runtime.extension_context import ElementContext
from eventflux.runtime.failures import Failures
from eventflux.runtime.host_functions import HostFunctions
from eventflux.types.attribute_type import INT_MAX, INT_MIN, AttributeType
from eventflux.types.errors import EventFluxError
from eventflux.types.schema import Schema
from eventflux.types.source_text import SourceText

_KEPT: Final = 50
_LARGE: Final = 50_000
_WHERE: Final = "on-demand query"

# A text, and the types of its parameters.
_Key: TypeAlias = "tuple[str, tuple[tuple[int | str, AttributeType | None], ...]]"

QueryParameters = Sequence[object] | Mapping[str, object]
"""Values of `?`, in order, or of `:name`."""


class OnDemandQueries:
    """Runs the on-demand queries of one app, one at a time; keeps those that were used last."""

    def __init__(
        self,
        *,
        app: str,
        engine: Engine,
        plan: Plan,
        registry: ExtensionRegistry,
        nodes: Mapping[str, NativeNode],
        outside: Mapping[str, OutsideContent],
        playback: bool,
        failures: Failures,
        context_of: Callable[[str], ElementContext],
    ) -> None:
        """Nothing is planned yet.

        Args:
            app: Name of the app.
            engine: The app's.
            plan: The app's.
            registry: What queries can name.
            outside: The tables outside.
            nodes: Tables and windows -> their nodes in the app's engine.
            playback: Whether the app's clock follows its events.
            failures: Where rows that fail are told.
            context_of: Of the functions that a query calls.
        """
        self._app = app
        self._engine = engine
        self._plan = plan
        self._registry = registry
        self._nodes = nodes
        self._outside = outside
        self._playback = playback
        self._failures = failures
        self._context_of = context_of
        self._lock = threading.RLock()
        self._at_start: dict[int, _Prepared] = {}
        self._changes: dict[Mutation, _Prepared] = {}
        self._messages: list[str] = []
        self._prepared: OrderedDict[_Key, _Prepared] = OrderedDict()

    def run(self, text: str, parameters: QueryParameters | None) -> EventBatch | int:
        """The rows found, or the number of rows touched.

        Raises:
            ParseError: The text is no query.
            ValidationError: It makes no sense.
            EventFluxError: WITHIN or PER of an aggregation has a value that names no buckets.
        """
        values = _by_key(parameters)
        types = {key: _type_of(value) for key, value in values.items()}
        with self._lock:
            prepared = self._find(text, types)
            self._messages.clear()
            found = prepared.run(tuple(values.values()))
            if isinstance(found, EventBatch) and len(found) > _LARGE:
                # Its engine would keep the memory that the rows went through.
                self._prepared.pop((text, tuple(types.items())))
                prepared.engine.close()
            if self._messages and prepared.plan.reads_aggregation:
                raise EventFluxError(self._messages[0])
            return found

    def prepare(self, statement: UpsertValues) -> None:
        """Plan a statement of the app's text, to be run when it starts.

        Raises:
            ValidationError: It makes no sense.
        """
        query = OnDemandQuery(statement=statement, span=statement.span)
        plan = plan_on_demand(query, self._plan.source, self._plan, self._registry, {})
        self._at_start[id(statement)] = self._prepare(plan)

    def run_at_start(self, statement: UpsertValues) -> None:
        """Run what `prepare` has planned."""
        with self._lock:
            self._at_start[id(statement)].run(())

    def schema(self, text: str) -> Schema:
        """Attributes of the result of a query without parameters; of a change none."""
        with self._lock:
            return self._find(text, {}).plan.schema or Schema(())

    def change(self, output: Mutation, source: SourceText, rows: Iterable[object]) -> int:
        """Change a table by rows that have its attributes, as one chunk; how many rows of it were touched.

        Raises:
            ValidationError: The condition or what is set makes no sense.
            EventDataError: A row does not fit; nothing was changed.
        """
        with self._lock:
            prepared = self._changes.get(output)
            if prepared is None:
                if len(self._changes) == _KEPT:
                    self._changes.pop(next(iter(self._changes))).engine.close()
                plan = plan_row_change(output, source, self._plan, self._registry)
                prepared = self._changes[output] = self._prepare(plan)
            return prepared.apply(rows)

    def close(self) -> None:
        """Free the engines."""
        with self._lock:
            for prepared in (*self._changes.values(), *self._at_start.values()):
                prepared.engine.close()
            self._at_start.clear()
            self._changes.clear()
            for prepared in self._prepared.values():
                prepared.engine.close()
            self._prepared.clear()

    def _find(self, text: str, types: Mapping[int | str, AttributeType | None]) -> _Prepared:
        key = (text, tuple(types.items()))
        known = self._prepared.get(key)
        if known is not None:
            self._prepared.move_to_end(key)
            return known
        source = SourceText(text)
        plan = plan_on_demand(parse_on_demand(source), source, self._plan, self._registry, types)
        prepared = self._prepared[key] = self._prepare(plan)
        if len(self._prepared) > _KEPT:
            _, oldest = self._prepared.popitem(last=False)
            oldest.engine.close()
        return prepared

    def _prepare(self, plan: OnDemandPlan) -> _Prepared:
        engine = Engine(playback=self._playback)
        try:
            HostFunctions(engine, plan.host_functions, self._context_of, self._app)
            builder = EngineBuilder(engine)
            emitted = plan.emit(builder, self._engine, self._nodes, self._outside)
            builder.seal()
            engine.on_failure(self._failed)
            return _Prepared(plan=plan, engine=engine, emitted=emitted, app=self._engine)
        except BaseException:
            engine.close()
            raise

    def _failed(self, node: int, stream: int, batch: EventBatch | None, status: int, message: str) -> None:
        self._failures.report(_WHERE, message)
        self._messages.append(message)


class _Prepared:
    """One query, ready to run."""

    def __init__(self, *, plan: OnDemandPlan, engine: Engine, emitted: EmittedOnDemand, app: Engine) -> None:
        self.plan = plan
        self.engine = engine
        self._emitted = emitted
        self._app = app
        self._found: list[EventBatch] = []
        self._input: Input = engine.input(emitted.parameters, engine.layout(_WHERE, plan.parameters))
        self._empty: EventBatch | None = None
        if plan.schema is not None and emitted.result is not None:
            engine.listen_query(emitted.result, engine.layout(_WHERE, plan.schema), self._take)

    def run(self, values: tuple[object, ...]) -> EventBatch | int:
        row = values or (None,)
        now = self._app.now
        with self._app.locked():
            self._found.clear()
            self.engine.reset()
            try:
                self._input.send(row, timestamp=now)
            finally:
                self._app.settle()
            if self.plan.schema is None:
                return sum(self.engine.touched(change) for change in self._emitted.changes)
        return self._found.pop() if self._found else self._nothing()

    def apply(self, rows: Iterable[object]) -> int:
        """Change a table by each row; how many rows were touched."""
        now = self._app.now
        given = list(rows)
        if not given:
            return 0
        with self._app.locked():
            try:
                self._input.send_batch(given, timestamps=now)
            finally:
                self._app.settle()
            return sum(self.engine.touched(change) for change in self._emitted.changes)

    def _take(self, timestamp: int, current: EventBatch | None, expired: EventBatch | None) -> None:
        if current is not None:
            self._found.append(current)

    def _nothing(self) -> EventBatch:
        """An empty batch of the result's attributes."""
        if self._empty is None:
            assert self.plan.schema is not None
            assert self._emitted.empty is not None
            rows: list[EventBatch] = []
            layout = self.engine.layout(_WHERE, self.plan.schema)
            take = rows.append
            self.engine.listen(self._emitted.empty, layout, take)
            self.engine.input(self._emitted.empty, layout).send((None,) * len(self.plan.schema))
            self.engine.unlisten(self._emitted.empty, take)
            self._empty = rows[0][:0]
        return self._empty


def _by_key(parameters: QueryParameters | None) -> dict[int | str, object]:
    if parameters is None:
        return {}
    if isinstance(parameters, Mapping):
        return {name: value for name, value in parameters.items()}  # noqa: C416 - the keys are of a wider type
    if isinstance(parameters, (str, bytes)):
        raise EventFluxError("parameters are a sequence of values or a mapping of names to values")
    return dict(enumerate(parameters))


def _type_of(value: object) -> AttributeType | None:
    match value:
        case bool():
            return AttributeType.BOOL
        case int():
            return AttributeType.INT if INT_MIN <= value <= INT_MAX else AttributeType.LONG
        case float():
            return AttributeType.DOUBLE
        case str():
            return AttributeType.STRING
        case None:
            return None
        case _:
            return AttributeType.OBJECT
