"""Annotations and WITH properties of a stream: how it is fed, buffered, and what becomes of bad events."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eventflux.extension import Extension, ExtensionKind, suggestion
from eventflux.extension.stream_options import ERROR_OPTIONS, STREAM_OPTIONS
from eventflux.language.ast import Annotation, AnnotationElement, Property, StreamDefinition
from eventflux.planner.binder.async_options import ASYNC_KEYS, AsyncOptions, with_async_option
from eventflux.planner.binder.connectors import CONNECTOR_KINDS, Connectors, OptionText
from eventflux.planner.binder.context import BindContext
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
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


@record(frozen=True, slots=True, kw_only=True)
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
    context: BindContext, definition: StreamDefinition, schema: Schema | None, configured: Mapping[str, str]
) -> StreamOptions:
    """The options of a definition; what is wrong is noted.

    Args:
        context: Of the statement.
        definition: Of the stream.
        schema: Its attributes; None where they are not known.
        configured: Properties that the configuration gives where the text does not.
    """
    name = definition.name.name
    connectors = Connectors(context=context, stream=name, schema=schema)
    reader = _Reader(context=context, stream=name, span=definition.name.span, connectors=connectors)
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
    *(f"error.{parameter.name}" for parameter in ERROR_OPTIONS.parameters),
    *(parameter.name for parameter in STREAM_OPTIONS.parameters),
    "timestamp",
    "timestamp-format",
)
_DISTRIBUTION: Final = "distribution."
_MAPPER_KINDS: Final = frozenset({ExtensionKind.SOURCE_MAPPER, ExtensionKind.SINK_MAPPER})
_NUMBERED: Final = re.compile(r"(source|sink)\.\d+\.(.+)")


@dataclass(slots=True, kw_only=True)
class _Reader:
    context: BindContext
    stream: str
    span: Span
    connectors: Connectors
    options: StreamOptions = field(default_factory=StreamOptions)

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        self.connectors.error(span, code, message, hint)

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
                self.connectors.annotation(annotation)
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
        if "internal" in kinds or any(kind not in CONNECTOR_KINDS for kind in kinds):
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
            connector_kind, mapper_kind = CONNECTOR_KINDS[kind]
            if "extension" in texts:
                connector = self.connectors.extension(
                    connector_kind, texts["extension"], self._place(values, "extension")
                )
                if connector is not None:
                    found.append(connector)
                    implied = None if "format" in texts else connector.default_format
                    mapper = None if implied is None else self.context.registry.find(mapper_kind, implied)
                    if mapper is not None:
                        found.append(mapper)
            if "format" in texts:
                mapper = self.connectors.extension(mapper_kind, texts["format"], self._place(values, "format"))
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
                if key.lower().startswith(prefix) and not _is_of_mapping(extension, key[len(prefix) :])
            }
            prefixed |= {key for key in values if any(key.lower().startswith(prefix) for prefix in prefixes)}
            layered = {
                key[len(prefix) :]: text
                for key, text in texts.items()
                for prefix in prefixes
                if key.lower().startswith(prefix)
                and key not in values
                and not _is_of_mapping(extension, key[len(prefix) :])
            }
            self.connectors.options(
                extension,
                {
                    key: OptionText(text=one.value, key_span=one.key_span, value_span=one.value_span)
                    for key, one in own.items()
                },
                layered,
                self.span,
                may_miss=any(key.startswith(_DISTRIBUTION) for key in texts),
            )
        names = {texts[key].lower() for key in ("extension", "format") if key in texts}
        async_keys = tuple(f"async.{key}" for key in ASYNC_KEYS)
        for key, one in values.items():
            if key in prefixed or key in _COMMON_KEYS or key.startswith(("async.", _DISTRIBUTION)):
                continue
            if _NUMBERED.fullmatch(key):
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

    def _place(self, values: Mapping[str, Property], key: str, *, is_key: bool = False) -> Span:
        if key not in values:
            return self.span
        return values[key].key_span if is_key else values[key].value_span


def _is_of_mapping(extension: Extension, key: str) -> bool:
    """Whether a property of a format says where values stand, instead of being an option."""
    folded = key.lower()
    is_template = folded in {"template", "payload"} or folded.startswith("template.")
    return extension.kind in _MAPPER_KINDS and (is_template or folded.startswith("mapping."))
