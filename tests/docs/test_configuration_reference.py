"""The page of the configuration is what the declarations say, and its examples load."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from eventflux import load_config

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "configuration.md"


def test_the_table_is_made_from_the_declarations() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "configuration_reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_example_loads(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(example) == 1
    (tmp_path / "a.toml").write_text(example[0])
    config = load_config(tmp_path / "a.toml", environ={"KAFKA_PASSWORD": "x"})
    assert config.value("streams.Orders.kafka.security.password") == "x"
