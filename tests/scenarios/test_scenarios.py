"""Every scenario file, played in every way that must give its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.play import play, play_in_bulk
from tests.scenarios.scenario import HERE, files, load

ENGINES: dict[str, dict[str, Any]] = {
    "slices": {},
    "depth-first": {"depth_first": True},
    "slices of 1": {"slice_rows": 1},
    "slices of 2": {"slice_rows": 2},
    "slices of 7": {"slice_rows": 7},
}
CASES = [
    pytest.param(path, dialect, id=f"{path.relative_to(HERE).with_suffix('')}-{dialect}")
    for path in files()
    for dialect in load(path).texts
]


@pytest.mark.parametrize(("path", "dialect"), CASES)
def test_step_by_step(path: Path, dialect: str) -> None:
    scenario = load(path)
    play(scenario, scenario.texts[dialect], {})


@pytest.mark.parametrize(("path", "dialect"), CASES)
def test_with_a_new_engine_after_every_step(path: Path, dialect: str) -> None:
    scenario = load(path)
    play(scenario, scenario.texts[dialect], {}, restarts=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("path", "dialect"), CASES)
def test_in_bulk(path: Path, dialect: str, engine: str) -> None:
    scenario = load(path)
    if not scenario.exact_chunks:
        play_in_bulk(scenario, scenario.texts[dialect], {"engine": ENGINES[engine]})
