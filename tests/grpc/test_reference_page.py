"""The tables of options on the page are made of the declarations, and its examples are apps."""

from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.extension.reference_page import reference_section
from eventflux_grpc.sink import GrpcSink
from eventflux_grpc.source import GrpcSource

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "grpc.md"


def declaration(factory):
    return factory.__eventflux_extension__


def test_the_page_shows_the_declarations(golden):
    head = PAGE.read_text(encoding="utf-8").partition("## Source\n")[0]
    parts = [head + "## Source", reference_section(declaration(GrpcSource))]
    parts += ["## Sink", reference_section(declaration(GrpcSink))]
    golden(PAGE, "\n\n".join(part.strip("\n") for part in parts))


@pytest.mark.parametrize("factory", [GrpcSource, GrpcSink], ids=lambda each: each.__name__)
def test_every_example_is_an_app(factory):
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("grpc", "eventflux_grpc.plugin")
        assert declaration(factory).examples
        for example in declaration(factory).examples:
            assert manager.validate(example.code) == []
        assert all(parameter.description for parameter in declaration(factory).parameters)
