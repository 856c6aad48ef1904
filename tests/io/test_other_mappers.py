import msgpack
import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError
from eventflux.types.schema import Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
PAIR = Schema.of(name=STRING, took=INT)


def messages(mapped):
    return [error.message for error in mapped.errors]


def test_text_groups_become_attributes_in_order(mapper):
    made = mapper("source_mapper", "text", PAIR, {"regex": r"(\w+) took (\d+) ms"})
    assert made.map("load took 12 ms", {}).rows == [("load", 12)]
    assert messages(made.map("nothing", {})) == ["no regular expression matches"]


def test_text_groups_become_attributes_by_name_and_by_mapping(mapper):
    named = mapper("source_mapper", "text", PAIR, {"regex": r"(?P<took>\d+) (?P<name>\w+)"})
    assert named.map("12 load", {}).rows == [("load", 12)]
    mapped = mapper(
        "source_mapper",
        "text",
        PAIR,
        {"regex.A": r"(\w+)=", "regex.B": r"=(\d+)"},
        mapping={"name": "A[1]", "took": "B[1]"},
    )
    assert mapped.map("load=12", {}).rows == [("load", 12)]
    with pytest.raises(ConfigError, match="names no regular expression"):
        mapper("source_mapper", "text", PAIR, {"regex.A": "(x)"}, mapping={"name": "C[1]", "took": "A[1]"})
    with pytest.raises(ConfigError, match="not a regular expression"):
        mapper("source_mapper", "text", PAIR, {"regex": "("})


def test_text_lines_of_names_and_values(mapper):
    made = mapper("source_mapper", "text", PAIR)
    assert made.map('name:"load"\ntook:12', {}).rows == [("load", 12)]
    assert made.map("name:null,\ntook:12", {}).rows == [(None, 12)]
    grouped = mapper("source_mapper", "text", PAIR, {"event.grouping": "true", "delimiter": "\n--\n"})
    assert grouped.map("took:1\n--\ntook:x\n--\ntook:3", {}).rows == [(None, 1), (None, 3)]


def test_text_is_written_by_template_or_as_lines(mapper, events):
    template = mapper("sink_mapper", "text", PAIR, template="{{name}} took {{took}} at {{_timestamp}} in {{_app}}")
    assert template.map(events(("load", 12))) == [b"load took 12 at 1000 in App"]
    assert mapper("sink_mapper", "text", PAIR).map(events(("load", None))) == [b'name:"load"\ntook:null']


def test_bytes_carry_one_attribute(mapper, events):
    schema = Schema.of(key=STRING, body=OBJECT)
    made = mapper("source_mapper", "bytes", schema, {"field": "body"}, mapping={"key": "trp:key"})
    assert made.map(bytearray(b"\x00\xff"), {"key": "k"}).rows == [("k", b"\x00\xff")]
    assert mapper("sink_mapper", "bytes", schema, {"field-index": "1"}).map(events(("k", b"\x01"))) == [b"\x01"]
    with pytest.raises(MappingError, match="must hold bytes or a text, got int"):
        mapper("sink_mapper", "bytes", schema, {"field": "body"}).map(events(("k", 5)))
    with pytest.raises(ConfigError, match="is no attribute"):
        mapper("sink_mapper", "bytes", schema, {"field": "other"})
    with pytest.raises(ConfigError, match="fills an OBJECT or STRING"):
        mapper("source_mapper", "bytes", PAIR, {"field": "took"})


@pytest.mark.parametrize("layout", ["map", "array"])
def test_msgpack_reads_back_what_it_writes(mapper, events, layout):
    schema = Schema.of(b=BOOL, i=INT, l=LONG, f=FLOAT, d=DOUBLE, s=STRING, o=OBJECT)
    row = (True, 1, 2**40, 0.5, 1.5, "ä", {"k": [1, None]})
    payload = mapper("sink_mapper", "msgpack", schema, {"layout": layout}).map(events(row))[0]
    assert mapper("source_mapper", "msgpack", schema, {"layout": layout}).map(payload, {}).rows == [row]


def test_msgpack_payloads_may_hold_many_events(mapper):
    maps = msgpack.packb([{"name": "a"}, 5, {"name": "c", "took": 3}])
    mapped = mapper("source_mapper", "msgpack", PAIR).map(maps, {})
    assert mapped.rows == [("a", None), ("c", 3)]
    assert messages(mapped) == ["an event must be a map, got 5"]
    rows = msgpack.packb([["a", 1], ["b"]])
    mapped = mapper("source_mapper", "msgpack", PAIR, {"layout": "array", "schema": "true"}).map(rows, {})
    assert mapped.rows == [("a", 1)]
    assert messages(mapped) == ["an event must be an array of 2 values, got ['b']"]


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x81\xa1a", "text", b"\x81\x01\x02\x03"])
def test_what_is_not_msgpack_is_one_error(mapper, payload):
    mapped = mapper("source_mapper", "msgpack", PAIR).map(payload, {})
    assert (mapped.rows, len(mapped.errors)) == ([], 1)


def test_pass_through_takes_events_rows_and_mappings(mapper, events):
    made = mapper("source_mapper", "passThrough", PAIR)
    assert made.map(("a", 1), {}).rows == [("a", 1)]
    assert made.map({"took": 1}, {}).rows == [(None, 1)]
    event = made.map(events(("a", 1))[0], {})
    assert (event.rows, event.timestamps) == ([("a", 1)], [1000])
    many = made.map([("a", 1), events(("b", 2))[0], {"zz": 1}, ("c",)], {})
    assert (many.rows, many.timestamps) == ([("a", 1), ("b", 2)], [None, 1000])
    assert messages(many) == ["unknown field 'zz'", "a row must have 2 values, got 1"]


def test_pass_through_maps_positions(mapper):
    made = mapper("source_mapper", "passThrough", PAIR, mapping={"name": "1", "took": "0"})
    assert made.map((5, "a"), {}).rows == [("a", 5)]
    assert messages(made.map((5,), {})) == ["a row of 1 values is too short for the mapping"]


def test_pass_through_hands_events_over(mapper, events):
    given = events(("a", 1), ("b", 2))
    assert mapper("sink_mapper", "passThrough", PAIR).map(given) == given
