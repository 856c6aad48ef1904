"""The page of the windows is what their declarations say, and its examples are planned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.builtin import plugin
from eventflux.extension.declaration import Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.registry import ExtensionRegistry

ROOT = Path(__file__).resolve().parents[2]
STREAMS = """
    define stream S (symbol string, price double, volume long, ts long);
    define stream R (symbol string);
"""


def windows() -> list[Extension]:
    registry = ExtensionRegistry()
    plugin.eventflux_register_windows(registry)
    return list(registry.declarations(ExtensionKind.WINDOW))


def test_the_page_is_made_from_the_declarations() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "window_reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("declaration", windows(), ids=lambda declaration: declaration.name)
def test_every_window_has_a_heading_and_an_example_that_is_planned(declaration: Extension) -> None:
    assert f"\n## {declaration.name}\n" in (ROOT / "docs" / "reference" / "windows.md").read_text()
    assert declaration.examples
    for example in declaration.examples:
        assert EventFluxManager().validate(STREAMS + example.code) == []
