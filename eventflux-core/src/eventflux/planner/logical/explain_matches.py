"""A row pattern as text: its positions and what its variables ask."""

from __future__ import annotations

from eventflux.planner.logical.nodes import Match
from eventflux.planner.logical.row_patterns import MatchComparison, MatchPosition, MatchSkip, MatchVariable
from eventflux.planner.typed.text import text_of

_SIGNS = {
    MatchComparison.EQUAL: "==",
    MatchComparison.LESS: "<",
    MatchComparison.LESS_EQUAL: "<=",
    MatchComparison.GREATER: ">",
    MatchComparison.GREATER_EQUAL: ">=",
}


def explain_match(node: Match) -> list[str]:
    """The positions of a row pattern, with what may follow each, the preferred first; then the conditions."""
    head = "match all rows" if node.all_rows else "match"
    if node.gives_timeouts:
        head = f"timeouts of {head}"
    if node.within is not None:
        head += f" within {node.within} ms, deadline"
    skip = f"skip {node.skip.name.lower().replace('_', ' ')}"
    if node.skip in {MatchSkip.TO_FIRST, MatchSkip.TO_LAST} and node.skip_group is not None:
        skip += f" {_group(node, node.skip_group)}"
    lines = [f"{head}, {skip}: {', '.join(capture.name for capture in node.captures)}"]
    lines.append(f"  start: {', '.join(map(str, node.start))}")
    lines.extend(f"  {_position(node, number, position)}" for number, position in enumerate(node.positions))
    for variable in node.variables:
        lines.extend(f"  {variable.name} if {text}" for text in _conditions(node, variable))
    return lines


def _position(node: Match, number: int, position: MatchPosition) -> str:
    follow = ", ".join("complete" if place is None else str(place) for place in position.follow)
    marks = f"{' first row only' if position.only_first else ''}{' not put out' if position.excluded else ''}"
    return f"position {number}: {node.variables[position.variable].name}{marks}, then {follow}"


def _group(node: Match, number: int) -> str:
    names = [each.name for bit, each in enumerate(node.variables) if node.groups[number] >> bit & 1]
    return " or ".join(names)


def _conditions(node: Match, variable: MatchVariable) -> list[str]:
    names = node.input.schema.names
    found: list[str] = []
    if variable.own is not None:
        found.append(text_of(variable.own, names.__getitem__))
    for test in variable.tests:
        left, right = variable.captures[test.left], variable.captures[test.right]
        found.append(f"{left.name} {_SIGNS[test.comparison]} {right.name}")
    if variable.condition is not None:
        read = tuple(capture.name for capture in variable.captures)
        found.append(text_of(variable.condition, read.__getitem__))
    return found
