"""Building the operator of a pattern or sequence."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final

from typing_extensions import Self

from eventflux.engine._native import ffi, lib
from eventflux.engine.builder import EngineBuilder, Node, ProgramBuilder
from eventflux.engine.status import check, new_error
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.engine._native import CData

_NONE: Final = -1
_UNBOUNDED: Final = (1 << 32) - 1
_REAL: Final = frozenset({AttributeType.FLOAT, AttributeType.DOUBLE})


@record(frozen=True, slots=True, kw_only=True)
class CaptureSpec:
    """A value of a match. `kind` as numbered in native/src/pattern/pattern.h."""

    kind: int
    state: int
    index: int = 0
    from_last: bool = False
    column: int = 0
    type: AttributeType


@record(frozen=True, slots=True, kw_only=True)
class TestSpec:
    """An own column against a capture of the state or a constant."""

    kind: int
    type: AttributeType
    own: int
    capture: int | None = None
    constant: object = None


@record(frozen=True, slots=True, kw_only=True)
class StateSpec:
    """A state; see native/src/pattern/pattern.h."""

    kind: int
    port: int
    minimum: int = 1
    maximum: int | None = 1
    wait: int | None = None
    next: int | None = None
    every: int | None = None
    group: int | None = None
    is_group_long: bool = False
    is_start: bool = False
    is_either: bool = False
    first_side: int = 0
    sides: int = 1
    captures: tuple[CaptureSpec, ...] = ()
    program_captures: int = 0
    own_columns: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    tests: tuple[TestSpec, ...] = ()


@record(frozen=True, slots=True, kw_only=True)
class PatternLimits:
    """How long matches live, and how many partial ones there may be (None: any number)."""

    within: int | None = None
    within_events: int | None = None
    most_matches: int | None = None
    drops_oldest: bool = False


class PatternBuilder:
    """Gathers the parts of one pattern; a context manager that frees what was not built."""

    def __init__(self, builder: EngineBuilder) -> None:
        self._engine = builder.engine
        spec: CData = lib.ef_pattern_spec_new(lib.ef_engine_alloc(self._engine.handle))
        if spec == ffi.NULL:
            raise MemoryError
        self._spec = spec

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lib.ef_pattern_spec_free(self._spec)

    def port(self, node: Node) -> None:
        """Add an input."""
        error = new_error()
        check(lib.ef_pattern_spec_port(self._spec, self._engine.handle, node, error), error)

    def state(self, state: StateSpec, own: ProgramBuilder | None, condition: ProgramBuilder | None) -> None:
        """Add a state; its programs are handed over."""
        error = new_error()
        status = lib.ef_pattern_spec_state(
            self._spec,
            state.kind,
            state.port,
            state.minimum,
            _UNBOUNDED if state.maximum is None else state.maximum,
            _number(state.wait),
            _number(state.next),
            _number(state.every),
            _number(state.group),
            state.is_start | state.is_either << 1 | state.is_group_long << 2,
            state.first_side,
            state.sides,
            state.program_captures,
            ffi.NULL if own is None else own.take(),
            ffi.NULL if condition is None else condition.take(),
            error,
        )
        check(status, error)
        for capture in state.captures:
            check(lib.ef_pattern_spec_capture(self._spec, *_capture(capture), error), error)
        for column in state.own_columns:
            check(lib.ef_pattern_spec_own_column(self._spec, column, error), error)
        for column in state.kept:
            check(lib.ef_pattern_spec_keep(self._spec, column, error), error)
        for test in state.tests:
            whole, real = _constant(test)
            number = _number(test.capture)
            status = lib.ef_pattern_spec_test(self._spec, test.kind, test.type, test.own, number, whole, real, error)
            check(status, error)

    def output(self, capture: CaptureSpec) -> None:
        """Add a column of the rows that are put out."""
        error = new_error()
        check(lib.ef_pattern_spec_output(self._spec, *_capture(capture), error), error)

    def build(
        self, limits: PatternLimits, *, is_sequence: bool, is_partitioned: bool, gives_timeouts: bool = False
    ) -> Node:
        """Add the operator to the graph. `gives_timeouts`: it puts out what runs out of time, not matches."""
        error = new_error()
        node = lib.ef_build_pattern(
            self._engine.handle,
            self._spec,
            _number(limits.within),
            limits.within_events or 0,
            limits.most_matches or 0,
            limits.drops_oldest,
            is_sequence,
            is_partitioned,
            gives_timeouts,
            error,
        )
        return Node(self._engine.check(node, error))


def _number(value: int | None) -> int:
    return _NONE if value is None else value


def _capture(capture: CaptureSpec) -> tuple[int, int, int, bool, int, int]:
    return capture.kind, capture.state, capture.index, capture.from_last, capture.column, int(capture.type)


def _constant(test: TestSpec) -> tuple[int, float]:
    if test.capture is not None or not isinstance(test.constant, (int, float)):
        return 0, 0.0
    return (0, float(test.constant)) if test.type in _REAL else (int(test.constant), 0.0)
