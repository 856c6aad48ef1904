"""Plans, rewrites and messages against golden files; `--update-golden` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eventflux.extension import ExtensionRegistry
from eventflux.language import parse
from eventflux.planner import Plan, check
from eventflux.planner.rewrite.rules import RULE_NAMES
from eventflux.types.source_text import SourceText

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_SUFFIXES = (".sql", ".eventfluxql")


def _texts(*folder: str) -> list[Path]:
    found = sorted(path for path in _FIXTURES.joinpath(*folder).rglob("*") if path.suffix in _SUFFIXES)
    assert found
    return found


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", _texts("plans"), ids=_named)
def test_plan_is_as_reviewed(path: Path, planned: Callable[..., Plan], golden: Callable[[Path, str], None]) -> None:
    plan = planned(path.read_text(encoding="utf-8"))

    golden(path.with_name(path.name + ".txt"), plan.explain())


@pytest.mark.parametrize("path", _texts("rewrite"), ids=_named)
def test_one_rule_alone_changes_the_plan_as_reviewed(
    path: Path, planned: Callable[..., Plan], golden: Callable[[Path, str], None]
) -> None:
    text = path.read_text(encoding="utf-8")
    rule = path.parent.name
    others = tuple(name for name in RULE_NAMES if name != rule)

    before = planned(text, switched_off=RULE_NAMES)
    after = planned(text, switched_off=others)

    golden(path.with_name(path.name + ".txt"), f"{before.explain()}\n\n==== {rule} ====\n\n{after.explain()}")


@pytest.mark.parametrize("path", _texts("errors", "planner"), ids=_named)
def test_messages_are_as_reviewed(path: Path, registry: ExtensionRegistry, golden: Callable[[Path, str], None]) -> None:
    app = parse(SourceText(path.read_text(encoding="utf-8"), path.name))

    found = check(app, registry)

    golden(path.with_name(path.name + ".txt"), "\n".join(f"[{each.code}] {each}" for each in found))
