"""Aggregators over truth values: ``and``, ``or``."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType

AND: Final = Extension(
    name="and",
    kind=ExtensionKind.AGGREGATOR,
    description="True if every value in the window is true and there is one; a null fails the event.",
    parameters=(Parameter("value", (AttributeType.BOOL,), "What must be true.", dynamic=True),),
    returns=AttributeType.BOOL,
    native="bool_and",
    can_fail=True,
    aliases=("bool_and", "every"),
    examples=(Example("select and(valid) as all_valid", "Whether every event of the window is valid."),),
)

OR: Final = Extension(
    name="or",
    kind=ExtensionKind.AGGREGATOR,
    description="True if any value in the window is true; a null fails the event.",
    parameters=(Parameter("value", (AttributeType.BOOL,), "What may be true.", dynamic=True),),
    returns=AttributeType.BOOL,
    native="bool_or",
    can_fail=True,
    aliases=("bool_or",),
    examples=(Example("select or(failed) as any_failed", "Whether any event of the window failed."),),
)

AGGREGATORS: Final = (AND, OR)
