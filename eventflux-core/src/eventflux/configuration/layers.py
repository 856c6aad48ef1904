"""The four layers of a stream's or table's properties, merged leaf by leaf into the syntax tree of an app.

Highest first: what stands in the text, `[streams.<S>]` or `[tables.<T>]`, `[application]` (its section of the connector
or format in use, `async`, `error`), defaults of the declarations. What the configuration adds becomes properties and
annotation elements of the definition, so planner and connectors see one definition and know nothing of layers. Values
from the configuration are checked here, where their places are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from eventflux.configuration.check import ConfigProblem, flag, read
from eventflux.configuration.keys import KEYS
from eventflux.configuration.secrets import MASK, is_secret, user_info_of
from eventflux.configuration.tree import Config, Leaf, OriginKind
from eventflux.extension.declaration import Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.nearest import nearest, suggestion
from eventflux.extension.options import parse_option
from eventflux.extension.registry import ExtensionRegistry, install_hint
from eventflux.extension.stream_options import ASYNC_OPTIONS, ERROR_OPTIONS, STREAM_OPTIONS
from eventflux.language.ast import (
    Annotation,
    AnnotationElement,
    EventFluxApp,
    Property,
    Statement,
    StreamDefinition,
    TableDefinition,
)
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import SourceText, Span

_KEY_PROPERTIES: Final = ("type", "extension", "format", "ref")
_OTHER_KEYS: Final = ("timestamp", "timestamp-format")
_NUMBERED: Final = {"sources": "source", "sinks": "sink", "source": "source", "sink": "sink"}
_KINDS: Final = {
    "source": (ExtensionKind.SOURCE, ExtensionKind.SOURCE_MAPPER),
    "sink": (ExtensionKind.SINK, ExtensionKind.SINK_MAPPER),
}
_CONNECTED: Final = (*_KINDS["source"], *_KINDS["sink"], ExtensionKind.STORE)
_ASYNC_SPELLINGS: Final = {"buffer.size": "buffer_size", "batch.size.max": "batch_size_max"}


@record(frozen=True, slots=True, kw_only=True)
class Effective:
    """One property in force: its value, and the layer and place that it comes from."""

    key: str
    value: str
    layer: str
    origin: str
    is_secret: bool = False

    @property
    def shown(self) -> str:
        """The value as it may be shown."""
        return MASK if self.is_secret else self.value


@record(frozen=True, slots=True, kw_only=True)
class Layered:
    """An app with what the configuration adds.

    Attributes:
        app: The syntax tree, completed.
        problems: What is wrong with the configuration as far as this app is concerned.
        streams: By name, what is in force at a stream.
        tables: By name, what is in force at a table.
    """

    app: EventFluxApp
    problems: tuple[ConfigProblem, ...] = ()
    streams: Mapping[str, tuple[Effective, ...]] = field(default_factory=dict)
    tables: Mapping[str, tuple[Effective, ...]] = field(default_factory=dict)


def layered(app: EventFluxApp, config: Config, registry: ExtensionRegistry) -> Layered:
    """Merge a configuration into an app. Never raises for a bad configuration: what is wrong is told."""
    work = _Layers(app, config, registry)
    statements: list[Statement] = []
    for statement in app.statements:
        match statement:
            case StreamDefinition():
                statements.append(work.stream(statement))
            case TableDefinition():
                statements.append(work.table(statement))
            case _:
                statements.append(statement)
    work.check_names()
    if flag(config, "application.production"):
        work.check_written_secrets()
    return Layered(
        app=replace(app, statements=tuple(statements)),
        problems=tuple(work.problems),
        streams=work.streams,
        tables=work.tables,
    )


@dataclass(slots=True)
class _Given:
    """A property of the configuration: its text, and the leaf and path that it was written at."""

    text: str
    leaf: Leaf
    path: tuple[str, ...]


def as_text(value: object) -> str:
    """A value of the configuration as a property's text."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return ",".join(as_text(item) for item in value)
        case _:
            return str(value)


