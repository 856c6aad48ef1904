import pytest

from eventflux.builtin import plugin
from eventflux.extension import (
    Argument,
    ArgumentProblem,
    Extension,
    ExtensionKind,
    Overload,
    Parameter,
    PluginManager,
    ProblemKind,
    ResolvedCall,
    TypeVariable,
    check_arguments,
)
from eventflux.types.attribute_type import AttributeType

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
REGISTRY = PluginManager((plugin,), plugins=False).registry


def constant(value):
    types = {bool: BOOL, int: INT, float: DOUBLE, str: STRING}
    return Argument.of_constant(types[type(value)], value)


def resolved(kind, name, *arguments, **rules):
    call = check_arguments(REGISTRY.get(kind, name), arguments, **rules)
    assert isinstance(call, ResolvedCall), call
    return call


def problems(kind, name, *arguments, **rules):
    found = check_arguments(REGISTRY.get(kind, name), arguments, **rules)
    assert not isinstance(found, ResolvedCall)
    return found


def test_the_parameters_of_a_window_are_bound_and_defaults_filled_in():
    call = resolved("window", "lengthBatch", constant(5))
    assert (call.native, call.value("length"), call.value("stream_current_event")) == ("length_batch", 5, False)
    assert (call.index("length"), call.index("stream_current_event")) == (0, None)


def test_the_form_is_chosen_by_type():
    assert resolved("window", "timeBatch", constant(9), constant(True)).value("stream_current_event") is True
    assert resolved("window", "timeBatch", constant(9), constant(3)).value("start_time") == 3


def test_a_start_time_may_be_an_attribute():
    call = resolved(
        "window", "externalTimeBatch", Argument.of_attribute(LONG), constant(9), Argument.of_attribute(LONG)
    )
    assert call.index("start_time") == 2


@pytest.mark.parametrize(
    ("kind", "name", "arguments", "expected"),
    [
        ("window", "length", (constant(1), constant(2)), "window length takes 1 argument (length INT), got 2"),
        (
            "window",
            "length",
            (Argument.of_constant(LONG, 5000),),
            "argument 1 (length) of window length must be INT, got LONG",
        ),
        ("window", "time", (Argument.of_expression(INT),), "period of window time must be a constant"),
        (
            "window",
            "externalTime",
            (Argument.of_expression(LONG), constant(9)),
            "timestamp of window externalTime must be an attribute of the input",
        ),
        (
            "stream_processor",
            "log",
            (constant("LOUD"), constant("x")),
            "priority of stream processor log must be one of INFO, DEBUG, WARN, FATAL, ERROR, OFF, TRACE, got 'LOUD'",
        ),
        (
            "aggregator",
            "avg",
            (Argument.of_attribute(STRING),),
            "argument 1 (value) of aggregator avg must be INT|LONG|FLOAT|DOUBLE, got STRING",
        ),
        (
            "window",
            "timeBatch",
            (constant(1), constant("x")),
            "window timeBatch takes (period INT|LONG) or (period INT|LONG, start_time INT|LONG) or (period INT|LONG, "
            "stream_current_event BOOL) or (period INT|LONG, start_time INT|LONG, stream_current_event BOOL), "
            "got (INT, STRING)",
        ),
    ],
)
def test_a_problem_is_told_in_words(kind, name, arguments, expected):
    assert [problem.message for problem in problems(kind, name, *arguments)] == [expected]


def test_a_window_of_size_zero_is_for_the_lenient_dialect():
    assert resolved("window", "length", constant(0)).value("length") == 0
    assert [problem.kind for problem in problems("window", "length", constant(0), strict=True)] == [ProblemKind.RANGE]


@pytest.mark.parametrize(
    ("name", "given", "native", "returns"),
    [
        ("sum", INT, "sum_long", LONG),
        ("sum", LONG, "sum_long", LONG),
        ("sum", FLOAT, "sum_double", DOUBLE),
        ("sum", DOUBLE, "sum_double", DOUBLE),
        ("avg", INT, "avg", DOUBLE),
        ("count", STRING, "count", LONG),
        ("min", INT, "min_int", INT),
        ("max", FLOAT, "max_float", FLOAT),
        ("minForever", DOUBLE, "min_forever_double", DOUBLE),
        ("maxForever", LONG, "max_forever_long", LONG),
        ("stdDev", INT, "std_dev", DOUBLE),
        ("variance", INT, "variance", DOUBLE),
        ("distinctCount", STRING, "distinct_count", LONG),
        ("and", BOOL, "bool_and", BOOL),
        ("or", BOOL, "bool_or", BOOL),
        ("unionSet", OBJECT, "union_set", OBJECT),
        ("first", STRING, "first", STRING),
        ("last", BOOL, "last", BOOL),
        ("collectList", INT, "collect_list", OBJECT),
    ],
)
def test_an_aggregator_names_its_native_operation_and_result(name, given, native, returns):
    call = resolved("aggregator", name, Argument.of_attribute(given))
    assert (call.native, call.returns) == (native, returns)


