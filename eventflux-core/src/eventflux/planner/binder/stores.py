"""`@store(...)`, `@cache(...)`, `WITH ('extension' = ...)` of a table: where its rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from eventflux.extension import Extension, ExtensionKind, Options, parse_options, suggestion
from eventflux.extension.registry import install_hint
from eventflux.extension.stream_options import CACHE_OPTIONS
from eventflux.language.ast import AggregationDefinition, Annotation, Property, TableDefinition
from eventflux.planner.binder.connectors import OPTION_CODES, OptionText
from eventflux.planner.binder.context import BindContext
from eventflux.planner.diagnostics import MissingExtension
from eventflux.planner.logical.tables import StoreAction, StorePlan
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_IN_MEMORY: Final = frozenset({"inmemory", "memory", "in-memory"})
_OF_TABLES: Final = frozenset({"primary_key", "index", "type", "format"})
_ACTIONS: Final = {"drop": StoreAction.LOG, **{action.value: action for action in StoreAction}}
_CACHE: Final = "cache."


def store_plan(
    context: BindContext,
    definition: TableDefinition | AggregationDefinition,
    *,
    what: str = "table",
    passes: Callable[[str], bool] = _OF_TABLES.__contains__,
) -> StorePlan | None:
    """The store of a table or aggregation; None: its rows are in the engine, or an error was noted.

    Args:
        context: Of the statement.
        definition: The statement.
        what: It defines.
        passes: Whether a property, in lower case, is not about the store.
    """
    reader = _Reader(context, definition, what)
    stores = [each for each in definition.annotations if each.namespace is None and each.name.lower() == "store"]
    caches = [each for each in definition.annotations if each.namespace is None and each.name.lower() == "cache"]
    for second in (*stores[1:], *caches[1:]):
        reader.error(second.span, ErrorCode.INVALID_DEFINITION, f"@{second.name} stands here twice")
    if stores:
        return reader.of_annotations(stores[0], caches[0] if caches else None)
    if caches:
        reader.error(caches[0].span, ErrorCode.INVALID_DEFINITION, "@cache needs a @store that it is in front of")
        return None
    return reader.of_properties([given for given in definition.properties if not passes(given.key.lower())])


class _Reader:
    """Reads what one definition says of its store."""

    def __init__(self, context: BindContext, definition: TableDefinition | AggregationDefinition, what: str) -> None:
        self._context = context
        self._definition = definition
        self._table = definition.name.name
        self._what = what

    def error(self, span: Span, code: ErrorCode, message: str, hint: str | None = None) -> None:
        self._context.diagnostics.error(span, code, f"{self._what} '{self._table}': {message}", hint)

    @property
    def _article(self) -> str:
        return "an aggregation" if self._what == "aggregation" else "a table"

    # ---- both dialects

    def of_annotations(self, store: Annotation, cache: Annotation | None) -> StorePlan | None:
        named = store.element("type")
        if named is None:
            self.error(store.span, ErrorCode.MISSING_PROPERTY, "@store needs a type")
            return None
        given = _given(store)
        given.pop("type", None)
        on_error = self._on_error(given.pop("on.error", None))
        if named.value.lower() in _IN_MEMORY:
            self._options(None, given, store.span)
            return None
        declaration = self._declaration(named.value, named.value_span)
        if declaration is None:
            return None
        options = self._options(declaration, given, store.span)
        before = None if cache is None else self._options(CACHE_OPTIONS, _given(cache), cache.span)
        return StorePlan(declaration=declaration, options=options, cache=before, on_error=on_error)

    def of_properties(self, properties: Sequence[Property]) -> StorePlan | None:
        texts = {
            given.key: OptionText(text=str(given.value), key_span=given.key_span, value_span=given.value_span)
            for given in properties
        }
        named = texts.pop("extension", None)
        on_error = self._on_error(texts.pop("error.strategy", None))
        if named is None or named.text.lower() in _IN_MEMORY:
            self._options(None, texts, self._definition.name.span)
            return None
        declaration = self._declaration(named.text, named.value_span)
        if declaration is None:
            return None
        prefixes = {f"{name.lower()}." for name in (named.text, declaration.name)}
        own: dict[str, OptionText] = {}
        cache: dict[str, OptionText] = {}
        for key, option in texts.items():
            head, dot, rest = key.partition(".")
            if f"{head.lower()}{dot}" in prefixes:
                own[rest] = option
            elif key.startswith(_CACHE):
                cache[key.removeprefix(_CACHE)] = option
            else:
                own[key] = option
        options = self._options(declaration, own, named.value_span)
        before = self._options(CACHE_OPTIONS, cache, named.value_span) if cache else None
        return StorePlan(declaration=declaration, options=options, cache=before, on_error=on_error)

    # ---- parts

    def _on_error(self, action: OptionText | None) -> StoreAction:
        if action is None:
            return StoreAction.RETRY
        found = _ACTIONS.get(action.text.lower())
        if found is None:
            self.error(
                action.value_span,
                ErrorCode.PROPERTY_VALUE,
                f"what becomes of rows when the store fails is RETRY, LOG or STORE, not {action.text!r}",
            )
        return found or StoreAction.RETRY

    def _declaration(self, name: str, span: Span) -> Extension | None:
        registry = self._context.registry
        names = registry.names(ExtensionKind.STORE)
        spelled = next((each for each in names if each.lower() == name.lower()), name)
        found = registry.find(ExtensionKind.STORE, spelled) or registry.find(ExtensionKind.STORE, name.lower())
        if found is not None:
            return found
        known = registry.nearest(ExtensionKind.STORE, name)
        install = install_hint(ExtensionKind.STORE, name)
        self._context.diagnostics.missing_extension(
            span,
            ErrorCode.NOT_INSTALLED,
            f"{self._what} '{self._table}': no store '{name}' is installed",
            MissingExtension(kind="store", name=name, available=known, install_hint=install),
            install or suggestion(name, known),
        )
        return None

    def _options(self, declaration: Extension | None, given: Mapping[str, OptionText], span: Span) -> Options:
        if declaration is None:
            for key, option in given.items():
                self._context.diagnostics.error(
                    option.key_span, ErrorCode.UNKNOWN_PROPERTY, f"unknown property '{key}' of {self._article}"
                )
            return Options()
        options, problems = parse_options(declaration, {key: option.text for key, option in given.items()})
        for problem in problems:
            text = given.get(problem.key)
            place = span
            if text is not None:
                place = text.value_span if problem.kind.value == "value" else text.key_span
            self.error(place, OPTION_CODES[problem.kind], problem.message, problem.hint)
        return options


def _given(annotation: Annotation) -> dict[str, OptionText]:
    return {
        element.key: OptionText(text=element.value, key_span=element.span, value_span=element.value_span)
        for element in annotation.elements
        if element.key is not None
    }
