"""Conversion between types, and questions about the type of a value."""

from __future__ import annotations

from typing import Final

from eventflux.builtin.functions.declaring import function
from eventflux.extension.declaration import ANY, Example, Extension, Overload, Parameter, TypeVariable
from eventflux.types.attribute_type import TYPE_NAMES, AttributeType

_BOOL: Final = AttributeType.BOOL
_STRING: Final = AttributeType.STRING
_VALUE: Final = Parameter("value", ANY, "The value; null gives null.", dynamic=True)
# The binder writes the conversion that the type's name asks for: these two have no operation of their own.
_TYPE: Final = Parameter(
    "type",
    (_STRING,),
    "The type's name as a constant, in any case.",
    choices=tuple(name.lower() for name, named in TYPE_NAMES.items() if named is not AttributeType.OBJECT),
)
_SCALAR: Final = TypeVariable("T", tuple(each for each in ANY if each is not AttributeType.OBJECT))


CONVERT: Final = function(
    "convert",
    "The value as another type. Numbers are truncated toward zero and saturate, LONG becomes INT by its low 32 bits, "
    "text that is not a number gives null, BOOL is 1 or 0, a number is true if it is 1, text if it is ``true`` in any "
    "case.",
    parameters=(_VALUE, _TYPE),
    overloads=(
        Overload(parameters=(_SCALAR, "type")),
        Overload(parameters=(AttributeType.OBJECT, "type"), constants=((1, "string"),)),
    ),
    examples=(
        Example("convert(3.9, 'int') = 3", "Truncated."),
        Example("convert('zz', 'int') IS NULL", "Not a number."),
        Example("convert(100.0, 'string') = '100.0'", "As Java prints it."),
    ),
)
CAST: Final = function(
    "cast",
    "Says which type an object has: the value if it is of that type, else null. It converts nothing but INT to LONG; "
    "``convert`` does. SQL's ``CAST(x AS type)`` is ``convert``.",
    parameters=(_VALUE, _TYPE),
    overloads=(Overload(parameters=("value", "type")),),
    examples=(Example("cast(createSet(1), 'int') is null", "A set is no INT."),),
)


def _instance_of(name: str, native: str, what: str, example: Example) -> Extension:
    return function(
        name,
        f"Whether the value is {what}; false for null.",
        parameters=(_VALUE,),
        overloads=(Overload(parameters=("value",), native=f"instance_of_{native}"),),
        returns=_BOOL,
        examples=(example,),
    )


INSTANCE_OF_BOOLEAN: Final = _instance_of(
    "instanceOfBoolean", "bool", "a BOOL", Example("instanceOfBoolean(TRUE)", "The value.")
)
INSTANCE_OF_STRING: Final = _instance_of(
    "instanceOfString", "string", "a STRING", Example("instanceOfString('a')", "The value.")
)
INSTANCE_OF_INTEGER: Final = _instance_of(
    "instanceOfInteger", "int", "an INT", Example("instanceOfInteger(1)", "The value.")
)
INSTANCE_OF_LONG: Final = _instance_of("instanceOfLong", "long", "a LONG", Example("instanceOfLong(1L)", "The value."))
INSTANCE_OF_FLOAT: Final = _instance_of(
    "instanceOfFloat", "float", "a FLOAT", Example("instanceOfFloat(1.5f)", "The value.")
)
INSTANCE_OF_DOUBLE: Final = _instance_of(
    "instanceOfDouble", "double", "a DOUBLE", Example("instanceOfDouble(1.5)", "The value.")
)
TYPE_OF: Final = function(
    "TYPEOF",
    "The name of the value's type; of an OBJECT that of what it holds.",
    parameters=(_VALUE,),
    overloads=(Overload(parameters=("value",), native="type_of"),),
    returns=_STRING,
    examples=(Example("TYPEOF(1.5) = 'DOUBLE'", "The value."),),
)

FUNCTIONS: Final[tuple[Extension, ...]] = (
    CONVERT,
    CAST,
    INSTANCE_OF_BOOLEAN,
    INSTANCE_OF_STRING,
    INSTANCE_OF_INTEGER,
    INSTANCE_OF_LONG,
    INSTANCE_OF_FLOAT,
    INSTANCE_OF_DOUBLE,
    TYPE_OF,
)
