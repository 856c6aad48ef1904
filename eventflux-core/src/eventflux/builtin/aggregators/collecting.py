"""Aggregators that keep values: ``first``, ``last``, ``collectList``, ``unionSet``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import ANY, Example, Extension, Overload, Parameter, TypeVariable
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_T: Final = TypeVariable("T")

FIRST: Final = Extension(
    name="first",
    kind=ExtensionKind.AGGREGATOR,
    description="The value of the first event now in the window.",
    parameters=(Parameter("value", ANY, "What is kept.", dynamic=True),),
    overloads=(Overload(parameters=(_T,), returns=_T, native="first"),),
    aliases=("first_value",),
    examples=(Example("select first(price) as opening", "The opening price of the window."),),
)

LAST: Final = Extension(
    name="last",
    kind=ExtensionKind.AGGREGATOR,
    description="The value of the last event now in the window.",
    parameters=(Parameter("value", ANY, "What is kept.", dynamic=True),),
    overloads=(Overload(parameters=(_T,), returns=_T, native="last"),),
    aliases=("last_value",),
    examples=(Example("select last(price) as closing", "The closing price of the window."),),
)

COLLECT_LIST: Final = Extension(
    name="collectList",
    kind=ExtensionKind.AGGREGATOR,
    description="The values now in the window as a list, in order of arrival.",
    parameters=(Parameter("value", ANY, "What is collected.", dynamic=True),),
    returns=AttributeType.OBJECT,
    native="collect_list",
    aliases=("collect_list",),
    examples=(Example("select collectList(price) as prices", "All prices of the window."),),
)

UNION_SET: Final = Extension(
    name="unionSet",
    kind=ExtensionKind.AGGREGATOR,
    description="The union of the sets now in the window.",
    parameters=(Parameter("set", (AttributeType.OBJECT,), "A set; see createSet.", dynamic=True),),
    returns=AttributeType.OBJECT,
    native="union_set",
    can_fail=True,
    examples=(Example("select unionSet(createSet(symbol)) as symbols", "The set of the symbols of the window."),),
)

AGGREGATORS: Final = (FIRST, LAST, COLLECT_LIST, UNION_SET)
