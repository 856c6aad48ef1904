import pytest

from eventflux.builtin import plugin as builtin_plugin
from eventflux.extension import PluginManager
from eventflux.extension.connectors import stream_settings
from eventflux.extension.settings import Setting, SettingGroup, resolve_properties
from eventflux.extension.stream_options import ErrorAction
from eventflux.io import plugin as io_plugin
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

REGISTRY = PluginManager((builtin_plugin, io_plugin), plugins=False).registry
SCHEMA = Schema.of(symbol=AttributeType.STRING, price=AttributeType.DOUBLE)
FILE = {"type": "source", "extension": "file", "format": "json", "file.path": "in"}


def read(properties=None, annotations=(), **more):
    given = [Setting(key, value, key) for key, value in (properties or {}).items()]
    return stream_settings(
        "S", SCHEMA, properties=given, annotations=annotations, registry=REGISTRY, origin="S", **more
    )


def good(properties=None, annotations=(), **more):
    settings, problems = read(properties, annotations, **more)
    assert not problems, problems
    return settings


def annotation(name, *groups, **elements):
    settings = tuple(Setting(key.replace("__", "."), value, f"{name}.{key}") for key, value in elements.items())
    return SettingGroup(name, settings, groups, f"@{name}")


def alone(name, *values):
    return SettingGroup(name, tuple(Setting(None, value, value) for value in values), (), f"@{name}")


def test_a_source_of_properties_and_one_of_annotations_are_the_same():
    with_ = good(FILE | {"json.lenient": "true", "file.mode": "once"}).connectors[0]
    mapping = annotation("map", type="json", lenient="true")
    source = good(None, [annotation("source", mapping, type="file", path="in", mode="once")]).connectors[0]
    assert with_.options == source.options
    assert with_.mapper == source.mapper
    assert (with_.role, with_.declaration) == (source.role, source.declaration)


def test_a_stream_without_settings_is_internal():
    settings = good({"type": "internal"})
    assert (settings.connectors, settings.asynchronous, settings.has_fault_stream) == ((), None, False)


@pytest.mark.parametrize(
    ("properties", "code", "message", "origin"),
    [
        ({"type": "sauce"}, "SQL5002", "stream 'S': type 'sauce' must be source, sink or internal", "type"),
        ({"type": "source"}, "SQL5001", "stream 'S': property 'extension' is required for type 'source'", "type"),
        ({"extension": "log"}, "SQL5002", "stream 'S': an internal stream cannot have 'extension'", "extension"),
        (
            {"type": "internal", "format": "json"},
            "SQL5002",
            "stream 'S': an internal stream cannot have 'format'",
            "format",
        ),
        (
            {"type": "source", "extension": "pigeon", "format": "json"},
            "SQL5006",
            "no source 'pigeon' installed",
            "extension",
        ),
        (FILE | {"format": "yaml"}, "SQL5006", "no source mapper 'yaml' installed", "format"),
        (
            {"type": "source", "extension": "file", "file.path": "x"},
            "SQL5001",
            "stream 'S': property 'format' is required for extension 'file'",
            "extension",
        ),
        (
            {"type": "source", "extension": "inMemory"},
            "SQL5001",
            "stream 'S': property 'inMemory.topic' is required for source 'inMemory'",
            "S",
        ),
        (FILE | {"file.pth": "x"}, "SQL5004", "unknown property 'file.pth'", "file.pth"),
        (FILE | {"json.leniant": "x"}, "SQL5004", "unknown property 'json.leniant'", "json.leniant"),
        (FILE | {"kafka.topic": "x"}, "SQL5004", "unknown property 'kafka.topic'", "kafka.topic"),
        ({"asnyc.enabled": "x"}, "SQL5004", "unknown property 'asnyc.enabled'", "asnyc.enabled"),
        (
            FILE | {"file.max.line.bytes": "many"},
            "SQL5009",
            "property 'file.max.line.bytes' must be a size such as 65536, 64KB or 10MiB, got 'many'",
            "file.max.line.bytes",
        ),
        (
            FILE | {"file.mode": "twice"},
            "SQL5009",
            "property 'file.mode' must be one of follow, once, got 'twice'",
            "file.mode",
        ),
        ({"async.workers": "0"}, "SQL5009", "property 'async.workers' must be at least 1, got '0'", "async.workers"),
        (
            {"error.strategy": "dlq"},
            "SQL5001",
            "stream 'S': property 'error.dlq.stream' is required for error.strategy 'dlq'",
            "error.strategy",
        ),
        (
            FILE | {"json.mapping.symbol": "$.s"},
            "SQL5001",
            "stream 'S': attributes without a mapping: price",
            "json.mapping.symbol",
        ),
    ],
)
def test_a_problem_has_a_code_words_and_a_place(properties, code, message, origin):
    _, problems = read(properties)
    assert [(problem.code.value, problem.message, problem.origin) for problem in problems] == [(code, message, origin)]


