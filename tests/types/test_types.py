"""Attribute types, schemas, durations."""

import pytest

from eventflux.types.attribute_type import AttributeType, attribute_type_named, common_type, promote
from eventflux.types.dialect import Dialect
from eventflux.types.duration import TimeUnit, format_duration, parse_duration, time_unit_named, unit_milliseconds
from eventflux.types.schema import Attribute, Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType


def test_codes_are_those_of_the_native_engine() -> None:
    assert [int(kind) for kind in AttributeType] == [1, 2, 3, 4, 5, 6, 7]
    assert [kind.eventfluxql_name for kind in AttributeType] == [
        "bool",
        "int",
        "long",
        "float",
        "double",
        "string",
        "object",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("varchar", STRING),
        ("Character Varying", STRING),
        ("TEXT", STRING),
        ("integer", INT),
        ("smallint", INT),
        ("bigint", LONG),
        ("timestamp", LONG),
        ("real", FLOAT),
        ("double precision", DOUBLE),
        ("decimal", DOUBLE),
        ("boolean", BOOL),
        ("json", OBJECT),
        ("array", OBJECT),
        ("foo", None),
    ],
)
def test_both_dialects_names_are_known_in_any_case(name: str, expected: AttributeType | None) -> None:
    assert attribute_type_named(name) is expected


@pytest.mark.parametrize("kind", list(AttributeType))
def test_a_printed_name_is_read_again(kind: AttributeType) -> None:
    assert attribute_type_named(kind.sql_name) is kind
    assert attribute_type_named(kind.eventfluxql_name) is kind


def test_arithmetic_takes_the_wider_type() -> None:
    assert promote(INT, LONG) is LONG
    assert promote(LONG, FLOAT) is FLOAT
    assert promote(DOUBLE, INT) is DOUBLE
    assert promote(INT, STRING) is None
    assert promote(BOOL, INT) is None
    assert common_type(STRING, STRING) is STRING
    assert common_type(STRING, BOOL) is None


def test_values_widen_and_never_narrow() -> None:
    assert LONG.accepts(INT)
    assert DOUBLE.accepts(LONG)
    assert not INT.accepts(LONG)
    assert not STRING.accepts(INT)
    assert not INT.accepts(BOOL)
    assert OBJECT.accepts(OBJECT)


def test_a_schema_finds_attributes_by_exact_name() -> None:
    schema = Schema.of(symbol=STRING, price=DOUBLE)
    assert (schema.position("price"), schema.position("Price")) == (1, None)
    assert schema.find("symbol") == Attribute("symbol", STRING)
    assert "price" in schema
    assert str(schema) == "symbol STRING, price DOUBLE"
    assert (schema.names, schema.types, len(schema)) == (("symbol", "price"), (STRING, DOUBLE), 2)


def test_a_schema_has_unique_names() -> None:
    with pytest.raises(ValueError, match="'a' appears twice"):
        Schema([Attribute("a", INT), Attribute("a", LONG)])


def test_layouts_agree_without_regard_to_nullability() -> None:
    left = Schema([Attribute("a", INT, nullable=False)])
    right = Schema([Attribute("a", INT)])
    assert left != right
    assert left.same_layout(right)
    assert not left.same_layout(Schema([Attribute("b", INT)]))
    assert hash(Schema.of(a=INT)) == hash(right)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("500ms", 500),
        ("5 sec", 5_000),
        ("1 hour 30 min", 5_400_000),
        ("1.5 SECONDS", 1_500),
        ("250", 250),
        ("2 weeks", 1_209_600_000),
        (" 100 millisecond ", 100),
    ],
)
def test_durations_are_read(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "5 sec later", "-5 sec", "0.0001 ms", "sec"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_duration(text)


@pytest.mark.parametrize("milliseconds", [1, 999, 1_000, 90_061_001, 604_800_000, 10**12 + 1])
def test_a_printed_duration_is_read_again(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds


def test_months_and_years_differ_between_the_dialects() -> None:
    assert unit_milliseconds(TimeUnit.MONTH, Dialect.SQL) == 2_630_000_000
    assert unit_milliseconds(TimeUnit.MONTH, Dialect.EVENTFLUXQL) == 30 * 86_400_000
    assert parse_duration("1 year", Dialect.SQL) == 31_556_900_000
    assert parse_duration("1 year") == 365 * 86_400_000
    assert time_unit_named("M") is TimeUnit.MINUTE
    assert time_unit_named("fortnight") is None
