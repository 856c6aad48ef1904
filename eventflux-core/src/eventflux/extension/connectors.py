"""From what stands at a stream's definition to what is to be built: its sources, sinks, mappers, error policy.

Both spellings, ``WITH ('type'='source', …)`` and ``@source(…)``, come in as texts with an *origin* (where they stand,
whatever the caller uses for that) and end in the same `StreamSettings`. All problems are reported, each with the
origin that it is about. Nothing is created and nothing is connected here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from eventflux.extension.connector_spec import (
    ConnectorRole,
    ConnectorSpec,
    DistributionSpec,
    MapperSpec,
    StreamSettings,
)
from eventflux.extension.declaration import Constant, Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.nearest import nearest
from eventflux.extension.options import Options
from eventflux.extension.registry import ExtensionRegistry
from eventflux.extension.setting_report import SettingReport
from eventflux.extension.settings import Prefixed, Setting, SettingGroup, SettingProblem
from eventflux.extension.stream_options import (
    ASYNC_OPTIONS,
    ERROR_OPTIONS,
    STREAM_OPTIONS,
    ErrorAction,
    ErrorPolicy,
)
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Schema

PASS_THROUGH: Final = "passThrough"  # noqa: S105
MAPPING: Final = "mapping."
TEMPLATE: Final = "template"
NAMED_TEMPLATES: Final = "template."
VALIDATION: Final = "validation"
TRANSPORT_PROPERTY: Final = "trp:"


def stream_settings(
    stream: str,
    schema: Schema,
    *,
    properties: Sequence[Setting] = (),
    annotations: Sequence[SettingGroup] = (),
    registry: ExtensionRegistry,
    references: Mapping[str, Mapping[str, str]] | None = None,
    origin: object = None,
) -> tuple[StreamSettings, tuple[SettingProblem, ...]]:
    """Read what stands at a stream's definition.

    Args:
        stream: Its name.
        schema: Its attributes.
        properties: Of WITH, after configuration layers were merged in (`resolve_properties`).
        annotations: Those before the definition; unknown ones are passed over.
        registry: What can be named.
        references: ``ref`` -> options that an element takes over from there.
        origin: Of the definition, for problems that no text of its own has.

    Returns:
        What is to be built, and everything that is wrong; it is complete only if nothing is.
    """
    report = SettingReport(stream, registry, references or {}, origin)
    settings = _Reader(schema, report).read(tuple(properties), tuple(annotations))
    return settings, tuple(report.problems)


class _Reader:
    """One reading of one stream's settings."""

    def __init__(self, schema: Schema, report: SettingReport) -> None:
        self.stream = report.stream
        self.schema = schema
        self.registry = report.registry
        self.report = report

    def read(self, properties: tuple[Setting, ...], annotations: tuple[SettingGroup, ...]) -> StreamSettings:
        stream_keys = self._unique(properties)
        groups = Prefixed(stream_keys)
        asynchronous = self._asynchronous(groups, annotations)
        error_texts = groups.take("error.")
        errors, error_options = self._errors(error_texts, ErrorAction.DROP)
        other = self.report.options(STREAM_OPTIONS, groups.take_named(STREAM_OPTIONS), "")
        fault, stream_errors = self._on_error(annotations, errors)
        retries = other.values.get("connect.retry", "backoff") != "none"
        connectors = [
            *self._connectors_of_properties(groups, errors, retries=retries),
            *self._connectors_of_annotations(annotations),
        ]
        if not error_options.given and not any(group.name == "onerror" for group in annotations):
            stream_errors = ErrorPolicy()
        return StreamSettings(
            connectors=tuple(connectors),
            asynchronous=asynchronous,
            errors=stream_errors,
            has_fault_stream=fault or errors.action is ErrorAction.STREAM,
            other=other,
        )

    def _unique(self, properties: tuple[Setting, ...]) -> dict[str, Setting]:
        kept: dict[str, Setting] = {}
        for setting in properties:
            key = setting.key or ""
            if key in kept:
                self.report.problem(ErrorCode.DUPLICATE_PROPERTY, f"property {key!r} given twice", setting.origin)
            else:
                kept[key] = setting
        return kept

    def _asynchronous(self, groups: Prefixed, annotations: tuple[SettingGroup, ...]) -> Options | None:
        texts = groups.take("async.")
        for group in annotations:
            if group.name == "async":
                for setting in group.settings:
                    texts.setdefault(setting.key or "enabled", setting)
                return self._enabled(texts, "")
        return self._enabled(texts, "async.") if texts else None

    def _enabled(self, texts: dict[str, Setting], prefix: str) -> Options | None:
        options = self.report.options(ASYNC_OPTIONS, texts, prefix)
        return options if options.values.get("enabled", True) is not False else None

    def _errors(self, texts: dict[str, Setting], default: ErrorAction) -> tuple[ErrorPolicy, Options]:
        before = len(self.report.problems)
        options = self.report.options(ERROR_OPTIONS, texts, "error.")
        if len(self.report.problems) > before:
            return ErrorPolicy(), options
        policy = ErrorPolicy.of(options, default)
        if policy.action is ErrorAction.DLQ and policy.dlq_stream is None:
            strategy = texts.get("strategy")
            self.report.problem(
                ErrorCode.MISSING_PROPERTY,
                f"stream {self.stream!r}: property 'error.dlq.stream' is required for error.strategy 'dlq'",
                None if strategy is None else strategy.origin,
            )
        return policy, options

    def _on_error(self, annotations: tuple[SettingGroup, ...], errors: ErrorPolicy) -> tuple[bool, ErrorPolicy]:
        for group in annotations:
            if group.name != "onerror":
                continue
            action = group.value("action")
            text = "LOG" if action is None else action.value
            if text.upper() not in {"LOG", "STREAM", "STORE"}:
                self.report.problem(
                    ErrorCode.INVALID_DEFINITION,
                    f"@OnError action must be LOG, STREAM or STORE, not {text!r}",
                    group.origin if action is None else action.origin,
                )
                return False, errors
            policy = ErrorPolicy(action=ErrorAction.named(text))
            return policy.action is ErrorAction.STREAM, policy
        return False, errors

    # ---- WITH ----

    def _connectors_of_properties(
        self, groups: Prefixed, errors: ErrorPolicy, *, retries: bool
    ) -> Iterator[ConnectorSpec]:
        numbered = groups.take_numbered()
        kind = groups.settings.get("type")
        roles = self._roles(kind)
        if roles or not numbered:
            plain = [role for role in roles if not any(name == role.value for name, _ in numbered)]
            if plain:
                for role in plain:
                    yield from self._connector_of_properties(role, groups, errors, retries=retries)
            elif not roles:
                self._internal(groups)
        for (name, number), inner in numbered.items():
            role = ConnectorRole(name)
            prefix = f"{role}.{number}."
            yield from self._connector_of_properties(role, Prefixed(inner), errors, retries=retries, prefix=prefix)
        if not numbered:
            return
        for key, setting in groups.unused():
            self.report.problem(ErrorCode.UNKNOWN_PROPERTY, f"unknown property {key!r}", setting.origin)

    def _roles(self, kind: Setting | None) -> list[ConnectorRole]:
        if kind is None or kind.value.casefold() == "internal":
            return []
        names = [name.strip().casefold() for name in kind.value.split(",")]
        if any(name not in {"source", "sink"} for name in names) or len(set(names)) != len(names):
            self.report.problem(
                ErrorCode.INVALID_STREAM_KIND,
                f"stream {self.stream!r}: type {kind.value!r} must be source, sink or internal",
                kind.origin,
            )
            return []
        return [ConnectorRole(name) for name in names]

    def _internal(self, groups: Prefixed) -> None:
        invalid = any(problem.code is ErrorCode.INVALID_STREAM_KIND for problem in self.report.problems)
        if not invalid:
            for key in ("extension", "format"):
                setting = groups.settings.get(key)
                if setting is not None:
                    self.report.problem(
                        ErrorCode.INVALID_STREAM_KIND,
                        f"stream {self.stream!r}: an internal stream cannot have {key!r}",
                        setting.origin,
                        "add 'type' = 'source' or 'type' = 'sink'",
                    )
        for key, setting in groups.unused():
            if not invalid:
                self.report.unknown(key, setting, ())

    def _connector_of_properties(
        self,
        role: ConnectorRole,
        groups: Prefixed,
        errors: ErrorPolicy,
        *,
        retries: bool,
        prefix: str = "",
    ) -> Iterator[ConnectorSpec]:
        named = groups.settings.get("extension")
        if named is None:
            self.report.problem(
                ErrorCode.MISSING_PROPERTY,
                f"stream {self.stream!r}: property '{prefix}extension' is required for type {role.value!r}",
                None if (kind := groups.settings.get("type")) is None else kind.origin,
            )
            return
        declaration = self.report.named(role.kind, named)
        mapper = self._mapper_of_properties(role, declaration, groups, prefix)
        if declaration is None or mapper is None:
            return
        spellings = {named.value, declaration.name}
        texts = self.report.referred(groups.settings.get("ref"), groups.take_any(spellings))
        validates = self._validates(declaration, texts)
        distribution_texts = groups.take("distribution.")
        options = self._options_or_destinations(
            declaration, texts, f"{prefix}{named.value}.", shared=bool(distribution_texts)
        )
        for key, setting in groups.unused():
            known = [f"{prefix}{named.value}.{parameter.name}" for parameter in declaration.parameters]
            self.report.unknown(prefix + key, setting, known)
        yield ConnectorSpec(
            role=role,
            declaration=declaration,
            options=options,
            mapper=self._passed(declaration, options, mapper, texts),
            errors=errors,
            retries_connecting=retries,
            validates=validates,
            distribution=self._distribution_of_properties(declaration, texts, distribution_texts),
            origin=named.origin,
        )

    def _validates(self, declaration: Extension, texts: dict[str, Setting]) -> bool:
        """What ``validation`` says, an option of every connector that has none of that name itself."""
        if declaration.parameter(VALIDATION) is not None or VALIDATION not in texts:
            return True
        setting = texts.pop(VALIDATION)
        if setting.value.casefold() not in {"connect", "none"}:
            self.report.problem(
                ErrorCode.PROPERTY_VALUE,
                f"stream {self.stream!r}: validation must be connect or none, not {setting.value!r}",
                setting.origin,
            )
        return setting.value.casefold() != "none"

    def _options_or_destinations(
        self, declaration: Extension, texts: dict[str, Setting], prefix: str, *, shared: bool
    ) -> Options:
        """Options of a connector; of a distributed sink what is missing may stand at its destinations."""
        if not shared:
            return self.report.options(declaration, texts, prefix)
        before = list(self.report.problems)
        options = self.report.options(declaration, texts, prefix)
        added = self.report.problems[len(before) :]
        self.report.problems = before + [problem for problem in added if problem.code is not ErrorCode.MISSING_PROPERTY]
        return options

    def _mapper_of_properties(
        self, role: ConnectorRole, connector: Extension | None, groups: Prefixed, prefix: str
    ) -> MapperSpec | None:
        named = groups.settings.get("format")
        if named is None:
            if connector is None:
                return None
            if connector.default_format is None:
                self.report.problem(
                    ErrorCode.MISSING_PROPERTY,
                    f"stream {self.stream!r}: property '{prefix}format' is required for extension {connector.name!r}",
                    groups.settings["extension"].origin,
                    f"formats: {', '.join(self.registry.names(role.mapper_kind))}",
                )
                return None
            named = Setting("format", connector.default_format)
        declaration = self.report.named(role.mapper_kind, named)
        if declaration is None:
            return None
        texts = groups.take_any({named.value, declaration.name})
        return self._mapper(role, declaration, texts, f"{prefix}{named.value}.")

    # ---- annotations ----

    def _connectors_of_annotations(self, annotations: tuple[SettingGroup, ...]) -> Iterator[ConnectorSpec]:
        for group in annotations:
            if group.name in {"source", "sink"}:
                yield from self._connector_of_annotation(ConnectorRole(group.name), group)

    def _connector_of_annotation(self, role: ConnectorRole, group: SettingGroup) -> Iterator[ConnectorSpec]:
        texts = {setting.key: setting for setting in group.settings if setting.key is not None}
        texts = self.report.referred(texts.pop("ref", None), texts)
        named = texts.pop("type", None)
        if named is None:
            self.report.problem(
                ErrorCode.MISSING_PROPERTY, f"stream {self.stream!r}: @{role} needs 'type'", group.origin
            )
            return
        declaration = self.report.named(role.kind, named)
        on_error = texts.pop("on.error", None)
        retry = texts.pop("connect.retry", None)
        error_texts = {key[len("error.") :]: texts.pop(key) for key in list(texts) if key.startswith("error.")}
        errors, _ = self._errors(error_texts, self._sink_action(on_error))
        mapper = self._mapper_of_annotation(role, group, None if declaration is None else declaration.default_format)
        if declaration is None or mapper is None:
            return
        validates = self._validates(declaration, texts)
        distributions = group.inner("distribution")
        options = self._options_or_destinations(declaration, texts, "", shared=bool(distributions))
        yield ConnectorSpec(
            role=role,
            declaration=declaration,
            options=options,
            mapper=self._passed(declaration, options, mapper, texts),
            errors=errors,
            retries_connecting=retry is None or retry.value.casefold() != "none",
            validates=validates,
            distribution=self._distribution_of_annotation(declaration, texts, distributions[0])
            if distributions
            else None,
            origin=group.origin,
        )

    def _sink_action(self, on_error: Setting | None) -> ErrorAction:
        if on_error is None:
            return ErrorAction.DROP
        if on_error.value.upper() not in {"LOG", "WAIT", "STREAM", "STORE"}:
            self.report.problem(
                ErrorCode.PROPERTY_VALUE,
                f"on.error must be LOG, WAIT, STREAM or STORE, not {on_error.value!r}",
                on_error.origin,
            )
            return ErrorAction.DROP
        return ErrorAction.named(on_error.value)

    def _mapper_of_annotation(
        self, role: ConnectorRole, group: SettingGroup, default_format: str | None
    ) -> MapperSpec | None:
        default = Setting("type", default_format or PASS_THROUGH)
        maps = group.inner("map")
        if not maps:
            return self._mapper(role, self.registry.get(role.mapper_kind, default.value), {}, "")
        inner = maps[0]
        texts = {setting.key: setting for setting in inner.settings if setting.key is not None}
        named = texts.pop("type", None)
        declaration = self.report.named(role.mapper_kind, default if named is None else named)
        if declaration is None:
            return None
        texts.update(self._attributes(inner))
        for payload in inner.inner("payload"):
            for setting in payload.settings:
                texts[TEMPLATE if setting.key is None else NAMED_TEMPLATES + setting.key] = setting
        return self._mapper(role, declaration, texts, "")

    def _attributes(self, group: SettingGroup) -> Iterator[tuple[str, Setting]]:
        for attributes in group.inner("attributes"):
            alone = [setting for setting in attributes.settings if setting.key is None]
            if alone and len(alone) != len(attributes.settings):
                self.report.problem(
                    ErrorCode.INVALID_DEFINITION,
                    "@attributes must be all positional or all named",
                    attributes.origin,
                )
                return
            if alone and len(alone) != len(self.schema):
                self.report.problem(
                    ErrorCode.INVALID_DEFINITION,
                    f"@attributes has {len(alone)} values, stream {self.stream!r} has {len(self.schema)} attributes",
                    attributes.origin,
                )
                return
            for index, setting in enumerate(attributes.settings):
                name = self.schema[index].name if setting.key is None else setting.key
                yield MAPPING + name, setting

    # ---- both ----

    def _passed(
        self, connector: Extension, options: Options, mapper: MapperSpec, texts: Mapping[str, Setting]
    ) -> MapperSpec:
        """The mapper with what the connector's options say for it."""
        own = mapper.options
        passed: dict[str, Constant] = {}
        for parameter in connector.parameters:
            target = parameter.format_option
            if target is None or parameter.name not in options.given:
                continue
            if mapper.declaration.parameter(target) is None:
                setting = next((texts[name] for name in (parameter.name, *parameter.aliases) if name in texts), None)
                self.report.problem(
                    ErrorCode.UNKNOWN_PROPERTY,
                    f"stream {self.stream!r}: format {mapper.declaration.name!r} has nothing to do with "
                    f"{parameter.name!r}",
                    None if setting is None else setting.origin,
                )
            elif target not in own.given:
                passed[target] = options.values[parameter.name]
        if not passed:
            return mapper
        merged = replace(own, values={**own.values, **passed}, given=own.given | passed.keys())
        return replace(mapper, options=merged)

    def _mapper(
        self, role: ConnectorRole, declaration: Extension, texts: dict[str, Setting], prefix: str
    ) -> MapperSpec:
        mapping = {key[len(MAPPING) :]: texts.pop(key) for key in list(texts) if key.startswith(MAPPING)}
        template = texts.pop(TEMPLATE, None) or texts.pop("payload", None)
        named = {key[len(NAMED_TEMPLATES) :]: texts.pop(key) for key in list(texts) if key.startswith(NAMED_TEMPLATES)}
        if role is ConnectorRole.SOURCE:
            self._check_mapping(mapping)
            for misplaced in (template, *named.values()):
                if misplaced is not None:
                    self.report.problem(
                        ErrorCode.UNKNOWN_PROPERTY, "a source mapper has no payload template", misplaced.origin
                    )
        elif mapping:
            first = next(iter(mapping.values()))
            self.report.problem(ErrorCode.UNKNOWN_PROPERTY, "a sink mapper has no attribute mapping", first.origin)
        return MapperSpec(
            declaration=declaration,
            options=self.report.options(declaration, texts, prefix),
            mapping={name: setting.value for name, setting in mapping.items()},
            template=None if template is None else template.value,
            named_templates={name: setting.value for name, setting in named.items()},
        )

    def _check_mapping(self, mapping: Mapping[str, Setting]) -> None:
        """Mapping is all or nothing."""
        if not mapping:
            return
        first = next(iter(mapping.values())).origin
        for name, setting in mapping.items():
            if name not in self.schema:
                best = nearest(name, self.schema.names)
                self.report.problem(
                    ErrorCode.UNDEFINED_COLUMN,
                    f"mapping of {name!r}, which is no attribute of stream {self.stream!r}",
                    setting.origin,
                    None if best is None else f"did you mean {best!r}?",
                )
        if all(setting.value.startswith(TRANSPORT_PROPERTY) for setting in mapping.values()):
            return
        unmapped = [name for name in self.schema.names if name not in mapping]
        if unmapped:
            self.report.problem(
                ErrorCode.MISSING_PROPERTY,
                f"stream {self.stream!r}: attributes without a mapping: {', '.join(unmapped)}",
                first,
                "map every attribute, or none",
            )

    def _distribution_of_properties(
        self, declaration: Extension, shared: dict[str, Setting], texts: dict[str, Setting]
    ) -> DistributionSpec | None:
        if not texts:
            return None
        numbered: dict[str, dict[str, Setting]] = {}
        settings: dict[str, Setting] = {}
        for key, setting in texts.items():
            parts = key.split(".", 2)
            if parts[0] == "destinations" and len(parts) == 3:
                numbered.setdefault(parts[1], {})[parts[2]] = setting
            else:
                settings[key] = setting
        return self._distribution(declaration, shared, settings, list(numbered.values()), None)

    def _distribution_of_annotation(
        self, declaration: Extension, shared: dict[str, Setting], group: SettingGroup
    ) -> DistributionSpec | None:
        settings = {setting.key: setting for setting in group.settings if setting.key is not None}
        destinations = [
            {setting.key: setting for setting in destination.settings if setting.key is not None}
            for destination in group.inner("destination")
        ]
        return self._distribution(declaration, shared, settings, destinations, group.origin)

    def _distribution(
        self,
        declaration: Extension,
        shared: dict[str, Setting],
        settings: dict[str, Setting],
        destinations: list[dict[str, Setting]],
        origin: object,
    ) -> DistributionSpec | None:
        named = settings.pop("strategy", None)
        if named is None or not destinations:
            what = "'strategy'" if named is None else "a destination"
            self.report.problem(
                ErrorCode.MISSING_PROPERTY, f"stream {self.stream!r}: a distribution needs {what}", origin
            )
            return None
        strategy = self.report.named(ExtensionKind.DISTRIBUTION_STRATEGY, named)
        options = tuple(self.report.options(declaration, {**shared, **texts}, "") for texts in destinations)
        if strategy is None:
            return None
        return DistributionSpec(
            strategy=strategy,
            settings={key: setting.value for key, setting in settings.items()},
            destinations=options,
        )
