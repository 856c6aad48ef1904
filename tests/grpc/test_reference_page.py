"""The tables of options on the page are made of the declarations, and its examples are apps."""

from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.extension.reference_page import reference_section
from eventflux_grpc.declarations import GRPC_SINK, GRPC_SOURCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "grpc.md"


def test_the_page_shows_the_declarations(golden):
    head = PAGE.read_text(encoding="utf-8").partition("## Source\n")[0]
    parts = [head + "## Source", reference_section(GRPC_SOURCE)]
    parts += ["## Sink", reference_section(GRPC_SINK)]
    golden(PAGE, "\n\n".join(part.strip("\n") for part in parts))


@pytest.mark.parametrize("declaration", [GRPC_SOURCE, GRPC_SINK], ids=lambda each: str(each.kind))
def test_every_example_is_an_app(declaration):
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("grpc", "eventflux_grpc.plugin")
        assert declaration.examples
        for example in declaration.examples:
            assert manager.validate(example.code) == []
        assert all(parameter.description for parameter in declaration.parameters)
