import sys

import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError
from eventflux.types.schema import Schema

pytest.importorskip("google.protobuf", reason="the extra protobuf is not installed")
protoc = pytest.importorskip("grpc_tools.protoc", reason="protoc is not installed")

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
PROTO = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Kind { UNKNOWN = 0; GIFT = 3; }
message Customer { string name = 1; repeated string tags = 2; optional int32 age = 3; }
message Order {
  int64 id = 1;
  double total = 2;
  Customer customer = 3;
  Kind kind = 4;
  bytes raw = 5;
  map<string, int32> counts = 6;
  repeated Customer others = 7;
  google.protobuf.Timestamp placed_at = 8;
  google.protobuf.StringValue note = 9;
  optional float weight = 10;
  bool urgent = 11;
}
"""
ORDER = Schema.of(id=LONG, total=DOUBLE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """What protoc makes of the definition: the generated module and a descriptor set."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop_messages.proto").write_text(PROTO)
    include = str(__import__("importlib.resources").resources.files("grpc_tools") / "_proto")
    arguments = ["protoc", f"-I{folder}", f"-I{include}", f"--python_out={folder}", "--include_imports"]
    assert protoc.main([*arguments, f"--descriptor_set_out={folder}/shop.desc", "shop_messages.proto"]) == 0
    sys.path.insert(0, str(folder))
    try:
        import shop_messages_pb2

        yield shop_messages_pb2, folder
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(params=["class", "descriptor"])
def options(request, shop):
    if request.param == "class":
        return {"class": "shop_messages_pb2:Order"}
    return {"descriptor.file": str(shop[1] / "shop.desc"), "message": "shop.Order"}


@pytest.fixture
def read(mapper):
    def make(payload, options, schema=ORDER, mapping=None, more=None):
        mapped = mapper("source_mapper", "protobuf", schema, {**options, **(more or {})}, mapping=mapping or {}).map(
            payload, {}
        )
        return mapped.rows, [str(error) for error in mapped.errors], mapped.timestamps

    return make


def test_fields_are_read_by_name(shop, options, read):
    order = shop[0].Order(id=7, total=1.5, kind=3, raw=b"\x00", urgent=True)
    schema = Schema.of(ID=LONG, total=DOUBLE, kind=STRING, raw=OBJECT, urgent=BOOL, weight=FLOAT, placedAt=LONG)
    assert read(order.SerializeToString(), options, schema) == (
        [(7, 1.5, "GIFT", b"\x00", True, None, None)],
        [],
        None,
    )
    assert read(order.SerializeToString(), options, Schema.of(kind=INT))[0] == [(3,)]
    assert read(b"", options, Schema.of(id=LONG, kind=STRING))[0] == [(0, "UNKNOWN")]


def test_paths_messages_lists_and_maps(shop, options, read):
    pb = shop[0]
    order = pb.Order(customer=pb.Customer(name="ada", tags=["x", "y"]), counts={"a": 1}, others=[pb.Customer(age=3)])
    order.placed_at.FromMilliseconds(1_234)
    order.note.value = "hi"
    names = {"who": "customer.name", "tags": "$.customer.tags", "age": "customer.age", "counts": "counts"}
    mapping = {**names, "others": "others", "at": "placed_at", "note": "note"}
    schema = Schema.of(who=STRING, tags=OBJECT, age=INT, counts=OBJECT, others=OBJECT, at=LONG, note=STRING)
    rows, errors, times = read(order.SerializeToString(), options, schema, mapping, {"timestamp": "at"})
    assert errors == []
    assert rows == [("ada", ["x", "y"], None, {"a": 1}, [{"name": "", "tags": [], "age": 3}], 1234, "hi")]
    assert times == [1234]
    assert read(b"", options, schema, mapping)[0][0][0] is None


def test_an_attribute_without_a_field_is_missing(options, read):
    schema = Schema.of(id=LONG, other=STRING)
    assert read(b"", options, schema)[0] == [(0, None)]
    assert read(b"", options, schema, more={"fail.on.missing": "true"})[1] == ["field 'other' is missing"]


@pytest.mark.parametrize("payload", [b"\xff", b"\x0a\x80", "text"])
def test_what_is_no_message_is_an_error(options, read, payload):
    rows, errors, _ = read(payload, options)
    assert rows == []
    assert "not a message of shop.Order" in errors[0] or "must be bytes" in errors[0]


def test_events_are_written(shop, options, mapper, events):
    schema = Schema.of(
        id=LONG, total=DOUBLE, customer=OBJECT, kind=STRING, counts=OBJECT, others=OBJECT, placed_at=LONG, note=STRING
    )
    made = mapper("sink_mapper", "protobuf", schema, options)
    customer = {"name": "ada", "tags": ["x"], "age": None}
    row = (7, 1.5, customer, "GIFT", {"a": 1}, [{"age": 3}, {}], 1_234, "hi")
    (payload,) = made.map(events(row))
    order = shop[0].Order.FromString(payload)
    assert (order.id, order.total, order.kind, order.note.value) == (7, 1.5, 3, "hi")
    assert (order.customer.name, list(order.customer.tags), order.customer.HasField("age")) == ("ada", ["x"], False)
    assert dict(order.counts) == {"a": 1}
    assert [other.age for other in order.others] == [3, 0]
    assert order.placed_at.ToMilliseconds() == 1_234
    (empty,) = made.map(events((None,) * 8))
    assert empty == b""


@pytest.mark.parametrize(
    ("row", "message"),
    [((2**63, "GIFT"), "field 'id'"), ((1, "NOTHING"), "field 'kind' can't hold 'NOTHING'")],
)
def test_a_value_that_does_not_fit_is_an_error(options, mapper, events, row, message):
    made = mapper("sink_mapper", "protobuf", Schema.of(id=LONG, kind=STRING), options)
    with pytest.raises(MappingError, match=message):
        made.map(events(row))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs either 'class' or 'descriptor.file'"),
        ({"class": "nowhere:X"}, "can't be imported"),
        ({"class": "json:dumps"}, "is no message class"),
        ({"class": "json"}, "is no message class"),
        ({"descriptor.file": "/nowhere"}, "needs 'message'"),
        ({"descriptor.file": "/nowhere", "message": "x"}, "can't be read"),
    ],
)
def test_classes_that_are_none_are_refused(mapper, given, message):
    with pytest.raises(ConfigError, match=message):
        mapper("source_mapper", "protobuf", ORDER, given)


def test_names_that_are_none_are_refused(shop, options, mapper):
    with pytest.raises(ConfigError, match=r"no field 'nam'(.|\n)*did you mean 'name'"):
        mapper("source_mapper", "protobuf", Schema.of(a=STRING), options, mapping={"a": "customer.nam"})
    with pytest.raises(ConfigError, match="is no message"):
        mapper("source_mapper", "protobuf", Schema.of(a=STRING), options, mapping={"a": "others.name"})
    with pytest.raises(ConfigError, match="has no field for attribute 'totl'"):
        mapper("sink_mapper", "protobuf", Schema.of(totl=DOUBLE), options)
    given = {"descriptor.file": str(shop[1] / "shop.desc"), "message": "shop.Nothing"}
    with pytest.raises(ConfigError, match=r"has no message 'shop\.Nothing'"):
        mapper("source_mapper", "protobuf", ORDER, given)
