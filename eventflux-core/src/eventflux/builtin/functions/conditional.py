"""Choice between values, and nulls."""

from __future__ import annotations

from typing import Final

from eventflux.builtin.functions.declaring import argument, function
from eventflux.extension.declaration import ANY, NUMERIC, Example, Extension, Overload, TypeVariable
from eventflux.types.attribute_type import AttributeType

_BOOL: Final = AttributeType.BOOL
_T: Final = TypeVariable("T")
_N: Final = TypeVariable("N", NUMERIC)
_VALUE: Final = argument("value", ANY, "A value; all of one type.")
_NUMBER: Final = argument("value", NUMERIC, "A number; all of one type. Nulls are passed over.")

COALESCE: Final = function(
    "coalesce",
    "The first argument that is not null; null if there is none.",
    parameters=(_VALUE,),
    overloads=(Overload(parameters=(_T,), repeat=True, native="coalesce_{T}"),),
    returns=_T,
    examples=(Example("coalesce(CAST(NULL AS INT), 2, 3) = 2", "The first that is there."),),
)
DEFAULT: Final = function(
    "default",
    "The value, or the default if it is null. In EventFluxQL the default is a constant.",
    parameters=(
        argument("value", ANY, "The value."),
        argument("default", ANY, "What stands for null, of the same type."),
    ),
    overloads=(Overload(parameters=(_T, _T), native="default_{T}"),),
    returns=_T,
    examples=(Example("default(CAST(NULL AS INT), 7) = 7", "In place of null."),),
    aliases=("IFNULL", "NVL"),
)
NULL_IF: Final = function(
    "NULLIF",
    "Null if both are equal, else the first.",
    parameters=(argument("value", ANY, "The value."), argument("other", ANY, "What makes it null.")),
    overloads=(Overload(parameters=(_T, _T), native="null_if_{T}"),),
    returns=_T,
    examples=(Example("NULLIF(0, 0) IS NULL", "Equal."), Example("NULLIF(5, 0) = 5", "Not equal.")),
)
IF_THEN_ELSE: Final = function(
    "ifThenElse",
    "The second argument if the first is true, else (false or null) the third. Only the one taken is evaluated.",
    parameters=(
        argument("condition", (_BOOL,), "What decides."),
        argument("then", ANY, "The value if it is true."),
        argument("otherwise", ANY, "The value if it is not, of the same type."),
    ),
    overloads=(Overload(parameters=(_BOOL, _T, _T), native="if_{T}"),),
    returns=_T,
    examples=(Example("ifThenElse(2 > 1, 'more', 'less') = 'more'", "The condition holds."),),
    aliases=("IF", "IIF"),
)
MAXIMUM: Final = function(
    "maximum",
    "The largest of the arguments, nulls passed over; null if all are.",
    parameters=(_NUMBER,),
    overloads=(Overload(parameters=(_N,), repeat=True, native="maximum_{N}"),),
    returns=_N,
    examples=(Example("maximum(-5, -1, -3) = -1", "Negative numbers too."),),
    aliases=("GREATEST",),
)
MINIMUM: Final = function(
    "minimum",
    "The smallest of the arguments, nulls passed over; null if all are.",
    parameters=(_NUMBER,),
    overloads=(Overload(parameters=(_N,), repeat=True, native="minimum_{N}"),),
    returns=_N,
    examples=(Example("minimum(2.5, 1.5) = 1.5", "Of two."),),
    aliases=("LEAST",),
)
IS_NULL: Final = function(
    "IS_NULL",
    "Whether the value is null, as ``x IS NULL``.",
    parameters=(argument("value", ANY, "The value."),),
    overloads=(Overload(parameters=("value",), native="is_null"),),
    returns=_BOOL,
    examples=(Example("IS_NULL(CAST(NULL AS INT))", "A null."),),
    aliases=("isNull",),
)
IS_NOT_NULL: Final = function(
    "IS_NOT_NULL",
    "Whether the value is not null, as ``x IS NOT NULL``.",
    parameters=(argument("value", ANY, "The value."),),
    overloads=(Overload(parameters=("value",), native="is_not_null"),),
    returns=_BOOL,
    examples=(Example("IS_NOT_NULL(1)", "A value."),),
    aliases=("isNotNull",),
)

FUNCTIONS: Final[tuple[Extension, ...]] = (
    COALESCE,
    DEFAULT,
    NULL_IF,
    IF_THEN_ELSE,
    MAXIMUM,
    MINIMUM,
    IS_NULL,
    IS_NOT_NULL,
)
