import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError
from eventflux.types.schema import Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
TRADE = Schema.of(symbol=STRING, price=DOUBLE, volume=INT)


@pytest.fixture
def read(mapper):
    def make(payload, options=None, schema=TRADE, mapping=None):
        made = mapper("source_mapper", "xml", schema, options, mapping=mapping or {})
        mapped = made.map(payload, {"p": "property"})
        return mapped.rows, [str(error) for error in mapped.errors], mapped.timestamps

    return make


@pytest.fixture
def write(mapper, events):
    def make(*rows, options=None, schema=TRADE, template=None):
        made = mapper("sink_mapper", "xml", schema, options, template=template)
        return [payload.decode() for payload in made.map(events(*rows))]

    return make


def test_events_are_read_in_the_usual_form(read):
    payload = b"""<?xml version="1.0" encoding="UTF-8"?>
        <events>
          <event><symbol>A &amp; B</symbol><price>1.5</price><volume>7</volume></event>
          <event><volume/><PRICE>2</PRICE></event>
        </events>"""
    rows, errors, _ = read(payload)
    assert (rows, errors) == ([("A & B", 1.5, 7), (None, 2.0, None)], [])
    assert read(b"<event><symbol></symbol><price>1</price></event>")[0] == [("", 1.0, None)]
    assert read("<event price='3'><symbol>ä</symbol></event>")[0] == [("ä", 3.0, None)]


def test_paths_find_elements_and_attributes(read):
    payload = b"""<feed xmlns:t="urn:t" xmlns="urn:d"><t:day date="1">
        <trade id="7" t:v="8"><stock><name>X</name><price>1</price></stock></trade>
        <trade id="9"><stock><name>Y<b>z</b></name></stock></trade></t:day></feed>"""
    options = {"enclosing.element": "//d:trade", "namespaces": "t=urn:t d=urn:d", "timestamp": "@id"}
    mapping = {"symbol": "d:stock/d:name", "price": "d:stock/d:price/text()", "volume": "@t:v"}
    rows, errors, times = read(payload, options, mapping=mapping)
    assert rows[0] == ("X", 1.0, 8)
    assert rows[1][0].startswith("<")
    assert rows[1][1:] == (None, None)
    assert (errors, times) == ([], [7, 9])
    assert read(payload, {**options, "enclosing.element": "/d:feed/t:day/d:trade"}, mapping=mapping)[0] == rows
    assert read(payload, {**options, "enclosing.element": "//d:nothing"}, mapping=mapping)[0] == []


def test_transport_properties_can_be_mapped(read):
    rows, _, _ = read(b"<e><price>1</price></e>", mapping={"symbol": "trp:p", "price": "price", "volume": "volume"})
    assert rows == [("property", 1.0, None)]


def test_nil_is_null_and_missing_may_be_an_error(read):
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    rows, _, _ = read(f"<e {xsi}><symbol xsi:nil='true'/><price>1</price><volume>2</volume></e>")
    assert rows == [(None, 1.0, 2)]
    _, errors, _ = read(b"<e><price>1</price></e>", {"fail.on.missing": "true"})
    assert errors == ["field 'symbol' is missing"]


def test_a_bad_event_fails_alone(read):
    payload = b"<events><event><price>x</price></event><event><price>2</price></event></events>"
    rows, errors, _ = read(payload)
    assert rows == [(None, 2.0, None)]
    assert errors == ["field 'price' must be a number (DOUBLE), got 'x'"]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"<a><b></a>", "not XML: mismatched tag"),
        (b"", "not XML: no element found"),
        (b"<a/><b/>", "not XML: junk after document element"),
        (b"\xff\xfe\x00", "not XML"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document types and entities are not taken"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document types and entities are not taken"),
        (b"<a>" * 300 + b"</a>" * 300, "nested more than 256 deep"),
        (7, "must be a text, got int"),
    ],
)
def test_what_is_not_taken_is_an_error(read, payload, message):
    rows, errors, _ = read(payload)
    assert rows == []
    assert message in errors[0]
    assert read(payload, {"ignore-parse-errors": "true"})[:2] == ([], [])


@pytest.mark.parametrize(
    ("options", "mapping", "message"),
    [
        ({"enclosing.element": "//a["}, {}, "is not a path that is known here"),
        ({}, {"symbol": "x:y", "price": "a", "volume": "b"}, "is not a path that is known here"),
        ({}, {"symbol": "@x:y", "price": "a", "volume": "b"}, "namespace 'x' is not among"),
        ({"namespaces": "x"}, {}, "must be prefix=uri"),
    ],
)
def test_paths_that_are_none_are_refused(read, options, mapping, message):
    with pytest.raises(ConfigError, match=message):
        read(b"<a/>", options, mapping=mapping)


def test_events_are_written(write):
    assert write(('<"A" & B>', 1.0, None), ("", 0.1, 2)) == [
        "<events><event><symbol>&lt;&quot;A&quot; &amp; B&gt;</symbol><price>1.0</price></event></events>",
        "<events><event><symbol></symbol><price>0.1</price><volume>2</volume></event></events>",
    ]
    options = {"enclosing.element": "", "event.element": "trade"}
    assert write(("a", 1.5, 1), options=options) == [
        "<trade><symbol>a</symbol><price>1.5</price><volume>1</volume></trade>"
    ]


def test_templates_escape_their_values(write):
    template = '<t s="{{symbol}}">{{price}}</t>'
    assert write(('"<\r', 1.5, 1), template=template) == ['<t s="&quot;&lt;&#13;">1.5</t>']


def test_a_character_that_xml_cannot_hold_is_an_error(write):
    with pytest.raises(MappingError, match="can't hold"):
        write(("\x00", 1.0, 1))


def test_what_is_written_can_be_read(read, write):
    schema = Schema.of(b=BOOL, i=INT, n=LONG, f=FLOAT, d=DOUBLE, s=STRING)
    row = (True, -1, 2**62, 1.5, 1e-300, " é\n\"'<>&\t")
    for payload in write(row, schema=schema):
        assert read(payload.encode(), schema=schema)[0] == [row]


def test_names_that_are_none_are_refused(write):
    with pytest.raises(ConfigError, match="is not the name of an element"):
        write(options={"event.element": "a b"})
