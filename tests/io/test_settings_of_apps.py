"""What a text may say of connectors and formats, from the text to the rows."""

import pytest

from eventflux import EventFluxManager
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.types.errors import ConnectionUnavailableError, ValidationError


@pytest.fixture
def run():
    """Runs an app; what is published to `in` goes in, what comes to `out` comes back."""
    with EventFluxManager(plugins=False) as manager:

        def start(text, *payloads):
            seen = []
            InMemoryBroker.subscribe("out", seen.append)
            runtime = manager.create_eventflux_app_runtime(text)
            runtime.start()
            for payload in payloads:
                InMemoryBroker.publish("in", payload)
            runtime.shutdown()
            return [getattr(each, "data", each) for each in seen]

        yield start
    InMemoryBroker.reset()


QUERY = "INSERT INTO O SELECT a, b FROM S;"
SOURCE = "'type' = 'source', 'extension' = 'inMemory', 'inMemory.topic' = 'in'"
SINK = "'type' = 'sink', 'extension' = 'inMemory', 'inMemory.topic' = 'out'"


def test_sql_maps_fields_by_paths(run):
    text = f"""
        CREATE STREAM S (a INT, b STRING) WITH ({SOURCE}, 'format' = 'json',
            'json.enclosing.element' = '$.events[*]', 'json.mapping.a' = '$.x.y[1]', 'json.mapping.b' = '$[''b c'']');
        CREATE STREAM O (a INT, b STRING) WITH ({SINK});
        {QUERY}"""
    payload = '{"events": [{"x": {"y": [0, 7]}, "b c": "t"}, {"x": {"y": [0, 8]}, "b c": null}]}'
    assert run(text, payload) == [(7, "t"), (8, None)]


def test_sql_writes_templates(run):
    text = f"""
        CREATE STREAM S (a INT, b STRING) WITH ({SOURCE});
        CREATE STREAM O (a INT, b STRING) WITH ({SINK}, 'format' = 'json',
            'json.template' = '{{"id": {{{{a}}}}, "of": {{{{_stream}}}}, "what": {{{{b}}}}}}');
        {QUERY}"""
    assert run(text, (1, 'say "x"')) == [b'{"id": 1, "of": "O", "what": "say \\"x\\""}']


def test_annotations_say_the_same(run):
    text = """
        @source(type='inMemory', topic='in', connect.retry='none', error.strategy='drop',
            @map(type='json', @attributes(a='$.x', b='$.y.z')))
        define stream S (a int, b string);
        @sink(type='inMemory', topic='out', @map(type='text', @payload('{{b}} is {{a}}')))
        define stream O (a int, b string);
        from S select a, b insert into O;"""
    assert run(text, '{"x": 1, "y": {"z": "t"}}') == [b"t is 1"]


def test_the_format_may_be_the_connectors_own(run):
    text = f"""
        CREATE STREAM S (a INT, b STRING) WITH ({SOURCE}, 'error.retry.multiplier' = '3.0', 'connect.retry' = 'none');
        CREATE STREAM O (a INT, b STRING) WITH ({SINK});
        {QUERY}"""
    assert run(text, (1, "x")) == [(1, "x")]


def test_sql_distributes(run):
    text = f"""
        CREATE STREAM S (a INT, b STRING) WITH ({SOURCE});
        CREATE STREAM O (a INT, b STRING) WITH ('type' = 'sink', 'extension' = 'inMemory',
            'distribution.strategy' = 'roundRobin', 'distribution.destinations.0.topic' = 'out',
            'distribution.destinations.1.topic' = 'elsewhere');
        {QUERY}"""
    assert run(text, (1, "x"), (2, "y"), (3, "z")) == [(1, "x"), (3, "z")]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (f"{SOURCE}, 'format' = 'json', 'json.mapping.a' = '$.a'", "mapping"),
        (f"{SOURCE}, 'format' = 'json', 'json.template' = 'x'", "a source mapper has no payload template"),
        (f"{SINK}, 'format' = 'json', 'json.mapping.a' = '$.a', 'json.mapping.b' = '$.b'", "has no attribute mapping"),
        (f"{SINK}, 'format' = 'json', 'json.colour' = 'red'", "has no option 'colour'"),
        (f"{SINK}, 'error.retry.colour' = 'red'", r"unknown property 'error\.retry\.colour'"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(run, properties, message):
    with pytest.raises(ValidationError, match=message) as caught:
        run(f"CREATE STREAM S (a INT, b STRING) WITH ({properties});")
    assert caught.value.line == 1
    assert caught.value.column > 0


def test_validate_finds_what_creation_would(run):
    text = f"CREATE STREAM S (a INT) WITH ({SOURCE}, 'format' = 'json', 'json.template' = 'x');"
    with EventFluxManager(plugins=False) as manager:
        (found,) = manager.validate(text)
    assert found.message == "a source mapper has no payload template"
    assert found.column > 0


@pytest.mark.parametrize(
    "text",
    [
        "CREATE STREAM S (a INT) WITH ('type' = 'sink', 'extension' = 'http', 'http.url' = 'http://127.0.0.1:1/', "
        "'format' = 'json'{sql});",
        "@sink(type='tcp', url='tcp://127.0.0.1:1'{annotation}) define stream S (a int);",
    ],
)
def test_an_app_may_start_without_what_it_connects_to(run, text):
    plain = {"sql": "", "annotation": ""}
    with pytest.raises(ConnectionUnavailableError):
        run(text.format(**plain))
    InMemoryBroker.reset()
    run(text.format(sql=", 'http.validation' = 'none'", annotation=", validation='none'"))
    with pytest.raises(ValidationError, match="validation must be connect or none"):
        run(text.format(sql=", 'http.validation' = 'x'", annotation=", validation='x'"))
