import json
import math

import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError
from eventflux.types.schema import Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
TRADES = Schema.of(symbol=STRING, price=DOUBLE, volume=LONG)
ALL = Schema.of(b=BOOL, i=INT, l=LONG, f=FLOAT, d=DOUBLE, s=STRING, o=OBJECT)


@pytest.fixture
def read(mapper):
    def make(schema, options=None, **context):
        made = mapper("source_mapper", "json", schema, options, **context)
        return lambda payload, properties=None: made.map(payload, properties or {})

    return make


@pytest.fixture
def write(mapper):
    def make(schema, options=None, **context):
        made = mapper("sink_mapper", "json", schema, options, **context)
        return lambda events: [payload.decode() for payload in made.map(events)]

    return make


def messages(mapped):
    return [error.message for error in mapped.errors]


def test_fields_are_matched_by_name_in_any_order(read):
    mapped = read(TRADES)(b'{"volume": 7, "symbol": "A", "price": 1.5, "more": []}')
    assert mapped.rows == [("A", 1.5, 7)]
    assert mapped.timestamps is None
    assert not mapped.errors


def test_a_name_is_matched_in_any_case_if_only_one_field_fits(read):
    assert read(TRADES)('{"SYMBOL": "A", "Price": 1, "volume": 2}').rows == [("A", 1.0, 2)]
    assert read(TRADES)('{"SYMBOL": "A", "Symbol": "B"}').rows == [(None, None, None)]


def test_missing_fields_and_nulls_are_null(read):
    assert read(TRADES)('{"price": null}').rows == [(None, None, None)]


def test_a_missing_field_is_an_error_on_demand(read):
    assert messages(read(TRADES, {"fail.on.missing": "true"})('{"symbol": "A"}')) == ["field 'price' is missing"]


def test_an_unknown_field_is_an_error_on_demand(read):
    assert messages(read(TRADES, {"fail.on.unknown": "true"})('{"x": 1}')) == ["unknown field 'x'"]


def test_a_list_gives_many_events_and_one_bad_event_fails_alone(read):
    mapped = read(TRADES)('[{"symbol": "A"}, {"symbol": 5}, {"symbol": "C"}]')
    assert [row[0] for row in mapped.rows] == ["A", "C"]
    assert messages(mapped) == ["field 'symbol' must be a text (STRING), got 5"]
    assert mapped.errors[0].position == 1


def test_paths_lead_into_nested_values(read):
    paths = {"symbol": "$.s", "price": "$.quote.prices[1]", "volume": "$['vol ume']"}
    mapped = read(TRADES, mapping=paths)('{"s": "A", "quote": {"prices": [1, 2.5]}, "vol ume": 3}')
    assert mapped.rows == [("A", 2.5, 3)]


def test_an_enclosing_element_holds_the_events(read):
    mapped = read(TRADES, {"enclosing.element": "$.data.events[*]"})('{"data": {"events": [{"symbol": "A"}]}}')
    assert mapped.rows == [("A", None, None)]
    missing = read(TRADES, {"enclosing.element": "$.data"})("{}")
    assert messages(missing) == ["enclosing element '$.data' is missing"]


def test_transport_properties_fill_attributes(read):
    mapped = read(TRADES, mapping={"symbol": "trp:topic"})('{"price": 1}', {"topic": "quotes"})
    assert mapped.rows == [("quotes", 1.0, None)]


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("b", "true", True),
        ("i", "7.0", 7),
        ("l", "9007199254740993", 9007199254740993),
        ("l", "-9223372036854775808", -(2**63)),
        ("f", "1", 1.0),
        ("d", "1e308", 1e308),
        ("s", '{"a":[1, 2]}', '{"a":[1,2]}'),
        ("s", '"\\ud83d\\ude00"', "😀"),
        ("o", '{"a": [1]}', {"a": [1]}),
        ("o", "5", 5),
    ],
)
def test_values_become_attributes_without_loss(read, field, text, value):
    mapped = read(ALL)(f'{{"{field}": {text}}}')
    assert mapped.rows[0][ALL.position(field)] == value


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("b", "1", "true or false (BOOL), got 1"),
        ("i", "1.5", "a whole number (INT), got 1.5"),
        ("i", "2147483648", "a whole number (INT), got 2147483648"),
        ("l", "9223372036854775808", "a whole number (LONG), got 9223372036854775808"),
        ("i", "true", "a whole number (INT), got True"),
        ("d", '"1"', "a number (DOUBLE), got '1'"),
        ("f", "1e39", "a number (FLOAT), got 1e+39"),
        ("s", "5", "a text (STRING), got 5"),
    ],
)
def test_values_that_do_not_fit_are_refused(read, field, text, expected):
    assert messages(read(ALL)(f'{{"{field}": {text}}}')) == [f"field '{field}' must be {expected}"]