def test_all_problems_are_reported_with_hints():
    _, problems = read(FILE | {"file.pth": "x", "json.leniant": "y", "async.wrkers": "1"})
    assert {problem.hint for problem in problems} == {
        "did you mean 'file.path'?",
        "did you mean 'json.lenient'?",
        "did you mean 'async.workers'?",
    }


def test_a_key_given_twice():
    _, problems = stream_settings(
        "S", SCHEMA, properties=[Setting("type", "internal", 1), Setting("type", "source", 2)], registry=REGISTRY
    )
    assert [(problem.code.value, problem.origin) for problem in problems] == [("SQL5003", 2)]


def test_a_missing_package_is_named():
    _, problems = read({"type": "source", "extension": "kafka", "format": "json"})
    assert problems[0].hint == "pip install 'eventflux-kafka'"


def test_the_extension_may_be_spelled_in_any_case():
    settings = good({"type": "source", "extension": "inmemory", "inmemory.topic": "t"})
    assert settings.connectors[0].options.text("topic") == "t"
    assert settings.connectors[0].mapper.declaration.name == "passThrough"


def test_a_stream_may_have_numbered_connectors():
    settings = good(
        {
            "source.0.extension": "inMemory",
            "source.0.inMemory.topic": "in",
            "sink.1.extension": "log",
            "sink.0.extension": "file",
            "sink.0.format": "csv",
            "sink.0.file.path": "out",
        }
    )
    assert [(spec.role.value, spec.declaration.name) for spec in settings.connectors] == [
        ("sink", "file"),
        ("sink", "log"),
        ("source", "inMemory"),
    ]


def test_async_by_properties_and_annotation():
    assert good({"async.buffer_size": "64"}).asynchronous.integer("buffer_size") == 64
    assert good({"async.enabled": "false", "async.workers": "2"}).asynchronous is None
    made = good(None, [annotation("async", buffer__size="64", batch__size__max="8")]).asynchronous
    assert (made.integer("buffer_size"), made.integer("batch_size_max"), made.text("backpressure")) == (64, 8, "block")
    assert good(None, [annotation("async")]).asynchronous is not None


def test_error_policies():
    retry = good(FILE | {"error.strategy": "retry", "error.retry.initial-delay": "1s"}).connectors[0].errors
    assert (retry.action, retry.initial_delay_ms, retry.exhausted) == (ErrorAction.RETRY, 1000, ErrorAction.DROP)
    dead = good(FILE | {"error.strategy": "retry", "error.dlq.stream": "D"}).connectors[0].errors
    assert (dead.exhausted, dead.dlq_stream) == (ErrorAction.DLQ, "D")
    assert good({"error.strategy": "stream"}).has_fault_stream


