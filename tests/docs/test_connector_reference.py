"""The page of connectors is made of their declarations."""

from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.builtin import plugin as builtin_plugin
from eventflux.extension import ExtensionKind, PluginManager
from eventflux.extension.reference_page import reference_page, reference_section
from eventflux.extension.stream_options import ASYNC_OPTIONS, ERROR_OPTIONS, STREAM_OPTIONS
from eventflux.io import plugin as io_plugin

REGISTRY = PluginManager((builtin_plugin, io_plugin), plugins=False).registry
CONNECTOR_KINDS = [
    ExtensionKind.SOURCE,
    ExtensionKind.SINK,
    ExtensionKind.SOURCE_MAPPER,
    ExtensionKind.SINK_MAPPER,
    ExtensionKind.DISTRIBUTION_STRATEGY,
]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "connectors.md"
INTRODUCTION = """\
A stream may have sources, which bring events, and sinks, which take them. A connector knows bytes; a mapper (a
*format*) knows what they mean. In SQL the options stand in `WITH`, prefixed by the name of the connector or
the format; in EventFluxQL in `@source`, `@sink` and `@map`, without the prefix:

```sql
CREATE STREAM Trades (symbol STRING, price DOUBLE) WITH (
    'type' = 'source', 'extension' = 'file', 'file.path' = 'trades.jsonl', 'file.mode' = 'once', 'format' = 'json');
```

```sql
@source(type='file', path='trades.jsonl', mode='once', @map(type='json'))
define stream Trades (symbol string, price double);
```

Durations are `500ms`, `1.5s`, `10 min`, or milliseconds; sizes `64KB`, `10MiB`, or bytes; booleans `true` or `false`.
An unknown option, a missing one and a value that does not fit are errors when the app is created.

An app starts only if its connectors find what they connect to; with `'<connector>.validation' = 'none'` (EventFluxQL:
`validation='none'`) it starts anyway, and the connection is tried again until it is there.

Attributes are matched with fields by name. `'<format>.mapping.<attribute>' = '<path>'` (EventFluxQL:
`@attributes(…)`) says otherwise; as soon as one attribute is mapped, all must be. `trp:<name>` takes a property of the
transport. A sink's template is `'<format>.template'` (EventFluxQL: `@payload('…')`): a text with `{{attribute}}`,
`{{_timestamp}}`, `{{_now}}`, `{{_stream}}` or `{{_app}}` in it.

`timestamp` of a source's format names the attribute or field that holds the time of the event; without it the time is
that of arrival.
"""


def test_the_page_shows_the_declarations(golden):
    groups = [(f"{kind.words.capitalize()}s", REGISTRY.declarations(kind)) for kind in CONNECTOR_KINDS[:-1]]
    groups.append(("Distribution strategies", REGISTRY.declarations(CONNECTOR_KINDS[-1])))
    page = reference_page("Connectors and formats", INTRODUCTION.rstrip(), groups)
    page += "\n## Options of every stream\n\n"
    page += "\n\n".join(
        reference_section(declaration).partition("\n\n    ")[0] + "\n\n" + _table(declaration)
        for declaration in (ASYNC_OPTIONS, ERROR_OPTIONS, STREAM_OPTIONS)
    )
    golden(PAGE, page)


def _table(declaration):
    prefix = "" if declaration is STREAM_OPTIONS else f"{declaration.name}."
    rows = ["| property | default | |", "|---|---|---|"]
    for parameter in declaration.parameters:
        value = parameter.default_value
        default = "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
        rows.append(f"| `{prefix}{parameter.name}` | {default} | {parameter.description} |")
    return "\n".join(rows)


@pytest.mark.parametrize("declaration", REGISTRY, ids=lambda each: f"{each.kind}-{each.qualified_name}")
def test_every_extension_is_described_with_an_example(declaration):
    assert declaration.description.endswith(".") or declaration.description.endswith("}")
    assert declaration.examples
    assert all(parameter.description for parameter in declaration.parameters)


EXAMPLES = [
    pytest.param(example.code, id=f"{declaration.kind}-{declaration.qualified_name}")
    for kind in CONNECTOR_KINDS
    for declaration in REGISTRY.declarations(kind)
    for example in declaration.examples
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_every_example_is_a_valid_app(code):
    with EventFluxManager(plugins=False) as manager:
        assert manager.validate(code) == []