class _Layers:
    """One merge."""

    def __init__(self, app: EventFluxApp, config: Config, registry: ExtensionRegistry) -> None:
        self.app = app
        self.config = config
        self.registry = registry
        self.problems: list[ConfigProblem] = []
        self.streams: dict[str, tuple[Effective, ...]] = {}
        self.tables: dict[str, tuple[Effective, ...]] = {}

    # ---- streams

    def stream(self, definition: StreamDefinition) -> StreamDefinition:
        """The definition with what the configuration adds."""
        name = definition.name.name
        given = self._section("streams", name)
        connectors = [each for each in definition.annotations if each.name.lower() in _KINDS and each.namespace is None]
        if connectors:
            definition, effective = self._annotated(definition, given)
        else:
            definition, effective = self._with_properties(definition, given)
        self.streams[name] = tuple(effective)
        return definition

    def _with_properties(
        self, definition: StreamDefinition, given: dict[str, _Given]
    ) -> tuple[StreamDefinition, list[Effective]]:
        own = {each.key: each for each in definition.properties}
        for key in ("type", "extension", "format"):
            if key in own and key in given and own[key].value.casefold() != given[key].text.casefold():
                self._conflict(definition, own[key], given[key])
        chosen: dict[str, str] = {key: given[key].text for key in _KEY_PROPERTIES if key in given}
        chosen |= {key: own[key].value for key in _KEY_PROPERTIES if key in own}
        self._referred(chosen, given)
        parts = self._parts(chosen)
        self._check_stream_options(given, parts)
        self._application_sections(given, parts)
        self._asynchronous(definition, own, given)
        self._error_defaults(definition, own, given)
        known = {_canonical(key, parts) for key in own}
        added = {
            key: one for key, one in given.items() if _canonical(key, parts) not in known and self._is_used(key, parts)
        }
        added.pop("ref", None)
        span = definition.name.span
        properties = [each for each in definition.properties if each.key != "ref" or "ref" not in chosen]
        properties += [
            Property(key=key, value=one.text, span=span, key_span=span, value_span=span) for key, one in added.items()
        ]
        effective = [self._written(each.key, each.value, each.value_span) for each in definition.properties]
        effective += [_of_configuration(key, one) for key, one in added.items()]
        effective += self._defaults(parts, {_canonical(each.key, parts) for each in effective})
        return replace(definition, properties=tuple(properties)), effective

    def _annotated(
        self, definition: StreamDefinition, given: dict[str, _Given]
    ) -> tuple[StreamDefinition, list[Effective]]:
        effective: list[Effective] = []
        annotations: list[Annotation] = []
        for annotation in definition.annotations:
            if annotation.namespace is None and annotation.name.lower() in _KINDS:
                annotation, found = self._connector(annotation, given)
                effective += found
            annotations.append(annotation)
        own = {each.key: each for each in definition.properties}
        rest = {key: one for key, one in given.items() if key.split(".", 1)[0] in {"async", "error"}}
        self._check_stream_options(
            {key: one for key, one in given.items() if key not in {"type", "extension", "format"}},
            tuple(part for each in definition.annotations for part in self._parts_of_annotation(each)),
        )
        self._asynchronous(definition, own, rest)
        self._error_defaults(definition, own, rest)
        span = definition.name.span
        properties = [
            *definition.properties,
            *(
                Property(key=key, value=one.text, span=span, key_span=span, value_span=span)
                for key, one in rest.items()
                if key not in own
            ),
        ]
        effective += [self._written(each.key, each.value, each.value_span) for each in definition.properties]
        effective += [_of_configuration(key, one) for key, one in rest.items() if key not in own]
        return replace(definition, annotations=tuple(annotations), properties=tuple(properties)), effective

    def _connector(self, annotation: Annotation, given: dict[str, _Given]) -> tuple[Annotation, list[Effective]]:
        annotation = self._with_reference(annotation)
        parts = self._parts_of_annotation(annotation)
        layers = dict(given)
        self._application_sections(layers, parts)
        effective: list[Effective] = []
        nested = list(annotation.annotations)
        elements = list(annotation.elements)
        for part in parts:
            target = annotation if part.is_connector else next(each for each in nested if each.is_named("map"))
            own = {part.canonical(each.key) for each in target.elements if each.key is not None}
            added = [
                AnnotationElement(key=key, value=one.text, span=annotation.span, value_span=annotation.span)
                for key, one in part.options(layers)
                if part.canonical(key) not in own
            ]
            effective += [
                self._written(f"{part.name}.{each.key}", each.value, each.value_span)
                for each in target.elements
                if each.key is not None and each.key.lower() != "type"
            ]
            effective += [
                _of_configuration(f"{part.name}.{key}", one)
                for key, one in part.options(layers)
                if part.canonical(key) not in own
            ]
            if part.is_connector:
                elements += added
            else:
                nested[nested.index(target)] = replace(target, elements=(*target.elements, *added))
            there = [*target.elements, *added]
            effective += self._defaults(
                (part,), {(part.name, part.canonical(each.key)) for each in there if each.key is not None}
            )
        return replace(annotation, elements=tuple(elements), annotations=tuple(nested)), effective

    def _with_reference(self, annotation: Annotation) -> Annotation:
        """The annotation with the elements of the section that `ref` names below its own."""
        reference = annotation.element("ref")
        if reference is None:
            return annotation
        section = self.config.below("refs", reference.value)
        if not section:
            self._unknown_reference(reference.value)
            return annotation
        elements = [each for each in annotation.elements if each is not reference]
        known = {each.key.lower() for each in elements if each.key is not None}
        nested = list(annotation.annotations)
        for path, leaf in section.items():
            key = ".".join(path)
            key = "type" if key == "extension" else key
            element = AnnotationElement(
                key=key, value=as_text(leaf.value), span=reference.span, value_span=reference.value_span
            )
            if key == "format":
                if not annotation.nested("map"):
                    nested.append(Annotation(name="map", elements=(replace(element, key="type"),), span=reference.span))
            elif key.lower() not in known:
                elements.append(element)
        return replace(annotation, elements=tuple(elements), annotations=tuple(nested))

    def _referred(self, chosen: dict[str, str], given: dict[str, _Given]) -> None:
        """The section that `ref` names, below what the configuration says of the stream."""
        reference = chosen.get("ref")
        if reference is None:
            return
        section = self.config.below("refs", reference)
        if not section:
            self._unknown_reference(reference)
            chosen.pop("ref")
            return
        texts = {".".join(path): leaf for path, leaf in section.items()}
        extension = texts.get("extension", texts.get("type"))
        if "extension" not in chosen and extension is not None:
            chosen["extension"] = as_text(extension.value)
        name = chosen.get("extension", "")
        for key, leaf in texts.items():
            one = _Given(as_text(leaf.value), leaf, ("refs", reference, *key.split(".")))
            match key:
                case "type" | "extension":
                    given.setdefault("extension", one)
                case "format":
                    given.setdefault("format", one)
                    chosen.setdefault("format", one.text)
                case _:
                    given.setdefault(key if key.startswith(f"{name}.") else f"{name}.{key}", one)

    def _unknown_reference(self, name: str) -> None:
        self.problems.append(
            ConfigProblem(
                path=("refs", name),
                message=f"ref {name!r} names no section of the configuration",
                hint=suggestion(name, self.config.names("refs")),
            )
        )

    def _parts(self, chosen: Mapping[str, str]) -> tuple[_Part, ...]:
        """The connectors and formats that a stream's properties name."""
        roles = [role.strip().lower() for role in chosen.get("type", "").split(",")]
        found: list[_Part] = []
        for role in roles:
            if role not in _KINDS:
                continue
            for key, kind in zip(("extension", "format"), _KINDS[role], strict=True):
                if key in chosen:
                    found.append(_Part(chosen[key], self.registry.find(kind, chosen[key]), key == "extension"))
        return tuple(found)

    def _parts_of_annotation(self, annotation: Annotation) -> tuple[_Part, ...]:
        if annotation.namespace is not None or annotation.name.lower() not in _KINDS:
            return ()
        kind, mapper_kind = _KINDS[annotation.name.lower()]
        found: list[_Part] = []
        named = annotation.element("type")
        if named is not None:
            found.append(_Part(named.value, self.registry.find(kind, named.value), is_connector=True))
        for mapping in annotation.nested("map")[:1]:
            mapper = mapping.element("type")
            if mapper is not None:
                found.append(_Part(mapper.value, self.registry.find(mapper_kind, mapper.value), is_connector=False))
        return tuple(found)

    def _is_used(self, key: str, parts: tuple[_Part, ...]) -> bool:
        """Whether a key concerns the stream as it is; sections of connectors that it has not are passed over."""
        head = key.split(".", 1)[0]
        if "." not in key or head in {"async", "error", "distribution", "source", "sink", *_stream_heads()}:
            return True
        return any(head.casefold() in part.spellings for part in parts)

    def _application_sections(self, given: dict[str, _Given], parts: tuple[_Part, ...]) -> None:
        """`[application.<connector or format>]`, below what is said of the stream."""
        for part in parts:
            known = {part.canonical(rest) for rest, _ in part.options(given)}
            for section in self.config.names("application"):
                if section.casefold() not in part.spellings:
                    continue
                for path, leaf in self.config.below("application", section).items():
                    key = ".".join(path)
                    if part.canonical(key) in known:
                        continue
                    place = ("application", section, *path)
                    given[f"{part.name}.{key}"] = _Given(as_text(leaf.value), leaf, place)
                    self._check_option(part.declaration, key, given[f"{part.name}.{key}"])

    def _asynchronous(
        self, definition: StreamDefinition, own: Mapping[str, Property], given: dict[str, _Given]
    ) -> None:
        """The buffer's defaults, if the stream has one."""
        texts = {key: each.value for key, each in own.items() if key.startswith("async.")}
        for annotation in definition.annotations:
            if annotation.is_named("async"):
                texts.setdefault("async.enabled", "true")
                for element in annotation.elements:
                    key = (element.key or "").lower()
                    texts[f"async.{_ASYNC_SPELLINGS.get(key, key)}"] = element.value
        for key in [key for key in given if key.startswith("async.") and key in texts]:
            del given[key]
        texts |= {key: one.text for key, one in given.items() if key.startswith("async.")}
        enabled = texts.get("async.enabled")
        app_wide = _leaf_of(self.config, "application.async.enabled")
        if enabled is None and not texts:
            if not flag(self.config, "application.async.enabled") or app_wide is None:
                return
            given["async.enabled"] = app_wide
        elif enabled is not None and enabled.strip().lower() not in {"true", "yes", "1"}:
            return
        for name in ("buffer_size", "workers", "batch_size_max", "backpressure", "timeout", "wait"):
            self._async_default(given, texts, name, f"application.async.{name}")
        for name in ("initial", "max", "multiplier"):
            self._async_default(given, texts, f"backoff.{name}", f"application.async.backoff.{name}")
        self._async_default(given, texts, "buffer_size", "application.buffer_size")
        batches = _leaf_of(self.config, "runtime.performance.batch_processing")
        if batches is not None and read(self.config, "runtime.performance.batch_processing") is False:
            batches.text = "1"
            if "async.batch_size_max" not in texts:
                given["async.batch_size_max"] = batches

    def _async_default(self, given: dict[str, _Given], texts: Mapping[str, str], name: str, key: str) -> None:
        found = _leaf_of(self.config, key)
        if found is not None and f"async.{name}" not in texts and f"async.{name}" not in given:
            given[f"async.{name}"] = found

    def _error_defaults(
        self, definition: StreamDefinition, own: Mapping[str, Property], given: dict[str, _Given]
    ) -> None:
        if any(annotation.is_named("onerror") for annotation in definition.annotations):
            for key in [key for key in given if key.startswith("error.")]:
                del given[key]
            return
        section = {".".join(path): leaf for path, leaf in self.config.below("application", "error").items()}
        letters = section.get("dlq.stream")
        if letters is not None and letters.value == definition.name.name:
            return
        for key, leaf in section.items():
            if f"error.{key}" not in own and f"error.{key}" not in given:
                given[f"error.{key}"] = _Given(as_text(leaf.value), leaf, ("application", "error", *key.split(".")))

    def _defaults(self, parts: tuple[_Part, ...], given: set[tuple[str, str]]) -> list[Effective]:
        """What the declarations fill in."""
        return [
            Effective(
                key=f"{part.name}.{parameter.name}",
                value=as_text(parameter.default_value),
                layer="default",
                origin=f"default of {part.declaration.kind.words} {part.declaration.name}",
                is_secret=parameter.secret,
            )
            for part in parts
            if part.declaration is not None
            for parameter in part.declaration.parameters
            if parameter.optional
            and parameter.default_value is not None
            and (part.name, part.canonical(parameter.name)) not in given
        ]

    # ---- tables

    def table(self, definition: TableDefinition) -> TableDefinition:
        """The definition with what the configuration adds."""
        name = definition.name.name
        given = self._section("tables", name)
        stores = [each for each in definition.annotations if each.is_named("store")]
        own = {each.key: each.value for each in definition.properties}
        extension = own.get("extension") or (given["extension"].text if "extension" in given else None)
        if stores and (named := stores[0].element("type")) is not None:
            extension = named.value
        for key in ("type", "format"):
            if key in given:
                self._problem(given.pop(key), f"{key!r} is not allowed on a table", ErrorCode.INVALID_STREAM_KIND)
        if extension is not None:
            declaration = self.registry.find(ExtensionKind.STORE, extension)
            part = _Part(extension, declaration, is_connector=True)
            self._application_sections(given, (part,))
            if stores:
                return self._stored(definition, stores[0], part, given)
        span = definition.name.span
        added = {key: one for key, one in given.items() if key not in own}
        properties = [
            *definition.properties,
            *(
                Property(key=key, value=one.text, span=span, key_span=span, value_span=span)
                for key, one in added.items()
            ),
        ]
        self.tables[name] = (
            *(self._written(each.key, each.value, each.value_span) for each in definition.properties),
            *(_of_configuration(key, one) for key, one in added.items()),
        )
        return replace(definition, properties=tuple(properties))

    def _stored(
        self, definition: TableDefinition, store: Annotation, part: _Part, given: dict[str, _Given]
    ) -> TableDefinition:
        own = {part.canonical(each.key) for each in store.elements if each.key is not None}
        added = {key: one for key, one in part.options(given) if part.canonical(key) not in own}
        elements = [
            *store.elements,
            *(
                AnnotationElement(key=key, value=one.text, span=store.span, value_span=store.span)
                for key, one in added.items()
            ),
        ]
        self.tables[definition.name.name] = (
            *(
                self._written(f"{part.name}.{each.key}", each.value, each.value_span)
                for each in store.elements
                if each.key is not None and each.key.lower() != "type"
            ),
            *(_of_configuration(f"{part.name}.{key}", one) for key, one in added.items()),
        )
        annotations = tuple(
            replace(store, elements=tuple(elements)) if each is store else each for each in definition.annotations
        )
        return replace(definition, annotations=annotations)

    # ---- checks

    def check_names(self) -> None:
        """Sections of streams and tables that the app does not have, and of connectors that nobody has."""
        is_strict = read(self.config, "application.strict") is not False
        for section, known in (("streams", self.streams), ("tables", self.tables)):
            folded = {name.casefold() for name in known}
            for name in self.config.names(section):
                path, leaf = next(iter(self.config.below(section, name).items()), ((), None))
                if leaf is None or name in known:
                    continue
                if leaf.origin.kind is OriginKind.ENVIRONMENT and name.casefold() in folded:
                    continue
                self.problems.append(
                    ConfigProblem(
                        path=(section, name, *path),
                        message=f"[{section}.{name}] names no {section[:-1]} of the app",
                        leaf=leaf,
                        hint=suggestion(name, known),
                        code=ErrorCode.UNKNOWN_CONFIGURED_STREAM,
                        is_warning=not is_strict,
                    )
                )
        sections = [
            name for name in self.config.names("application") if ("application", name) not in self.config.leaves
        ]
        for name in sections:
            if name in {"async", "error"} or self._is_extension(name):
                continue
            path, leaf = next(iter(self.config.below("application", name).items()))
            known_names = {each for kind in _CONNECTED for each in self.registry.names(kind)} | {"async", "error"}
            best = nearest(name, known_names)
            self.problems.append(
                ConfigProblem(
                    path=("application", name, *path),
                    message=f"[application.{name}] names no connector and no format",
                    leaf=leaf,
                    hint=None if best is None else f"did you mean {best!r}?",
                    is_warning=not is_strict,
                )
            )
        for path, leaf in self.config.below("application", "error").items():
            self._check_known(
                ERROR_OPTIONS, ".".join(path), _Given(as_text(leaf.value), leaf, ("application", "error", *path))
            )

    def check_written_secrets(self) -> None:
        """Secrets in the app's text, which production refuses."""
        for statement in self.app.statements:
            if not isinstance(statement, (StreamDefinition, TableDefinition)):
                continue
            texts = [(each.key, each.value, each.value_span) for each in statement.properties]
            for annotation in _all_annotations(statement.annotations):
                texts += [(each.key or "", each.value, each.value_span) for each in annotation.elements]
            for key, value, span in texts:
                if (is_secret((key,)) or user_info_of(value)) and "${" not in self.app.source.slice(span):
                    self.problems.append(
                        ConfigProblem(
                            path=(),
                            message=f"{_place(self.app.source, span)}: {key}: a secret is written out",
                            hint="use ${VAR} or ${file:/path}",
                        )
                    )

    def _check_stream_options(self, given: dict[str, _Given], parts: tuple[_Part, ...]) -> None:
        """Options that the configuration gives to one stream."""
        for key, one in list(given.items()):
            head, _, rest = key.partition(".")
            if key in _KEY_PROPERTIES or key in _OTHER_KEYS or head in {"distribution", "source", "sink"}:
                continue
            if head == "async":
                self._check_known(ASYNC_OPTIONS, rest, one)
            elif head == "error":
                self._check_known(ERROR_OPTIONS, rest, one)
            elif STREAM_OPTIONS.parameter(key) is not None:
                self._check_known(STREAM_OPTIONS, key, one)
            elif part := next((part for part in parts if head.casefold() in part.spellings), None):
                owners = [each for each in parts if head.casefold() in each.spellings]
                taker = next((each for each in owners if each.takes(rest)), part)
                self._check_option(taker.declaration, rest, one)
            elif not self._is_extension(head):
                spellings = [*_KEY_PROPERTIES, *(parameter.name for parameter in STREAM_OPTIONS.parameters)]
                spellings += ["async", "error", *(part.name for part in parts)]
                self._problem(one, f"unknown option {head!r} of a stream", hint=suggestion(head, spellings))
                del given[key]

    def _check_option(self, declaration: Extension | None, key: str, one: _Given) -> None:
        """One option of a connector or format; of one that is not installed the planner tells."""
        if declaration is None or key.split(".", 1)[0] in {"mapping", "template"}:
            return
        if declaration.accepts_options or any(
            parameter.is_prefix and key.startswith(parameter.name) for parameter in declaration.parameters
        ):
            return
        self._check_known(declaration, key, one, f"{declaration.kind.words} {declaration.name!r}")

    def _check_known(self, declaration: Extension, key: str, one: _Given, what: str = "") -> None:
        parameter = declaration.parameter(key)
        if parameter is None:
            best = nearest(key, (each.name for each in declaration.parameters))
            self._problem(
                one,
                f"unknown option of {what or declaration.name}",
                ErrorCode.UNKNOWN_PROPERTY,
                None if best is None else f"did you mean {best!r}?",
            )
            return
        if parameter.dynamic and "{{" in one.text:
            return
        try:
            parse_option(parameter, one.text)
        except ValueError as error:
            shown = "" if _hidden(parameter, one) else f", not {one.text!r}"
            self._problem(one, f"{error}{shown}", ErrorCode.PROPERTY_VALUE)

    def _problem(self, one: _Given, message: str, code: ErrorCode | None = None, hint: str | None = None) -> None:
        problem = ConfigProblem(path=one.path, message=message, leaf=one.leaf, hint=hint, code=code)
        if problem not in self.problems:
            self.problems.append(problem)

    def _conflict(self, definition: StreamDefinition, own: Property, given: _Given) -> None:
        self.problems.append(
            ConfigProblem(
                path=given.path,
                message=f"{given.text!r} is overridden by {own.value!r} of stream {definition.name.name!r} "
                f"({_place(self.app.source, own.value_span)})",
                leaf=given.leaf,
                code=ErrorCode.CONFLICTING_LAYERS,
                is_warning=True,
            )
        )

    # ---- small things

    def _section(self, section: str, name: str) -> dict[str, _Given]:
        """The properties that the configuration gives to one stream or table, by their keys in WITH."""
        found: dict[str, _Given] = {}
        for path, leaf in self.config.below(section).items():
            is_environment = leaf.origin.kind is OriginKind.ENVIRONMENT
            if path[0] != name and not (is_environment and path[0].casefold() == name.casefold()):
                continue
            inner = path[1:]
            if inner and inner[0] in _NUMBERED and len(inner) > 2 and inner[1].isdecimal():
                inner = (_NUMBERED[inner[0]], *inner[1:])
            if inner:
                found[".".join(inner)] = _Given(as_text(leaf.value), leaf, (section, *path))
        return found

    def _is_extension(self, name: str) -> bool:
        return any(
            self.registry.find(kind, name) is not None or install_hint(kind, name) is not None for kind in _CONNECTED
        )

    def _written(self, key: str, value: str, span: Span) -> Effective:
        shown = self.app.source.slice(span)
        return Effective(
            key=key,
            value=value,
            layer="text",
            origin=_place(self.app.source, span),
            is_secret=is_secret((key,)) or (user_info_of(value) and bool(shown)),
        )


