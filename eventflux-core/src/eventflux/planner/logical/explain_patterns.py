"""The chain of states as text."""

from __future__ import annotations

from eventflux.planner.logical.patterns import Capture, PatternState, StateKind, TestKind

_SIGNS = {
    TestKind.EQUAL: "==",
    TestKind.LESS: "<",
    TestKind.LESS_EQUAL: "<=",
    TestKind.GREATER: ">",
    TestKind.GREATER_EQUAL: ">=",
}


def explain_state(number: int, state: PatternState, names: tuple[str, ...], *, is_sequence: bool) -> list[str]:
    """A state in a line, with its conditions.

    Args:
        number: Of the state.
        state: The state.
        names: Of the columns of its input.
        is_sequence: Sequences have no index.
    """
    what = state.relation if state.reference == state.relation else f"{state.reference}={state.relation}"
    if state.kind in {StateKind.ABSENT, StateKind.LOGICAL_ABSENT}:
        what = f"not {state.relation}" + ("" if state.wait is None else f" for {state.wait} ms")
    elif state.kind is StateKind.COUNT:
        what += f"<{state.minimum}:{'' if state.maximum is None else state.maximum}>"
    if state.sides > 1:
        sides = [str(side) for side in range(state.first_side, state.first_side + state.sides) if side != number]
        what += f" {'or' if state.is_either else 'and'} state {', '.join(sides)}"
    parts = [f"state {number}: {what}"]
    parts.append("complete" if state.next is None else f"then state {state.next}")
    if state.every is not None:
        parts.append(f"every from state {state.every}")
    if state.wait is not None:
        parts.append("deadline")
    lines = [", ".join(parts)]
    indexed = [
        names[test.own]
        for test in state.tests
        if test.kind is TestKind.EQUAL and test.capture is not None and state.is_indexed and not is_sequence
    ]
    if indexed:
        lines.append(f"  index on {', '.join(indexed)}")
    for test in state.tests:
        other = repr(test.constant) if test.capture is None else state.captures[test.capture].name
        lines.append(f"  if {names[test.own]} {_SIGNS[test.kind]} {other}")
    return lines


def condition_names(state: PatternState, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns that the condition of a state reads."""
    return (
        *(capture.name for capture in state.captures[: state.program_captures]),
        *(names[column] for column in state.own_columns),
    )


def output_names(captures: tuple[Capture, ...]) -> str:
    """What the rows of a pattern hold."""
    return ", ".join(capture.name for capture in captures)
