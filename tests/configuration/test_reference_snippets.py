"""The snippets of the specification, as they stand: layers, forms of variables, names of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventflux import EventFluxManager, load_config
from eventflux.configuration.layers import layered
from eventflux.extension import Extension, ExtensionKind, Parameter
from eventflux.language import parse

KAFKA = Extension(
    name="kafka",
    kind=ExtensionKind.SOURCE,
    description="Stands for the real one.",
    parameters=(
        Parameter("bootstrap.servers", ("STRING",), "", aliases=("brokers",)),
        Parameter("topic", ("STRING",), ""),
        Parameter("group", ("STRING",), "", default="eventflux"),
    ),
)
LAYERS = """\
[application.kafka]
group = "global"
brokers = "p1:9092"
[streams.Orders.kafka]
group = "orders"
topic = "t"
"""


def in_force(folder: Path, own: str) -> dict[str, str]:
    (folder / "c.toml").write_text(LAYERS, "utf-8")
    text = (
        "CREATE STREAM Orders (a INT) WITH ('type'='source', 'extension'='kafka', 'format'='json'" + own + ");"
        "CREATE STREAM Other (a INT) WITH ('type'='source', 'extension'='kafka', 'format'='json', 'kafka.topic'='o');"
    )
    with EventFluxManager(plugins=False) as manager:
        manager.context.registry.register(KAFKA, replace=True)
        found = layered(parse(text), load_config(folder / "c.toml", environ={}), manager.context.registry)
    assert not found.problems
    return {
        f"{stream}.{each.key}": each.value
        for stream, properties in found.streams.items()
        for each in reversed(properties)
    }


def test_the_merge_of_the_four_layers(tmp_path: Path) -> None:
    with_key = in_force(tmp_path, ", 'kafka.group'='dev'")
    assert (with_key["Orders.kafka.group"], with_key["Orders.kafka.brokers"]) == ("dev", "p1:9092")
    without = in_force(tmp_path, "")
    assert (without["Orders.kafka.group"], without["Other.kafka.group"]) == ("orders", "global")


def test_another_spelling_of_an_option_is_the_same_option(tmp_path: Path) -> None:
    found = in_force(tmp_path, ", 'kafka.bootstrap.servers'='own:9092'")
    assert found["Orders.kafka.bootstrap.servers"] == "own:9092"
    assert "Orders.kafka.brokers" not in found


@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_asynchronous_by_default(tmp_path: Path, suffix: str) -> None:
    text = {
        "yaml": "application:\n  async:\n    enabled: true\n",
        "toml": "[application]\nasync.enabled = true\n",
    }[suffix]
    (tmp_path / f"x.{suffix}").write_text(text, "utf-8")
    with EventFluxManager(tmp_path / f"x.{suffix}", plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            "CREATE STREAM A (a INT); CREATE STREAM B (a INT) WITH ('async.enabled' = 'false');"
        )
        runtime.start()
        assert list(runtime.metrics().async_streams) == ["A"]


def test_aliases_of_the_performance_section() -> None:
    config = {
        "runtime": {
            "performance": {
                "async_processing": True,
                "event_buffer_size": 512,
                "batch_size": 16,
                "backpressure_strategy": "drop_newest",
            }
        }
    }
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime("CREATE STREAM A (a INT);")
        runtime.start()
        assert runtime.metrics().async_streams["A"].queue_capacity == 512


def test_an_environment_setting_is_the_same_as_set() -> None:
    environ = {"EVENTFLUX__PERSISTENCE__TYPE": "sqlite"}
    assert load_config(environ=environ) == load_config(overrides=["persistence.type=sqlite"], environ={})
