"""What the queries of a plan read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Final

from eventflux.planner.logical.nodes import JoinSide, Node, Scan

_PLAN_MODULES: Final = f"{__name__.rpartition('.')[0]}."


def scans(node: Node) -> tuple[Scan, ...]:
    """The streams and windows whose events reach the node; not what it only looks up."""
    return tuple(part for part in parts(node) if isinstance(part, Scan))


def parts(node: object) -> Iterator[object]:
    """A node and all parts of the plan below it, of whatever shape."""
    yield node
    if not is_dataclass(node) or (isinstance(node, JoinSide) and node.is_static):
        return
    for each in fields(node):
        value = getattr(node, each.name)
        for part in value if isinstance(value, tuple) else (value,):
            if type(part).__module__.startswith(_PLAN_MODULES):
                yield from parts(part)
