"""The example of each function is an expression that is true, in SQL or (names in a namespace) in EventFluxQL."""

from __future__ import annotations

import pytest

from eventflux import EventFluxManager
from eventflux.builtin import plugin
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.registry import ExtensionRegistry
from eventflux.testing import evaluate

REGISTRY = ExtensionRegistry()
plugin.eventflux_register_functions(REGISTRY)
FUNCTIONS = REGISTRY.declarations(ExtensionKind.FUNCTION)


# In SQL this is another form: CAST(x AS type).
EVENTFLUXQL_ONLY = {"cast"}


def codes(*, sql: bool) -> list[str]:
    chosen = [each for each in FUNCTIONS if sql is not (bool(each.namespace) or each.name in EVENTFLUXQL_ONLY)]
    return [example.code for each in chosen for example in each.examples]


@pytest.mark.parametrize("code", codes(sql=False))
def test_examples_in_eventfluxql_hold(code: str) -> None:
    assert evaluate(code) is True


def test_examples_in_sql_hold() -> None:
    columns = ", ".join(f"{code} AS c{index}" for index, code in enumerate(codes(sql=True)))
    rows: list[tuple[object, ...]] = []
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            f"CREATE STREAM S (x INT); INSERT INTO O SELECT {columns} FROM S;"
        )
        runtime.add_callback("O", lambda events: rows.extend(event.data for event in events))
        runtime.start()
        runtime.input_handler("S").send((1,))
    assert rows
    assert [code for code, value in zip(codes(sql=True), rows[0], strict=True) if value is not True] == []
