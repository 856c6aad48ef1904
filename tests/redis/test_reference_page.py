"""The tables of options on the page are made of the declarations, and its examples are apps."""

from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.extension.reference_page import reference_section
from eventflux_redis.declarations import (
    REDIS_PUBSUB_SINK,
    REDIS_PUBSUB_SOURCE,
    REDIS_STREAM_SINK,
    REDIS_STREAM_SOURCE,
    REDIS_TABLE,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "redis.md"
SOURCES, SINKS = (REDIS_PUBSUB_SOURCE, REDIS_STREAM_SOURCE), (REDIS_PUBSUB_SINK, REDIS_STREAM_SINK)


def test_the_page_shows_the_declarations(golden):
    head = PAGE.read_text(encoding="utf-8").partition("## Sources\n")[0]
    parts = [head + "## Sources", *(reference_section(each) for each in SOURCES)]
    parts += ["## Sinks", *(reference_section(each) for each in SINKS)]
    parts += ["## Options of tables", reference_section(REDIS_TABLE)]
    golden(PAGE, "\n\n".join(part.strip("\n") for part in parts))


@pytest.mark.parametrize(
    "declaration", [*SOURCES, *SINKS, REDIS_TABLE], ids=lambda each: f"{each.kind}-{each.qualified_name}"
)
def test_every_example_is_an_app(declaration):
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("redis", "eventflux_redis.plugin")
        assert declaration.examples
        for example in declaration.examples:
            assert [each for each in manager.validate(example.code) if each.severity.value == "error"] == []
        assert all(parameter.description for parameter in declaration.parameters)
