import datetime
import decimal
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError, MappingError
from eventflux.types.schema import Schema

fastavro = pytest.importorskip("fastavro", reason="the extra avro is not installed")

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
TRADE = Schema.of(symbol=STRING, price=DOUBLE, volume=INT)
SCHEMA = {
    "type": "record",
    "name": "Trade",
    "fields": [
        {"name": "symbol", "type": "string"},
        {"name": "price", "type": "double"},
        {"name": "volume", "type": ["null", "int"], "default": None},
    ],
}


def encoded(record, schema=SCHEMA):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def decoded(data, schema=SCHEMA):
    return fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(schema), None)


@pytest.fixture
def read(mapper):
    def make(payload, options=None, schema=TRADE, mapping=None):
        options = {"schema": json.dumps(SCHEMA)} if options is None else options
        mapped = mapper("source_mapper", "avro", schema, options, mapping=mapping or {}).map(payload, {})
        return mapped.rows, [str(error) for error in mapped.errors], mapped.timestamps

    return make


def test_records_are_read(read):
    assert read(encoded({"symbol": "A", "price": 1.5, "volume": 7}))[0] == [("A", 1.5, 7)]
    assert read(encoded({"symbol": "A", "price": 1.5}))[0] == [("A", 1.5, None)]


def test_the_schema_may_stand_in_a_file(read, tmp_path):
    path = tmp_path / "trade.avsc"
    path.write_text(json.dumps(SCHEMA))
    assert read(encoded({"symbol": "A", "price": 1.5}), {"schema.file": str(path)})[0] == [("A", 1.5, None)]


def test_a_container_file_brings_schema_and_records(read):
    out = io.BytesIO()
    fastavro.writer(out, SCHEMA, [{"symbol": "A", "price": 1.5}, {"symbol": "B", "price": 2.5, "volume": 3}])
    assert read(out.getvalue(), {})[0] == [("A", 1.5, None), ("B", 2.5, 3)]


def test_logical_types_become_plain_values(read):
    logical = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "exact", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["X", "Y"]}},
            {"name": "more", "type": {"type": "map", "values": {"type": "array", "items": "long"}}},
        ],
    }
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.timezone.utc)
    record = {
        "at": moment,
        "amount": decimal.Decimal("12.34"),
        "exact": decimal.Decimal("-0.10"),
        "day": datetime.date(2024, 5, 6),
        "kind": "Y",
        "more": {"a": [1, 2]},
    }
    schema = Schema.of(at=LONG, amount=DOUBLE, exact=STRING, day=STRING, kind=STRING, more=OBJECT)
    options = {"schema": json.dumps(logical), "timestamp": "at"}
    rows, errors, times = read(encoded(record, logical), options, schema)
    assert errors == []
    assert rows == [(1714979289123, 12.34, "-0.10", "2024-05-06", "Y", {"a": [1, 2]})]
    assert times == [1714979289123]


def test_fields_of_inner_records_can_be_mapped(read):
    nested = {
        "type": "record",
        "name": "Outer",
        "fields": [{"name": "trade", "type": SCHEMA}, {"name": "n", "type": "int"}],
    }
    mapping = {"symbol": "trade.symbol", "price": "$.trade.price", "volume": "n"}
    payload = encoded({"trade": {"symbol": "A", "price": 2.5}, "n": 4}, nested)
    assert read(payload, {"schema": json.dumps(nested)}, mapping=mapping)[0] == [("A", 2.5, 4)]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not Avro of this schema"),
        (b"\x02A", "not Avro of this schema"),
        (encoded({"symbol": "A", "price": 1.5}) + b"more", "4 bytes are left"),
        (b"Obj\x01rubbish", "not Avro of this schema"),
        (b"\xff" * 20, "not Avro of this schema"),
        ("text", "must be bytes, got str"),
    ],
)
def test_what_is_no_record_is_an_error(read, payload, message):
    rows, errors, _ = read(payload)
    assert rows == []
    assert message in errors[0]


