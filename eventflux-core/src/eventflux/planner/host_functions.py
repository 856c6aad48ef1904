"""Functions that live outside the engine: what the plan tells the runtime about them.

A program calls such a function by its number, the position in `Plan.host_functions`. Each place in a text that calls
one has a number of its own, so that a function with a life of its own has one instance a place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from eventflux.extension import Argument, Extension
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class ExtensionFunction:
    """A scalar function of a registered extension; `declaration.factory` makes or is it."""

    declaration: Extension
    arguments: tuple[Argument, ...]


@record(frozen=True, slots=True, kw_only=True)
class ScriptFunction:
    """A function defined in the text.

    Attributes:
        name: As defined.
        language: As written, `python` for instance.
        body: The text between the braces or quotes.
        parameters: Names and types of the SQL form; None: any arguments, seen as the array `data`.
        returns: Type of the result.
        execute: The compiled body: takes the values of one row.
    """

    name: str
    language: str
    body: str
    parameters: tuple[tuple[str, AttributeType], ...] | None
    returns: AttributeType
    execute: Callable[..., object] = field(compare=False)


@record(frozen=True, slots=True, kw_only=True)
class LogFunction:
    """`#log(...)`: called with the message, whether the event is shown, its timestamp and its attributes; gives true.

    Attributes:
        priority: INFO, DEBUG, WARN, FATAL, ERROR, OFF or TRACE.
        has_message: The first value is a text to print.
        attributes: Names of the attributes of the event, in the order of the values behind the timestamp.
    """

    priority: str
    has_message: bool
    attributes: tuple[str, ...]


HostImplementation: TypeAlias = ExtensionFunction | ScriptFunction | LogFunction


@record(frozen=True, slots=True, kw_only=True)
class HostFunction:
    """One place that calls out of the engine.

    Attributes:
        number: Position in `Plan.host_functions`.
        name: As messages call it.
        query: The query that calls it.
        argument_types: Types of the values that it is called with.
        returns: Type of its result.
        implementation: What is called.
        vectorized: It takes and gives whole columns.
        deterministic: The same input gives the same output on every run; else results are logged as inputs.
        span: The call in the text.
    """

    number: int
    name: str
    query: str
    argument_types: tuple[AttributeType, ...]
    returns: AttributeType
    implementation: HostImplementation
    vectorized: bool = False
    deterministic: bool = True
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@dataclass(slots=True)
class HostFunctions:
    """Numbers the places of an app that call out of the engine."""

    functions: list[HostFunction] = field(default_factory=list)

    def add(
        self,
        *,
        name: str,
        query: str,
        argument_types: tuple[AttributeType, ...],
        returns: AttributeType,
        implementation: HostImplementation,
        vectorized: bool = False,
        deterministic: bool = True,
        span: Span = NO_SPAN,
    ) -> HostFunction:
        """A new place."""
        function = HostFunction(
            number=len(self.functions),
            name=name,
            query=query,
            argument_types=argument_types,
            returns=returns,
            implementation=implementation,
            vectorized=vectorized,
            deterministic=deterministic,
            span=span,
        )
        self.functions.append(function)
        return function