def test_lenient_reads_numbers_and_booleans_from_texts(read):
    assert read(ALL, {"lenient": "true"})('{"i": "7", "b": "TRUE", "d": "1.5"}').rows == [
        (True, 7, None, None, 1.5, None, None)
    ]


@pytest.mark.parametrize("payload", ["", "{", "[1, 2", "nul", '{"a": NaN}', "Infinity", b"\xff", "[" * 100_000])
def test_what_is_not_json_is_one_error(read, payload):
    mapped = read(TRADES)(payload)
    assert not mapped.rows
    assert len(mapped.errors) == 1
    assert mapped.errors[0].message.startswith("not JSON: ")


def test_parse_errors_can_be_passed_over(read):
    mapped = read(TRADES, {"ignore-parse-errors": "true"})("{")
    assert not mapped.rows
    assert not mapped.errors


def test_the_events_time_comes_from_an_attribute_or_a_field(read):
    assert read(TRADES, {"timestamp": "volume"})('{"volume": 5}').timestamps == [5]
    with_field = read(TRADES, {"timestamp": "$.meta.at"})
    assert with_field('{"symbol": "A", "meta": {"at": "1970-01-01T00:00:01Z"}}').timestamps == [1000]
    assert messages(with_field('{"symbol": "A"}')) == ["the timestamp is missing"]
    assert with_field('{"symbol": "A"}').rows == []


def test_date_texts_become_longs(read):
    assert read(TRADES, {"date-format": "yyyy-MM-dd"})('{"volume": "1970-01-02"}').rows == [(None, None, 86_400_000)]


@pytest.mark.parametrize(
    ("options", "mapping"),
    [
        ({}, {"symbol": "$..x"}),
        ({}, {"symbol": "$.a[*]"}),
        ({"enclosing.element": "$[*].a"}, {}),
        ({"timestamp": "volume", "timestamp-format": "QQ"}, {}),
    ],
)
def test_options_that_cannot_work_are_refused(mapper, options, mapping):
    with pytest.raises(ConfigError):
        mapper("source_mapper", "json", TRADES, options, mapping=mapping)


def test_an_event_is_written_as_an_object(write, events):
    assert write(TRADES)(events(('A"', 1.5, 7), (None, None, None))) == [
        '{"symbol":"A\\"","price":1.5,"volume":7}',
        '{"symbol":null,"price":null,"volume":null}',
    ]


def test_nulls_can_be_left_out(write, events):
    assert write(TRADES, {"include.nulls": "false"})(events((None, 1.0, None))) == ['{"price":1.0}']


def test_a_float_is_written_as_short_as_it_reads_back(write, events):
    assert write(Schema.of(f=FLOAT))(events((0.10000000149011612,), (3.4028234663852886e38,), (16777216.0,))) == [
        '{"f":0.1}',
        '{"f":3.4028235e+38}',
        '{"f":16777216.0}',
    ]


def test_nan_is_null_or_a_text(write, events):
    assert write(Schema.of(d=DOUBLE))(events((math.nan,), (math.inf,))) == ['{"d":null}', '{"d":null}']
    assert write(Schema.of(d=DOUBLE), {"nan": "string"})(events((-math.inf,))) == ['{"d":"-inf"}']


def test_objects_are_written_as_json(write, events):
    assert write(Schema.of(o=OBJECT))(events(({"a": [1, None]},), ({3},))) == ['{"o":{"a":[1,null]}}', '{"o":[3]}']


def test_pretty_printing_keeps_the_value(write, events):
    text = write(TRADES, {"pretty-print": "true"})(events(("A", 1.5, 7)))[0]
    assert "\n" in text
    assert json.loads(text) == {"symbol": "A", "price": 1.5, "volume": 7}


def test_a_template_takes_json_values(write, events):
    template = '{"s": {{symbol}}, "at": {{_timestamp}}, "from": {{_stream}}, "p": [{{ price }}]}'
    text = write(TRADES, template=template)(events(('A"b', 1.5, 7)))[0]
    assert json.loads(text) == {"s": 'A"b', "at": 1000, "from": "S", "p": [1.5]}


def test_a_template_that_is_not_json_is_refused(mapper):
    with pytest.raises(ConfigError, match="not JSON"):
        mapper("sink_mapper", "json", TRADES, template='{"s": {{symbol}}')


def test_a_template_with_an_unknown_name_is_refused(mapper):
    with pytest.raises(ConfigError, match=r"template names 'prise'(.|\n)*did you mean 'price'"):
        mapper("sink_mapper", "json", TRADES, template='{"s": {{prise}}}')


def test_what_is_written_reads_back(read, write, events):
    row = (True, -(2**31), 2**63 - 1, 0.5, 1e-300, "ä\n\u2028😀", {"k": ["v", None, 1.5]})
    assert read(ALL)(write(ALL)(events(row))[0]).rows == [row]
