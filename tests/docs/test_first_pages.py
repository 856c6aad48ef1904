"""The Python shown on the first pages runs and prints what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = re.compile(r"```python\n(.*?)```(?:\s*prints\s*```\n(.*?)```)?", re.DOTALL)
BLOCKS = [
    pytest.param(code, output, id=f"{page}:{number}")
    for page in ("README.md", "docs/index.md", "docs/how-to/handle-events-at-the-edges.md")
    for number, (code, output) in enumerate(PYTHON.findall((ROOT / page).read_text(encoding="utf-8")))
]


@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_shown_code_runs(code: str, output: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert not output or done.stdout == output


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "plugin-template/README.md", "benchmarks/README.md"])
def test_links_to_files_of_the_repository_lead_somewhere(page: str) -> None:
    file = ROOT / page
    targets = re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8"))
    assert [target for target in targets if not (file.parent / target).exists()] == []
