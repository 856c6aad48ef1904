"""Building the operator of a row pattern."""

from __future__ import annotations

from collections.abc import Sequence
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
_ACCEPT: Final = (1 << 32) - 1


@record(frozen=True, slots=True, kw_only=True)
class MatchCaptureSpec:
    """A value of a match. `kind` as numbered in native/src/match/match.h."""

    kind: int
    group: int
    index: int
    from_last: bool
    running: bool
    back: int
    column: int
    type: AttributeType

    @property
    def parts(self) -> tuple[int, int, int, int, int, int, int]:
        """As the engine takes them."""
        flags = self.from_last | self.running << 1
        return self.kind, self.group, self.index, flags, self.back, self.column, int(self.type)


@record(frozen=True, slots=True, kw_only=True)
class MatchLimits:
    """How long matches may last, what follows one, what is put out. `skip` as numbered in match.h."""

    within: int | None
    skip: int
    skip_group: int | None
    all_rows: bool
    gives_timeouts: bool = False
    """What runs out of time is put out in place of matches."""


class MatchBuilder:
    """Gathers the parts of one row pattern; a context manager that frees what was not built."""

    def __init__(self, builder: EngineBuilder) -> None:
        self._engine = builder.engine
        spec: CData = lib.ef_match_spec_new(lib.ef_engine_alloc(self._engine.handle))
        if spec == ffi.NULL:
            raise MemoryError
        self._spec = spec

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lib.ef_match_spec_free(self._spec)

    def group(self, variables: int) -> None:
        """Add a set of variables, a bit each."""
        error = new_error()
        check(lib.ef_match_spec_group(self._spec, variables, error), error)

    def variable(
        self,
        name: str,
        own: ProgramBuilder | None,
        condition: ProgramBuilder | None,
        *,
        captures: Sequence[MatchCaptureSpec],
        program_captures: int,
        tests: Sequence[tuple[int, int, int]],
    ) -> None:
        """Add a variable; its programs are handed over. Tests are (comparison, left capture, right capture)."""
        error = new_error()
        text = name.encode()
        status = lib.ef_match_spec_variable(
            self._spec,
            text,
            len(text),
            program_captures,
            ffi.NULL if own is None else own.take(),
            ffi.NULL if condition is None else condition.take(),
            error,
        )
        check(status, error)
        for capture in captures:
            check(lib.ef_match_spec_capture(self._spec, *capture.parts, error), error)
        for comparison, left, right in tests:
            check(lib.ef_match_spec_test(self._spec, comparison, left, right, error), error)

    def start(self, follow: Sequence[int]) -> None:
        """Say which positions may take the first row. Before all positions."""
        self._follow(follow)

    def position(self, variable: int, follow: Sequence[int | None], *, only_first: bool, excluded: bool) -> None:
        """Add a position, with what may follow it; None: the match is complete."""
        error = new_error()
        check(lib.ef_match_spec_position(self._spec, variable, only_first | excluded << 1, error), error)
        self._follow(follow)

    def _follow(self, follow: Sequence[int | None]) -> None:
        error = new_error()
        for place in follow:
            check(lib.ef_match_spec_follow(self._spec, _ACCEPT if place is None else place, error), error)

    def keep(self, column: int) -> None:
        """Keep a column of the input."""
        error = new_error()
        check(lib.ef_match_spec_keep(self._spec, column, error), error)

    def output(self, capture: MatchCaptureSpec) -> None:
        """Add a column of the rows that are put out."""
        error = new_error()
        check(lib.ef_match_spec_output(self._spec, *capture.parts, error), error)

    def build(self, node: Node, limits: MatchLimits) -> Node:
        """Add the operator to the graph."""
        error = new_error()
        made = lib.ef_build_match(
            self._engine.handle,
            self._spec,
            node,
            _NONE if limits.within is None else limits.within,
            limits.skip,
            limits.skip_group or 0,
            limits.all_rows,
            limits.gives_timeouts,
            error,
        )
        return Node(self._engine.check(made, error))
