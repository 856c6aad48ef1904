"""OBJECT values in expressions: sets, lists, structs, JSON, what they are, and how they compare."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import (
    INT,
    OBJECT,
    STRING,
    TYPES,
    OrderedSet,
    Program,
    evaluate,
    evaluate_constants,
    ffi,
    lib,
    pack,
    single,
    unpack,
)

# ---- making ----


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bool", True),
        ("int", -5),
        ("long", 2**40),
        ("float", 0.5),
        ("double", 0.1),
        ("string", "a longer text than inline"),
    ],
)
def test_a_set_has_one_element_which_may_be_null(kind: str, value: Any) -> None:
    assert evaluate("create_set", (kind, [value, None])) == [OrderedSet((value,)), OrderedSet((None,))]
    assert evaluate("size_of_set", ("object", [OrderedSet((value,)), None, OrderedSet((1, 2, 3)), OrderedSet(())])) == [
        1,
        0,
        3,
        0,
    ]


def test_a_struct_is_a_map_and_a_list_a_list() -> None:
    with Program([INT, STRING, OBJECT]) as program:
        values = [program.column(index) for index in range(3)]
        names = [program.constant(name, STRING) for name in ("a", "a name longer than inline", "c")]
        program.output(program.call("struct", *(each for pair in zip(names, values, strict=True) for each in pair)))
        program.output(program.call("list", *values))
        program.output(program.call("struct", program.constant("only", STRING), program.constant(None, INT)))
        results = program.run([[1, None], ["x", None], [[1, {"k": None}], None]])
    assert results == [
        [
            {"a": 1, "a name longer than inline": "x", "c": [1, {"k": None}]},
            {"a": None, "a name longer than inline": None, "c": None},
        ],
        [[1, "x", [1, {"k": None}]], [None, None, None]],
        [{"only": None}] * 2,
    ]


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "object"])
def test_any_value_becomes_an_object_and_back(kind: str) -> None:
    samples: dict[str, list[Any]] = {
        "bool": [True, False],
        "int": [0, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, -1, -32, -33, -128, -129, -32768, -32769, -(2**31)],
        "long": [2**32 - 1, 2**32, 2**63 - 1, -(2**31) - 1, -(2**63)],
        "float": [0.5, single(0.1)],
        "double": [0.1, 1e300],
        "string": ["", "a", "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 70000, "ß"],
    }
    values = [*samples[kind], None]
    assert evaluate(f"convert_{kind}_object", (kind, values)) == values
    assert evaluate(f"convert_object_{kind}", ("object", values)) == values
    assert evaluate(f"cast_check_{kind}", ("object", values)) == values
    assert evaluate(f"strict_convert_{kind}_object", (kind, values)) == values
    assert evaluate("convert_object_object", ("object", values)) == values


# ---- what an object is ----

WHAT = [True, 5, 2**40, 2**64 - 1, 0.5, "a", [1], {"a": 1}, OrderedSet((1,)), b"ab", None]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("instance_of_bool", {0}),
        ("instance_of_int", {1}),
        ("instance_of_long", {2}),
        ("instance_of_float", set()),
        ("instance_of_double", {4}),
        ("instance_of_string", {5}),
    ],
)
def test_instances(operation: str, expected: set[int]) -> None:
    assert evaluate(operation, ("object", WHAT)) == [index in expected for index in range(len(WHAT))]


def test_a_float_in_an_object_is_a_float() -> None:
    with Program([TYPES["float"]]) as program:
        wrapped = program.call("convert_float_object", program.column(0))
        for operation in ("instance_of_float", "instance_of_double", "type_of"):
            program.output(program.call(operation, wrapped))
        assert program.run([[0.5, None]]) == [[True, False], [False, False], ["FLOAT", None]]


@pytest.mark.parametrize("kind", TYPES)
def test_a_typed_value_is_an_instance_of_its_type_unless_null(kind: str) -> None:
    samples: dict[str, Any] = {
        "bool": True,
        "int": 1,
        "long": 1,
        "float": 1.0,
        "double": 1.0,
        "string": "1",
        "object": [1],
    }
    for other in ("bool", "int", "long", "float", "double", "string"):
        assert evaluate(f"instance_of_{other}", (kind, [samples[kind], None])) == [kind == other, False]
    assert evaluate("type_of", (kind, [samples[kind], None])) == [kind.upper(), None]


def test_the_type_of_an_object_is_that_of_its_content() -> None:
    names = ["BOOL", "INT", "LONG", "LONG", "DOUBLE", "STRING", "OBJECT", "OBJECT", "OBJECT", "OBJECT", None]
    assert evaluate("type_of", ("object", WHAT)) == names


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bool", [True] + [None] * 10),
        ("int", [None, 5] + [None] * 9),
        ("long", [None, 5, 2**40] + [None] * 8),
        ("float", [None] * 4 + [0.5] + [None] * 6),
        ("double", [None] * 4 + [0.5] + [None] * 6),
        ("string", [None] * 5 + ["a"] + [None] * 5),
    ],
)
def test_cast_takes_what_is_of_the_type_and_nothing_else(kind: str, values: list[Any]) -> None:
    assert evaluate(f"cast_check_{kind}", ("object", WHAT)) == values


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bool", [True, False, False, False, False, False, None, None, None, None, None]),
        ("int", [1, 5, 0, -1, 0, None, None, None, None, None, None]),
        ("long", [1, 5, 2**40, -1, 0, None, None, None, None, None, None]),
        ("float", [1.0, 5.0, float(2**40), 2.0**64, 0.5, None, None, None, None, None, None]),
        ("double", [1.0, 5.0, float(2**40), 2.0**64, 0.5, None, None, None, None, None, None]),
        (
            "string",
            ["true", "5", "1099511627776", "18446744073709551615", "0.5", "a", "[1]", '{"a":1}', "[1]", "6162", None],
        ),
    ],
)
def test_convert_takes_numbers_as_numbers_and_texts_as_texts(kind: str, values: list[Any]) -> None:
    assert evaluate(f"convert_object_{kind}", ("object", WHAT)) == values


def test_convert_reads_texts_inside_objects() -> None:
    assert evaluate("convert_object_double", ("object", ["1.5", "x", "TRUE"])) == [1.5, None, None]
    assert evaluate("convert_object_bool", ("object", ["1.5", "TRUE", 1, 1.0, 2])) == [False, True, True, True, False]


# ---- parts ----

TREE = {"a": [1, 2.5, {"b": "x" * 20, "n": None}], "t": True, "big": 2**40, "f": 0.1, "": "empty"}


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("object", "a", TREE["a"]),
        ("object", "nothing", None),
        ("bool", "t", True),
        ("int", "t", None),
        ("int", "big", None),
        ("long", "big", 2**40),
        ("double", "big", float(2**40)),
        ("float", "f", single(0.1)),
        ("double", "f", 0.1),
        ("long", "f", None),
        ("string", "a", None),
        ("string", "", "empty"),
    ],
)
def test_a_field(kind: str, name: str, expected: Any) -> None:
    assert evaluate(f"field_{kind}", ("object", [TREE, None, [1], {}]), ("string", [name] * 4)) == [
        expected,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "index", "expected"),
    [
        ("object", 0, 1),
        ("int", 0, 1),
        ("double", 1, 2.5),
        ("double", 0, 1.0),
        ("int", 1, None),
        ("object", 2, TREE["a"][2]),  # type: ignore[index]
        ("object", 3, None),
        ("object", -1, None),
        ("string", 0, None),
    ],
)
def test_an_element(kind: str, index: int, expected: Any) -> None:
    columns = (("object", [TREE["a"], None, {"a": 1}, OrderedSet(("s",))]), ("int", [index] * 4))
    in_set = "s" if index == 0 and kind in ("object", "string") else None
    assert evaluate(f"element_{kind}", *columns) == [expected, None, None, in_set]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", TREE),
        ("", TREE),
        ("$.a[0]", 1),
        ("$.a[2].b", "x" * 20),
        ("$['a'][1]", 2.5),
        ('$["t"]', True),
        ("t", True),
        ("a[1]", 2.5),
        (".t", True),
        ("$.a[2].n", None),
        ("$.a[9]", None),
        ("$.x.y", None),
        ("$.", None),
        ("$.a[", None),
        ("$.a[x]", None),
        ("$.a['", None),
        ("$x", None),
        ("$.a[-1]", None),
        ("$['']", "empty"),
        (None, None),
    ],
)
def test_a_path(path: str | None, expected: Any) -> None:
    assert evaluate("json_value", ("object", [TREE, None]), ("string", [path, path])) == [expected, None]
    assert evaluate("json_value_text", ("string", [json.dumps(TREE), None, "{"]), ("string", [path] * 3)) == [
        expected,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("string", "$.a[2].b", "x" * 20),
        ("int", "$.a[0]", 1),
        ("long", "$.big", 2**40),
        ("double", "$.f", 0.1),
        ("float", "$.f", single(0.1)),
        ("bool", "$.t", True),
        ("object", "$.a[2]", {"b": "x" * 20, "n": None}),
        ("int", "$.t", None),
        ("string", "$.a", None),
    ],
)
def test_typed_paths(kind: str, path: str, expected: Any) -> None:
    assert evaluate(f"json_get_{kind}", ("object", [TREE]), ("string", [path])) == [expected]
    assert evaluate(f"json_get_text_{kind}", ("string", [json.dumps(TREE)]), ("string", [path])) == [expected]


# ---- comparing ----

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | st.binary(max_size=4)
)
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.lists(st.integers(0, 50), unique=True, max_size=5).map(OrderedSet)
    ),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    """The same value with maps and sets in another order."""
    match value:
        case OrderedSet():
            return OrderedSet(reversed(value))
        case list():
            return [shuffled(each) for each in value]
        case dict():
            return {key: shuffled(value[key]) for key in reversed(value)}
        case _:
            return value


def typed(value: Any) -> Any:
    """Comparable by ==, with booleans, integers and reals told apart and without order where there is none."""
    match value:
        case OrderedSet():
            return "set", frozenset(map(typed, value))
        case list():
            return "list", tuple(map(typed, value))
        case dict():
            return "map", frozenset((key, typed(each)) for key, each in value.items())
        case _:
            return type(value).__name__, value


def equal(left: Any, right: Any) -> bool:
    a, b = pack(left), pack(right)
    return lib.expr_test_object_equal(a, len(a), b, len(b))


def hashed(value: Any, seed: int = 1) -> int:
    data = pack(value)
    return lib.expr_test_object_hash(data, len(data), seed)


@settings(max_examples=300, deadline=None)
@given(OBJECTS, OBJECTS)
def test_objects_compare_and_hash_by_value(left: Any, right: Any) -> None:
    assert equal(left, right) == (typed(left) == typed(right))
    assert equal(left, shuffled(left))
    assert hashed(left) == hashed(shuffled(left))
    if equal(left, right):
        assert hashed(left) == hashed(right)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (b"\x05", b"\xcd\x00\x05", True),
        (b"\xff", b"\xd3" + b"\xff" * 8, True),
        (b"\xca\x3f\x00\x00\x00", b"\xcb\x3f\xe0" + b"\x00" * 6, True),
        (b"\xa1a", b"\xd9\x01a", True),
        (b"\x91\x01", b"\xdc\x00\x01\x01", True),
        (b"\x81\xa1a\x01", b"\xdf\x00\x00\x00\x01\xa1a\x01", True),
        (b"\x05", b"\xcb\x40\x14" + b"\x00" * 6, False),
        (b"\xcf" + b"\xff" * 8, b"\xff", False),
        (b"\xa1a", b"\xc4\x01a", False),
        (b"\x00", b"\xc2", False),
        (b"\xcb" + b"\x00" * 8, b"\xcb\x80" + b"\x00" * 7, True),
    ],
)
def test_the_encoding_does_not_matter(left: bytes, right: bytes, expected: bool) -> None:
    assert lib.expr_test_object_equal(left, len(left), right, len(right)) == expected
    if expected:
        assert lib.expr_test_object_hash(left, len(left), 5) == lib.expr_test_object_hash(right, len(right), 5)


def test_comparison_of_columns_of_objects() -> None:
    left, right = [[1], {"a": 1, "b": 2}, None, "x", None], [[1], {"b": 2, "a": 1}, [1], "y", None]
    operands = (("object", left), ("object", right))
    assert evaluate("equal_object", *operands) == [True, True, False, False, False]
    assert evaluate("not_equal_object", *operands) == [False, False, True, True, True]
    assert evaluate("equal3_object", *operands) == [True, True, None, False, None]
    assert evaluate("not_equal3_object", *operands) == [False, False, None, True, None]
    assert evaluate("distinct_object", *operands) == [False, False, True, True, False]
    assert evaluate("is_null_object", ("object", left)) == [False, False, True, False, True]
    assert evaluate("is_not_null_object", ("object", left)) == [True, True, False, True, False]
    assert evaluate("null_if_object", *operands) == [None, None, None, "x", None]
    assert evaluate("coalesce_object", *operands) == [[1], {"a": 1, "b": 2}, [1], "x", None]
    assert evaluate("default_object", *operands) == [[1], {"a": 1, "b": 2}, [1], "x", None]
    assert evaluate("if_object", ("bool", [True, False, None, False, True]), *operands) == [
        [1],
        {"a": 1, "b": 2},
        [1],
        "y",
        None,
    ]
    assert evaluate_constants("equal_object", ("object", [1, 2]), ("object", [1, 2])) is True


# ---- untrusted bytes ----


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=40)
    | OBJECTS.map(pack).flatmap(lambda good: st.integers(0, len(good)).map(lambda cut: good[:cut]))
)
def test_bytes_that_are_not_one_value_are_refused(data: bytes) -> None:
    accepted = lib.expr_test_object_check(data, len(data))
    if accepted:
        msgpack.unpackb(
            data,
            ext_hook=lambda _, payload: payload,
            unicode_errors="strict",
            object_pairs_hook=list,
            strict_map_key=False,
        )
    else:
        # Reading goes on without harm: nothing is compared equal to anything but itself.
        assert isinstance(lib.expr_test_object_equal(data, len(data), b"\x01", 1), bool)
        lib.expr_test_object_hash(data, len(data), 1)


@settings(max_examples=300, deadline=None)
@given(OBJECTS)
def test_good_bytes_are_accepted(value: Any) -> None:
    data = pack(value)
    assert lib.expr_test_object_check(data, len(data))
    assert typed(unpack(data)) == typed(value)


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"\x91" * 64 + b"\x01", True),
        (b"\x91" * 66 + b"\x01", False),
        (b"\xa2\xc3\x28", False),
        (b"\xa3\xed\xa0\x80", False),
        (b"\xc1", False),
        (b"\x01\x01", False),
        (b"", False),
        (pack(OrderedSet((1, 2))), True),
        (pack(OrderedSet((1, 1))), False),
        (b"\x82\xa1a\x01\xa1a\x02", False),
        (b"\xd4\x01\x05", False),
        (b"\xd5\x01\x91\x05", True),
        (b"\xd6\x01\x91\x05\x06\x07", False),
        (b"\xc7\x00\x01", False),
        (b"\xdd\xff\xff\xff\xff", False),
        (b"\xc9\xff\xff\xff\xff\x01", False),
        (b"\xdb\xff\xff\xff\xffabc", False),
    ],
)
def test_what_is_checked(data: bytes, accepted: bool) -> None:
    assert lib.expr_test_object_check(data, len(data)) is accepted


# ---- JSON ----


def read_json(text: str) -> Any:
    data = text.encode("utf-8", "surrogatepass")
    room = ffi.new("char[]", 20 * len(data) + 100)
    with Program([]) as program:
        size = lib.expr_test_json(program.handle, data, len(data), room, len(room))
    if size < 0:
        return ValueError
    packed = bytes(ffi.buffer(room, size))
    assert lib.expr_test_object_check(packed, len(packed))
    return unpack(packed)


def write_json(value: Any) -> str:
    data = pack(value)
    room = ffi.new("char[]", 40 * len(data) + 100)
    with Program([]) as program:
        size = lib.expr_test_print(program.handle, data, len(data), room, len(room))
    return bytes(ffi.buffer(room, size)).decode()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=20)
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_json_is_read_as_python_reads_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert typed(read_json(text)) == typed(json.loads(text))


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_json_that_is_written_is_read_back(value: Any) -> None:
    assert typed(json.loads(write_json(value))) == typed(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[1,]",
        "[1 2]",
        '{"a"}',
        '{"a":}',
        "{a:1}",
        "'a'",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "tru",
        "nul",
        '"\\x"',
        '"\\u12"',
        '"\\ud800"',
        '"\\udc00"',
        '"\\ud800\\u0041"',
        '"a\nb"',
        '"a',
        "[1]]",
        "-",
        "[" * 70 + "]" * 70,
        "\x00",
    ],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    assert read_json(text) is ValueError


def test_details_of_json() -> None:
    assert read_json('{"a":1,"a":2}') == {"a": 1}
    assert read_json("12345678901234567890") == 12345678901234567890.0
    assert read_json(' [ 1 , "\\u00e9\\ud83d\\ude00\\/" ] ') == [1, "é😀/"]
    assert write_json({"s": OrderedSet((1, 2)), "b": b"\x01\xff", "n": [None, 1.5, 10.0, 1e300, '\x01"\\\n']}) == (
        '{"s":[1,2],"b":"01ff","n":[null,1.5,10.0,1.0E300,"\\u0001\\"\\\\\\n"]}'
    )
    assert write_json([float("nan"), float("inf")]) == "[null,null]"
    assert write_json({1: "a", None: 2, b"\x0a": 3}) == '{"1":"a","null":2,"0a":3}'
