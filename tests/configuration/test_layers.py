"""What of a configuration reaches an app: streams, tables, defaults."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from eventflux import ConfigError, EventFluxError, EventFluxManager, load_config
from eventflux.configuration.layers import layered
from eventflux.language import parse


def properties(manager: EventFluxManager, text: str, config: dict[str, object], stream: str = "S") -> dict[str, str]:
    found = layered(parse(text), load_config(environ={}).of(config), manager.context.registry)
    assert not [problem for problem in found.problems if not problem.is_warning]
    return {each.key: each.value for each in found.streams[stream] if each.layer != "default"}


@pytest.fixture
def manager() -> EventFluxManager:
    return EventFluxManager(plugins=False)


FILE_STREAM = "CREATE STREAM S (a INT) WITH ('type'='source', 'extension'='file', 'format'='json', 'file.path'='own')"


def test_each_property_comes_from_the_highest_layer_that_has_it(manager: EventFluxManager) -> None:
    config = {
        "application": {"file": {"path": "app", "require.exists": False}, "log": {"prefix": "x"}},
        "streams": {"S": {"file": {"path": "stream", "require.exists": True}}},
    }
    assert properties(manager, FILE_STREAM, config) == {
        "type": "source",
        "extension": "file",
        "format": "json",
        "file.path": "own",
        "file.require.exists": "true",
    }
    del config["streams"]
    assert properties(manager, FILE_STREAM, config)["file.require.exists"] == "false"


def test_the_whole_connector_may_stand_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n{"a": 7}\n', "utf-8")
    config = {
        "streams": {
            "S": {
                "type": "source",
                "extension": "file",
                "format": "json",
                "file": {"mode": "once", "path": str(tmp_path / "in.jsonl")},
            },
            "O": {"type": "sink", "extension": "file", "format": "json", "file": {"path": str(tmp_path / "out.jsonl")}},
        }
    }
    with EventFluxManager(config, plugins=False) as manager:
        text = "CREATE STREAM S (a INT); CREATE STREAM O (a INT); INSERT INTO O SELECT a FROM S WHERE a > 5;"
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.start()
        assert runtime.wait_finished(10)
    assert (tmp_path / "out.jsonl").read_text("utf-8").strip() == '{"a":7}'


def test_annotations_are_completed_too(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1;2\n", "utf-8")
    config = {
        "application": {"csv": {"delimiter": ";"}},
        "streams": {"S": {"file": {"mode": "once", "path": str(tmp_path / "in.csv")}}},
    }
    seen: list[tuple[object, ...]] = []
    with EventFluxManager(config, plugins=False) as manager:
        text = "@source(type='file', @map(type='csv')) define stream S (a int, b int); from S select * insert into O;"
        runtime = manager.create_eventflux_app_runtime(text)
        runtime.add_callback("O", lambda events: seen.extend(event.data for event in events))
        runtime.start()
        assert runtime.wait_finished(10)
    assert seen == [(1, 2)]


def test_a_reference_takes_a_section_and_is_overridden_by_what_stands_beside_it(manager: EventFluxManager) -> None:
    config = {"refs": {"orders": {"type": "file", "format": "json", "path": "a", "require.exists": "false"}}}
    text = "CREATE STREAM S (a INT) WITH ('type'='source', 'ref'='orders', 'file.path'='b')"
    found = properties(manager, text, config)
    assert (found["extension"], found["format"], found["file.path"], found["file.require.exists"]) == (
        "file",
        "json",
        "b",
        "false",
    )
    annotated = "@source(ref='orders', path='b') define stream S (a int);"
    found = properties(manager, annotated, config)
    assert (found["file.path"], found["file.require.exists"]) == ("b", "false")
    with pytest.raises(ConfigError, match=r"ref 'order' names no section of the configuration.*did you mean 'orders'"):
        manager.create_eventflux_app_runtime(text.replace("orders", "order"), config=config)


def test_async_defaults_of_the_app_reach_all_streams_but_those_that_say_no(tmp_path: Path) -> None:
    config = {"application": {"async": {"enabled": True, "buffer_size": 128}}}
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            "CREATE STREAM A (a INT); CREATE STREAM B (a INT) WITH ('async.enabled' = 'false');"
            "CREATE STREAM C (a INT) WITH ('async.buffer_size' = '64');"
            "@async(buffer.size='32') define stream D (a int);"
        )
        runtime.start()
        sizes = {name: each.queue_capacity for name, each in runtime.metrics().async_streams.items()}
    assert sizes == {"A": 128, "C": 64, "D": 32}


def test_the_buffer_size_of_the_app_is_that_of_async_streams_only() -> None:
    with EventFluxManager({"application": {"buffer_size": 256}}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            "CREATE STREAM A (a INT); CREATE STREAM B (a INT) WITH ('async.enabled' = 'true');"
        )
        runtime.start()
        sizes = {name: each.queue_capacity for name, each in runtime.metrics().async_streams.items()}
    assert sizes == {"B": 256}


def test_names_of_the_environment_are_found_in_any_case(manager: EventFluxManager) -> None:
    config = load_config(
        environ={"EVENTFLUX__STREAMS__S__FILE__REQUIRE__EXISTS": "false", "EVENTFLUX_STREAMS__s__FILE__PATH": "x"}
    )
    found = layered(parse(FILE_STREAM), config, manager.context.registry)
    assert not found.problems
    values = {each.key: (each.value, each.origin) for each in found.streams["S"]}
    assert values["file.require.exists"] == ("false", "EVENTFLUX__STREAMS__S__FILE__REQUIRE__EXISTS")
    assert values["file.path"][0] == "own"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"S": {"file": {"pathh": "x"}}},
            "streams.S.file.pathh: unknown option of source 'file'; did you mean 'path'?",
        ),
        (
            {"S": {"file": {"require.exists": "maybe"}}},
            "streams.S.file.require.exists: must be true or false, not 'maybe'",
        ),
        ({"S": {"asinc": {"workers": 2}}}, "streams.S.asinc.workers: unknown option 'asinc' of a stream; did you mean"),
        ({"S": {"async": {"worker": 2}}}, "streams.S.async.worker: unknown option of async; did you mean 'workers'?"),
        ({"S": {"error": {"strategy": "ignore"}}}, "streams.S.error.strategy: must be one of drop, log"),
        ({"Ordesr": {"type": "source"}}, "[streams.Ordesr] names no stream of the app"),
    ],
)
def test_what_is_wrong_with_a_stream(manager: EventFluxManager, section: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        manager.create_eventflux_app_runtime(FILE_STREAM, config={"streams": section})
    assert message in str(caught.value)


def test_a_wrong_option_is_told_with_file_and_line(manager: EventFluxManager, tmp_path: Path) -> None:
    path = tmp_path / "config-prod.toml"
    path.write_text('[streams.S.file]\nrequire.exists = false\ndelimter = "x"\n', "utf-8")
    with pytest.raises(ConfigError) as caught:
        manager.create_eventflux_app_runtime(FILE_STREAM, config=path)
    assert (
        str(caught.value)
        == f"{path}:3: streams.S.file.delimter: unknown option of source 'file'; did you mean 'delimiter'?"
    )


def test_a_section_of_no_connector_is_refused(manager: EventFluxManager) -> None:
    with pytest.raises(
        ConfigError, match=r"\[application.fiel\] names no connector and no format; did you mean 'file'"
    ):
        manager.create_eventflux_app_runtime(FILE_STREAM, config={"application": {"fiel": {"path": "x"}}})
    manager.create_eventflux_app_runtime(FILE_STREAM, config={"application": {"kafka": {"brokers": "x"}}})


def test_sections_of_other_connectors_are_passed_over(manager: EventFluxManager) -> None:
    assert "kafka.topic" not in properties(manager, FILE_STREAM, {"streams": {"S": {"kafka": {"topic": "t"}}}})


def test_a_type_in_both_places_is_a_warning(manager: EventFluxManager, caplog: pytest.LogCaptureFixture) -> None:
    config = {"streams": {"S": {"extension": "stdin"}}}
    with caplog.at_level(logging.WARNING):
        manager.create_eventflux_app_runtime(FILE_STREAM, config=config)
    assert "streams.S.extension: 'stdin' is overridden by 'file' of stream 'S' (app:1:" in caplog.text


def test_unknown_streams_are_warnings_where_apps_share_a_file(
    manager: EventFluxManager, caplog: pytest.LogCaptureFixture
) -> None:
    config = {"application": {"strict": False}, "streams": {"Other": {"type": "source"}}}
    manager.create_eventflux_app_runtime(FILE_STREAM, config=config)
    assert "[streams.Other] names no stream of the app" in caplog.text


def test_production_refuses_secrets_in_the_text(manager: EventFluxManager) -> None:
    text = "CREATE STREAM S (a INT) WITH ('type'='source','extension'='file','format'='json','file.path'='f://a:b@c')"
    with pytest.raises(ConfigError, match=r"app:1:\d+: file.path: a secret is written out"):
        manager.create_eventflux_app_runtime(text, config={"application": {"production": True}})
    manager.create_eventflux_app_runtime(
        text.replace("f://a:b@c", "${F}"), config={"application": {"production": True}}, variables={"F": "f://a:b@c"}
    )


def test_error_defaults_of_the_app(manager: EventFluxManager) -> None:
    config = {"application": {"error": {"strategy": "retry", "retry": {"max-attempts": 5}}}}
    found = properties(manager, FILE_STREAM, config)
    assert (found["error.strategy"], found["error.retry.max-attempts"]) == ("retry", "5")
    own = FILE_STREAM.replace("'file.path'", "'error.strategy'='log', 'file.path'")
    assert properties(manager, own, config)["error.strategy"] == "log"


def test_variables_name_and_playback_of_the_configuration(manager: EventFluxManager) -> None:
    config = {"application": {"name": "N", "playback": True}, "variables": {"LIMIT": "5"}}
    runtime = manager.create_eventflux_app_runtime(
        "@app:name('T') define stream S (a int); from S[a > ${LIMIT}] select * insert into O;", config=config
    )
    seen: list[int] = []
    runtime.add_callback("O", lambda events: seen.extend(event.timestamp for event in events))
    runtime.start()
    runtime.input_handler("S").send((9,), timestamp=1000)
    runtime.advance_time(2000)
    assert runtime.name == "N"
    assert seen == [1000]


def test_the_optimizer_can_be_switched_off(manager: EventFluxManager) -> None:
    text = "CREATE STREAM S (a INT, b INT); INSERT INTO O SELECT a + (1 + 1) AS c FROM S;"
    on = manager.create_eventflux_app_runtime(text, name="on").explain()
    off = manager.create_eventflux_app_runtime(text, name="off", config={"runtime": {"optimizer": "off"}}).explain()
    assert on != off


def test_the_engine_has_the_limit_of_the_configuration() -> None:
    with EventFluxManager({"runtime": {"memory_limit": "64MiB"}}, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            "CREATE STREAM S (a STRING); INSERT INTO O SELECT count() AS n FROM S WINDOW length(1000000);"
        )
        runtime.start()
        with pytest.raises(EventFluxError, match="no memory left under the engine's limit"):
            runtime.input_handler("S").send_many([("x" * 1000,)] * 100_000)
