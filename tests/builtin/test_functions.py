"""The declarations of the scalar functions agree with the operations of the engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.native.expression_harness import BOOL, OBJECT, STRING, TYPES, Program, operations

from eventflux.builtin import plugin
from eventflux.extension.arguments import Argument, ResolvedCall, check_arguments
from eventflux.extension.declaration import Extension, Overload, TypeVariable
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.registry import ExtensionRegistry
from eventflux.types.attribute_type import AttributeType

REGISTRY = ExtensionRegistry()
plugin.eventflux_register_functions(REGISTRY)
FUNCTIONS = REGISTRY.declarations(ExtensionKind.FUNCTION)
# Bound to other operations, by what their arguments say.
SPECIAL = {"convert", "cast", "struct"}


def calls(declaration: Extension, form: Overload) -> Iterator[tuple[AttributeType, ...]]:
    """The argument types that a form takes, each variable as each of its types."""
    variables = {item.name: item.types for item in form.parameters if isinstance(item, TypeVariable)}
    for bound in itertools.product(*variables.values()):
        chosen = dict(zip(variables, bound, strict=True))
        choices: list[tuple[AttributeType, ...]] = []
        for item in form.parameters:
            match item:
                case TypeVariable(name=name):
                    choices.append((chosen[name],))
                case str() as name:
                    parameter = declaration.parameter(name)
                    assert parameter is not None
                    choices.append(parameter.constant_types)
                case _:
                    choices.append((item,))
        yield from itertools.product(*choices)


FORMS = [
    pytest.param(declaration, form, types, id=f"{declaration.qualified_name}({', '.join(each.name for each in types)})")
    for declaration in FUNCTIONS
    if declaration.qualified_name not in SPECIAL
    for form in declaration.forms
    for types in calls(declaration, form)
]


def resolve(declaration: Extension, form: Overload, types: tuple[AttributeType, ...], *, widen: bool) -> ResolvedCall:
    constants = dict(form.constants)
    arguments = [
        Argument.of_constant(each, constants[index]) if index in constants else Argument.of_expression(each)
        for index, each in enumerate(types)
    ]
    resolved = check_arguments(declaration, arguments, widen=widen)
    assert isinstance(resolved, ResolvedCall), resolved
    return resolved


@pytest.mark.parametrize("widen", [True, False], ids=["sql", "eventfluxql"])
@pytest.mark.parametrize(("declaration", "form", "types"), FORMS)
def test_each_form_names_an_operation_of_its_types(
    declaration: Extension, form: Overload, types: tuple[AttributeType, ...], widen: bool
) -> None:
    resolved = resolve(declaration, form, types, widen=widen)
    assert resolved.native in operations()
    with Program([int(each or given) for each, given in zip(resolved.argument_types, types, strict=True)]) as program:
        register = program.call(resolved.native, *(program.column(index) for index in range(len(types))))
        program.output(register)
        assert resolved.returns is not None
        assert program.output_types == [int(resolved.returns)]


def test_what_may_fail_is_not_pure_and_what_is_pure_cannot_fail() -> None:
    for declaration in FUNCTIONS:
        assert not (declaration.pure and declaration.can_fail), declaration.qualified_name
    failing = {declaration.name for declaration in FUNCTIONS if declaration.can_fail}
    assert {"REPEAT", "LPAD", "sizeOfSet", "formatDate", "regexp"} <= failing


@pytest.mark.parametrize("declaration", FUNCTIONS, ids=lambda declaration: declaration.qualified_name)
def test_each_function_is_described(declaration: Extension) -> None:
    assert declaration.description.endswith(".")
    assert declaration.examples
    assert all(example.code and example.description.endswith(".") for example in declaration.examples)
    assert all(parameter.description.endswith(".") for parameter in declaration.parameters)


SQL_NAMES = [
    "ABS",
    "CEIL",
    "FLOOR",
    "ROUND",
    "TRUNC",
    "TRUNCATE",
    "SIGN",
    "SQRT",
    "EXP",
    "LN",
    "LOG10",
    "LOG",
    "POWER",
    "POW",
    "MOD",
    "SIN",
    "COS",
    "TAN",
    "ASIN",
    "ACOS",
    "ATAN",
    "ATAN2",
    "PI",
    "E",
    "RAND",
    "MAXIMUM",
    "GREATEST",
    "MINIMUM",
    "LEAST",
    "LENGTH",
    "CHAR_LENGTH",
    "UPPER",
    "LOWER",
    "TRIM",
    "LTRIM",
    "RTRIM",
    "REVERSE",
    "REPEAT",
    "CONCAT",
    "SUBSTRING",
    "SUBSTR",
    "LEFT",
    "RIGHT",
    "LPAD",
    "RPAD",
    "REPLACE",
    "SPLIT_PART",
    "POSITION",
    "LOCATE",
    "INSTR",
    "STARTS_WITH",
    "ENDS_WITH",
    "CONTAINS",
    "ASCII",
    "CHR",
    "CHAR",
    "COALESCE",
    "IFNULL",
    "NVL",
    "DEFAULT",
    "NULLIF",
    "IF",
    "IIF",
    "IS_NULL",
    "IS_NOT_NULL",
    "CONVERT",
    "instanceOfBoolean",
    "instanceOfString",
    "instanceOfInteger",
    "instanceOfLong",
    "instanceOfFloat",
    "instanceOfDouble",
    "TYPEOF",
    "NOW",
    "CURRENT_TIMESTAMP",
    "currentTimeMillis",
    "eventTimestamp",
    "EVENT_TIME",
    "EXTRACT",
    "YEAR",
    "MONTH",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "DOW",
    "DOY",
    "WEEK",
    "QUARTER",
    "EPOCH",
    "FORMAT_DATE",
    "formatDate",
    "parseDate",
    "dateAdd",
    "dateSub",
    "dateDiff",
    "DATE_TRUNC",
    "UUID",
    "struct",
    "createSet",
    "sizeOfSet",
    "JSON_VALUE",
    "ifThenElse",
    "cast",
    "like",
]
QUALIFIED = [
    "math:abs",
    "math:ceil",
    "math:floor",
    "math:round",
    "math:sqrt",
    "math:exp",
    "math:ln",
    "math:log10",
    "math:log",
    "math:power",
    "math:mod",
    "math:sin",
    "math:pi",
    "math:e",
    "math:rand",
    "math:sign",
    "math:trunc",
    "str:length",
    "str:upper",
    "str:lower",
    "str:trim",
    "str:reverse",
    "str:repeat",
    "str:concat",
    "str:substr",
    "str:left",
    "str:right",
    "str:lpad",
    "str:rpad",
    "str:replace",
    "str:split_part",
    "str:position",
    "str:starts_with",
    "str:ends_with",
    "str:contains",
    "str:ascii",
    "str:chr",
    "str:regexp",
    "time:extract",
    "time:formatDate",
    "time:parseDate",
    "time:dateAdd",
    "time:dateSub",
    "time:dateDiff",
    "time:dateTrunc",
    "json:value",
    "json:getString",
]


@pytest.mark.parametrize("name", SQL_NAMES + QUALIFIED)
def test_every_function_of_the_languages_is_there_in_any_case(name: str) -> None:
    for spelling in (name, name.lower(), name.upper()):
        assert REGISTRY.find(ExtensionKind.FUNCTION, spelling) is not None


@pytest.mark.parametrize(
    ("name", "types", "native", "returns"),
    [
        ("ROUND", ("INT",), "round_long", "LONG"),
        ("ROUND", ("FLOAT",), "round_double", "DOUBLE"),
        ("ABS", ("FLOAT",), "abs_float", "FLOAT"),
        ("SQRT", ("INT",), "sqrt", "DOUBLE"),
        ("MOD", ("INT", "LONG"), "modulo_long", "LONG"),
        ("maximum", ("INT", "DOUBLE"), "maximum_double", "DOUBLE"),
        ("coalesce", ("STRING", "STRING"), "coalesce_string", "STRING"),
        ("IF", ("BOOL", "INT", "LONG"), "if_long", "LONG"),
        ("LOG", ("INT",), "log10", "DOUBLE"),
        ("LOG", ("INT", "INT"), "log", "DOUBLE"),
        ("CONCAT", ("INT", "OBJECT", "STRING"), "concat", "STRING"),
        ("SUBSTRING", ("STRING", "INT"), "substring", "STRING"),
        ("dateAdd", ("INT", "INT", "STRING"), "date_add", "LONG"),
        ("JSON_VALUE", ("STRING", "STRING"), "json_value_text", "OBJECT"),
    ],
)
def test_calls_in_sql(name: str, types: tuple[str, ...], native: str, returns: str) -> None:
    resolved = check_arguments(
        REGISTRY.get(ExtensionKind.FUNCTION, name),
        [Argument.of_expression(AttributeType[each]) for each in types],
        widen=True,
    )
    assert isinstance(resolved, ResolvedCall), resolved
    assert (resolved.native, resolved.returns) == (native, AttributeType[returns])


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("maximum", ("INT", "DOUBLE")),
        ("coalesce", ("INT", "LONG")),
        ("ifThenElse", ("BOOL", "INT", "LONG")),
        ("default", ("INT", "LONG")),
        ("createSet", ("OBJECT",)),
        ("sizeOfSet", ("STRING",)),
        ("maximum", ("STRING",)),
        ("str:length", ("INT",)),
    ],
)
def test_calls_that_eventfluxql_refuses(name: str, types: tuple[str, ...]) -> None:
    declaration = REGISTRY.get(ExtensionKind.FUNCTION, name)
    resolved = check_arguments(declaration, [Argument.of_expression(AttributeType[each]) for each in types])
    assert not isinstance(resolved, ResolvedCall)


def test_a_wrong_unit_is_refused() -> None:
    declaration = REGISTRY.get(ExtensionKind.FUNCTION, "DATE_TRUNC")
    unit, time = Argument.of_constant(AttributeType.STRING, "fortnight"), Argument.of_expression(AttributeType.LONG)
    (problem,) = check_arguments(declaration, [unit, time])  # type: ignore[misc]
    assert "must be one of MILLISECOND" in problem.message


def test_the_epoch_is_a_long() -> None:
    declaration = REGISTRY.get(ExtensionKind.FUNCTION, "extract")
    for field, returns in (("EPOCH", AttributeType.LONG), ("epoch", AttributeType.LONG), ("YEAR", AttributeType.INT)):
        arguments = [Argument.of_constant(AttributeType.STRING, field), Argument.of_expression(AttributeType.LONG)]
        resolved = check_arguments(declaration, arguments)
        assert isinstance(resolved, ResolvedCall)
        assert resolved.returns is returns


def test_types_are_those_of_the_engine() -> None:
    assert {name.upper(): number for name, number in TYPES.items()} == {each.name: int(each) for each in AttributeType}
    assert (BOOL, STRING, OBJECT) == (AttributeType.BOOL, AttributeType.STRING, AttributeType.OBJECT)
