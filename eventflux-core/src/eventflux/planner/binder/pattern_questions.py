"""Conditions on tables within filters of patterns."""

from __future__ import annotations

from dataclasses import replace

from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import TableCondition
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.pattern_scope import OWN
from eventflux.planner.binder.questions import TableQuestions
from eventflux.planner.binder.relations import Relations
from eventflux.planner.logical import nodes as plan
from eventflux.planner.typed.nodes import Column, TypedExpression
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class ElementQuestions:
    """The questions of one element: what they read is the event at hand alone."""

    questions: TableQuestions

    def ask(self, expression: TableCondition) -> TypedExpression:
        answer = self.questions.ask(expression)
        return replace(answer, index=OWN + answer.index) if isinstance(answer, Column) else answer


@record(frozen=True, slots=True, kw_only=True)
class PortQuestions:
    """Asks tables about the events of a port, before the pattern sees them: the answers are further columns."""

    context: BindContext
    relations: Relations
    ports: list[plan.Node | None]

    def of(self, port: int, relation: Relation) -> ElementQuestions:
        """For the filters of one element."""
        node = self.ports[port]
        own = replace(relation, offset=0, counted=False)
        width = 0 if node is None else len(node.schema)
        questions = TableQuestions(
            context=self.context, relations=self.relations, scope=InputScope(relations=(own,), own=own), width=width
        )
        return ElementQuestions(questions=questions)

    def put(self, port: int, asked: ElementQuestions) -> None:
        """Let the events of the port bring these answers."""
        node = self.ports[port]
        if node is not None:
            self.ports[port] = asked.questions.over(node)
