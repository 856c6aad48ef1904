"""Going through typed expressions: rebuilding, collecting, asking."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace

from eventflux.planner.typed.nodes import AggregateValue, Call, Column, HostCall, OutputColumn, TypedExpression


def rebuild(expression: TypedExpression, change: Callable[[TypedExpression], TypedExpression]) -> TypedExpression:
    """The expression with `change` applied to each node, arguments first.

    Unchanged parts stay the same objects, and what was one object at several places is so afterwards.
    """
    return Rebuilder(change).rebuild(expression)


class Rebuilder:
    """Applies one change to several expressions that may share parts."""

    def __init__(self, change: Callable[[TypedExpression], TypedExpression]) -> None:
        self._change = change
        # Keeps the keys alive as well: an id is only unique among living objects.
        self._done: dict[int, tuple[TypedExpression, TypedExpression]] = {}

    def rebuild(self, expression: TypedExpression) -> TypedExpression:
        """The expression with the change applied to each node that was not met before."""
        for node in post_order(expression, self._done):
            self._done[id(node)] = (node, self._change(self._with_arguments(node)))
        return self._done[id(expression)][1]

    def _with_arguments(self, expression: TypedExpression) -> TypedExpression:
        match expression:
            case Call() | HostCall():
                arguments = tuple(self._done[id(argument)][1] for argument in expression.arguments)
                if all(new is old for new, old in zip(arguments, expression.arguments, strict=True)):
                    return expression
                return replace(expression, arguments=arguments)
            case _:
                return expression


def nodes(expressions: Iterable[TypedExpression]) -> Iterator[TypedExpression]:
    """Every node of the expressions, each object once, outer ones first."""
    seen: set[int] = set()
    waiting = list(expressions)[::-1]
    while waiting:
        expression = waiting.pop()
        if id(expression) in seen:
            continue
        seen.add(id(expression))
        yield expression
        match expression:
            case Call() | HostCall():
                waiting.extend(expression.arguments[::-1])
            case _:
                pass


def post_order(expression: TypedExpression, known: Container[int] = ()) -> Iterator[TypedExpression]:
    """Every node whose id is not known, each object once, arguments before what they are arguments of.

    Without recursion: chains of operators may be as long as the language allows.
    """
    done: set[int] = set()
    waiting: list[tuple[TypedExpression, bool]] = [(expression, False)]
    while waiting:
        node, are_arguments_done = waiting.pop()
        if id(node) in done or id(node) in known:
            continue
        if not are_arguments_done and isinstance(node, (Call, HostCall)):
            waiting.append((node, True))
            waiting.extend((argument, False) for argument in reversed(node.arguments))
            continue
        done.add(id(node))
        yield node


def columns_read(expressions: Iterable[TypedExpression]) -> set[int]:
    """Indices of the input columns that the expressions read."""
    return {node.index for node in nodes(expressions) if isinstance(node, Column)}


def has_aggregates(expressions: Iterable[TypedExpression]) -> bool:
    """Whether an aggregate's value is read."""
    return any(isinstance(node, AggregateValue) for node in nodes(expressions))


def is_pure(expression: TypedExpression) -> bool:
    """Whether evaluating it has no effect, cannot fail and depends on nothing but its columns."""
    return all(
        not isinstance(node, HostCall) and (not isinstance(node, Call) or node.pure) for node in nodes((expression,))
    )


def renumber_columns(expression: TypedExpression, numbers: dict[int, int]) -> TypedExpression:
    """The expression over columns that have other numbers now."""

    def change(node: TypedExpression) -> TypedExpression:
        return replace(node, index=numbers[node.index]) if isinstance(node, Column) else node

    return rebuild(expression, change)


def renumber_outputs(expression: TypedExpression, numbers: dict[int, int]) -> TypedExpression:
    """The expression over output columns that have other numbers now."""

    def change(node: TypedExpression) -> TypedExpression:
        return replace(node, index=numbers[node.index]) if isinstance(node, OutputColumn) else node

    return rebuild(expression, change)


def substitute_columns(expression: TypedExpression, values: dict[int, TypedExpression]) -> TypedExpression:
    """The expression with columns replaced by what they hold."""

    def change(node: TypedExpression) -> TypedExpression:
        return values.get(node.index, node) if isinstance(node, Column) else node

    return rebuild(expression, change)


def substitute_outputs(expression: TypedExpression, values: tuple[TypedExpression, ...]) -> TypedExpression:
    """The expression with output columns replaced by what they hold."""

    def change(node: TypedExpression) -> TypedExpression:
        return values[node.index] if isinstance(node, OutputColumn) else node

    return rebuild(expression, change)
