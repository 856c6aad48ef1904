"""The arguments of a call against the declaration of what is called.

`check_arguments` knows nothing of texts and spans: the caller gives types, constants and whether an argument is a
plain attribute, and gets the form that fits with everything bound, or all problems in words that a message can use.

Which form fits: of the forms with the right number of arguments that have no problem, the one that widens least;
the first declared on a tie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, unique

from eventflux.extension.declaration import (
    Constant,
    Extension,
    Overload,
    Parameter,
    ParameterForm,
    Returns,
    TypeVariable,
)
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record

_WIDTH = {AttributeType.INT: 0, AttributeType.LONG: 1, AttributeType.FLOAT: 2, AttributeType.DOUBLE: 3}
_CHOICES_SHOWN = 8


@record(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a call, as far as a declaration can judge it.

    Attributes:
        type: None if unknown (an error elsewhere, or a bare null): it fits everywhere.
        constant: The value, where ``is_constant``.
        is_constant: It is a literal, or folded to one.
        is_attribute: It is a plain attribute of the input.
    """

    type: AttributeType | None
    constant: Constant = None
    is_constant: bool = False
    is_attribute: bool = False

    @staticmethod
    def of_constant(type_: AttributeType | None, value: Constant) -> Argument:
        """A literal."""
        return Argument(type=type_, constant=value, is_constant=True)

    @staticmethod
    def of_attribute(type_: AttributeType | None) -> Argument:
        """A plain attribute of the input."""
        return Argument(type=type_, is_attribute=True)

    @staticmethod
    def of_expression(type_: AttributeType | None) -> Argument:
        """Anything else."""
        return Argument(type=type_)


@unique
class ProblemKind(Enum):
    """What is wrong with a call."""

    COUNT = "count"
    TYPE = "type"
    CONSTANT = "constant"
    ATTRIBUTE = "attribute"
    RANGE = "range"
    CHOICE = "choice"


@record(frozen=True, slots=True, kw_only=True)
class ArgumentProblem:
    """One thing that is wrong with a call; ``index`` is the argument it is about, None: the call as a whole."""

    kind: ProblemKind
    message: str
    index: int | None = None
    hint: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class BoundParameter:
    """A declared parameter and what a call gives for it: an argument, or (``index`` None) the default ``value``.

    Of an argument that is an attribute of the input, a window or stream processor is given the name as ``value``.
    """

    parameter: Parameter
    index: int | None
    value: Constant


@record(frozen=True, slots=True, kw_only=True)
class ResolvedCall:
    """A call that fits its declaration.

    Attributes:
        argument_types: The type that each argument must have when it is handed over; differs from the type given where
            a number has to be widened. None where the argument's type is unknown.
        bound: One for each declared parameter, in order of declaration.
        returns: The result type of functions and aggregators; None if unknown or not of that kind.
        appended: The attributes that a stream processor appends.
        native: The engine's operation, or None.
    """

    declaration: Extension
    overload: Overload
    argument_types: tuple[AttributeType | None, ...]
    bound: tuple[BoundParameter, ...]
    returns: AttributeType | None
    appended: tuple[Returns, ...]
    native: str | None

    def binding(self, name: str) -> BoundParameter:
        """What the call gives for a parameter."""
        for bound in self.bound:
            if bound.parameter.name == name:
                return bound
        raise KeyError(name)

    def value(self, name: str) -> Constant:
        """The constant given for a parameter, or its default."""
        return self.binding(name).value

    def index(self, name: str) -> int | None:
        """Which argument a parameter got."""
        return self.binding(name).index


@record(frozen=True, slots=True, kw_only=True)
class _Fit:
    overload: Overload
    problems: tuple[ArgumentProblem, ...]
    types: tuple[AttributeType | None, ...]
    variables: tuple[tuple[str, AttributeType], ...]
    cost: int


def check_arguments(
    declaration: Extension, arguments: Sequence[Argument], *, widen: bool = False, strict: bool = False
) -> ResolvedCall | tuple[ArgumentProblem, ...]:
    """Find the form of a call that fits its arguments.

    Args:
        declaration: What is called.
        arguments: In order.
        widen: Numbers are widened to a common type, or to a declared one, as EventFlux SQL does.
        strict: The limits of the strict dialect hold: no windows of size zero.

    Returns:
        The call with everything bound, or what is wrong with it, at least one problem.
    """
    by_count = [form for form in declaration.forms if form.accepts_count(len(arguments))]
    if not by_count:
        return (_wrong_count(declaration, len(arguments)),)
    fits = [_fit(declaration, form, arguments, widen=widen, strict=strict) for form in by_count]
    good = [fit for fit in fits if not fit.problems]
    if good:
        return _resolve(declaration, min(good, key=lambda fit: fit.cost), arguments)
    return _explain(declaration, fits, arguments)


