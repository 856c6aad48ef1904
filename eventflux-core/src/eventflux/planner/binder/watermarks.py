"""WATERMARK FOR and @watermark: how a stream brings its own time."""

from __future__ import annotations

from collections.abc import Mapping

from eventflux.extension import suggestion
from eventflux.language.ast import (
    Annotation,
    AttributeReference,
    Binary,
    BinaryOperator,
    DurationLiteral,
    Expression,
    Literal,
    Property,
    StreamDefinition,
    WatermarkConstraint,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.logical.event_time import LATE_POLICIES, LatePolicy, Watermark
from eventflux.types.attribute_type import AttributeType
from eventflux.types.duration import parse_duration
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span

_KEYS = ("attribute", "delay", "late.policy", "late.stream", "idle.timeout", "watermark.idle-timeout")


@record(frozen=True, slots=True, kw_only=True)
class _Given:
    """A setting and where it stands."""

    text: str
    span: Span


def read_watermark(
    context: BindContext, definition: StreamDefinition, schema: Schema | None, properties: Mapping[str, str]
) -> Watermark | None:
    """The watermark of a definition; None where it has none, or after errors were noted.

    Args:
        context: Of the statement.
        definition: Of the stream.
        schema: Its attributes; None where they are not known.
        properties: Those of WITH and of the configuration.
    """
    reader = _Reader(context=context, definition=definition, schema=schema)
    settings = {
        key: _Given(text=text, span=_span_of(definition, key))
        for key, text in properties.items()
        if key in {"watermark.idle-timeout", "late.policy", "late.stream"}
    }
    found: list[tuple[_Given, int | None, Span]] = []
    for constraint in definition.constraints:
        if isinstance(constraint, WatermarkConstraint):
            column = _Given(text=constraint.column.name, span=constraint.column.span)
            found.append((column, reader.delay_of(constraint), constraint.span))
    for annotation in definition.annotations:
        if annotation.namespace is None and annotation.is_named("watermark"):
            of_annotation = reader.annotation(annotation, settings)
            if of_annotation is not None:
                found.append((*of_annotation, annotation.span))
    if not found:
        for key, given in settings.items():
            context.diagnostics.error(
                given.span,
                ErrorCode.UNKNOWN_PROPERTY,
                f"'{key}' needs a watermark",
                "add WATERMARK FOR the attribute that holds the time",
            )
        return None
    if len(found) > 1:
        context.diagnostics.error(
            found[1][2], ErrorCode.INVALID_DEFINITION, f"stream '{definition.name.name}' has two watermarks"
        )
        return None
    column, delay, span = found[0]
    return reader.watermark(column, delay, span, settings)


def _span_of(definition: StreamDefinition, key: str) -> Span:
    places = [each.value_span for each in definition.properties if each.key == key]
    return places[0] if places else definition.name.span


@record(frozen=True, slots=True, kw_only=True)
class _Reader:
    context: BindContext
    definition: StreamDefinition
    schema: Schema | None

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        self.context.diagnostics.error(span, code, message, hint)

    def delay_of(self, constraint: WatermarkConstraint) -> int | None:
        """`ts` or `ts - constant`: the constant."""
        name = constraint.column.name
        match constraint.expression:
            case AttributeReference(qualifier=None, index=None) as reference if reference.name.name == name:
                return 0
            case Binary(operator=BinaryOperator.SUBTRACT, left=AttributeReference(qualifier=None, index=None) as left):
                delay = _constant(constraint.expression.right)
                if left.name.name == name and delay is not None and delay >= 0:
                    return delay
            case _:
                pass
        self.error(
            constraint.expression.span,
            ErrorCode.INVALID_DEFINITION,
            f"a watermark for {name} must be {name}, or {name} less a constant",
            f"write WATERMARK FOR {name} AS {name} - INTERVAL '5' SECOND",
        )
        return None

    def annotation(self, annotation: Annotation, settings: dict[str, _Given]) -> tuple[_Given, int | None] | None:
        """Attribute and delay of @watermark; its other elements become settings."""
        attribute: _Given | None = None
        delay: int | None = 0
        for element in annotation.elements:
            key = (element.key or "attribute").lower()
            given = _Given(text=element.value, span=element.value_span)
            if key == "attribute":
                attribute = given
            elif key == "delay":
                delay = self.duration(given, "the delay of a watermark")
            elif key in _KEYS:
                settings["watermark.idle-timeout" if "idle" in key else key] = given
            else:
                self.error(
                    element.span,
                    ErrorCode.INVALID_DEFINITION,
                    f"@watermark has no element '{element.key}'",
                    suggestion(key, _KEYS[:-1]),
                )
        if attribute is None:
            self.error(
                annotation.span,
                ErrorCode.INVALID_DEFINITION,
                "@watermark needs the attribute that holds the time",
                "write @watermark(attribute='ts', delay='5 sec')",
            )
            return None
        return attribute, delay

    def duration(self, given: _Given, what: str) -> int | None:
        try:
            return parse_duration(given.text, self.context.dialect)
        except ValueError:
            self.error(given.span, ErrorCode.PROPERTY_VALUE, f"{what} must be a duration, not {given.text!r}")
            return None

    def watermark(
        self, column: _Given, delay: int | None, span: Span, settings: Mapping[str, _Given]
    ) -> Watermark | None:
        position = self._position(column)
        late = self._late(settings)
        idle = settings.get("watermark.idle-timeout")
        idle_ms = None if idle is None else self.duration(idle, "watermark.idle-timeout")
        if idle is not None and idle_ms == 0:
            self.error(idle.span, ErrorCode.PROPERTY_VALUE, "watermark.idle-timeout must be greater than 0")
            idle_ms = None
        if position is None or delay is None or late is None or (idle is not None and idle_ms is None):
            return None
        policy, stream = late
        return Watermark(
            stream=self.definition.name.name,
            column=position,
            delay_ms=delay,
            idle_ms=idle_ms,
            late=policy,
            late_stream=stream,
            span=span,
        )

    def _position(self, column: _Given) -> int | None:
        if self.schema is None:
            return None
        name = self.definition.name.name
        if column.text not in self.schema.names:
            self.error(
                column.span,
                ErrorCode.UNDEFINED_COLUMN,
                f"stream '{name}' has no attribute '{column.text}'",
                suggestion(column.text, self.schema.names),
            )
            return None
        position = self.schema.names.index(column.text)
        found = self.schema[position].type
        if found is not AttributeType.LONG:
            self.error(
                column.span,
                ErrorCode.TYPE_MISMATCH,
                f"the time of a watermark is LONG milliseconds; '{column.text}' is {found.name}",
            )
            return None
        return position

    def _late(self, settings: Mapping[str, _Given]) -> tuple[LatePolicy, str | None] | None:
        given = settings.get("late.policy")
        stream = settings.get("late.stream")
        policy = LatePolicy.DROP if stream is None else LatePolicy.STREAM
        if given is not None:
            named = LATE_POLICIES.get(given.text.lower())
            if named is None:
                known = ", ".join(sorted(LATE_POLICIES))
                self.error(
                    given.span, ErrorCode.PROPERTY_VALUE, f"late.policy must be one of {known}, not {given.text!r}"
                )
                return None
            policy = named
        if policy is LatePolicy.STREAM and stream is None:
            assert given is not None
            self.error(
                given.span, ErrorCode.MISSING_PROPERTY, "property 'late.stream' is required for late.policy 'stream'"
            )
            return None
        return policy, None if stream is None or policy is not LatePolicy.STREAM else stream.text


def late_span(definition: StreamDefinition) -> Span:
    """Where a definition names its stream of late rows."""
    places: list[Property] = [each for each in definition.properties if each.key == "late.stream"]
    for annotation in definition.annotations:
        element = annotation.element("late.stream") if annotation.is_named("watermark") else None
        if element is not None:
            return element.value_span
    return places[0].value_span if places else definition.name.span


def _constant(expression: Expression) -> int | None:
    match expression:
        case DurationLiteral():
            return expression.milliseconds
        case Literal(value=int() as value) if not isinstance(value, bool):
            return value
        case _:
            return None
