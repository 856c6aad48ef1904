"""Conditions on tables within HAVING: they read output attributes, and are asked behind the selection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import TableCondition
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.questions import TableQuestions
from eventflux.planner.binder.relations import Relations
from eventflux.planner.logical import nodes as plan
from eventflux.planner.typed.nodes import Column, OutputColumn, TypedExpression
from eventflux.planner.typed.walk import rebuild
from eventflux.types.schema import Attribute, Schema

_ANSWERS = 1 << 20
"""Output columns from here on stand for answers until the number of outputs is known."""


@dataclass(slots=True, kw_only=True)
class HavingQuestions:
    """The questions of one HAVING.

    Attributes:
        context: Of the statement.
        relations: Finds tables.
    """

    context: BindContext
    relations: Relations
    _questions: TableQuestions | None = None

    def begin(self, names: Sequence[str], expressions: Sequence[TypedExpression]) -> None:
        """What is asked reads these output attributes."""
        schema: Schema | None = None
        types = [expression.type for expression in expressions]
        if len(set(names)) == len(names):
            known = [Attribute(name, each) for name, each in zip(names, types, strict=True) if each is not None]
            schema = Schema(known) if len(known) == len(types) else None
        selection = Relation(name="the selection", what="the selection", schema=schema)
        scope = InputScope(relations=(selection,), own=selection)
        self._questions = TableQuestions(context=self.context, relations=self.relations, scope=scope, width=0)

    def ask(self, expression: TableCondition) -> TypedExpression:
        """See `AsksTables.ask`."""
        assert self._questions is not None
        answer = self._questions.ask(expression)
        if not isinstance(answer, Column):
            return answer
        return OutputColumn(index=_ANSWERS + answer.index, type=answer.type, name=answer.name, span=answer.span)

    @property
    def is_asked(self) -> bool:
        return self._questions is not None and self._questions.is_asked

    def filtered(self, selected: plan.Select, condition: TypedExpression) -> plan.Filter:
        """The rows of a selection, all outputs visible, for which the condition is true."""
        assert self._questions is not None
        width = len(selected.schema)

        def read(expression: TypedExpression) -> TypedExpression:
            if not isinstance(expression, OutputColumn):
                return expression
            is_answer = expression.index >= _ANSWERS
            index = expression.index - _ANSWERS + width if is_answer else expression.index
            return Column(index=index, type=expression.type, name=expression.name, span=expression.span)

        asked = self._questions.over(selected)
        return plan.Filter(input=asked, condition=rebuild(condition, read), span=condition.span)
