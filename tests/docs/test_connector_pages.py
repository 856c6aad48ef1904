"""Every app on the pages about connectors is valid."""

import re
from pathlib import Path

import pytest

from eventflux import EventFluxManager

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
NAMES = ("exchange-events-over-http", "connect-apps-by-tcp", "exchange-events-over-websocket", "map-fields")
BLOCK = re.compile(r"^```sql\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in NAMES
    for number, block in enumerate(BLOCK.findall((PAGES / f"{name}.md").read_text("utf-8")), 1)
]


@pytest.mark.parametrize("text", BLOCKS)
def test_block_is_a_valid_app(text):
    with EventFluxManager(plugins=False) as manager:
        assert manager.validate(text) == []


def test_there_are_apps_on_each_page():
    assert {param.id.rpartition("-")[0] for param in BLOCKS} == set(NAMES)