@record(frozen=True, slots=True)
class _Part:
    """A connector or format as a stream names it, with its declaration where it is installed."""

    name: str
    declaration: Extension | None
    is_connector: bool

    @property
    def spellings(self) -> frozenset[str]:
        names = (
            {self.name} if self.declaration is None else {self.name, self.declaration.name, *self.declaration.aliases}
        )
        return frozenset(name.casefold() for name in names)

    def canonical(self, key: str) -> str:
        """The declared name of an option, whatever its spelling."""
        parameter = None if self.declaration is None else self.declaration.parameter(key)
        return key if parameter is None else parameter.name

    def takes(self, key: str) -> bool:
        return self.declaration is not None and self.declaration.parameter(key) is not None

    def options(self, given: Mapping[str, _Given]) -> Iterator[tuple[str, _Given]]:
        """Those that are this part's, without its name before them."""
        for key, one in given.items():
            head, _, rest = key.partition(".")
            if rest and head.casefold() in self.spellings:
                yield rest, one


def _canonical(key: str, parts: tuple[_Part, ...]) -> tuple[str, str]:
    head, _, rest = key.partition(".")
    owners = [part for part in parts if rest and head.casefold() in part.spellings]
    if not owners:
        return "", key
    taker = next((part for part in owners if part.takes(rest)), owners[0])
    return taker.name, taker.canonical(rest)


def _leaf_of(config: Config, key: str) -> _Given | None:
    """The property that a key of the framework gives, under any of its spellings."""
    for path in (tuple(key.split(".")), *(other.parts for other in KEYS if other.alias_of == key)):
        leaf = config.leaves.get(path)
        if leaf is not None:
            return _Given(as_text(leaf.value), leaf, path)
    return None


def _of_configuration(key: str, one: _Given) -> Effective:
    return Effective(
        key=key,
        value=one.text,
        layer=one.path[0],
        origin=str(one.leaf.origin),
        is_secret=is_secret((key,)) or user_info_of(one.text),
    )


def _hidden(parameter: Parameter, one: _Given) -> bool:
    return parameter.secret or is_secret(one.path)


def _stream_heads() -> set[str]:
    return {parameter.name.split(".", 1)[0] for parameter in STREAM_OPTIONS.parameters}


def _all_annotations(annotations: tuple[Annotation, ...]) -> Iterator[Annotation]:
    for annotation in annotations:
        yield annotation
        yield from _all_annotations(annotation.annotations)


def _place(source: SourceText, span: Span) -> str:
    position = source.position(span.start)
    return f"{source.name}:{position.line}:{position.column}"
