"""Native encoders write byte by byte what the general way writes."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflux.engine.codecs import LineDecoder, LineEncoder
from eventflux.io.mappers.json import JsonSinkMapper
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError
from eventflux.types.schema import Schema

testing = pytest.importorskip("eventflux.engine._native_testing", reason="the testing module is not built")

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
SCHEMA = Schema.of(b=BOOL, i=INT, n=LONG, f=FLOAT, d=DOUBLE, s=STRING)


def native(schema, rows):
    """Native columns with these rows, made by the decoder."""
    decoder = LineDecoder.json(schema.types, schema.names, visible=len(schema), time=None, rows=max(len(rows), 1))
    text = b"".join(json.dumps(dict(zip(schema.names, row, strict=True))).encode() + b"\n" for row in rows)
    decoded = decoder.decode(text)
    assert decoded.rejected is None
    columns = int(testing.ffi.cast("uintptr_t", testing.ffi.cast("ef_batch *", decoded.rows.address).column))
    return decoder, text, columns


def encoded(encoder, schema, rows, start=0, count=None):
    decoder, text, columns = native(schema, rows)
    lines = encoder.encode(columns, start, len(rows) - start if count is None else count)
    del decoder, text
    return lines.decode()


def json_encoder(schema, **options):
    return LineEncoder.json(schema, [json.dumps(name, ensure_ascii=False) for name in schema.names], **options)


DOUBLES = [
    0.0, -0.0, 1.0, -1.5, 0.1, 1e16, 9999999999999998.0, 1e15, 123456789.125, 1e-4, 1.5e-5, 9.999e-5, 1e22, 1e23,
    1.7976931348623157e308, 2.2250738585072014e-308, 0.3, 1 / 3, 2 / 3, 1e7, 12345678.9, 100.0, 1e100,
]  # fmt: skip


@pytest.mark.parametrize("value", DOUBLES)
def test_doubles_are_written_as_python_does(value):
    assert encoded(json_encoder(Schema.of(d=DOUBLE)), Schema.of(d=DOUBLE), [(value,)]) == f'{{"d":{value!r}}}\n'


@settings(max_examples=300, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_any_double_reads_back(value):
    text = encoded(json_encoder(Schema.of(d=DOUBLE)), Schema.of(d=DOUBLE), [(value,)])
    back = json.loads(text)["d"]
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value)
    assert abs(value) < 1e-300 or text == f'{{"d":{value!r}}}\n'


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.booleans(),
            st.none() | st.integers(-(2**31), 2**31 - 1),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
            st.none() | st.floats(1e-290, 1e290),
            st.none() | st.text(max_size=20).filter(lambda text: text.isprintable() or "\n" in text),
        ),
        min_size=1,
        max_size=10,
    )
)
@pytest.mark.parametrize("include_nulls", ["true", "false"])
def test_json_rows_are_those_of_the_general_way(mapper, events, include_nulls, rows):
    general = mapper("sink_mapper", "json", SCHEMA, {"include.nulls": include_nulls})
    assert isinstance(general, JsonSinkMapper)
    expected = "".join(line.decode() + "\n" for line in general.map(events(*rows)))
    assert encoded(json_encoder(SCHEMA, include_nulls=include_nulls == "true"), SCHEMA, rows) == expected


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(alphabet='a,"\n\r N\x00ä', max_size=14), st.none() | st.integers(-9, 9), st.booleans()
        ),
        min_size=1,
        max_size=10,
    ),
    quote_all=st.booleans(),
    null=st.sampled_from(["", "NA", "N", "5"]),
)
def test_csv_rows_are_those_of_the_general_way(mapper, events, rows, quote_all, null):
    schema = Schema.of(s=STRING, i=INT, b=BOOL)
    general = mapper("sink_mapper", "csv", schema, {"quote.all": str(quote_all).lower(), "null": null})
    expected = "".join(line.decode() + "\n" for line in general.map(events(*rows)))
    encoder = LineEncoder.csv(schema, delimiter=",", quote='"', quote_all=quote_all, null=null)
    assert encoded(encoder, schema, rows) == expected


def test_of_two_equally_short_floats_the_even_one_is_written():
    assert encoded(json_encoder(Schema.of(f=FLOAT)), Schema.of(f=FLOAT), [(1048576.25,), (1048576.75,)]) == (
        '{"f":1048576.2}\n{"f":1048576.8}\n'
    )


def test_a_part_of_the_rows_can_be_written():
    schema = Schema.of(i=INT)
    encoder = json_encoder(schema)
    assert encoded(encoder, schema, [(i,) for i in range(100)], start=97, count=2) == '{"i":97}\n{"i":98}\n'
    assert encoded(encoder, schema, [(1,)], count=0) == ""


def test_a_large_batch_grows_the_buffer():
    schema = Schema.of(s=STRING)
    rows = [("x" * 1000 + "\x01" * 200,)] * 500
    assert encoded(json_encoder(schema), schema, rows).count("\\u0001") == 100_000


def test_columns_of_other_types_are_refused():
    decoder, text, columns = native(Schema.of(i=INT), [(1,)])
    with pytest.raises(EventFluxError, match="not of the type"):
        json_encoder(Schema.of(i=LONG)).encode(columns, 0, 1)
    del decoder, text


def test_objects_are_not_for_native_encoders():
    with pytest.raises(EventFluxError, match="type that this encoder does not write"):
        json_encoder(Schema.of(o=OBJECT))
