"""Annotations and WITH properties of a stream: how it is fed, buffered, and what becomes of bad events."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eventflux.extension import Extension, ExtensionKind, OptionProblemKind, parse_options, suggestion
from eventflux.language.ast import Annotation, AnnotationElement, Property, StreamDefinition
from eventflux.planner.binder.async_options import ASYNC_KEYS, AsyncOptions, with_async_option
from eventflux.planner.binder.context import BindContext
from eventflux.planner.diagnostics import MissingExtension
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span


class ErrorStrategy(enum.Enum):
    """What becomes of an event that cannot be processed."""

    LOG = "log"
    DROP = "drop"
    RETRY = "retry"
    DEAD_LETTER = "dlq"
    FAIL = "fail"
    STREAM = "stream"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What the text says of a stream beside its attributes.

    Attributes:
        buffer: Of an async stream; None: the text says nothing.
        error_strategy: None: the text says nothing.
        properties: All properties of WITH, checked, as text.
    """

    buffer: AsyncOptions | None = None
    error_strategy: ErrorStrategy | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_fault_stream(self) -> bool:
        return self.error_strategy is ErrorStrategy.STREAM


def read_stream_options(
    context: BindContext, definition: StreamDefinition, configured: Mapping[str, str]
) -> StreamOptions:
    """The options of a definition; what is wrong is noted.

    Args:
        context: Of the statement.
        definition: Of the stream.
        configured: Properties that the configuration gives where the text does not.
    """
    reader = _Reader(context=context, stream=definition.name.name, span=definition.name.span)
    for annotation in definition.annotations:
        if annotation.namespace is None:
            reader.annotation(annotation)
    reader.properties(definition.properties, configured)
    return reader.options


_COMMON_KEYS: Final = (
    "type",
    "extension",
    "format",
    "ref",
    "error.strategy",
    "error.retry.max-attempts",
    "error.retry.backoff",
    "error.retry.initial-delay",
    "error.retry.max-delay",
    "error.retry.exhausted",
    "error.dlq.stream",
    "error.dlq.fallback-strategy",
    "error.log-level",
    "watermark.idle-timeout",
    "late.policy",
    "late.stream",
    "partition.by",
    "timestamp",
    "timestamp-format",
)
_NUMBERED: Final = re.compile(r"(source|sink)\.\d+\.(.+)")
_KINDS: Final = {
    "source": (ExtensionKind.SOURCE, ExtensionKind.SOURCE_MAPPER),
    "sink": (ExtensionKind.SINK, ExtensionKind.SINK_MAPPER),
}


