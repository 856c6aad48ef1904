import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "transports.md"


def test_the_example_on_the_page_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(code, {})
    assert int(capsys.readouterr().out) > 1_600_000_000_000