def test_count_takes_no_argument_too():
    assert resolved("aggregator", "count").native == "count"


def test_unknown_types_fit_everywhere():
    assert resolved("aggregator", "avg", Argument(type=None)).returns is DOUBLE
    assert resolved("aggregator", "min", Argument(type=None)).returns is None


def test_a_stream_processor_appends_attributes_by_its_form():
    two = [Argument.of_attribute(DOUBLE)] * 2
    assert [each.name for each in resolved("stream_processor", "pol2cart", *two).appended] == ["x", "y"]
    three = [Argument.of_attribute(DOUBLE)] * 3
    assert [each.name for each in resolved("stream_processor", "pol2Cart", *three).appended] == ["x", "y", "z"]


T = TypeVariable("T")
COALESCE = Extension(
    name="coalesce",
    kind=ExtensionKind.FUNCTION,
    overloads=(Overload(parameters=(T,), repeat=True, returns=T, native="coalesce_{T}"),),
)


def test_a_type_variable_is_one_type():
    same = check_arguments(COALESCE, [Argument.of_attribute(INT)] * 3)
    assert isinstance(same, ResolvedCall)
    assert (same.native, same.returns) == ("coalesce_int", INT)
    mixed = check_arguments(COALESCE, [Argument.of_attribute(INT), Argument.of_attribute(LONG)])
    assert isinstance(mixed, tuple)
    assert mixed[0].kind is ProblemKind.TYPE
    assert mixed[0].index == 1


def test_numbers_are_widened_to_a_common_type_where_the_dialect_does():
    call = check_arguments(COALESCE, [Argument.of_attribute(INT), Argument.of_attribute(DOUBLE)], widen=True)
    assert isinstance(call, ResolvedCall)
    assert (call.native, call.argument_types, call.returns) == ("coalesce_double", (DOUBLE, DOUBLE), DOUBLE)


ROOT = Extension(
    name="root",
    kind=ExtensionKind.FUNCTION,
    overloads=(
        Overload(parameters=(DOUBLE,), returns=DOUBLE, native="root_double"),
        Overload(parameters=(LONG,), returns=LONG, native="root_long"),
    ),
)


def test_the_form_that_widens_least_wins():
    call = check_arguments(ROOT, [Argument.of_attribute(INT)])
    assert isinstance(call, ResolvedCall)
    assert (call.native, call.argument_types) == ("root_long", (LONG,))


CONVERT = Extension(
    name="convert",
    kind=ExtensionKind.FUNCTION,
    parameters=(Parameter("value", dynamic=True), Parameter("type", (STRING,), choices=("int", "string"))),
    overloads=(
        Overload(parameters=(LONG, "type"), exact=True, constants=((1, "int"),), returns=INT, native="long_to_int"),
        Overload(
            parameters=(LONG, "type"), exact=True, constants=((1, "string"),), returns=STRING, native="long_to_text"
        ),
    ),
)


def test_a_form_may_depend_on_a_constant():
    call = check_arguments(CONVERT, [Argument.of_attribute(LONG), constant("STRING")])
    assert isinstance(call, ResolvedCall)
    assert (call.native, call.returns) == ("long_to_text", STRING)
    wrong = check_arguments(CONVERT, [Argument.of_attribute(LONG), constant("date")])
    assert isinstance(wrong, tuple)
    assert isinstance(wrong[0], ArgumentProblem)
    assert wrong[0].message == "type of function convert must be one of int, string, got 'date'"


def test_an_overload_cannot_name_an_undeclared_parameter():
    with pytest.raises(ValueError, match="undeclared parameter 'x'"):
        Extension(name="f", kind=ExtensionKind.FUNCTION, overloads=(Overload(parameters=("x",)),))
