"""The page of the functions is what their declarations say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_from_the_declarations() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "function_reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_function_has_a_heading() -> None:
    from eventflux.builtin import plugin
    from eventflux.extension.extension_kind import ExtensionKind
    from eventflux.extension.registry import ExtensionRegistry

    registry = ExtensionRegistry()
    plugin.eventflux_register_functions(registry)
    text = (ROOT / "docs" / "reference" / "functions.md").read_text()
    for declaration in registry.declarations(ExtensionKind.FUNCTION):
        name = declaration.qualified_name
        assert f"### {name}\n" in text or f"`{name}`" in text, name
