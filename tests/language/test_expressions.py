"""Precedence, literals and references: which tree a text means."""

import pytest

from eventflux.language import parse_expression
from eventflux.language.ast import (
    AttributeReference,
    Binary,
    BinaryOperator,
    ConditionInTable,
    Dialect,
    DurationLiteral,
    EventIndex,
    Expression,
    FieldAccess,
    FunctionCall,
    IndexAccess,
    Literal,
    Unary,
)
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ParseError

QL = Dialect.EVENTFLUXQL


def shape(node: Expression) -> str:
    """The tree with all its brackets."""
    match node:
        case Binary():
            return f"({shape(node.left)} {node.operator.value} {shape(node.right)})"
        case Unary():
            return f"({node.operator.value} {shape(node.operand)})"
        case AttributeReference():
            return str(node.name)
        case Literal():
            return repr(node.value)
        case ConditionInTable():
            return f"({shape(node.condition)} in {node.table})"
        case _:
            return type(node).__name__


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a OR b AND c", "(a or (b and c))"),
        ("NOT a AND b", "((not a) and b)"),
        ("NOT a = b", "(not (a == b))"),
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b % c", "((a / b) % c)"),
        ("a || b + c", "((a || b) + c)"),
        ("a + b > c * d", "((a + b) > (c * d))"),
        ("-a * b", "((- a) * b)"),
        ("- a + -1", "((- a) + -1)"),
        ("a - -1", "(a - -1)"),
        ("a-1", "(a - 1)"),
        ("a AND (b AND c)", "((a and b) and c)"),
        ("NOT NOT a", "(not (not a))"),
    ],
)
def test_sql_operators_bind_as_in_the_standard(text: str, expected: str) -> None:
    assert shape(parse_expression(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a or b and c", "(a or (b and c))"),
        ("not a == b", "((not a) == b)"),
        ("not a is null", "(not IsNull)"),
        ("10 - 4 - 3", "((10 - 4) - 3)"),
        ("2+3*4%5", "(2 + ((3 * 4) % 5))"),
        ("1 < 2 == true", "((1 < 2) == True)"),
        ("a == 1 == true", "((a == 1) == True)"),
        ("a == b in T and c", "(((a == b) in T) and c)"),
        ("a in T == b", None),
        ("a+-1", "(a + -1)"),
        ("a-1", "(a - 1)"),
        ("3 - -2", "(3 - -2)"),
    ],
)
def test_eventfluxql_operators_bind_as_in_siddhi(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ParseError):
            parse_expression(f"{text} +", QL)
    else:
        assert shape(parse_expression(text, QL)) == expected


@pytest.mark.parametrize("text", ["-a", "(a+1) is null", "1.5 sec", "a is not null", "a = 1", "5 min 1 hour", "a <> b"])
def test_what_eventfluxql_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_expression(text, QL)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("42", 42, AttributeType.INT),
        ("2147483648", 2147483648, AttributeType.LONG),
        ("-2147483648", -2147483648, AttributeType.INT),
        ("9223372036854775807", 9223372036854775807, AttributeType.LONG),
        ("42L", 42, AttributeType.LONG),
        ("4.2", 4.2, AttributeType.DOUBLE),
        (".5", 0.5, AttributeType.DOUBLE),
        ("1e3", 1000.0, AttributeType.DOUBLE),
        ("2f", 2.0, AttributeType.FLOAT),
        ("2D", 2.0, AttributeType.DOUBLE),
        ("'it''s'", "it's", AttributeType.STRING),
        (r"E'a\tb\u0041\n\''", "a\tbA\n'", AttributeType.STRING),
        ("$$raw \\n 'x'$$", "raw \\n 'x'", AttributeType.STRING),
        ("'two\nlines'", "two\nlines", AttributeType.STRING),
        ("TRUE", True, AttributeType.BOOL),
        ("NULL", None, None),
    ],
)
def test_sql_literals_have_value_and_type(text: str, value: object, kind: AttributeType | None) -> None:
    literal = parse_expression(text)
    assert isinstance(literal, Literal)
    assert (literal.value, literal.type) == (value, kind)
    assert type(literal.value) is type(value)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("42", 42, AttributeType.INT),
        ("5l", 5, AttributeType.LONG),
        ("5f", 5.0, AttributeType.FLOAT),
        ("5d", 5.0, AttributeType.DOUBLE),
        ("5.e2", 500.0, AttributeType.DOUBLE),
        ("'a\\nb'", "a\\nb", AttributeType.STRING),
        ('"it\'s"', "it's", AttributeType.STRING),
        ('"""a "b"\n\'c\'"""', "a \"b\"\n'c'", AttributeType.STRING),
        ("false", False, AttributeType.BOOL),
    ],
)
def test_eventfluxql_literals_have_value_and_type(text: str, value: object, kind: AttributeType) -> None:
    literal = parse_expression(text, QL)
    assert isinstance(literal, Literal)
    assert (literal.value, literal.type) == (value, kind)


def test_an_integer_beyond_32_bits_needs_a_suffix_in_eventfluxql() -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression("2147483648", QL)
    assert caught.value.code == "SQL1004"
    assert parse_expression("2147483648L", QL) == Literal(value=2147483648, type=AttributeType.LONG)