@dataclass(slots=True, kw_only=True)
class _Reader:
    context: BindContext
    stream: str
    span: Span
    options: StreamOptions = field(default_factory=StreamOptions)

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        self.context.diagnostics.error(span, code, f"stream '{self.stream}': {message}", hint)

    # ---- annotations

    def annotation(self, annotation: Annotation) -> None:
        match annotation.name.lower():
            case "async":
                buffer = AsyncOptions()
                for element in annotation.elements:
                    if element.key is not None:
                        key = (
                            element.key.lower()
                            .replace("buffer.size", "buffer_size")
                            .replace("batch.size.max", "batch_size_max")
                        )
                        buffer = with_async_option(
                            self.context.diagnostics, self.stream, buffer, key, element.value, element.value_span
                        )
                self.options = replace(self.options, buffer=buffer)
            case "onerror":
                action = annotation.element("action")
                if action is not None:
                    self._on_error(action)
            case "source" | "sink":
                self._connector(annotation)
            case _:
                pass

    def _on_error(self, element: AnnotationElement) -> None:
        action = element.value.lower()
        if action not in {"log", "stream", "store"}:
            self.error(
                element.value_span,
                ErrorCode.INVALID_DEFINITION,
                f"action of @OnError must be LOG, STREAM or STORE, not {element.value!r}",
            )
            return
        self.options = replace(self.options, error_strategy=ErrorStrategy(action))

    def _connector(self, annotation: Annotation) -> None:
        """`@source(type='...', options, @map(...))`."""
        kind, mapper_kind = _KINDS[annotation.name.lower()]
        named = annotation.element("type")
        if named is None:
            if annotation.element("ref") is None:
                self.error(annotation.span, ErrorCode.MISSING_PROPERTY, f"@{annotation.name} needs a type")
            return
        declaration = self._extension(kind, named.value, named.value_span)
        if annotation.is_named("sink"):
            self._sink_on_error(annotation)
        if declaration is not None:
            reserved = {"type", "ref", "on.error"}
            self._check_options(declaration, _given(annotation.elements, reserved), {}, annotation.span)
        for mapping in annotation.nested("map"):
            mapped = mapping.element("type")
            if mapped is None:
                self.error(mapping.span, ErrorCode.MISSING_PROPERTY, "@map needs a type")
                continue
            mapper = self._extension(mapper_kind, mapped.value, mapped.value_span)
            if mapper is not None:
                self._check_options(mapper, _given(mapping.elements, {"type"}), {}, mapping.span)

    def _sink_on_error(self, annotation: Annotation) -> None:
        element = annotation.element("on.error")
        if element is not None and element.value.lower() not in {"log", "wait", "stream", "store"}:
            self.error(
                element.value_span,
                ErrorCode.PROPERTY_VALUE,
                f"on.error must be LOG, WAIT, STREAM or STORE, not {element.value!r}",
            )

    # ---- WITH

    def properties(self, given: Sequence[Property], configured: Mapping[str, str]) -> None:
        values: dict[str, Property] = {}
        for one in given:
            if one.key in values:
                self.error(one.key_span, ErrorCode.DUPLICATE_PROPERTY, f"property '{one.key}' is given twice")
            values.setdefault(one.key, one)
        texts = {**configured, **{key: one.value for key, one in values.items()}}
        self.options = replace(self.options, properties=dict(texts))
        buffer = self.options.buffer
        for key, text in texts.items():
            if key.startswith("async."):
                span = values[key].value_span if key in values else self.span
                buffer = with_async_option(
                    self.context.diagnostics,
                    self.stream,
                    buffer or AsyncOptions(),
                    key.removeprefix("async."),
                    text,
                    span,
                )
        self.options = replace(self.options, buffer=buffer)
        self._error_strategy(values, texts)
        extensions = self._kind(values, texts)
        self._known_keys(values, texts, extensions)

    def _kind(self, values: Mapping[str, Property], texts: Mapping[str, str]) -> tuple[Extension, ...]:
        """The connector and mapper that the properties name, checked against the kind of the stream."""
        kinds = [kind.strip() for kind in texts.get("type", "internal").lower().split(",")]
        if "internal" in kinds or any(kind not in _KINDS for kind in kinds):
            if kinds != ["internal"]:
                self.error(
                    self._place(values, "type"),
                    ErrorCode.INVALID_STREAM_KIND,
                    f"type must be source, sink or internal, not {texts['type']!r}",
                )
                return ()
            for key in ("extension", "format"):
                if key in texts:
                    self.error(
                        self._place(values, key, is_key=True),
                        ErrorCode.INVALID_STREAM_KIND,
                        f"an internal stream cannot have '{key}'",
                        "add 'type' = 'source' or 'type' = 'sink'",
                    )
            return ()
        found: list[Extension] = []
        if "extension" not in texts and not any(_NUMBERED.fullmatch(key) for key in texts) and "ref" not in texts:
            self.error(
                self._place(values, "type"),
                ErrorCode.MISSING_PROPERTY,
                f"property 'extension' is required for type '{texts['type']}'",
            )
        for kind in kinds:
            connector_kind, mapper_kind = _KINDS[kind]
            if "extension" in texts:
                connector = self._extension(connector_kind, texts["extension"], self._place(values, "extension"))
                if connector is not None:
                    found.append(connector)
            if "format" in texts:
                mapper = self._extension(mapper_kind, texts["format"], self._place(values, "format"))
                if mapper is not None:
                    found.append(mapper)
        return tuple(found)

    def _known_keys(
        self, values: Mapping[str, Property], texts: Mapping[str, str], extensions: Sequence[Extension]
    ) -> None:
        prefixed: set[str] = set()
        for extension in extensions:
            prefixes = {name.lower() + "." for name in (extension.name, *extension.aliases)}
            prefixes |= {
                texts[key].lower() + "."
                for key in ("extension", "format")
                if key in texts
                and texts[key].lower() in {name.lower() for name in (extension.name, *extension.aliases)}
            }
            own = {
                key[len(prefix) :]: one
                for key, one in values.items()
                for prefix in prefixes
                if key.lower().startswith(prefix)
            }
            prefixed |= {key for key in values if any(key.lower().startswith(prefix) for prefix in prefixes)}
            layered = {
                key[len(prefix) :]: text
                for key, text in texts.items()
                for prefix in prefixes
                if key.lower().startswith(prefix) and key not in values
            }
            self._check_options(
                extension,
                {key: (one.value, one.key_span, one.value_span) for key, one in own.items()},
                layered,
                self.span,
            )
        names = {texts[key].lower() for key in ("extension", "format") if key in texts}
        async_keys = tuple(f"async.{key}" for key in ASYNC_KEYS)
        for key, one in values.items():
            if key in prefixed or key in _COMMON_KEYS or key.startswith("async.") or _NUMBERED.fullmatch(key):
                continue
            if key.split(".", 1)[0].lower() in names and len(extensions) < len(names):
                # Belongs to an extension that is missing, which was told.
                continue
            self.error(
                one.key_span,
                ErrorCode.UNKNOWN_PROPERTY,
                f"unknown property '{key}'",
                suggestion(key, (*_COMMON_KEYS, *async_keys)),
            )

    def _error_strategy(self, values: Mapping[str, Property], texts: Mapping[str, str]) -> None:
        if "error.strategy" not in texts:
            return
        text = texts["error.strategy"].lower()
        known = {strategy.value for strategy in ErrorStrategy}
        if text not in known:
            self.error(
                self._place(values, "error.strategy"),
                ErrorCode.PROPERTY_VALUE,
                f"error.strategy must be one of {', '.join(sorted(known))}, not {text!r}",
            )
            return
        strategy = ErrorStrategy(text)
        if strategy is ErrorStrategy.DEAD_LETTER and "error.dlq.stream" not in texts:
            self.error(
                self._place(values, "error.strategy"),
                ErrorCode.MISSING_PROPERTY,
                "property 'error.dlq.stream' is required for error.strategy 'dlq'",
            )
        self.options = replace(self.options, error_strategy=strategy)

    # ---- values

    def _place(self, values: Mapping[str, Property], key: str, *, is_key: bool = False) -> Span:
        if key not in values:
            return self.span
        return values[key].key_span if is_key else values[key].value_span

    def _extension(self, kind: ExtensionKind, name: str, span: Span) -> Extension | None:
        registry = self.context.registry
        found = registry.find(kind, name)
        if found is not None:
            return found
        known = registry.nearest(kind, name)
        self.context.diagnostics.missing_extension(
            span,
            ErrorCode.NOT_INSTALLED,
            f"stream '{self.stream}': no {kind.words} '{name}' is installed",
            MissingExtension(kind=kind.words, name=name, available=known, install_hint=None),
            suggestion(name, known),
        )
        return None

    def _check_options(
        self,
        declaration: Extension,
        given: Mapping[str, tuple[str, Span, Span]],
        layered: Mapping[str, str],
        span: Span,
    ) -> None:
        texts = {**layered, **{key: text for key, (text, _, _) in given.items()}}
        _, problems = parse_options(declaration, texts)
        for problem in problems:
            place = given.get(problem.key)
            at_key = problem.kind in {OptionProblemKind.UNKNOWN, OptionProblemKind.TWICE}
            self.context.diagnostics.error(
                span if place is None else place[1] if at_key else place[2],
                _OPTION_CODES[problem.kind],
                f"stream '{self.stream}': {problem.message}",
                problem.hint,
            )


def _given(elements: Sequence[AnnotationElement], reserved: set[str]) -> dict[str, tuple[str, Span, Span]]:
    return {
        element.key: (element.value, element.span, element.value_span)
        for element in elements
        if element.key is not None and element.key.lower() not in reserved
    }


_OPTION_CODES: Final = {
    OptionProblemKind.UNKNOWN: ErrorCode.UNKNOWN_PROPERTY,
    OptionProblemKind.MISSING: ErrorCode.MISSING_PROPERTY,
    OptionProblemKind.VALUE: ErrorCode.PROPERTY_VALUE,
    OptionProblemKind.TWICE: ErrorCode.DUPLICATE_PROPERTY,
}
