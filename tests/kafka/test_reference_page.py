"""The options on the page of Kafka are made of the declarations."""

from pathlib import Path

import pytest

from eventflux.extension.reference_page import reference_section
from eventflux_kafka.plugin import KAFKA_SINK, KAFKA_SOURCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "kafka.md"
HEADING = "\n## Options\n"
DECLARATIONS = (KAFKA_SOURCE, KAFKA_SINK)


def test_the_page_shows_the_declarations(golden):
    text = PAGE.read_text(encoding="utf-8").partition(HEADING)[0]
    sections = [reference_section(each).replace("### kafka", f"### {each.kind.words}", 1) for each in DECLARATIONS]
    golden(PAGE, text.rstrip("\n") + "\n" + HEADING + "\n" + "\n\n".join(sections))


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.kind.value)
def test_every_option_is_described_and_every_example_is_a_valid_app(manager, declaration):
    assert all(parameter.description.endswith((".", ":")) for parameter in declaration.parameters)
    assert declaration.examples
    for example in declaration.examples:
        assert manager.validate(example.code) == []


def test_the_apps_on_the_page_are_valid(manager, monkeypatch):
    monkeypatch.setenv("KAFKA_USER", "u")
    monkeypatch.setenv("KAFKA_PASSWORD", "p")
    blocks = PAGE.read_text(encoding="utf-8").split("```sql\n")[1:]
    assert len(blocks) >= 3
    for block in blocks:
        assert manager.validate(block.partition("```")[0]) == []
