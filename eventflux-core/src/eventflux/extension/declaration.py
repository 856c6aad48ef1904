"""What an extension says about itself.

From one declaration come validation at creation, the texts of error messages, ``eventflux extensions`` and the
generated reference pages. Built-ins and third parties declare alike; a built-in that the engine implements in C
names its native operation in ``native``, everything else brings a ``factory``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, field, replace
from enum import Enum, unique
from typing import Final

from eventflux.extension.extension_kind import ExtensionKind
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record

Constant = bool | int | float | str | bytes | None
TypeLike = AttributeType | str


class Missing(Enum):
    """The type of `MISSING`, which stands where no default was given (``None`` is a value: null)."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

ANY: Final = (
    AttributeType.BOOL,
    AttributeType.INT,
    AttributeType.LONG,
    AttributeType.FLOAT,
    AttributeType.DOUBLE,
    AttributeType.STRING,
    AttributeType.OBJECT,
)
NUMERIC: Final = (AttributeType.INT, AttributeType.LONG, AttributeType.FLOAT, AttributeType.DOUBLE)
INTEGRAL: Final = (AttributeType.INT, AttributeType.LONG)


@unique
class ParameterForm(Enum):
    """What may stand as an argument."""

    CONSTANT = "a constant"
    ATTRIBUTE = "an attribute"
    CONSTANT_OR_ATTRIBUTE = "a constant or an attribute"
    EXPRESSION = "an expression"


@unique
class Unit(str, Enum):
    """How the text of an option is read, and what its number means."""

    MILLISECONDS = "ms"
    SECONDS = "s"
    DURATION = "duration"
    BYTES = "bytes"

    def __str__(self) -> str:
        return self.value


def _as_type(value: TypeLike) -> AttributeType:
    return value if isinstance(value, AttributeType) else AttributeType[value.upper()]


@record(frozen=True, slots=True)
class Parameter:
    """One parameter of a function, window, aggregator or processor, or one option of a connector or mapper.

    Attributes:
        name: As messages and documentation spell it; for options the key, without the extension's prefix.
        types: The types that it takes; names are accepted and turned into `AttributeType`.
        description: One sentence for the reference page.
        optional: It may be left out. A parameter with a default is optional by that.
        default: The value of an argument left out.
        dynamic: Any expression may stand here, not only a constant; on a sink's option: it may hold ``{{attribute}}``.
        form: Overrides what ``dynamic`` says, for parameters that want a plain attribute.
        attribute_types: The types of an attribute, where they differ from those of a constant.
        choices: The only constants allowed; texts are compared in any case.
        minimum: The smallest constant allowed.
        maximum: The largest constant allowed.
        strict_minimum: The smallest constant that the strict dialect (EventFlux SQL) allows, where it allows less.
        secret: The value is never shown.
        unit: How the text of an option is read and what its number means.
        aliases: Other spellings of an option's key.
        is_prefix: The option is a family: ``headers.`` takes every key that begins so.
        format_option: On a connector: the option of its format that this one stands for, unless that is given itself.
    """

    name: str
    types: tuple[AttributeType, ...] | Sequence[TypeLike] = ANY
    description: str = ""
    _: KW_ONLY
    optional: bool = False
    default: Constant | Missing = MISSING
    dynamic: bool = False
    form: ParameterForm | None = None
    attribute_types: tuple[AttributeType, ...] | Sequence[TypeLike] | None = None
    choices: tuple[Constant, ...] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    strict_minimum: int | float | None = None
    secret: bool = False
    unit: Unit | str | None = None
    aliases: tuple[str, ...] = ()
    is_prefix: bool = False
    format_option: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", tuple(_as_type(value) for value in self.types))
        if self.attribute_types is not None:
            object.__setattr__(self, "attribute_types", tuple(_as_type(value) for value in self.attribute_types))
        if self.unit is not None:
            object.__setattr__(self, "unit", Unit(self.unit))
        if self.default is not MISSING:
            object.__setattr__(self, "optional", True)

    @property
    def accepts(self) -> ParameterForm:
        """What may stand as an argument."""
        if self.form is not None:
            return self.form
        return ParameterForm.EXPRESSION if self.dynamic else ParameterForm.CONSTANT

    @property
    def constant_types(self) -> tuple[AttributeType, ...]:
        """The types of a constant or an expression."""
        return tuple(_as_type(value) for value in self.types)

    @property
    def plain_attribute_types(self) -> tuple[AttributeType, ...]:
        """The types of a plain attribute."""
        return self.constant_types if self.attribute_types is None else tuple(map(_as_type, self.attribute_types))

    @property
    def default_value(self) -> Constant:
        """The value of an argument left out; null where there is no default."""
        return None if isinstance(self.default, Missing) else self.default