def test_on_error_of_streams_and_sinks():
    assert good(None, [annotation("onerror", action="stream")]).has_fault_stream
    assert not good(None, [annotation("onerror", action="LOG")]).has_fault_stream
    _, problems = read(None, [annotation("onerror", action="panic")])
    assert problems[0].message == "@OnError action must be LOG, STREAM or STORE, not 'panic'"
    sink = good(None, [annotation("sink", type="log", on__error="WAIT")]).connectors[0]
    assert sink.errors.action is ErrorAction.WAIT
    _, problems = read(None, [annotation("sink", type="log", on__error="panic")])
    assert problems[0].message == "on.error must be LOG, WAIT, STREAM or STORE, not 'panic'"


def test_attributes_are_positional_or_named():
    positional = annotation("map", alone("attributes", "1", "0"), type="csv")
    source = good(None, [annotation("source", positional, type="file", path="x")]).connectors[0]
    assert source.mapper.mapping == {"symbol": "1", "price": "0"}
    named = annotation("map", annotation("attributes", price="$.p", symbol="trp:topic"), type="json")
    source = good(None, [annotation("source", named, type="file", path="x")]).connectors[0]
    assert source.mapper.mapping == {"price": "$.p", "symbol": "trp:topic"}
    _, problems = read(
        None, [annotation("source", annotation("map", alone("attributes", "1")), type="inMemory", topic="t")]
    )
    assert problems[0].message == "@attributes has 1 values, stream 'S' has 2 attributes"
    _, problems = read(
        None,
        [
            annotation(
                "source",
                annotation("map", annotation("attributes", zz="1", symbol="0", price="1")),
                type="inMemory",
                topic="t",
            )
        ],
    )
    assert problems[0].message == "mapping of 'zz', which is no attribute of stream 'S'"


def test_payloads_are_one_template_or_named_ones():
    one = annotation("sink", annotation("map", alone("payload", "{{symbol}}"), type="text"), type="log")
    assert good(None, [one]).connectors[0].mapper.template == "{{symbol}}"
    named = annotation("sink", annotation("map", annotation("payload", a="{{symbol}}"), type="text"), type="log")
    assert good(None, [named]).connectors[0].mapper.named_templates == {"a": "{{symbol}}"}


def test_options_of_a_sink_may_be_templates():
    sink = good({"type": "sink", "extension": "inMemory", "inMemory.topic": "{{symbol}}"}).connectors[0]
    assert sink.options.dynamic == {"topic"}


def test_a_distribution_has_options_for_each_destination():
    destinations = [annotation("destination", topic="a"), annotation("destination", topic="b")]
    group = annotation("sink", annotation("distribution", *destinations, strategy="roundRobin"), type="inMemory")
    spec = good(None, [group]).connectors[0].distribution
    assert [options.text("topic") for options in spec.destinations] == ["a", "b"]
    with_ = good(
        {
            "type": "sink",
            "extension": "inMemory",
            "distribution.strategy": "roundRobin",
            "distribution.destinations.0.topic": "a",
            "distribution.destinations.1.topic": "b",
        }
    )
    assert [options.text("topic") for options in with_.connectors[0].distribution.destinations] == ["a", "b"]


def test_references_are_overridden_by_what_stands_at_the_stream():
    references = {"feed": {"topic": "shared"}}
    plain = good({"type": "source", "extension": "inMemory", "ref": "feed"}, references=references)
    assert plain.connectors[0].options.text("topic") == "shared"
    own = good({"type": "source", "extension": "inMemory", "ref": "feed", "inMemory.topic": "t"}, references=references)
    assert own.connectors[0].options.text("topic") == "t"
    _, problems = read({"type": "source", "extension": "log", "ref": "fed", "format": "json"}, references=references)
    assert problems


def test_the_strongest_layer_wins_for_each_key():
    own = [Setting("kafka.group", "dev", 1)]
    stream = {"kafka.group": "orders", "kafka.brokers": "a"}
    application = {"kafka.brokers": "b", "kafka.acks": "all"}
    assert {setting.key: setting.value for setting in resolve_properties(own, stream, application)} == {
        "kafka.group": "dev",
        "kafka.brokers": "a",
        "kafka.acks": "all",
    }
