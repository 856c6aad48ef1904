"""Handlers of an input, in their order: filters, stream functions, windows; window table functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from eventflux.language.ast.expressions import Argument, Expression
from eventflux.language.ast.node import Identifier, Node
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.language.ast.inputs import StreamInput, SubqueryInput


@record(frozen=True, slots=True, kw_only=True)
class Filter(Node):
    """`[condition]` behind a stream's name."""

    condition: Expression


@record(frozen=True, slots=True, kw_only=True)
class StreamFunction(Node):
    """`#ns:name(arguments)`: a stream function or stream processor."""

    namespace: str | None = None
    name: str
    arguments: tuple[Argument, ...] = ()
    star: bool = False


@record(frozen=True, slots=True, kw_only=True)
class WindowCall(Node):
    """`#window.length(5)`, `WINDOW LENGTH(5)`, `WINDOW('length', 5)`, `WINDOW TUMBLING (SIZE 5 SECONDS)`.

    The name is as written: SQL looks it up in any case and without `_`; EventFluxQL in its own spelling.
    ksqlDB's forms arrive with the arguments named `size`, `advance_by`, `grace`.
    """

    namespace: str | None = None
    name: str
    arguments: tuple[Argument, ...] = ()
    star: bool = False


@record(frozen=True, slots=True, kw_only=True)
class NoWindow(Node):
    """`WINDOW NONE`: explicitly without a window (one side of an SQL join)."""


Handler: TypeAlias = Filter | StreamFunction | WindowCall | NoWindow


@record(frozen=True, slots=True, kw_only=True)
class TableFunctionInput(Node):
    """`TABLE(TUMBLE(TABLE S, DESCRIPTOR(ts), INTERVAL '5' SECOND))` and its shorter spellings.

    `function` is TUMBLE, HOP, CUMULATE or SESSION. `arguments` are those behind the time column, in the order written:
    TUMBLE size [offset]; HOP slide, size [offset]; CUMULATE step, size [offset]; SESSION gap. `time_column` is None
    where engine time is meant.
    """

    function: str
    input: StreamInput | SubqueryInput
    partition_by: tuple[Expression, ...] = ()
    time_column: Identifier | None = None
    arguments: tuple[Argument, ...] = ()
    alias: Identifier | None = None