def test_null_is_an_attribute_in_eventfluxql() -> None:
    assert isinstance(parse_expression("null", QL), AttributeReference)


def test_double_quotes_are_a_name_in_sql_and_a_string_in_eventfluxql() -> None:
    name = parse_expression('"x y"')
    assert isinstance(name, AttributeReference)
    assert (name.name.name, name.name.quoted) == ("x y", True)
    assert parse_expression('"x y"', QL) == Literal(value="x y", type=AttributeType.STRING)


@pytest.mark.parametrize(
    ("text", "dialect", "milliseconds"),
    [
        ("1 hour 5 min 3 sec 2 millisec", QL, 3_903_002),
        ("1 week 2 days", QL, 777_600_000),
        ("1 month", QL, 2_592_000_000),
        ("2 year", QL, 63_072_000_000),
        ("INTERVAL '5' SECOND", Dialect.SQL, 5_000),
        ("INTERVAL '1:30' MINUTE TO SECOND", Dialect.SQL, 90_000),
        ("INTERVAL '1 12' DAY TO HOUR", Dialect.SQL, 129_600_000),
        ("INTERVAL '1.5' SECOND", Dialect.SQL, 1_500),
        ("INTERVAL 2 HOURS", Dialect.SQL, 7_200_000),
        ("INTERVAL '1' MONTH", Dialect.SQL, 2_630_000_000),
        ("INTERVAL '1' YEAR", Dialect.SQL, 31_556_900_000),
        ("INTERVAL '-1' DAY", Dialect.SQL, -86_400_000),
    ],
)
def test_durations_are_milliseconds(text: str, dialect: Dialect, milliseconds: int) -> None:
    assert parse_expression(text, dialect) == DurationLiteral(milliseconds=milliseconds)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("TIMESTAMP '1970-01-01 00:00:01'", 1_000),
        ("TIMESTAMP '1970-01-01T00:00:01.5Z'", 1_500),
        ("TIMESTAMP '1970-01-01 02:00:00+02:00'", 0),
        ("TIMESTAMP '1969-12-31 23:59:59.999'", -1),
        ("DATE '2025-08-01'", 1_754_006_400_000),
    ],
)
def test_dates_are_epoch_milliseconds_in_utc(text: str, milliseconds: int) -> None:
    assert getattr(parse_expression(text), "milliseconds", None) == milliseconds


@pytest.mark.parametrize("text", ["DATE '2025-13-01'", "TIMESTAMP 'soon'", "DATE '2025-08-01 10:00:00'"])
def test_a_date_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match=r"is not a (date|timestamp)"):
        parse_expression(text)


def test_an_index_behind_a_bare_name_may_be_of_a_pattern_element() -> None:
    reference = parse_expression("e1[last - 2].v")
    assert isinstance(reference, AttributeReference)
    assert reference.index == EventIndex(offset=2, from_last=True)
    assert str(reference.qualifier) == "e1"
    assert parse_expression("e1[last - 2].v", QL) == reference
    assert parse_expression("e[first].v") == parse_expression("e[0].v")


def test_a_chain_of_names_is_an_attribute_and_its_fields() -> None:
    access = parse_expression("s.a.b")
    assert isinstance(access, FieldAccess)
    assert access.name.name == "b"
    assert access.operand == parse_expression("s.a")
    by_key = parse_expression("m['k']")
    assert isinstance(by_key, IndexAccess)
    assert by_key.index == Literal(value="k", type=AttributeType.STRING)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("EXTRACT(YEAR FROM t)", "extract('YEAR', t)"),
        ("SUBSTRING(s FROM 2 FOR 3)", "substring(s, 2, 3)"),
        ("POSITION('a' IN s)", "position('a', s)"),
        ("TRIM(s)", "TRIM(s)"),
        ("TRIM(LEADING 'x' FROM s)", "ltrim(s, 'x')"),
        ("TRIM(TRAILING FROM s)", "rtrim(s)"),
        ("TRIM('x' FROM s)", "trim(s, 'x')"),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP()"),
        ("a::INT", "CAST(a AS INT)"),
        ("a == b", "a = b"),
        ("a != b", "a <> b"),
        ("((a))", "a"),
    ],
)
def test_spellings_that_mean_the_same_are_the_same_tree(text: str, same_as: str) -> None:
    left, right = parse_expression(text), parse_expression(same_as)
    if isinstance(left, FunctionCall) and isinstance(right, FunctionCall):
        assert left.name.lower() == right.name.lower()
        assert left.arguments == right.arguments
    else:
        assert left == right


def test_a_long_condition_is_a_shallow_tree() -> None:
    depth = 0
    node: Expression = parse_expression(" OR ".join(f"a = {number}" for number in range(2000)))
    while isinstance(node, Binary) and node.operator is BinaryOperator.OR:
        node, depth = node.left, depth + 1
    assert depth <= 11


def test_spans_cover_exactly_what_a_node_says() -> None:
    text = "a + SUM( b )  >  'x'"
    node = parse_expression(text)
    assert isinstance(node, Binary)
    assert isinstance(node.left, Binary)
    assert text[node.span.start : node.span.end] == text
    assert text[node.left.span.start : node.left.span.end] == "a + SUM( b )"
    assert text[node.left.right.span.start : node.left.right.span.end] == "SUM( b )"
    assert text[node.right.span.start : node.right.span.end] == "'x'"
