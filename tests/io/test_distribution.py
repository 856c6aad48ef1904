import pytest

from eventflux.extension.connectors import stream_settings
from eventflux.extension.settings import Setting
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.io.java_text import java_hash, java_text
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.schema import Schema

FLOAT, DOUBLE, INT, STRING = AttributeType.FLOAT, AttributeType.DOUBLE, AttributeType.INT, AttributeType.STRING
SCHEMA = Schema.of(k=STRING, n=INT)


@pytest.fixture
def spread(app):
    """Makes a distributed sink on topics and a list of what each topic got."""

    def make(strategy, topics=("t0", "t1"), schema=SCHEMA, **settings):
        properties = {"type": "sink", "extension": "inMemory", "distribution.strategy": strategy}
        properties |= {f"distribution.{key}": value for key, value in settings.items()}
        properties |= {f"distribution.destinations.{index}.topic": topic for index, topic in enumerate(topics)}
        made = app(schema, properties)
        made.sink.start()
        got = []
        for topic in ("t0", "t1", "t2", "x-t0", "y-t0"):
            InMemoryBroker.subscribe(topic, lambda event, topic=topic: got.append((topic, event.data[-1])))
        return made, got

    return make


def test_round_robin_takes_turns_over_chunks(spread):
    made, got = spread("roundRobin")
    made.publish(("x", 1), ("y", 2), ("z", 3))
    made.publish(("x", 4))
    assert got == [("t0", 1), ("t1", 2), ("t0", 3), ("t1", 4)]


def test_broadcast_sends_to_all(spread):
    made, got = spread("broadcast", ("t0", "t1", "t2"))
    made.publish(("x", 1))
    assert got == [("t0", 1), ("t1", 1), ("t2", 1)]


def test_partitioned_goes_by_the_hash_of_the_key(spread):
    made, got = spread("partitioned", partitionKey="k")
    made.publish(("a", 1), ("b", 2), ("a", 3))
    assert sorted(got) == [("t0", 2), ("t1", 1), ("t1", 3)]


@pytest.mark.parametrize(("value", "index"), [(1.0, 2), (2.5, 2), (1e10, 0), (-3.25, 2)])
def test_numbers_are_hashed_as_java_prints_them(spread, value, index):
    made, got = spread("partitioned", ("t0", "t1", "t2"), Schema.of(d=DOUBLE), partitionKey="d")
    made.publish((value,))
    assert got == [(f"t{index}", value)]


def test_destinations_may_have_templates(spread):
    made, got = spread("roundRobin", ("{{k}}-t0",))
    made.publish(("x", 1), ("y", 2))
    assert got == [("x-t0", 1), ("y-t0", 2)]


def test_a_partition_key_must_be_an_attribute(spread):
    with pytest.raises(ConfigError, match="needs 'partitionKey'"):
        spread("partitioned")
    with pytest.raises(ConfigError, match=r"partitionKey 'K' is no attribute(.|\n)*did you mean 'k'"):
        spread("partitioned", partitionKey="K")


def test_a_distribution_needs_destinations(registry):
    properties = {"type": "sink", "extension": "inMemory", "distribution.strategy": "broadcast"}
    given = [Setting(key, value) for key, value in properties.items()]
    _, problems = stream_settings("S", SCHEMA, properties=given, registry=registry)
    assert [problem.message for problem in problems] == ["stream 'S': a distribution needs a destination"]


def take_down(made, index):
    """The destination refuses to connect and to take payloads."""
    sink = made.sink.sink._destinations[index]

    def refuse(*_arguments):
        raise ConnectionUnavailableError("it is down")

    sink.publish = refuse
    made.sink.sink._connections[index]._connect = refuse


@pytest.mark.parametrize(
    ("strategy", "settings", "expected", "dropped"),
    [
        ("roundRobin", {}, [("t1", 1), ("t1", 2), ("t1", 3)], 0),
        ("broadcast", {}, [("t1", 1), ("t1", 2), ("t1", 3)], 0),
        ("partitioned", {"partitionKey": "k"}, [("t1", 1), ("t1", 3)], 1),
    ],
)
def test_a_destination_that_is_down(spread, strategy, settings, expected, dropped):
    made, got = spread(strategy, **settings)
    take_down(made, 0)
    made.publish(("a", 1), ("b", 2), ("a", 3))
    assert sorted(got) == sorted(expected)
    assert made.sink.failures.counts.total == dropped
    assert made.sink.connection.is_connected


def test_all_destinations_down_is_a_lost_connection(spread):
    made, got = spread("roundRobin")
    take_down(made, 0)
    take_down(made, 1)
    made.publish(("a", 1), ("b", 2))
    assert got == []
    assert made.sink.failures.counts.total == 2
    assert not made.sink.connection.is_connected


def test_positions_are_kept_for_each_destination(app, tmp_path):
    properties = {
        "type": "sink",
        "extension": "file",
        "format": "json",
        "distribution.strategy": "roundRobin",
        "distribution.destinations.0.path": str(tmp_path / "a"),
        "distribution.destinations.1.path": str(tmp_path / "b"),
    }
    first = app(SCHEMA, properties)
    first.sink.start()
    first.publish(("x", 1), ("x", 2))
    state = first.sink.save()
    first.publish(("x", 3), ("x", 4))
    first.sink.stop()
    second = app(SCHEMA, properties)
    second.sink.load(state)
    second.sink.start()
    second.sink.stop()
    assert (tmp_path / "a").read_text() == '{"k":"x","n":1}\n'
    assert (tmp_path / "b").read_text() == '{"k":"x","n":2}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("a", 97), ("ab", 3105), ("polygenelubricants", -(2**31)), ("😀", 1_772_899), ("ä", 228)],
)
def test_java_hash(text, expected):
    assert java_hash(text) == expected


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (None, STRING, "null"),
        (True, AttributeType.BOOL, "true"),
        (7, INT, "7"),
        (0.0, DOUBLE, "0.0"),
        (-0.0, DOUBLE, "-0.0"),
        (100.0, DOUBLE, "100.0"),
        (1e7, DOUBLE, "1.0E7"),
        (9999999.0, DOUBLE, "9999999.0"),
        (0.001, DOUBLE, "0.001"),
        (0.00012, DOUBLE, "1.2E-4"),
        (1e10, DOUBLE, "1.0E10"),
        (1.5e-300, DOUBLE, "1.5E-300"),
        (123456789.125, DOUBLE, "1.23456789125E8"),
        (0.10000000149011612, FLOAT, "0.1"),
        (float("inf"), DOUBLE, "Infinity"),
        (float("-inf"), DOUBLE, "-Infinity"),
        (float("nan"), DOUBLE, "NaN"),
        ("text", STRING, "text"),
    ],
)
def test_java_text(value, kind, expected):
    assert java_text(value, kind) == expected
