"""Options of the source, without a broker."""

from dataclasses import replace

import pytest

from eventflux import ConfigError, ValidationError
from eventflux_kafka.partitions import (
    FixedPartition,
    pack_offsets,
    parse_partitions,
    parse_topics,
    unpack_offsets,
)

APP = """
    @source(type='kafka', brokers='x:1', topic='{topic}', {options} @map(type='json'))
    define stream S (id long, name string);
"""


def test_a_list_of_partitions():
    assert parse_partitions("a:0-2, b:7@earliest,c.d_e-f:1@55,g:0@LATEST") == (
        FixedPartition(partition=("a", 0)),
        FixedPartition(partition=("a", 1)),
        FixedPartition(partition=("a", 2)),
        FixedPartition(partition=("b", 7), start="earliest"),
        FixedPartition(partition=("c.d_e-f", 1), start=55),
        FixedPartition(partition=("g", 0), start="latest"),
    )


@pytest.mark.parametrize("text", ["", "a", "a:", "a:x", "a:2-1", "a:0,a:0-1", "a:0@", "a:0@sometime", "a:-1", "a b:0"])
def test_what_is_no_list_of_partitions(text):
    with pytest.raises(ConfigError, match="partitions"):
        parse_partitions(text)


def test_a_list_of_topics():
    assert parse_topics(" a, b.c ") == ("a", "b.c")
    assert parse_topics("^a{1,3}$") == ("^a{1,3}$",)


@pytest.mark.parametrize("text", ["", " , ", "a b", "a/b", "^(", "ä"])
def test_what_is_no_topic(text):
    with pytest.raises(ConfigError, match="topic"):
        parse_topics(text)


def test_offsets_survive_their_bytes():
    offsets = {("a", 0): 5, ("a", 12): 0, ("b", 3): 2**40}
    assert unpack_offsets(pack_offsets(offsets)) == offsets
    assert unpack_offsets(None) == {}


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x01", b"\x81\xa6format\x02", b"\x82\xa6format\x01\xa7offsets\x07"])
def test_damaged_offsets_are_refused(state):
    with pytest.raises(ValueError, match="these are no offsets"):
        unpack_offsets(state)


REFUSED = [
    ("t", "partitions='u:0',", "partitions: 'u' is not among the topics t"),
    ("t", "partitions='t:0', assignment='all',", "contradict each other"),
    ("^t", "assignment='all',", "assignment 'all' needs topics by name"),
    ("t", "timestamp='attribute:no',", "timestamp: 'no' is no attribute of stream 'S'"),
    ("t", "timestamp='attribute:name',", "timestamp: attribute 'name' is no LONG"),
    ("t", "timestamp='yesterday',", "timestamp must be record, ingest or attribute:<name>"),
    ("t", "client.group.id='g',", "option 'client.group.id': the property is set by the option 'group'"),
    ("t", "client.statistics.interval.ms='5',", "the connector needs the property"),
    ("t", "client.nonsense='5',", "No such configuration property"),
]


@pytest.mark.parametrize(("topic", "options", "message"), REFUSED, ids=[message[:40] for *_, message in REFUSED])
def test_options_that_make_no_sense_are_refused_when_the_app_is_made(manager, topic, options, message):
    with pytest.raises(ConfigError, match=message):
        manager.create_eventflux_app_runtime(APP.format(topic=topic, options=options))


def test_what_is_missing_and_what_is_unknown_is_said_with_its_place(manager):
    text = """CREATE STREAM S (id BIGINT) WITH ('type' = 'source', 'extension' = 'kafka', 'format' = 'json',
        'kafka.topicc' = 't', 'kafka.max.poll.records' = '0');"""
    with pytest.raises(ValidationError) as caught:
        manager.create_eventflux_app_runtime(text)
    found = [diagnostic.message for diagnostic in caught.value.diagnostics]
    assert any("topicc" in message for message in found)
    assert any("needs the option 'brokers'" in message for message in found)
    assert any("must be at least 1, got '0'" in message for message in found)


def test_a_password_is_not_shown(manager):
    runtime = manager.create_eventflux_app_runtime(
        APP.format(
            topic="t",
            options="security.protocol='sasl_plaintext', security.username='u', security.password='secret!',",
        )
    )
    assert "secret!" not in repr(runtime.sources[0].source.ctx.options)


def test_loading_the_plug_in_loads_no_client():
    import subprocess
    import sys

    code = "import sys, eventflux_kafka.plugin; sys.exit('confluent_kafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


REGISTRY = """
CREATE STREAM S (id BIGINT, name STRING) WITH ('type' = 'sink', 'extension' = 'kafka', 'kafka.brokers' = 'x:1',
    'kafka.topic' = 't', 'kafka.schema.registry.url' = 'http://registry:8081', 'kafka.schema.registry.username' = 'me',
    'kafka.schema.registry.password' = 'secret', 'kafka.schema.registry.subject' = 't-value', {format});
"""


def _mapper_options(manager, text):
    seen = []
    real = manager.context.registry.find("sink_mapper", "avro").factory

    def make():
        mapper = real()
        configure = mapper.configure
        mapper.configure = lambda ctx: (seen.append(ctx.options), configure(ctx))[1]
        return mapper

    declaration = manager.context.registry.find("sink_mapper", "avro")
    manager.context.registry.register(replace(declaration, factory=make), replace=True)
    manager.create_eventflux_app_runtime(text)
    return seen[0]


def test_the_registry_of_schemas_is_passed_to_the_format(manager):
    pytest.importorskip("fastavro")
    options = _mapper_options(manager, REGISTRY.format(format="'format' = 'avro'"))
    assert options.text("schema.registry") == "http://registry:8081"
    assert options.text("schema.registry.username") == "me"
    assert options.text("schema.registry.password") == "secret"
    assert options.text("schema.subject") == "t-value"
    assert "secret" not in repr(options)


def test_what_the_format_says_itself_goes_before(manager):
    pytest.importorskip("fastavro")
    own = "'format' = 'avro', 'avro.schema.registry' = 'http://other:1'"
    options = _mapper_options(manager, REGISTRY.format(format=own))
    assert options.text("schema.registry") == "http://other:1"
    assert options.text("schema.subject") == "t-value"


def test_a_format_without_schemas_takes_no_registry(manager):
    message = r"format 'json' has nothing to do with 'schema\.registry\.url'"
    with pytest.raises(ValidationError, match=message) as caught:
        manager.create_eventflux_app_runtime(REGISTRY.format(format="'format' = 'json'"))
    assert {each.line for each in caught.value.diagnostics} == {3, 4}
