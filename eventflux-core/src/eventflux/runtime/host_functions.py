"""Python functions that queries call: made from their declarations, bound to one engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from eventflux.engine.engine import Engine
from eventflux.extension.kinds.scalar_function import (
    ScalarFunction,
    StatefulScalarFunction,
    VectorizedScalarFunction,
)
from eventflux.extension.native_function import NativeFunction
from eventflux.planner.host_functions import ExtensionFunction, HostFunction, LogFunction, ScriptFunction
from eventflux.runtime.extension_context import ElementContext
from eventflux.types.errors import ExtensionError

_TRACE: Final = 5
_PRIORITIES: Final = {
    "TRACE": _TRACE,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}

logger = logging.getLogger("eventflux.query")


class HostFunctions:
    """The Python functions of one app: their numbers in the engine, and the state of those that have one."""

    def __init__(
        self, engine: Engine, functions: Sequence[HostFunction], context_of: Callable[[str], ElementContext], app: str
    ) -> None:
        """Make and register them all, in order.

        Raises:
            ExtensionError: One can't be made.
        """
        self._app = app
        self._stateful: dict[str, _Stateful] = {}
        self.numbers = tuple(self._register(engine, function, context_of) for function in functions)

    def save(self) -> dict[str, bytes]:
        """State of the functions that have one, by component name."""
        return {name: each.save() for name, each in self._stateful.items()}

    def load(self, component: str, data: bytes) -> None:
        """Take the state that `save` gave."""
        self._stateful[component].load(data)

    def reset(self) -> None:
        """Make all states as at the start."""
        for each in self._stateful.values():
            each.reset()

    def _register(self, engine: Engine, function: HostFunction, context_of: Callable[[str], ElementContext]) -> int:
        implementation = function.implementation
        if isinstance(implementation, ExtensionFunction) and isinstance(
            implementation.declaration.factory, NativeFunction
        ):
            return engine.add_plugin_function(implementation.declaration.factory.address)
        call = self._callable(function, context_of)
        return engine.add_function(call, function.name, vectorized=function.vectorized)

    def _callable(self, function: HostFunction, context_of: Callable[[str], ElementContext]) -> Callable[..., Any]:
        match function.implementation:
            case ScriptFunction(execute=execute):
                return execute
            case LogFunction() as log:
                return _logger_of(log, self._app)
            case ExtensionFunction() as extension:
                return self._extension(function, extension, context_of)

    def _extension(
        self, function: HostFunction, extension: ExtensionFunction, context_of: Callable[[str], ElementContext]
    ) -> Callable[..., Any]:
        factory = extension.declaration.factory
        if factory is None:
            raise ExtensionError(f"function {function.name} of {extension.declaration.distribution} has no factory")
        if not isinstance(factory, type):
            return factory
        try:
            made = factory()
            if isinstance(made, (ScalarFunction, VectorizedScalarFunction, StatefulScalarFunction)):
                made.init(extension.arguments, context_of(f"query {function.query}"))
        except Exception as error:  # foreign code: named, never silent
            raise ExtensionError(
                f"function {function.name} of {extension.declaration.distribution} could not be made: "
                f"{type(error).__name__}: {error}"
            ) from error
        if isinstance(made, StatefulScalarFunction):
            component = f"{function.query}/function.{function.name}/{function.number}"
            stateful = self._stateful[component] = _Stateful(made)
            return stateful.call
        execute = getattr(made, "execute", made)
        if not callable(execute):
            raise ExtensionError(f"function {function.name}: {factory.__name__} makes nothing that can be called")
        return execute  # type: ignore[no-any-return]


class _Stateful:
    """One call site of a function with state."""

    def __init__(self, function: StatefulScalarFunction) -> None:
        self._function = function
        self._state = function.new_state()

    def call(self, *values: object) -> object:
        return self._function.execute(self._state, *values)

    def save(self) -> bytes:
        return self._function.serialize_state(self._state)

    def load(self, data: bytes) -> None:
        self._state = self._function.deserialize_state(data)

    def reset(self) -> None:
        self._state = self._function.new_state()


def _logger_of(log: LogFunction, app: str) -> Callable[..., bool]:
    """`#log`: `<app>: <message>, <event>`."""
    level = _PRIORITIES.get(log.priority)

    def write(*values: Any) -> bool:
        if level is None or not logger.isEnabledFor(level):
            return True
        rest = list(values)
        message = rest.pop(0) if log.has_message else None
        shown, timestamp = rest[0], rest[1]
        event = (
            f"Event{{timestamp={timestamp}, data={list(rest[2:])}, isExpired=false}}"
            if shown
            else None
            if message is not None
            else "Event Arrived"
        )
        logger.log(level, "%s: %s", app, ", ".join(str(part) for part in (message, event) if part is not None))
        return True

    return write