def test_events_are_written(mapper, events):
    made = mapper("sink_mapper", "avro", TRADE, {"schema": json.dumps(SCHEMA)})
    payloads = made.map(events(("A", 1.5, 7), ("ä", -0.0, None)))
    assert [decoded(payload) for payload in payloads] == [
        {"symbol": "A", "price": 1.5, "volume": 7},
        {"symbol": "ä", "price": -0.0, "volume": None},
    ]
    with pytest.raises(MappingError, match="can't be written"):
        made.map(events((None, 1.5, 7)))


def test_without_a_schema_it_is_the_streams(mapper, events, read):
    schema = Schema.of(b=BOOL, i=INT, n=LONG, f=FLOAT, d=DOUBLE, s=STRING, o=OBJECT)
    row = (True, -1, 2**62, 1.5, 1e-300, "é", b"bytes")
    made = mapper("sink_mapper", "avro", schema)
    empty = (None,) * 7
    assert [read(payload, {}, schema)[0] for payload in made.map(events(row, empty))] == [[row], [empty]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schema": "{"}, "can't be read"),
        ({"schema": '{"type": "nothing"}'}, "can't be read"),
        ({"schema": '"string"'}, "must be a record, not 'string'"),
        ({"schema": json.dumps({**SCHEMA, "fields": [{"name": "z", "type": "int"}]})}, "does not fill: z"),
        ({"schema.file": "/nowhere/x.avsc"}, "can't be read"),
        ({"schema": "{}", "schema.file": "x"}, "only one of"),
    ],
)
def test_schemas_that_cannot_work_are_refused(mapper, options, message):
    with pytest.raises(ConfigError, match=message):
        mapper("sink_mapper", "avro", TRADE, options)


class Registry:
    """A schema registry that counts its questions."""

    def __init__(self):
        self.schemas = {7: SCHEMA}
        self.asked = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                registry.asked.append((self.path, self.headers.get("Authorization")))
                number = {"/schemas/ids/7": 7, "/subjects/S-value/versions/latest": 7}.get(self.path)
                body = json.dumps({"error_code": 40403}).encode()
                if number is not None:
                    body = json.dumps({"id": number, "schema": json.dumps(registry.schemas[number])}).encode()
                self.send_response(200 if number is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


@pytest.fixture
def schema_registry():
    made = Registry()
    yield made
    made.stop()


def test_a_registry_knows_the_schemas(mapper, events, schema_registry):
    options = {
        "schema.registry": schema_registry.url,
        "schema.registry.username": "me",
        "schema.registry.password": "p:w",
    }
    sink, source = mapper("sink_mapper", "avro", TRADE, options), mapper("source_mapper", "avro", TRADE, options)
    payloads = sink.map(events(("A", 1.5, 7), ("B", 2.5, None)))
    assert [payload[:5] for payload in payloads] == [b"\x00\x00\x00\x00\x07"] * 2
    assert [source.map(payload, {}).rows for payload in payloads] == [[("A", 1.5, 7)], [("B", 2.5, None)]]
    assert schema_registry.asked == [
        ("/subjects/S-value/versions/latest", "Basic bWU6cDp3"),
        ("/schemas/ids/7", "Basic bWU6cDp3"),
    ]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"\x00\x00", "too short for the number"),
        (b"\x01\x00\x00\x00\x07rest", "begins with 1"),
        (b"\x00\x00\x00\x00\x08rest", "schema registry has no /schemas/ids/8: 404"),
    ],
)
def test_a_payload_without_a_known_number_is_an_error(read, schema_registry, payload, message):
    rows, errors, _ = read(payload, {"schema.registry": schema_registry.url})
    assert rows == []
    assert message in errors[0]


def test_a_registry_that_is_away_is_no_fault_of_the_payload(mapper, schema_registry):
    made = mapper("source_mapper", "avro", TRADE, {"schema.registry": "http://127.0.0.1:1"})
    with pytest.raises(ConnectionUnavailableError):
        made.map(b"\x00\x00\x00\x00\x07rest", {})
