"""The Python on pages that are not tutorials runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "reference"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SAID = {
    ("errors.md", 1): "STORE_ON_STREAM_ERROR sizeOfSet: the object is not a set",
    ("stores.md", 1): "[(1,)]",
    ("stores.md", 2): "[('ACME', 2.0), ('UMBR', 3.0)]",
}


@pytest.mark.parametrize(("page", "number"), SAID, ids=[f"{page}-{number}" for page, number in SAID])
def test_block_runs(page, number, tmp_path):
    blocks = BLOCK.findall((PAGES / page).read_text("utf-8"))
    text = blocks[number - 1].replace('"/tmp/', f'"{tmp_path}/')
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert SAID[page, number] in ran.stdout
