"""Reading traces.txt, the worked traces of patterns and sequences."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "traces.txt"
STREAMS = {"A": ("k", "v"), "B": ("k", "v"), "C": ("k", "v"), "D": ("k", "v")}

Event = tuple[int, list[Any]]


@dataclass(frozen=True)
class TraceStep:
    """Rows for one stream, or `!persist`, `!restore`."""

    stream: str
    rows: tuple[Event, ...]


@dataclass(frozen=True)
class Trace:
    """One trace; `expected` is by step the deliveries of stream O, None: the app is rejected."""

    name: str
    differs: bool
    app: str
    steps: tuple[TraceStep, ...]
    expected: dict[int, list[list[Event]]] | None


def load() -> list[Trace]:
    """All traces."""
    text = "\n".join(line for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [_trace(block.strip("\n").split("\n")) for block in re.split(r"\n\s*\n", text) if block.strip()]


def _trace(lines: list[str]) -> Trace:
    name, _, mark = lines[0].partition(" ")
    streams = dict(STREAMS)
    query, sent, came = lines[1].strip(), "", ""
    for line in lines[2:]:
        word, _, rest = line.strip().partition(" ")
        if word == "over":
            for stream, first, second in re.findall(r"(\w) \((\w+), (\w+)\)", rest):
                streams[stream] = (first, second)
        elif word == "in":
            sent = rest.strip()
        else:
            came = rest.strip()
    defined = " ".join(f"define stream {name} ({k} string, {v} int);" for name, (k, v) in streams.items())
    if "insert" not in query.split(";")[-1] and not query.endswith(("end;", ";")):
        query += " insert into O;"
    return Trace(
        name=name,
        differs=mark == "differs",
        app=f"@app:playback {defined} define stream Z (z int); {query}",
        steps=tuple(_step(step) for step in re.split(r"\s+(?=\d+:[A-Z!])", sent)),
        expected=None if came == "rejected" else _deliveries(came),
    )


def _step(text: str) -> TraceStep:
    what = text.split(":", 1)[1]
    if what.startswith("!"):
        return TraceStep(stream=what, rows=())
    events = re.findall(r"[@+](\d+)(?:\(([^)]*)\))?", what[1:])
    return TraceStep(stream=what[0], rows=tuple((int(ts), _values(row) if row else [0]) for ts, row in events))


def _deliveries(text: str) -> dict[int, list[list[Event]]]:
    found: dict[int, list[list[Event]]] = {}
    for part in re.split(r"\s+(?=#\d+:)", text) if text.startswith("#") else []:
        number, _, rest = part.partition(":")
        found[int(number[1:])] = [
            [(int(ts), _values(row)) for ts, row in re.findall(r"@(\d+)\((.*?)\)(?=;|\]$|$)", delivery)]
            for delivery in re.split(r" \| ", rest.strip())
        ]
    return found


def _values(text: str) -> list[Any]:
    return [_value(each) for each in re.split(r",(?![^\[]*\])", text)]


def _value(text: str) -> Any:
    text = text.strip()
    if text == "null":
        return None
    return json.loads(text) if re.fullmatch(r"-?\d+(\.\d+)?|\[.*\]", text) else text
