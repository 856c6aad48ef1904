"""The native way through msgpack gives what the general way gives, in both directions."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.io.test_native_lines import SCHEMA, compare

from eventflux import EventFluxManager
from eventflux.engine.codecs import LineEncoder
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
NAMES = SCHEMA.names

numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-40, 300),
    st.floats(),
    st.sampled_from([2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 3.5e38, 3.4028235677973366e38, 7.0, -0.0, 1e300]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=40), st.binary(max_size=5))
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=3), scalars, max_size=2))
keys = st.one_of(st.sampled_from(NAMES), st.sampled_from(["name", "B", "x"]), st.integers(0, 3))
maps = st.dictionaries(keys, values, max_size=8)
fitting = st.fixed_dictionaries(
    {},
    optional={
        "b": st.booleans() | st.none(),
        "i": st.integers(-(2**31), 2**31 - 1),
        "n": st.integers(-(2**63), 2**63 - 1),
        "f": st.floats(width=32),
        "d": st.floats() | st.integers(-9, 9),
        "s": st.text(max_size=300),
        "Name": st.text(max_size=3),
        "other": scalars,
    },
)
arrays = st.lists(scalars, min_size=6, max_size=8) | st.tuples(
    st.booleans(), st.integers(-9, 9), st.integers(), st.floats(width=32), st.floats(), st.text(), st.none()
).map(list)


def _packed(value):
    try:
        return msgpack.packb(value)
    except OverflowError:
        return msgpack.packb(None)


@pytest.mark.parametrize("options", [{}, {"fail.on.missing": "true"}, {"ignore-parse-errors": "true"}], ids=str)
@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(maps, fitting, fitting, values, st.lists(fitting, max_size=3)), max_size=12))
def test_maps(registry, options, events):
    compare(registry, "msgpack", SCHEMA, options, [_packed(event) for event in events], delimiter=b"")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(arrays, arrays, maps), max_size=12))
def test_arrays(registry, events):
    compare(registry, "msgpack", SCHEMA, {"layout": "array"}, [_packed(event) for event in events], delimiter=b"")


@settings(deadline=None, max_examples=100)
@given(st.lists(fitting, max_size=3), st.binary(max_size=30), st.integers(0, 200))
def test_hostile_bytes(registry, events, more, cut):
    block = b"".join(map(_packed, events)) + more
    compare(registry, "msgpack", SCHEMA, {}, [block[: len(block) - cut] if cut < len(block) else more], delimiter=b"")


def test_most_values_are_read_natively(registry):
    good = [_packed({"b": True, "i": 1, "n": 2, "f": 1.5, "d": 2.5, "s": "x" * 20, "Name": None, "z": b"1"})] * 10
    read, errors = compare(registry, "msgpack", SCHEMA, {}, good, delimiter=b"")
    assert (read.native_rows, errors) == (10, [])
    arrays = [_packed([True, 1, 2, 1.5, 2.5, "x", None])] * 10
    read, errors = compare(registry, "msgpack", SCHEMA, {"layout": "array"}, arrays, delimiter=b"")
    assert (read.native_rows, errors) == (10, [])


def test_what_is_left_out_stands_in_its_place(registry):
    lines = [_packed({"i": number, "s": str(number)} if number % 3 else {"i": "no", "s": {}}) for number in range(12)]
    read, errors = compare(registry, "msgpack", SCHEMA, {}, lines, delimiter=b"")
    assert [row[1] for row in read.rows] == [1, 2, 4, 5, 7, 8, 10, 11]
    assert [where for _, where in errors] == ["f:1", "f:4", "f:7", "f:10"]


def test_fields_by_position_and_by_other_names(registry):
    schema = Schema.of(a=INT, b=STRING)
    options, mapping = {"layout": "array"}, {"a": "1", "b": "0"}
    read, _ = compare(registry, "msgpack", schema, options, [_packed(["x", 1])], mapping, delimiter=b"")
    assert (read.rows, read.native_rows) == ([(1, "x")], 1)
    read, _ = compare(registry, "msgpack", schema, {}, [_packed({"q": 1, "b": "x"})], {"a": "q", "b": "b"}, b"")
    assert (read.rows, read.native_rows) == ([(1, "x")], 1)


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({"timestamp": "n"}, [5, None]),
        ({"timestamp": "t"}, [7, None]),
        ({"timestamp": "t", "timestamp-format": "epoch-s"}, [7000, None]),
    ],
    ids=str,
)
def test_the_time_of_an_event(registry, options, times):
    lines = [_packed({"n": 5, "t": 7}), _packed({"n": None, "t": "nothing"}), _packed({"i": 1})]
    read, errors = compare(registry, "msgpack", SCHEMA, options, lines, delimiter=b"")
    assert read.timestamps == times[:1]
    assert len(errors) == 2


ROWS = st.lists(
    st.tuples(
        st.booleans() | st.none(),
        st.integers(-(2**31), 2**31 - 1) | st.none(),
        st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-33, -32, 127, 128, 255, 256, 65536, 2**32]),
        st.floats(width=32) | st.none(),
        st.floats(),
        st.text(max_size=300) | st.none() | st.sampled_from([31, 32, 255, 256, 65536]).map("x".__mul__),
        st.text(max_size=5),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def encode():
    """Rows sent through an app, encoded natively and by the general path."""
    definition = "CREATE STREAM S (b BOOL, i INT, n BIGINT, f FLOAT, d DOUBLE, s STRING, Name STRING);"
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(definition)
        batches = []
        runtime.add_callback("S", batches.append)
        runtime.start()

        def run(mapper, rows):
            batches.clear()
            runtime.input_handler("S").send_many(rows)
            native = b"".join(mapper.map_block(batch, b"") for batch in batches)
            return native, b"".join(payload for batch in batches for payload in mapper.map(list(batch)))

        yield run


@pytest.mark.parametrize("layout", ["map", "array"])
@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_rows_are_written_as_the_general_path_writes_them(mapper, encode, layout, rows):
    made = mapper("sink_mapper", "msgpack", SCHEMA, {"layout": layout})
    native, general = encode(made, rows)
    assert native == general


def test_wide_rows_have_long_heads(mapper):
    for count in (15, 16, 40):
        schema = Schema.of(**{f"a{number}": INT for number in range(count)})
        definition = f"CREATE STREAM S ({', '.join(f'{name} INT' for name in schema.names)});"
        with EventFluxManager(plugins=False) as manager:
            runtime = manager.create_eventflux_app_runtime(definition)
            batches = []
            runtime.add_callback("S", batches.append)
            runtime.start()
            runtime.input_handler("S").send(tuple(range(count)))
            for layout in ("map", "array"):
                made = mapper("sink_mapper", "msgpack", schema, {"layout": layout})
                assert made.map_block(batches[0], b"") == made.map(list(batches[0]))[0]


def test_an_encoder_refuses_what_it_cannot_write():
    with pytest.raises(Exception, match="does not write"):
        LineEncoder.msgpack(Schema.of(o=OBJECT), ["o"])