@record(frozen=True, slots=True)
class SystemParameter:
    """A setting that only the configuration can give, never an app text."""

    name: str
    description: str
    _: KW_ONLY
    default: Constant = None
    possible_values: tuple[str, ...] = ()
    secret: bool = False


@record(frozen=True, slots=True)
class TypeVariable:
    """One type, the same wherever the variable stands in a call: ``coalesce(T, T, …) -> T``."""

    name: str
    types: tuple[AttributeType, ...] = ANY


@record(frozen=True, slots=True)
class Returns:
    """One attribute that a stream processor appends."""

    name: str
    type: AttributeType | str
    description: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", _as_type(self.type))

    @property
    def attribute_type(self) -> AttributeType:
        """The type, as an `AttributeType` whatever way it was written."""
        return _as_type(self.type)


ReturnsLike = (
    AttributeType | str | TypeVariable | Sequence[Returns] | Callable[[tuple[AttributeType, ...]], AttributeType] | None
)
OverloadItem = AttributeType | TypeVariable | str


@record(frozen=True, slots=True, kw_only=True)
class Overload:
    """One positional form of a call.

    Attributes:
        parameters: For each argument the name of a declared parameter (its types and form hold), a type (a narrower
            number is widened to it), or a type variable.
        repeat: The last item may be given any number of times, at least once.
        exact: Numbers aren't widened to the types of this form.
        constants: Pairs (position, constant): the form is meant only where that constant stands; texts in any case.
        returns: Result type, type variable, appended attributes, or a function of the argument types; what the
            declaration says if left out.
        native: Name of the engine's operation; ``{T}`` is replaced by the lower-case name of the type bound to T.
    """

    parameters: tuple[OverloadItem, ...] = ()
    repeat: bool = False
    exact: bool = False
    constants: tuple[tuple[int, Constant], ...] = ()
    returns: ReturnsLike = None
    native: str | None = None

    @staticmethod
    def of(form: Overload | Sequence[OverloadItem]) -> Overload:
        """The overload that a short form such as ``("value", "p")`` or ``("value", "...")`` means."""
        if isinstance(form, Overload):
            return form
        items = tuple(form)
        if items and items[-1] == "...":
            return Overload(parameters=items[:-1], repeat=True)
        return Overload(parameters=items)

    def accepts_count(self, count: int) -> bool:
        """Whether a call with that many arguments can be of this form."""
        if self.repeat:
            return count >= len(self.parameters)
        return count == len(self.parameters)

    def item(self, index: int) -> OverloadItem:
        """What stands at a position; the last item for positions that repeat it."""
        return self.parameters[min(index, len(self.parameters) - 1)]


@record(frozen=True, slots=True)
class Example:
    """A runnable example and what it shows."""

    code: str
    description: str


