"""Windows that choose by attributes what they hold: ``sort``, ``frequent``, ``unique``, ``keepAll``, and their kin."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import ANY, Example, Extension, Overload, Parameter, ParameterForm
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

_ATTRIBUTE: Final = Parameter("attribute", ANY, "Part of the key.", form=ParameterForm.ATTRIBUTE, optional=True)

SORT: Final = Extension(
    name="sort",
    kind=ExtensionKind.WINDOW,
    description="Holds the events that come first in an order of attributes; the last in order leaves.",
    parameters=(
        Parameter("length", (AttributeType.INT,), "How many events it holds.", strict_minimum=1),
        Parameter(
            "attribute",
            ANY,
            "An attribute to sort by; behind it 'asc', which is the default, or 'desc'.",
            form=ParameterForm.CONSTANT_OR_ATTRIBUTE,
            choices=("asc", "desc"),
        ),
    ),
    overloads=(Overload(parameters=("length", "attribute"), repeat=True),),
    native="sort",
    examples=(
        Example(
            "from S#window.sort(3, price, 'desc') select symbol, price insert all events into O;",
            "The three highest prices: who enters, and who leaves.",
        ),
    ),
)

FREQUENT: Final = Extension(
    name="frequent",
    kind=ExtensionKind.WINDOW,
    description="Holds the latest event of each of the most frequent keys (the algorithm of Misra and Gries, 1982).",
    parameters=(
        Parameter("count", (AttributeType.INT,), "How many keys are counted.", minimum=1),
        _ATTRIBUTE,
    ),
    overloads=(
        Overload(parameters=("count",)),
        Overload(parameters=("count", "attribute"), repeat=True),
    ),
    native="frequent",
    examples=(
        Example("from S#window.frequent(2, symbol) select symbol, price insert into O;", "Events of frequent symbols."),
    ),
)

_SHARE: Final = (AttributeType.FLOAT, AttributeType.DOUBLE)

LOSSY_FREQUENT: Final = Extension(
    name="lossyFrequent",
    kind=ExtensionKind.WINDOW,
    description="Holds the latest event of each key that makes up a share of all events (lossy counting: Manku and"
    " Motwani, 2002).",
    parameters=(
        Parameter("support", _SHARE, "The share of all events that makes a key frequent.", minimum=0, maximum=1),
        Parameter(
            "error",
            _SHARE,
            "By how much counts may be too low; a tenth of the support.",
            minimum=0,
            maximum=1,
            optional=True,
        ),
        _ATTRIBUTE,
    ),
    overloads=(
        Overload(parameters=("support",)),
        Overload(parameters=("support", "error")),
        Overload(parameters=("support", "error", "attribute"), repeat=True),
    ),
    native="lossy_frequent",
    aliases=("lossyCounting",),
    examples=(
        Example(
            "from S#window.lossyFrequent(0.1, 0.01, symbol) select symbol, price insert into O;",
            "Events of symbols that make up a tenth of all.",
        ),
    ),
)

UNIQUE: Final = Extension(
    name="unique",
    kind=ExtensionKind.WINDOW,
    description="Holds the latest event of each key; the one before it expires.",
    parameters=(Parameter("attribute", ANY, "Part of the key.", form=ParameterForm.ATTRIBUTE),),
    overloads=(Overload(parameters=("attribute",), repeat=True),),
    native="unique",
    examples=(
        Example(
            "from S#window.unique(symbol) select avg(price) as average insert into O;", "Of the latest price of each."
        ),
    ),
)

FIRST_UNIQUE: Final = Extension(
    name="firstUnique",
    kind=ExtensionKind.WINDOW,
    description="Lets the first event of each key pass and holds it; later ones are dropped.",
    parameters=(Parameter("attribute", ANY, "Part of the key.", form=ParameterForm.ATTRIBUTE),),
    overloads=(Overload(parameters=("attribute",), repeat=True),),
    native="first_unique",
    examples=(Example("from S#window.firstUnique(symbol) select symbol insert into O;", "Each symbol once."),),
)

KEEP_ALL: Final = Extension(
    name="keepAll",
    kind=ExtensionKind.WINDOW,
    description="Holds every event: nothing expires.",
    native="keep_all",
    examples=(Example("from S#window.keepAll() select count() as n insert into O;", "The number of all events."),),
)

WINDOWS: Final = (SORT, FREQUENT, LOSSY_FREQUENT, UNIQUE, FIRST_UNIQUE, KEEP_ALL)
