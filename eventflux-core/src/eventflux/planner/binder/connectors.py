"""Sources, sinks and mappers of a stream: that they are installed, and that their options fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from eventflux.extension import Extension, ExtensionKind, OptionProblemKind, parse_options, suggestion
from eventflux.extension.connectors import VALIDATION
from eventflux.extension.registry import install_hint
from eventflux.language.ast import Annotation, AnnotationElement
from eventflux.planner.binder.context import BindContext
from eventflux.planner.diagnostics import MissingExtension
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span

# What a stream is to the outside -> kinds of its connector and of its mapper.
CONNECTOR_KINDS: Final = {
    "source": (ExtensionKind.SOURCE, ExtensionKind.SOURCE_MAPPER),
    "sink": (ExtensionKind.SINK, ExtensionKind.SINK_MAPPER),
}
_NOT_AN_OPTION: Final = frozenset({"type", "ref", "on.error", "connect.retry"})
_NOT_OPTIONS: Final = ("error.",)
_ON_ERROR: Final = frozenset({"log", "wait", "stream", "store"})
OPTION_CODES: Final = {
    OptionProblemKind.UNKNOWN: ErrorCode.UNKNOWN_PROPERTY,
    OptionProblemKind.MISSING: ErrorCode.MISSING_PROPERTY,
    OptionProblemKind.VALUE: ErrorCode.PROPERTY_VALUE,
    OptionProblemKind.TWICE: ErrorCode.DUPLICATE_PROPERTY,
}


@record(frozen=True, slots=True, kw_only=True)
class OptionText:
    """An option as it stands in the text."""

    text: str
    key_span: Span
    value_span: Span


@record(frozen=True, slots=True, kw_only=True)
class Connectors:
    """Checks what one stream says of its connectors."""

    context: BindContext
    stream: str
    schema: Schema | None

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        """Note an error about the stream."""
        self.context.diagnostics.error(span, code, f"stream '{self.stream}': {message}", hint)

    def annotation(self, annotation: Annotation) -> None:
        """`@source(type='...', options, @map(...))`, `@sink(...)`."""
        kind, mapper_kind = CONNECTOR_KINDS[annotation.name.lower()]
        named = annotation.element("type")
        if named is None:
            if annotation.element("ref") is None:
                self.error(annotation.span, ErrorCode.MISSING_PROPERTY, f"@{annotation.name} needs a type")
            return
        on_error = annotation.element("on.error")
        if on_error is not None and kind is ExtensionKind.SINK and on_error.value.lower() not in _ON_ERROR:
            self.error(
                on_error.value_span,
                ErrorCode.PROPERTY_VALUE,
                f"on.error must be LOG, WAIT, STREAM or STORE, not {on_error.value!r}",
            )
        declaration = self.extension(kind, named.value, named.value_span)
        if declaration is not None:
            for options in _endpoints(annotation):
                self.options(declaration, options, {}, annotation.span)
        for mapping in annotation.nested("map"):
            self._map(mapping, mapper_kind)

    def extension(self, kind: ExtensionKind, name: str, span: Span) -> Extension | None:
        """The extension of that name; None after an error was noted."""
        registry = self.context.registry
        found = registry.find(kind, name)
        if found is not None:
            return found
        known = registry.nearest(kind, name)
        install = install_hint(kind, name)
        self.context.diagnostics.missing_extension(
            span,
            ErrorCode.NOT_INSTALLED,
            f"stream '{self.stream}': no {kind.words} '{name}' is installed",
            MissingExtension(kind=kind.words, name=name, available=known, install_hint=install),
            install or suggestion(name, known),
        )
        return None

    def options(
        self,
        declaration: Extension,
        given: Mapping[str, OptionText],
        layered: Mapping[str, str],
        span: Span,
        *,
        may_miss: bool = False,
    ) -> None:
        """Check options against what an extension declares.

        Args:
            declaration: Of the extension.
            given: In the text.
            layered: Come from below the text.
            span: Of what no option is to blame for.
            may_miss: What is missing may stand elsewhere, at the destinations of a distributed sink.
        """
        texts = {**layered, **{key: option.text for key, option in given.items()}}
        if declaration.kind in {ExtensionKind.SOURCE, ExtensionKind.SINK} and declaration.parameter(VALIDATION) is None:
            texts.pop(VALIDATION, None)
        _, problems = parse_options(declaration, texts)
        for problem in problems:
            if may_miss and problem.kind is OptionProblemKind.MISSING:
                continue
            option = given.get(problem.key)
            place = span
            if option is not None:
                is_key = problem.kind in {OptionProblemKind.UNKNOWN, OptionProblemKind.TWICE}
                place = option.key_span if is_key else option.value_span
            self.error(place, OPTION_CODES[problem.kind], problem.message, problem.hint)

    def _map(self, mapping: Annotation, kind: ExtensionKind) -> None:
        named = mapping.element("type")
        if named is None:
            self.error(mapping.span, ErrorCode.MISSING_PROPERTY, "@map needs a type")
            return
        mapper = self.extension(kind, named.value, named.value_span)
        if mapper is not None:
            self.options(mapper, _given(mapping.elements), {}, mapping.span)
        for attributes in mapping.nested("attributes"):
            self._attributes(attributes)

    def _attributes(self, attributes: Annotation) -> None:
        """`@attributes(a='$.x', ...)`: all by name or all by position, each attribute of the stream once."""
        if self.schema is None or not attributes.elements:
            return
        by_name = [element for element in attributes.elements if element.key is not None]
        if by_name and len(by_name) != len(attributes.elements):
            self.error(
                attributes.span, ErrorCode.INVALID_DEFINITION, "@attributes maps all by name, or all by position"
            )
            return
        for element in by_name:
            if element.key not in self.schema:
                self.error(
                    element.span,
                    ErrorCode.UNDEFINED_COLUMN,
                    f"unknown attribute '{element.key}'",
                    suggestion(element.key or "", self.schema.names, self.stream),
                )
                return
        missing = [name for name in self.schema.names if attributes.element(name) is None]
        if (by_name and missing) or len(attributes.elements) != len(self.schema):
            which = f": {', '.join(missing)} missing" if by_name and missing else ""
            self.error(
                attributes.span, ErrorCode.INVALID_DEFINITION, f"@attributes maps each attribute of the stream{which}"
            )


def _endpoints(annotation: Annotation) -> Iterator[dict[str, OptionText]]:
    """The options of each connection: one, or one a destination of a distributed sink."""
    own = _given(annotation.elements)
    destinations = [
        destination
        for distribution in annotation.nested("distribution")
        for destination in distribution.nested("destination")
    ]
    if not destinations:
        yield own
    for destination in destinations:
        yield {**own, **_given(destination.elements)}


def _given(elements: Sequence[AnnotationElement]) -> dict[str, OptionText]:
    return {
        element.key: OptionText(text=element.value, key_span=element.span, value_span=element.value_span)
        for element in elements
        if element.key is not None
        and element.key.lower() not in _NOT_AN_OPTION
        and not element.key.lower().startswith(_NOT_OPTIONS)
    }