def _wrong_count(declaration: Extension, count: int) -> ArgumentProblem:
    called = f"{declaration.kind.words} {declaration.qualified_name}"
    forms = declaration.forms
    if len(forms) == 1 and not forms[0].repeat:
        expected = len(forms[0].parameters)
        noun = "argument" if expected == 1 else "arguments"
        takes = f"{expected} {noun} {declaration.signatures[0]}" if expected else "no arguments"
    else:
        takes = " or ".join(declaration.signatures)
    return ArgumentProblem(kind=ProblemKind.COUNT, message=f"{called} takes {takes}, got {count}")


def _fit(declaration: Extension, form: Overload, arguments: Sequence[Argument], *, widen: bool, strict: bool) -> _Fit:
    problems: list[ArgumentProblem] = []
    types: list[AttributeType | None] = []
    cost = 0
    variables = dict(_bind_variables(form, arguments, widen=widen))
    for index, argument in enumerate(arguments):
        item = form.item(index)
        parameter = _parameter_at(declaration, item, index)
        wanted, step = _wanted_type(item, parameter, argument, variables, exact=form.exact, widen=widen)
        if wanted is None and argument.type is not None:
            problems.append(_wrong_type(declaration, form, index, argument))
        types.append(wanted)
        cost += step
        if parameter is not None:
            problems.extend(_value_problems(declaration, parameter, index, argument, strict=strict))
    for index, constant in form.constants:
        if not _is_that_constant(arguments[index], constant):
            problems.append(
                ArgumentProblem(
                    kind=ProblemKind.CHOICE,
                    index=index,
                    message=f"argument {index + 1} of {declaration.qualified_name} must be {constant!r} in this form",
                )
            )
    return _Fit(
        overload=form, problems=tuple(problems), types=tuple(types), variables=tuple(variables.items()), cost=cost
    )


def _parameter_at(declaration: Extension, item: object, index: int) -> Parameter | None:
    if isinstance(item, str):
        return declaration.parameter(item)
    if declaration.parameters:
        return declaration.parameters[min(index, len(declaration.parameters) - 1)]
    return None


def _bind_variables(
    form: Overload, arguments: Sequence[Argument], *, widen: bool
) -> Iterator[tuple[str, AttributeType]]:
    seen: dict[str, tuple[TypeVariable, list[AttributeType]]] = {}
    for index, argument in enumerate(arguments):
        item = form.item(index)
        if isinstance(item, TypeVariable) and argument.type is not None:
            seen.setdefault(item.name, (item, []))[1].append(argument.type)
    for name, (variable, types) in seen.items():
        bound = types[0]
        if widen and all(each in _WIDTH for each in types):
            bound = max(types, key=_WIDTH.__getitem__)
        if bound in variable.types:
            yield name, bound


def _wanted_type(
    item: object,
    parameter: Parameter | None,
    argument: Argument,
    variables: dict[str, AttributeType],
    *,
    exact: bool,
    widen: bool,
) -> tuple[AttributeType | None, int]:
    """The type to hand over (None: it doesn't fit, or is unknown) and the cost of widening to it."""
    given = argument.type
    match item:
        case AttributeType():
            return _widened(given, (item,), widen=not exact) if given is not None else (item, 0)
        case TypeVariable(name=name):
            bound = variables.get(name)
            if given is None or bound is None:
                return bound, 0
            return _widened(given, (bound,), widen=widen)
        case _:
            if given is None or parameter is None:
                return None, 0
            if argument.is_attribute and parameter.accepts is not ParameterForm.EXPRESSION:
                return (given, 0) if given in parameter.plain_attribute_types else (None, 0)
            return _widened(given, parameter.constant_types, widen=widen)


def _widened(
    given: AttributeType, allowed: tuple[AttributeType, ...], *, widen: bool
) -> tuple[AttributeType | None, int]:
    if given in allowed:
        return given, 0
    if widen and given in _WIDTH:
        wider = [each for each in allowed if each in _WIDTH and _WIDTH[each] > _WIDTH[given]]
        if wider:
            best = min(wider, key=_WIDTH.__getitem__)
            return best, _WIDTH[best] - _WIDTH[given]
    return None, 0


def _wrong_type(declaration: Extension, form: Overload, index: int, argument: Argument) -> ArgumentProblem:
    given = argument.type.name if argument.type is not None else "unknown"
    name = declaration.item_name(form, index)
    types = declaration.item_types(form, index) or "of the same type as the others"
    return ArgumentProblem(
        kind=ProblemKind.TYPE,
        index=index,
        message=f"argument {index + 1}{f' ({name})' if name else ''} of {declaration.kind.words} "
        f"{declaration.qualified_name} must be {types}, got {given}",
    )