@record(frozen=True, slots=True, kw_only=True)
class Extension:
    """The declaration of one extension.

    Attributes:
        name: Without namespace, in its documented spelling.
        kind: What it is.
        namespace: Empty for bare names.
        description: What it does, for the reference page.
        parameters: Arguments or options, in order.
        overloads: The positional forms allowed; none: the parameters in order, trailing optional ones may be left out.
        returns: See `Overload.returns`.
        examples: Shown on the reference page, and run by the documentation's tests.
        since: Version that brought it.
        deprecated: What to use instead, if one should.
        version: (major, minor, patch) of its state.
        native: Name of the engine's operation; ``None``: ``factory`` implements it.
        factory: Class or callable that makes an instance, or the function itself.
        aliases: Other names of the same thing.
        system_parameters: Settings that only the configuration can give.
        pure: The result is a function of the arguments, there is no effect: it may be folded and shared.
        deterministic: The same input gives the same output on every run; else results are logged as inputs.
        can_fail: A call may fail on a row.
        vectorized: The callable takes and gives whole columns.
        stateful: It has state that checkpoints must hold.
        accepts_options: Options that are not declared are passed on instead of being refused.
        default_format: Of a source or sink: the mapper that is meant when none is given; None: one must be given.
        distribution: The distribution that brought it; set at registration.
        install_hint: What to install when an optional dependency is missing.
    """

    name: str
    kind: ExtensionKind
    namespace: str = ""
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    overloads: tuple[Overload, ...] = ()
    returns: ReturnsLike = None
    examples: tuple[Example, ...] = ()
    since: str = "0.1"
    deprecated: str | None = None
    version: tuple[int, int, int] = (1, 0, 0)
    native: str | None = None
    factory: Callable[..., object] | None = field(default=None, compare=False)
    aliases: tuple[str, ...] = ()
    system_parameters: tuple[SystemParameter, ...] = ()
    pure: bool = False
    deterministic: bool = True
    can_fail: bool = False
    vectorized: bool = False
    stateful: bool = False
    accepts_options: bool = False
    default_format: str | None = None
    distribution: str = ""
    install_hint: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", ExtensionKind(self.kind))
        object.__setattr__(self, "parameters", tuple(self.parameters))
        object.__setattr__(self, "overloads", tuple(Overload.of(form) for form in self.overloads))
        names = {parameter.name for parameter in self.parameters}
        for overload in self.overloads:
            for item in overload.parameters:
                if isinstance(item, str) and item not in names:
                    raise ValueError(f"{self.qualified_name}: overload names an undeclared parameter {item!r}")

    @property
    def qualified_name(self) -> str:
        """``namespace:name``, or the bare name."""
        return f"{self.namespace}:{self.name}" if self.namespace else self.name

    @property
    def is_native(self) -> bool:
        """Whether the engine implements it."""
        return self.native is not None or any(overload.native is not None for overload in self.overloads)

    @property
    def forms(self) -> tuple[Overload, ...]:
        """The positional forms: those declared, or the parameters with trailing optional ones left out in turn."""
        if self.overloads:
            return self.overloads
        names = tuple(parameter.name for parameter in self.parameters)
        shortest = len(names)
        while shortest and self.parameters[shortest - 1].optional:
            shortest -= 1
        return tuple(Overload(parameters=names[:count]) for count in range(shortest, len(names) + 1))

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name or alias."""
        for parameter in self.parameters:
            if parameter.name == name or name in parameter.aliases:
                return parameter
        return None

    def attributed_to(self, distribution: str) -> Extension:
        """The same declaration, brought by that distribution."""
        return replace(self, distribution=distribution)

    @property
    def signatures(self) -> tuple[str, ...]:
        """Each form as text: ``(period INT|LONG, start_time INT|LONG)``."""
        return tuple(self._signature(form) for form in self.forms)

    def _signature(self, form: Overload) -> str:
        parts = [self.item_signature(form, index) for index in range(len(form.parameters))]
        if form.repeat:
            parts.append("…")
        return f"({', '.join(parts)})"

    def item_signature(self, form: Overload, index: int) -> str:
        """One argument of a form as text: ``length INT``."""
        name, types = self.item_name(form, index), self.item_types(form, index)
        return " ".join(part for part in (name, types) if part)

    def item_name(self, form: Overload, index: int) -> str:
        """What messages call one argument of a form; empty if it has no name."""
        item = form.item(index)
        if isinstance(item, str):
            return item
        return self.parameters[min(index, len(self.parameters) - 1)].name if self.parameters else ""

    def item_types(self, form: Overload, index: int) -> str:
        """The types that one argument of a form may have, as text; empty if any."""
        match form.item(index):
            case AttributeType() as only:
                return only.name
            case TypeVariable(types=types):
                allowed: tuple[AttributeType, ...] = types
            case str() as name:
                parameter = self.parameter(name)
                allowed = ANY if parameter is None else parameter.constant_types
        return "" if allowed == ANY else "|".join(each.name for each in allowed)
