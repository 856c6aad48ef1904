"""Scenario files: an app, steps, and what must come out of each.

    name: what the scenario shows, as a sentence
    app: text in EventFluxQL, or
    sql: text in SQL (with both, both must give the same answers)
    playback: true (the default)
    chunks: exact                  # rows sent one by one must not be joined into bulk calls
    steps:
      - {send: S, ts: 1000, row: [a, 1], expect: {O: [[a, 1]]}}
      - {send: S, ts: [1, 2], rows: [[a, 1], [b, 2]], expect: {q: {current: [...], expired: [...]}}}
      - {tick: 5000, expect: {O: []}}
      - {send: T, ts: 3, row: [a, 1], failures: 1}     # rows that end on the error edge, else none
      - {query: from T select k, result: [[a], [b]]}   # on demand: rows, or a number of rows that were touched

`expect` names streams and queries; one that a step does not name must be silent in it. A row of `expect` is the data,
or {ts, row}.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Step:
    """One thing that is done, and what must come of it."""

    stream: str | None
    timestamps: list[int]
    rows: list[list[Any]]
    is_chunk: bool
    tick: int | None
    query: str | None = None
    result: Any = None
    failures: int = 0
    expect: dict[str, Any] = field(default_factory=dict)

    @property
    def is_single_row(self) -> bool:
        """Whether one event is sent."""
        return self.stream is not None and not self.is_chunk


@dataclass(frozen=True)
class Scenario:
    """A scenario file."""

    name: str
    texts: dict[str, str]
    playback: bool
    exact_chunks: bool
    steps: tuple[Step, ...]

    @property
    def listeners(self) -> tuple[str, ...]:
        """Streams and queries that some step expects something of."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.expect))


def load(path: Path) -> Scenario:
    """Read a file."""
    data = yaml.safe_load(path.read_text("utf-8"))
    known = {"name", "app", "sql", "playback", "chunks", "steps"}
    if set(data) - known:
        raise ValueError(f"{path}: unknown keys {set(data) - known}")
    texts = {key: data[key] for key in ("app", "sql") if key in data}
    if not texts:
        raise ValueError(f"{path}: neither app nor sql")
    return Scenario(
        name=data["name"],
        texts=texts,
        playback=data.get("playback", True),
        exact_chunks=data.get("chunks") == "exact",
        steps=tuple(_step(step) for step in data["steps"]),
    )


def _step(data: dict[str, Any]) -> Step:
    if "tick" in data:
        return Step(None, [], [], is_chunk=False, tick=data["tick"], expect=data.get("expect", {}))
    if "query" in data:
        return Step(
            None,
            [],
            [],
            is_chunk=False,
            tick=None,
            query=data["query"],
            result=data["result"],
            failures=data.get("failures", 0),
            expect=data.get("expect", {}),
        )
    is_chunk = "rows" in data
    return Step(
        stream=data["send"],
        timestamps=data["ts"] if is_chunk else [data["ts"]],
        rows=data["rows"] if is_chunk else [data["row"]],
        is_chunk=is_chunk,
        tick=None,
        failures=data.get("failures", 0),
        expect=data.get("expect", {}),
    )


def files() -> Iterator[Path]:
    """All scenario files."""
    yield from sorted(HERE.rglob("*.yaml"))
