"""Sets, structs, and what is inside a JSON value."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.builtin.functions.declaring import also_as, argument, function
from eventflux.extension.declaration import ANY, Example, Extension, Overload, TypeVariable
from eventflux.types.attribute_type import AttributeType

_BOOL: Final = AttributeType.BOOL
_INT: Final = AttributeType.INT
_OBJECT: Final = AttributeType.OBJECT
_STRING: Final = AttributeType.STRING
_SCALAR: Final = TypeVariable("T", tuple(each for each in ANY if each is not _OBJECT))
_NAMESPACE: Final = "json"

_JSON: Final = argument("json", (_OBJECT, _STRING), "An OBJECT, or JSON text; null gives null.")
_PATH: Final = argument(
    "path", (_STRING,), "The way to the value: ``$.name``, ``$['name']``, ``$[0]``, one behind the other."
)

CREATE_SET: Final = function(
    "createSet",
    "A set with that one element; null is an element too.",
    parameters=(argument("element", _SCALAR.types, "The element."),),
    overloads=(Overload(parameters=(_SCALAR,), native="create_set"),),
    returns=_OBJECT,
    examples=(Example("sizeOfSet(createSet(7)) = 1", "One element."),),
)
SIZE_OF_SET: Final = function(
    "sizeOfSet",
    "How many elements a set has; 0 for null. An object that is not a set fails the event.",
    parameters=(argument("set", (_OBJECT,), "The set."),),
    overloads=(Overload(parameters=(_OBJECT,), native="size_of_set"),),
    returns=_INT,
    examples=(Example("sizeOfSet(createSet('a')) = 1", "The value."),),
    can_fail=True,
)
STRUCT: Final = function(
    "struct",
    "A value with fields: ``struct(x => a, y => b)`` in SQL; without names they are ``field_0``, ``field_1``, ...",
    parameters=(argument("value", ANY, "The value of the next field."),),
    overloads=(Overload(parameters=("value",), repeat=True),),
    returns=_OBJECT,
    examples=(Example("JSON_VALUE(struct(1, 2), '$.field_1') IS NOT NULL", "The second field."),),
)
JSON_VALUE: Final = function(
    "JSON_VALUE",
    "The value that a path leads to in an OBJECT or in JSON text; null if it leads nowhere, or the text is not JSON.",
    parameters=(_JSON, _PATH),
    overloads=(
        Overload(parameters=(_OBJECT, "path"), native="json_value"),
        Overload(parameters=(_STRING, "path"), native="json_value_text"),
    ),
    returns=_OBJECT,
    examples=(Example("""CAST(JSON_VALUE('{"a": [5]}', '$.a[0]') AS INT) = 5""", "An element of a field."),),
)


def _get(name: str, returns: AttributeType, what: str, example: Example) -> Extension:
    native = f"json_get_{returns.name.lower()}"
    return also_as(
        function(
            name,
            f"The {what} that a path leads to; null if it leads nowhere or to a value of another type.",
            parameters=(_JSON, _PATH),
            overloads=(
                Overload(parameters=(_OBJECT, "path"), native=native),
                Overload(parameters=(_STRING, "path"), native=native.replace("get", "get_text")),
            ),
            returns=returns,
            examples=(example,),
        ),
        _NAMESPACE,
    )


GETTERS: Final = (
    _get("getString", _STRING, "string", Example('json:getString("""{"a": "x"}""", \'$.a\') = \'x\'', "The value.")),
    _get("getInt", _INT, "INT", Example('json:getInt("""{"a": 5}""", \'$.a\') = 5', "The value.")),
    _get("getLong", AttributeType.LONG, "LONG", Example('json:getLong("""{"a": 5}""", \'$.a\') = 5L', "The value.")),
    _get(
        "getFloat",
        AttributeType.FLOAT,
        "FLOAT",
        Example('json:getFloat("""{"a": 0.5}""", \'$.a\') = 0.5f', "The value."),
    ),
    _get(
        "getDouble",
        AttributeType.DOUBLE,
        "DOUBLE",
        Example('json:getDouble("""{"a": 0.5}""", \'$.a\') = 0.5', "The value."),
    ),
    _get("getBool", _BOOL, "BOOL", Example('json:getBool("""{"a": true}""", \'$.a\')', "The value.")),
    _get("getObject", _OBJECT, "value", Example('sizeOfSet(json:getObject("""{"a": null}""", \'$.a\')) = 0', "Null.")),
)

FUNCTIONS: Final[tuple[Extension, ...]] = (
    CREATE_SET,
    SIZE_OF_SET,
    STRUCT,
    JSON_VALUE,
    replace(
        also_as(JSON_VALUE, _NAMESPACE, "value", aliases=("json_value",)),
        examples=(
            Example("""convert(json:value(\"\"\"{"a": [5]}\"\"\", '$.a[0]'), 'string') == '5'""", "An element."),
        ),
    ),
    *GETTERS,
)
