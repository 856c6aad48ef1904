"""A native plan as a graph in the language of Graphviz: streams and operators, a box around each query."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

_NODE: Final = re.compile(r"^ *(n\d+) = (.*)")
_INSERT: Final = re.compile(r"^ *insert (n\d+) into (n\d+)(.*)")
_REFERENCE: Final = re.compile(r"\bn\d+\b")
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def plan_graph(name: str, lines: Sequence[str]) -> str:
    """The graph.

    Args:
        name: Of the app.
        lines: Of the native plan, as `explain` has them.
    """
    known: set[str] = set()
    boxes: dict[str, list[str]] = {"": []}
    edges: list[str] = []
    box = ""
    for line in lines:
        if not line.startswith(" "):
            box = line if not _NODE.match(line) else ""
            boxes.setdefault(box, [])
        node = _NODE.match(line)
        insert = _INSERT.match(line)
        if node is not None:
            identity, what = node[1], node[2]
            shape = "box" if what.startswith("stream ") else "ellipse"
            boxes[box].append(f"{identity} [label={_quoted(_label(what))} shape={shape}];")
            edges += [
                f"{source} -> {identity};"
                for source in dict.fromkeys(_REFERENCE.findall(_QUOTED.sub("", what)))
                if source in known
            ]
            known.add(identity)
        elif insert is not None:
            edges.append(f"{insert[1]} -> {insert[2]} [label={_quoted(insert[3].strip())}];")
    text = [f"digraph {_quoted(name)} {{", "  rankdir=LR;", *(f"  {each}" for each in boxes.pop(""))]
    for number, (title, nodes) in enumerate(boxes.items()):
        if nodes:
            text += [f"  subgraph cluster_{number} {{", f"    label={_quoted(title)};"]
            text += [f"    {each}" for each in nodes]
            text.append("  }")
    return "\n".join([*text, *(f"  {each}" for each in edges), "}"])


def _label(what: str) -> str:
    """What a node does, without the numbers of those before it."""
    shown = _REFERENCE.sub("", what) if not _QUOTED.search(what) else what
    return re.sub(r" {2,}", " ", shown).strip()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