def _value_problems(
    declaration: Extension, parameter: Parameter, index: int, argument: Argument, *, strict: bool
) -> Iterator[ArgumentProblem]:
    called = f"{parameter.name} of {declaration.kind.words} {declaration.qualified_name}"
    match parameter.accepts:
        case ParameterForm.CONSTANT if not argument.is_constant:
            yield ArgumentProblem(kind=ProblemKind.CONSTANT, index=index, message=f"{called} must be a constant")
            return
        case ParameterForm.ATTRIBUTE if not argument.is_attribute:
            yield ArgumentProblem(
                kind=ProblemKind.ATTRIBUTE, index=index, message=f"{called} must be an attribute of the input"
            )
            return
        case ParameterForm.CONSTANT_OR_ATTRIBUTE if not (argument.is_constant or argument.is_attribute):
            yield ArgumentProblem(
                kind=ProblemKind.CONSTANT, index=index, message=f"{called} must be a constant or an attribute"
            )
            return
        case _:
            pass
    if not argument.is_constant:
        return
    value = argument.constant
    if parameter.choices is not None and value is not None and not _is_choice(value, parameter.choices):
        listed = ", ".join(str(choice) for choice in parameter.choices[:_CHOICES_SHOWN])
        yield ArgumentProblem(
            kind=ProblemKind.CHOICE, index=index, message=f"{called} must be one of {listed}, got {value!r}"
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        minimum = parameter.strict_minimum if strict and parameter.strict_minimum is not None else parameter.minimum
        if minimum is not None and value < minimum:
            yield ArgumentProblem(
                kind=ProblemKind.RANGE, index=index, message=f"{called} must be at least {minimum}, got {value}"
            )
        if parameter.maximum is not None and value > parameter.maximum:
            yield ArgumentProblem(
                kind=ProblemKind.RANGE,
                index=index,
                message=f"{called} must be at most {parameter.maximum}, got {value}",
            )


def _is_choice(value: Constant, choices: tuple[Constant, ...]) -> bool:
    return any(_same_constant(value, choice) for choice in choices)


def _same_constant(left: Constant, right: Constant) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return type(left) is type(right) and left == right


def _is_that_constant(argument: Argument, constant: Constant) -> bool:
    return argument.is_constant and _same_constant(argument.constant, constant)


def _resolve(declaration: Extension, fit: _Fit, arguments: Sequence[Argument]) -> ResolvedCall:
    positions: dict[str, int] = {}
    for index in range(len(arguments)):
        parameter = _parameter_at(declaration, fit.overload.item(index), index)
        if parameter is not None:
            positions.setdefault(parameter.name, index)
    bound = tuple(
        BoundParameter(
            parameter=parameter,
            index=positions.get(parameter.name),
            value=arguments[positions[parameter.name]].constant
            if parameter.name in positions
            else parameter.default_value,
        )
        for parameter in declaration.parameters
    )
    variables = dict(fit.variables)
    returns, appended = _returned(declaration, fit, variables)
    native = fit.overload.native or declaration.native
    if native is not None:
        for name, bound_type in variables.items():
            native = native.replace(f"{{{name}}}", bound_type.name.lower())
    return ResolvedCall(
        declaration=declaration,
        overload=fit.overload,
        argument_types=fit.types,
        bound=bound,
        returns=returns,
        appended=appended,
        native=native,
    )


def _returned(
    declaration: Extension, fit: _Fit, variables: dict[str, AttributeType]
) -> tuple[AttributeType | None, tuple[Returns, ...]]:
    returns = declaration.returns if fit.overload.returns is None else fit.overload.returns
    match returns:
        case None:
            return None, ()
        case AttributeType():
            return returns, ()
        case str():
            return AttributeType[returns.upper()], ()
        case TypeVariable(name=name):
            return variables.get(name), ()
        case _ if callable(returns):
            known = tuple(each for each in fit.types if each is not None)
            return (returns(known) if len(known) == len(fit.types) else None), ()
        case _:
            return None, tuple(returns)


def _explain(
    declaration: Extension, fits: Sequence[_Fit], arguments: Sequence[Argument]
) -> tuple[ArgumentProblem, ...]:
    """The problems of the form that was most likely meant; where types leave it open, one with all forms."""

    def badness(fit: _Fit) -> tuple[int, int]:
        return sum(problem.kind is ProblemKind.TYPE for problem in fit.problems), len(fit.problems)

    best = min(fits, key=badness)
    if len(fits) == 1 or badness(best)[0] == 0:
        return _one_an_argument(best.problems)
    given = ", ".join("?" if argument.type is None else argument.type.name for argument in arguments)
    signatures = list(dict.fromkeys(declaration.signatures))
    shown = " or ".join(signatures[:_CHOICES_SHOWN]) + (" …" if len(signatures) > _CHOICES_SHOWN else "")
    first = next((problem.index for problem in best.problems if problem.kind is ProblemKind.TYPE), None)
    return (
        ArgumentProblem(
            kind=ProblemKind.TYPE,
            index=first,
            message=f"{declaration.kind.words} {declaration.qualified_name} takes {shown}, got ({given})",
        ),
    )


def _one_an_argument(problems: tuple[ArgumentProblem, ...]) -> tuple[ArgumentProblem, ...]:
    """The first problem of each argument: a wrong type and a missing constant in one place are one fact."""
    kept: dict[int | None, ArgumentProblem] = {}
    for problem in problems:
        kept.setdefault(problem.index, problem)
    return tuple(kept.values())
