"""Every app on the pages about joins and tables is one that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventflux import EventFluxManager

PAGES = Path(__file__).parents[2] / "docs" / "reference"
BLOCK = re.compile(r"^```(?:sql|eventfluxql)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in ("joins.md",)
    for number, block in enumerate(BLOCK.findall((PAGES / name).read_text("utf-8")), 1)
]


@pytest.mark.parametrize("text", BLOCKS)
def test_block_is_an_app_that_starts(text: str) -> None:
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.start()
        runtime.shutdown()


def test_the_page_of_joins_has_apps() -> None:
    assert len(BLOCKS) >= 3
