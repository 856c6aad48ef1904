import pytest

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError
from eventflux.types.schema import Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
TRADES = Schema.of(symbol=STRING, price=DOUBLE, volume=LONG)


@pytest.fixture
def reader(mapper):
    return lambda schema=TRADES, options=None, **context: mapper("source_mapper", "csv", schema, options, **context)


@pytest.fixture
def writer(mapper):
    return lambda schema=TRADES, options=None, **context: mapper("sink_mapper", "csv", schema, options, **context)


def messages(mapped):
    return [error.message for error in mapped.errors]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("A,1.5,7", ("A", 1.5, 7)),
        ('"A,B",1,2', ("A,B", 1.0, 2)),
        ('"say ""hi""",1,2', ('say "hi"', 1.0, 2)),
        (",,", (None, None, None)),
        ('"",1,2', ("", 1.0, 2)),
        (" A , 1 , 2 ", (" A ", 1.0, 2)),
        ("A,1e3,-5", ("A", 1000.0, -5)),
        ("A", ("A", None, None)),
    ],
)
def test_a_record_becomes_a_row(reader, line, row):
    mapped = reader().map(line, {})
    assert (mapped.rows, mapped.errors) == ([row], [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A,x,7", "field 'price' must be a number (DOUBLE), got 'x'"),
        ("A,1_0,7", "field 'price' must be a number (DOUBLE), got '1_0'"),
        ("A,1,7.5", "field 'volume' must be a whole number (LONG), got '7.5'"),
        ("A,1,9223372036854775808", "field 'volume' must be a whole number (LONG), got '9223372036854775808'"),
        ('"A,1,7', "a quote is not closed"),
        ('"A"x,1,7', "text behind a closing quote at character 4"),
    ],
)
def test_a_bad_record_is_one_error(reader, line, message):
    mapped = reader().map(line, {})
    assert (mapped.rows, messages(mapped)) == ([], [message])


def test_a_header_names_the_fields(reader):
    made = reader(options={"header": "true"})
    assert made.map("volume,other,SYMBOL", {}).rows == []
    assert made.map("7,x,A", {}).rows == [("A", None, 7)]
    made.start_of_input()
    assert made.map("symbol,price,volume", {}).rows == []
    assert made.map("B,1,2", {}).rows == [("B", 1.0, 2)]


def test_a_whole_text_may_be_one_payload(reader):
    made = reader(options={"header": "true", "skip-lines": "1"})
    mapped = made.map('# made by hand\nsymbol,price,volume\r\n"A\nB",1,2\r\n\nC,3,4', {})
    assert mapped.rows == [("A\nB", 1.0, 2), ("C", 3.0, 4)]


def test_fields_are_mapped_by_index_or_name(reader):
    by_index = reader(mapping={"symbol": "2", "price": "0", "volume": "1"})
    assert by_index.map("1,2,A", {}).rows == [("A", 1.0, 2)]
    by_name = reader(options={"header": "true"}, mapping={"symbol": "s", "price": "p", "volume": "v"})
    assert by_name.map("p,v,s\n1,2,A", {}).rows == [("A", 1.0, 2)]
    wrong = reader(options={"header": "true"}, mapping={"symbol": "zz", "price": "p", "volume": "v"})
    assert messages(wrong.map("p,v,s", {})) == ["the header has no field 'zz': p, v, s"]


def test_a_name_without_a_header_is_refused(reader):
    with pytest.raises(ConfigError, match="is not the index of a field"):
        reader(mapping={"symbol": "s", "price": "1", "volume": "2"})


def test_separators_can_be_chosen(reader):
    assert reader(options={"delimiter": "\\t", "quote": "'"}).map("'A\tB'\t1\t2", {}).rows == [("A\tB", 1.0, 2)]
    assert reader(options={"escape": "\\"}).map('"A\\"B",1,2', {}).rows == [('A"B', 1.0, 2)]
    with pytest.raises(ConfigError, match="one character"):
        reader(options={"delimiter": "ab"})


def test_a_text_may_mean_null(reader):
    assert reader(options={"null": "NA"}).map("NA,NA,7", {}).rows == [(None, None, 7)]


def test_a_missing_field_is_an_error_on_demand(reader):
    assert messages(reader(options={"fail.on.missing": "true"}).map("A,1", {})) == ["field 'volume' is missing"]


def test_the_events_time_comes_from_a_field(reader):
    made = reader(options={"header": "true", "timestamp": "at", "timestamp-format": "yyyy-MM-dd HH:mm"})
    mapped = made.map("symbol,at\nA,1970-01-01 00:01\nB,\nC,x", {})
    assert mapped.timestamps == [60_000]
    assert messages(mapped) == ["the timestamp is missing", "timestamp: 'x' is not of the form 'yyyy-MM-dd HH:mm'"]


def test_bytes_must_be_utf8(reader):
    assert messages(reader().map(b"\xff,1,2", {}))[0].startswith("not UTF-8")
    assert reader(options={"header": "true"}).map(b"\xef\xbb\xbfsymbol\nA", {}).rows == [("A", None, None)]


def test_rows_are_written_and_quoted_where_needed(writer, events):
    payloads = writer().map(events(("A", 1.5, 7), ("B,C", None, 0), ('say "hi"', 1.0, 1), ("", 1.0, 1)))
    assert payloads == [b"A,1.5,7", b'"B,C",,0', b'"say ""hi""",1.0,1', b'"",1.0,1']


def test_every_field_can_be_quoted(writer, events):
    assert writer(options={"quote.all": "true"}).map(events(("A", 1.5, None))) == [b'"A","1.5",']


def test_a_header_has_the_names_or_others(writer):
    assert writer(options={"include-header": "true"}).header == b"symbol,price,volume"
    assert writer(options={"include-header": "true", "header-names": "a, b, c"}).header == b"a,b,c"
    assert writer().header is None
    with pytest.raises(ConfigError, match="header-names has 2 names"):
        writer(options={"header-names": "a,b"})


def test_a_template_quotes_its_values(writer, events):
    assert writer(template="{{volume}}|{{symbol}}").map(events(("A,B", 1.0, 7))) == [b'7|"A,B"']


def test_what_is_written_reads_back(reader, writer, events):
    rows = [("a\nb", 0.1, -1), ('"', 1e300, 2**62), (",", -0.0, 0), (None, None, None), ("", 1.0, 1)]
    payloads = writer().map(events(*rows))
    assert [reader().map(payload, {}).rows[0] for payload in payloads] == rows
