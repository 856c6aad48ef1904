"""What a text says of sources, sinks and mappers, checked against what is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.builtin import plugin
from eventflux.extension import ExtensionRegistry, PluginManager
from eventflux.io import plugin as io_plugin
from eventflux.language import parse
from eventflux.planner import check
from eventflux.types.diagnostic import Diagnostic


@pytest.fixture(scope="module")
def registry() -> ExtensionRegistry:
    """The built-ins with sources, sinks and mappers."""
    return PluginManager([plugin, io_plugin], plugins=False).registry


@pytest.fixture
def found(registry: ExtensionRegistry) -> Callable[[str], list[str]]:
    """Code and message of everything that is wrong with a text."""

    def make(text: str) -> list[str]:
        diagnostics: tuple[Diagnostic, ...] = check(parse(text), registry)
        return [f"{each.code} {each.message}" for each in diagnostics]

    return make


@pytest.mark.parametrize(
    "text",
    [
        "CREATE STREAM S (a INT) WITH ('type' = 'source', 'extension' = 'timer', 'timer.interval' = '100');",
        "CREATE STREAM S (a INT) WITH ('type' = 'sink', 'extension' = 'log', 'format' = 'json', 'log.prefix' = 'x');",
        "@source(type='inMemory', topic='t', @map(type='passThrough')) define stream S (a int);",
        "@sink(type='inMemory', topic='{{k}}', on.error='WAIT') define stream S (k string);",
        """@sink(type='inMemory', @map(type='passThrough'),
        @distribution(strategy='roundRobin', @destination(topic='x'), @destination(topic='y')))
        define stream S (k string);""",
        """@source(type='inMemory', topic='t', @map(type='json', @attributes(b='$.x', a='$.y')))
        define stream S (a int, b int);""",
        """@source(type='inMemory', topic='t', @map(type='json', @attributes('$.x', '$.y')))
        define stream S (a int, b int);""",
    ],
)
def test_what_fits_is_accepted(text: str, found: Callable[[str], list[str]]) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CREATE STREAM S (a INT) WITH ('type' = 'source', 'extension' = 'timer', 'timer.intervall' = '1');",
            "SQL5004 stream 'S': source timer has no option 'intervall'",
        ),
        (
            "CREATE STREAM S (a INT) WITH ('type' = 'sink', 'extension' = 'file', 'format' = 'csv');",
            "SQL5001 stream 'S': sink file needs the option 'path'",
        ),
        (
            "@source(type='kafka', topic='t') define stream S (a int);",
            "SQL5006 stream 'S': no source 'kafka' is installed",
        ),
        ("@source(topic='t') define stream S (a int);", "SQL5001 stream 'S': @source needs a type"),
        (
            "@sink(type='inMemory', topic='t', on.error='HOPE') define stream S (a int);",
            "SQL5009 stream 'S': on.error must be LOG, WAIT, STREAM or STORE, not 'HOPE'",
        ),
        (
            "@sink(type='inMemory', topic='t', @map(type='zz')) define stream S (a int);",
            "SQL5006 stream 'S': no sink mapper 'zz' is installed",
        ),
        (
            "@source(type='inMemory', topic='t', @map(type='json', @attributes(c='$.x'))) define stream S (a int);",
            "SQL2003 stream 'S': unknown attribute 'c'",
        ),
        (
            "@source(type='inMemory', topic='t', @map(type='json', @attributes(a='$.x')))"
            " define stream S (a int, b int);",
            "SQL2016 stream 'S': @attributes maps each attribute of the stream: b missing",
        ),
    ],
)
def test_what_does_not_fit_is_told(text: str, expected: str, found: Callable[[str], list[str]]) -> None:
    assert found(text) == [expected]
