"""The page on writing plug-ins does what it says."""

import re
import types
from pathlib import Path

import pytest

from eventflux import EventFluxManager
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.types.errors import ValidationError

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-plugin.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def plugin():
    made = types.ModuleType("shop")
    for block in blocks("python"):
        exec(compile(block, "write-a-plugin.md", "exec"), vars(made))
    return made


@pytest.fixture
def manager(plugin):
    with EventFluxManager(plugins=False) as made:
        made.set_extension("shop", plugin)
        yield made


def test_the_app_of_the_page_runs(manager, plugin):
    runtime = manager.create_eventflux_app_runtime(blocks("sql")[0])
    runtime.start()
    assert runtime.wait_finished(10)
    runtime.shutdown()
    assert plugin.BOARD == [("row 5", "V"), ("row 3", "III"), ("row 1", "I")]


def test_a_full_board_refuses_events_alone(manager, plugin):
    runtime = manager.create_eventflux_app_runtime(
        "CREATE STREAM S (n INT) WITH ('type' = 'sink', 'extension' = 'board', 'board.size' = '1', 'format' = 'roman');"
        "INSERT INTO S SELECT n FROM T; CREATE STREAM T (n INT);"
    )
    runtime.start()
    runtime.input_handler("T").send_many([(1,), (2,)])
    runtime.shutdown()
    assert plugin.BOARD == [("top", "I")]


def test_a_wrong_option_is_found_at_creation(manager):
    with pytest.raises(ValidationError) as caught:
        manager.create_eventflux_app_runtime(blocks("sql")[0].replace("countdown.from", "countdown.form"))
    assert "source countdown has no option 'form'" in str(caught.value)
    assert "did you mean 'from'?" in str(caught.value)


def test_the_function_masks_in_a_query(manager):
    runtime = manager.create_eventflux_app_runtime(
        "define stream S (card string); from S select shop:mask(card) as a, shop:mask(card, 1) as b insert into O;"
    )
    seen = []
    runtime.add_callback("O", lambda events: seen.extend(event.data for event in events))
    runtime.start()
    runtime.input_handler("S").send_many([("1234567",), (None,)])
    runtime.shutdown()
    assert seen == [("***4567", "******7"), (None, None)]


def test_the_format_reads_strokes(manager):
    runtime = manager.create_eventflux_app_runtime(
        "@source(type='inMemory', topic='strokes', @map(type='tally')) define stream S (n int);"
    )
    seen = []
    runtime.add_callback("S", lambda events: seen.extend(event.data for event in events))
    runtime.start()
    for payload in ("|||", "x", "|"):
        InMemoryBroker.publish("strokes", payload)
    runtime.shutdown()
    assert seen == [(3,), (1,)]
