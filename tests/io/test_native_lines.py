"""The native way through blocks of lines gives what the general way gives: rows, times, errors, in order."""

import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux.extension import MapperContext, parse_options
from eventflux.extension.kinds.source import BlockOrigin
from eventflux.io.source_feed import SourceFeed
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

testing = pytest.importorskip("eventflux.engine._native_testing", reason="the testing module is not built")

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
SCHEMA = Schema.of(b=BOOL, i=INT, n=LONG, f=FLOAT, d=DOUBLE, s=STRING, Name=STRING)
ELEMENT = {BOOL: "uint8_t", INT: "int32_t", LONG: "int64_t", FLOAT: "float", DOUBLE: "double"}


def native_values(column, rows):
    """The values of a native column."""
    ffi = testing.ffi
    kind = AttributeType(column.type)
    values = []
    for row in range(rows):
        if column.validity != ffi.NULL and not column.validity[row // 8] >> row % 8 & 1:
            values.append(None)
        elif kind is STRING:
            cell = bytes(ffi.buffer(ffi.cast("char *", column.values) + 16 * row, 16))
            length = int.from_bytes(cell[:4], "little")
            if length > 12:
                text = bytes(ffi.buffer(ffi.cast("char *", int.from_bytes(cell[8:], "little")), length))
                assert cell[4:8] == text[:4]
            else:
                text = cell[4 : 4 + length]
                assert not any(cell[4 + length :])
            values.append(text.decode())
        else:
            value = ffi.cast(f"{ELEMENT[kind]} *", column.values)[row]
            values.append(bool(value) if kind is BOOL else value)
    return values


def batch_of(native):
    return testing.ffi.cast("ef_batch *", native.address)


class Rows:
    """Records rows; with `is_native` it takes native batches too."""

    def __init__(self, *, is_native):
        self.rows = []
        self.timestamps = []
        self.native_rows = 0
        if is_native:
            self.send_native_batch = self._take

    def send(self, row, timestamp=None):
        return self.send_many([row], None if timestamp is None else [timestamp])

    def send_many(self, rows, timestamps=None):
        self.rows += rows
        self.timestamps += [None] * len(rows) if timestamps is None else timestamps
        return len(rows)

    def _take(self, native):
        batch = batch_of(native)
        columns = [native_values(batch.column[c], batch.rows) for c in range(batch.columns)]
        self.rows += zip(*columns, strict=True)
        has_times = batch.timestamps != testing.ffi.NULL
        self.timestamps += [batch.timestamps[row] for row in range(batch.rows)] if has_times else [None] * batch.rows
        self.native_rows += batch.rows
        return batch.rows


class Failures:
    def __init__(self):
        self.seen = []

    def handle(self, event):
        self.seen.append((str(event.error), event.where))


def same(value):
    """A value as it can be compared: floats by their bits, as a FLOAT column holds them."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    return value


def single(schema, row):
    return tuple(
        struct.unpack("<f", struct.pack("<f", value))[0] if kind is FLOAT and value is not None else value
        for kind, value in zip(schema.types, row, strict=True)
    )


def fed(registry, name, schema, options, block, *, is_native, mapping=None, delimiter=b"\n"):
    declaration = registry.get("source_mapper", name)
    parsed, problems = parse_options(declaration, options)
    assert not problems
    mapper = declaration.factory()
    mapper.configure(MapperContext(app_name="A", stream="S", schema=schema, options=parsed, mapping=mapping or {}))
    rows, failures = Rows(is_native=is_native), Failures()
    feed = SourceFeed(mapper, rows, failures, name="test")
    feed.block(block, delimiter, BlockOrigin(name="f"))
    return rows, failures.seen


def compare(registry, name, schema, options, lines, mapping=None, delimiter=b"\n"):
    block = b"".join(line + delimiter for line in lines)
    more = {"mapping": mapping, "delimiter": delimiter}
    native, native_errors = fed(registry, name, schema, options, block, is_native=True, **more)
    general, general_errors = fed(registry, name, schema, options, block, is_native=False, **more)
    expected = [[same(value) for value in single(schema, row)] for row in general.rows]
    assert [[same(value) for value in single(schema, row)] for row in native.rows] == expected
    assert native.timestamps == general.timestamps
    assert native_errors == general_errors
    return native, native_errors


NUMBERS = [
    "0", "-0", "-0.0", "1", "-1", "7.0", "01", "-", "+1", "1.", ".5", "1e3", "1E-3", "1e+400", "1e-400", "-1e400",
    "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "9007199254740993", "0.1", "123456789012345678901234567890",
    "3.4028234663852886e38", "3.4028235677973366e38", "3.5e38", "2.2250738585072014e-308", "5e-324",
    "0.3000000000000000444089209850062616169452667236328125", "1e22", "1e23", "8.5e15", "NaN", "Infinity", "1_0", "0x1",
    "1" + "0" * 400,
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_in_json(registry, number):
    compare(registry, "json", SCHEMA, {}, [f'{{"{name}": {number}}}'.encode() for name in SCHEMA.names])


@pytest.mark.parametrize(
    "number", [*NUMBERS, " 7 ", "\t1.5", "True", "FALSE", "tru", "inf", "nan", "-inf", '"5"', '""']
)
def test_values_in_csv(registry, number):
    lines = [b",".join(number.encode() if c == at else b"" for c in range(7)) for at in range(7)]
    compare(registry, "csv", SCHEMA, {}, lines)


JSON_LINES = [
    b'{"b":true,"i":1,"n":2,"f":0.5,"d":1.5,"s":"a","Name":"b"}',
    b'{"d":1,"s":"longer than twelve bytes","x":{"y":[1,{"z":"]"}]},"i":5}',
    b'{ "s" : "a" , "i" : null }',
    b"\t{}\r",
    b"",
    b"   ",
    b"[]",
    b'[{"i":1},{"i":2}]',
    b"{",
    b'{"i":1',
    b'{"i":1}x',
    b'{"i":1,}',
    b'{"i" 1}',
    b"{i:1}",
    b'{"i":1 "n":2}',
    b'{"i":tru}',
    b'{"x":tru}',
    b'{"x":[1,2}',
    b'{"x":{"a" 1}}',
    b'{"x":{"a":1,}}',
    b'{"x":[1,]}',
    b'{"x":"a\\q"}',
    b'{"x":"\\u12"}',
    b'{"x":"\\ud83d"}',
    b'{"x":' + b"[" * 70 + b"]" * 70 + b"}",
    b'{"x":' + b"[" * 70 + b"}" * 70 + b"}",
    b'{"s":"\\ud83d\\ude00 \\" \\\\ \\/ \\b\\f\\n\\r\\t \\u00e9\\u0000"}',
    b'{"s":"\\ud83d"}',
    b'{"s":"\\ude00\\ud83d"}',
    b'{"s":"\\ud83dx"}',
    b'{"s":"tab\there"}',
    b'{"s":"\x00"}',
    '{"s":"ä😀 wide and longer than twelve"}'.encode(),
    b'{"s":"\xff"}',
    b'{"s":"\xed\xa0\x80"}',
    b"\xef\xbb\xbf{}",
    b'{"i":1,"i":2}',
    b'{"i":1,"i":null}',
    b'{"i":null,"i":3}',
    b'{"name":"other case"}',
    b'{"NAME":"x","Name":"y"}',
    b'{"NAME":"x","nAME":"y"}',
    '{"ſ":"long s"}'.encode(),
    '{"ß":"sharp s", "naïve": 1}'.encode(),
    b'{"\\u0069":7}',
    b'{"":1}',
    b'{"s":{"nested":[1, 2]}}',
    b'{"s":[1,"a"]}',
    b'{"s":5}',
    b'{"i":"5"}',
    b'{"b":1}',
    b'{"d":true}',
    b'{"n":1e2}',
    b"5",
    b"null",
    b'"text"',
]


@pytest.mark.parametrize("options", [{}, {"fail.on.missing": "true"}, {"fail.on.unknown": "true"}, {"lenient": "true"}])
@pytest.mark.parametrize("line", JSON_LINES)
def test_lines_of_json(registry, line, options):
    compare(registry, "json", SCHEMA, options, [line])


def test_a_block_of_all_of_them(registry):
    native, errors = compare(registry, "json", SCHEMA, {}, JSON_LINES * 3)
    assert native.native_rows > 20
    assert len(errors) > 30
    assert errors[0][1] == "f:5" or errors[0][1].startswith("f:")


def test_a_missing_field_is_not_hidden_by_a_repeated_one(registry):
    lines = [b'{"i":1,"i":2}', b'{"i":1,"n":2}']
    native, errors = compare(registry, "json", Schema.of(i=INT, n=LONG), {"fail.on.missing": "true"}, lines)
    assert native.rows == [(1, 2)]
    assert errors == [("field 'n' is missing", "f:1")]


def test_plain_lines_go_the_native_way(registry):
    lines = [b'{"b":true,"i":%d,"n":2,"f":0.5,"d":1.5,"s":"a","Name":"b"}' % i for i in range(10_000)]
    native, _ = compare(registry, "json", SCHEMA, {}, lines)
    assert native.native_rows == 10_000


def test_more_columns_than_a_word_has_bits(registry):
    schema = Schema.of(**{f"c{i}": LONG for i in range(130)})
    lines = [json.dumps({f"c{i}": i for i in range(130) if (i + row) % 3}).encode() for row in range(20)]
    native, _ = compare(registry, "json", schema, {}, lines)
    assert native.native_rows == 20


def test_fields_are_found_where_the_mapping_says(registry):
    mapping = {"i": "$.j", "s": "['t x']"}
    lines = [b'{"j":1,"t x":"a","i":5}', b'{"J":2}', b'{"s":"b"}']
    native, _ = compare(registry, "json", Schema.of(i=INT, s=STRING), {}, lines, mapping)
    assert native.rows == [(1, "a"), (None, None), (None, None)]
    assert native.native_rows > 0


TIMES = [
    b'{"s":"2024-01-31T12:00:00Z","n":1706702400000}',
    b'{"s":"2024-02-30","n":-1}',
    b'{"s":"2023-02-29","n":1}',
    b'{"s":"2024-02-29 23:59","n":1}',
    b'{"s":"2024-01-31T13:00:00.123456+01:00","n":1}',
    b'{"s":"2024-01-31T13:00:00,5-0130","n":1}',
    b'{"s":"0001-01-01","n":1}',
    b'{"s":"0000-01-01","n":1}',
    b'{"s":"1969-12-31T23:59:59.999","n":1}',
    b'{"s":"1700000000000","n":1}',
    b'{"s":"2024-01-31T24:00:00Z","n":1}',
    b'{"s":"2024-01-31T12:00:00 Z","n":1}',
    b'{"s":" 2024-01-31 ","n":1}',
    b'{"s":"yesterday","n":null}',
    b'{"n":9223372036854775807}',
    b"{}",
]


@pytest.mark.parametrize("form", ["auto", "iso", "epoch-s", "epoch-us", "epoch-ns", "yyyy-MM-dd"])
@pytest.mark.parametrize("field", ["s", "n", "$.s", "other"])
def test_the_time_of_an_event(registry, field, form):
    options = {"timestamp": field, "timestamp-format": form}
    compare(registry, "json", Schema.of(s=STRING, n=LONG), options, TIMES)
    compare(registry, "json", Schema.of(n=LONG), options, TIMES)


CSV_LINES = [
    b"true,1,2,0.5,1.5,a,b",
    b",,,,,,",
    b"",
    b"true",
    b"true,1,2,0.5,1.5,a,b,extra,more",
    b'true,1,2,0.5,1.5,"a, with ""quotes"" and more",b',
    b'true,1,2,0.5,1.5,"",b',
    b'true,1,2,0.5,1.5,"open,b',
    b'true,1,2,0.5,1.5,"a"x,b',
    b'true,1,2,0.5,1.5,x"a"",b',
    b'"true","1","2","0.5","1.5","a","b"',
    b'"tr""ue",1,2,0.5,1.5,a,b',
    b"true,1,2,0.5,1.5,NA,NA\r",
    b'NA,NA,NA,NA,"NA",NA,N',
    "true,1,2,0.5,1.5,ä😀 wide and longer than twelve,b".encode(),
    b"true,1,2,0.5,1.5,\xff,b",
    b"yes,1,2,0.5,1.5,a,b",
    b"true,007,+2,00.5,.5,a,b",
    b"true,\xc2\xa07,2,0.5,1.5,a,b",
    b"true,1.0,2,0.5,1.5,a,b",
    b"true,1,2,1e39,1.5,a,b",
    "true,1,2,0.5,1.5,line\u2028separator,b".encode(),
]


@pytest.mark.parametrize(
    "options", [{}, {"null": "NA"}, {"null": ""}, {"fail.on.missing": "true"}, {"delimiter": "\\t"}, {"quote": "'"}]
)
@pytest.mark.parametrize("line", CSV_LINES)
def test_lines_of_csv(registry, line, options):
    if "delimiter" in options:
        line = line.replace(b",", b"\t")
    compare(registry, "csv", SCHEMA, options, [line])


def test_a_header_binds_the_native_decoder(registry):
    lines = [
        b"skipped",
        b"n,zz,s,when",
        b"1,x,a,1970-01-01T00:00:01Z",
        b'2,y,"b",1970-01-01',
        b"x,,,",
        b"3,,c,1970-01-02",
    ]
    options = {"header": "true", "skip-lines": "1", "timestamp": "when", "timestamp-format": "iso"}
    native, errors = compare(registry, "csv", Schema.of(s=STRING, n=LONG, gone=INT), options, lines)
    assert native.rows == [("a", 1, None), ("b", 2, None), ("c", 3, None)]
    assert native.timestamps == [1000, 0, 86_400_000]
    assert native.native_rows == 3
    assert [where for _, where in errors] == ["f:5"]


def test_the_general_way_takes_over_where_many_lines_are_left_out(registry):
    declaration = registry.get("source_mapper", "json")
    mapper = declaration.factory()
    mapper.configure(
        MapperContext(
            app_name="A",
            stream="S",
            schema=Schema.of(i=INT),
            options=parse_options(declaration, {"lenient": "true"})[0],
        )
    )
    block = b'{"i":"1"}\n' * 100
    assert len(list(mapper.map_block(block, b"\n"))) == 100
    assert mapper.map_block(block, b"\n") is None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=14),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
JSON_OBJECTS = st.dictionaries(st.sampled_from([*SCHEMA.names, "x", "NAME", "é"]), JSON_VALUES, max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    objects=st.lists(JSON_OBJECTS, max_size=4),
    ascii_only=st.booleans(),
    damage=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=2)), max_size=3),
)
def test_any_json_lines(registry, objects, ascii_only, damage):
    text = b"\n".join(json.dumps(each, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") for each in objects)
    for at, inserted in damage:
        at = min(at, len(text))
        text = text[:at] + inserted + text[at + len(inserted) :]
    compare(registry, "json", SCHEMA, {}, text.split(b"\n"))


@settings(max_examples=150, deadline=None)
@given(
    records=st.lists(
        st.lists(
            st.text(max_size=15)
            | st.integers().map(str)
            | st.floats().map(str)
            | st.sampled_from(["true", "", '"a""b"']),
            max_size=8,
        ),
        max_size=8,
    )
)
def test_any_csv_lines(registry, records):
    lines = [",".join(record).replace("\n", " ").encode("utf-8", "surrogatepass") for record in records]
    compare(registry, "csv", SCHEMA, {}, lines)


@settings(max_examples=200, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_any_double_is_read_exactly(registry, value):
    native, _ = compare(registry, "json", Schema.of(d=DOUBLE), {}, [f'{{"d":{value!r}}}'.encode()])
    assert native.native_rows == 1
    assert math.copysign(1, native.rows[0][0]) == math.copysign(1, value)
