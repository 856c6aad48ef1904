"""The tables of options on the page are made of the declarations, and its examples are apps."""

from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.extension.reference_page import reference_section
from eventflux_redis.pubsub import RedisPubSubSink, RedisPubSubSource
from eventflux_redis.stream_sink import RedisStreamSink
from eventflux_redis.stream_source import RedisStreamSource
from eventflux_redis.table import RedisTable

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "redis.md"
SOURCES, SINKS = (RedisPubSubSource, RedisStreamSource), (RedisPubSubSink, RedisStreamSink)


def declaration(factory):
    return factory.__eventflux_extension__


def test_the_page_shows_the_declarations(golden):
    head = PAGE.read_text(encoding="utf-8").partition("## Sources\n")[0]
    parts = [head + "## Sources", *(reference_section(declaration(each)) for each in SOURCES)]
    parts += ["## Sinks", *(reference_section(declaration(each)) for each in SINKS)]
    parts += ["## Options of tables", reference_section(declaration(RedisTable))]
    golden(PAGE, "\n\n".join(part.strip("\n") for part in parts))


@pytest.mark.parametrize("factory", [*SOURCES, *SINKS, RedisTable], ids=lambda each: each.__name__)
def test_every_example_is_an_app(factory):
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("redis", "eventflux_redis.plugin")
        assert declaration(factory).examples
        for example in declaration(factory).examples:
            assert [each for each in manager.validate(example.code) if each.severity.value == "error"] == []
        assert all(parameter.description for parameter in declaration(factory).parameters)
