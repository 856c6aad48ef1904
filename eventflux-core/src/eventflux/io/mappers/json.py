"""JSON, in both directions.

Source: an object is an event, a list of objects is many. Attributes are matched by name with top-level fields, or found
by the paths of the mapping. Sink: an object an event, with the attributes' names, or a template.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from eventflux.engine.codecs import LineDecoder, LineEncoder, native_columns
from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch
from eventflux.io.conversion import structured_converter
from eventflux.io.field_paths import ABSENT, FieldPath, parse_path
from eventflux.io.mappers.native_lines import NativeLines, native_time
from eventflux.io.mappers.source_fields import (
    BOOL,
    IGNORE_PARAMETER,
    MISSING_PARAMETER,
    TEXT,
    TIMESTAMP_PARAMETERS,
    Field,
    Find,
    TimestampField,
    is_transport_property,
    read_row,
    shown,
    transport_property,
)
from eventflux.io.templates import Template
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError

_NAN_CHOICES: Final = ("null", "string")
_LONGEST_NAME: Final = 255
_FLOAT_LIMIT: Final = 3.4028235677973366e38  # from there on a number rounds to infinity


class JsonSourceMapper(SourceMapper):
    """Texts -> rows."""

    _fields: tuple[Field, ...]
    _timestamp: TimestampField | None

    def configure(self, ctx: MapperContext) -> None:
        options = ctx.options
        self._lenient = options.flag("lenient")
        self._fail_on_missing = options.flag("fail.on.missing")
        self._fail_on_unknown = options.flag("fail.on.unknown")
        self._ignore_errors = options.flag("ignore-parse-errors")
        self._maps_tombstones = options.text("tombstone") == "row"
        self._enclosing = _path(options.text("enclosing.element"), "enclosing.element", allow_every=True)
        date_format = options.optional_text("date-format")
        self._fields = tuple(
            Field(
                attribute.name,
                _finder(ctx.mapping.get(attribute.name), attribute.name),
                structured_converter(attribute.type, lenient=self._lenient, date_format=date_format),
            )
            for attribute in ctx.schema
        )
        self._names = frozenset(ctx.schema.names)
        self._folded = frozenset(name.casefold() for name in ctx.schema.names)
        self._timestamp = TimestampField.of(ctx, lambda name: _finder(name, name))
        self._native = _native_lines(ctx, self._enclosing)

    def map_block(self, block: bytes, delimiter: bytes) -> Iterator[MappedColumns] | None:
        if self._native is None or delimiter != b"\n":
            return None
        return self._native.runs(block)

    @property
    def maps_tombstones(self) -> bool:
        return self._maps_tombstones

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        mapped = MappedRows()
        if payload is None and self._maps_tombstones:
            mapped.rows.append(read_row(self._fields, {}, properties, fail_on_missing=False))
            return mapped
        try:
            events = list(self._events(payload))
        except MappingError as error:
            if not self._ignore_errors:
                mapped.errors.append(error)
            return mapped
        if self._timestamp is not None:
            mapped.timestamps = []
        for position, event in enumerate(events):
            try:
                row = self._row(event, properties)
                if self._timestamp is not None and mapped.timestamps is not None:
                    mapped.timestamps.append(self._timestamp.value(row, event, properties))
                mapped.rows.append(row)
            except MappingError as error:
                if not self._ignore_errors:
                    error.payload = event if len(events) > 1 else payload
                    error.position = position if len(events) > 1 else None
                    mapped.errors.append(error)
        return mapped

    def _events(self, payload: Payload) -> Iterator[object]:
        value = parse_json(payload)
        if self._enclosing.steps:
            value = self._enclosing.of(value)
            if value is ABSENT:
                raise MappingError(f"enclosing element {self._enclosing.text!r} is missing", payload=payload)
        if isinstance(value, list):
            yield from value
        else:
            yield value

    def _row(self, event: object, properties: Mapping[str, object]) -> tuple[object, ...]:
        if not isinstance(event, dict):
            raise MappingError(f"an event must be a JSON object, got {shown(event)}")
        if self._fail_on_unknown:
            unknown = [name for name in event if name not in self._names and name.casefold() not in self._folded]
            if unknown:
                raise MappingError(f"unknown field {unknown[0]!r}")
        return read_row(self._fields, event, properties, fail_on_missing=self._fail_on_missing)


class JsonSinkMapper(SinkMapper):
    """Rows -> texts."""

    _template: Template | None
    _encoders: tuple[tuple[str, Callable[[object], str]], ...]

    def configure(self, ctx: MapperContext) -> None:
        options = ctx.options
        self._include_nulls = options.flag("include.nulls")
        self._pretty = options.flag("pretty-print")
        nan = options.text("nan")
        self._encoders = tuple(
            (json.dumps(attribute.name, ensure_ascii=False), value_encoder(attribute.type, nan))
            for attribute in ctx.schema
        )
        self._template = None
        self._native: LineEncoder | None = None
        if ctx.template is None and not self._pretty and AttributeType.OBJECT not in ctx.schema.types:
            self._native = LineEncoder.json(
                ctx.schema,
                [name for name, _ in self._encoders],
                include_nulls=self._include_nulls,
                nan_is_text=nan == "string",
            )
        if ctx.named_templates:
            raise ConfigError("the json mapper takes one template", key="template")
        if ctx.template is not None:
            _check_template(ctx)
            self._template = Template(
                ctx.template,
                ctx.schema,
                app_name=ctx.app_name,
                stream=ctx.stream,
                encode=lambda value: encode_value(value, nan),
                now=ctx.now,
            )

    def map_block(self, batch: RowBatch, delimiter: bytes) -> bytes | None:
        if self._native is None or delimiter != b"\n":
            return None
        columns = native_columns(batch)
        return None if columns is None else self._native.encode(*columns)

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        render = self._render if self._template is None else self._template.render
        return [render(event).encode() for event in events]

    def _render(self, event: EventLike) -> str:
        parts = [
            f"{name}:{'null' if value is None else encode(value)}"
            for (name, encode), value in zip(self._encoders, event.data, strict=True)
            if value is not None or self._include_nulls
        ]
        text = f"{{{','.join(parts)}}}"
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2) if self._pretty else text


def parse_json(payload: Payload) -> object:
    """The value of a JSON text; NaN and Infinity aren't JSON.

    Raises:
        MappingError: It isn't one; with the position.
    """
    if not isinstance(payload, (str, bytes, bytearray, memoryview)):
        raise MappingError(f"a JSON payload must be a text, got {type(payload).__name__}", payload=payload)
    text = bytes(payload) if isinstance(payload, memoryview) else payload
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MappingError(f"not JSON: {error.msg} at character {error.pos + 1}", payload=payload) from error
    except (ValueError, RecursionError) as error:
        raise MappingError(f"not JSON: {error}", payload=payload) from error


def encode_value(value: object, nan: str = "null") -> str:
    """A value as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(str(value)) if nan == "string" else "null"
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("utf-8", "replace")
    if isinstance(value, (set, frozenset)):
        value = list(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_as_json)


def value_encoder(wanted: AttributeType, nan: str) -> Callable[[object], str]:
    """How values of a type are written; null aside."""
    match wanted:
        case AttributeType.INT | AttributeType.LONG:
            return str
        case AttributeType.FLOAT:
            return lambda value: (
                short_float(value) if isinstance(value, float) and math.isfinite(value) else encode_value(value, nan)
            )
        case _:
            return lambda value: encode_value(value, nan)


def short_float(value: float) -> str:
    """The shortest text that reads back as the same binary32."""
    packed = struct.pack("<f", value)
    for digits in range(2, 9):
        text = f"{value:.{digits}g}"
        if abs(float(text)) < _FLOAT_LIMIT and struct.pack("<f", float(text)) == packed:
            return repr(float(text))
    return repr(float(f"{value:.9g}"))


def _as_json(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not allowed")


def _path(text: str, key: str, *, allow_every: bool = False) -> FieldPath:
    try:
        return parse_path(text, allow_every=allow_every)
    except ValueError as error:
        raise ConfigError(str(error), key=key, value=text) from error


def _finder(where: str | None, name: str) -> Find:
    """Finds one field: by the path of the mapping, or by name (exact, else in any case if only one fits)."""
    if where is not None and is_transport_property(where):
        return transport_property(where[len(TRANSPORT_PROPERTY) :])
    if where is None:
        return _by_name(name)
    path = _path(where, f"mapping.{name}")
    if len(path.steps) == 1 and isinstance(path.steps[0], str) and not where.startswith("$"):
        return _by_name(path.steps[0])
    return lambda payload, _properties: path.of(payload)


def _native_lines(ctx: MapperContext, enclosing: FieldPath) -> NativeLines | None:
    """The native decoder, where every attribute is a top-level field of a type that it knows."""
    names = [_plain_name(ctx.mapping.get(name, name), is_mapped=name in ctx.mapping) for name in ctx.schema.names]
    time = native_time(ctx, lambda name: _plain_name(name, is_mapped=True) is not None)
    if enclosing.steps or None in names or time is None or AttributeType.OBJECT in ctx.schema.types:
        return None
    time_field, extra = time
    types = list(ctx.schema.types)
    if extra is not None:
        names.append(_plain_name(extra[0], is_mapped=True))
        types.append(extra[1])
    fields = [name for name in names if name is not None and len(name.encode()) <= _LONGEST_NAME]
    if len(set(fields)) != len(types):
        return None
    return NativeLines(
        LineDecoder.json(
            types,
            fields,
            visible=len(ctx.schema),
            time=time_field,
            fail_on_missing=ctx.options.flag("fail.on.missing"),
            fail_on_unknown=ctx.options.flag("fail.on.unknown"),
        )
    )


def _plain_name(where: str, *, is_mapped: bool) -> str | None:
    """The top-level field that a mapping value names, or None."""
    if not is_mapped:
        return where
    if is_transport_property(where):
        return None
    steps = parse_path(where).steps
    return steps[0] if len(steps) == 1 and isinstance(steps[0], str) else None


def _by_name(name: str) -> Find:
    folded = name.casefold()

    def find(payload: object, _properties: Mapping[str, object]) -> object:
        if not isinstance(payload, dict):
            return ABSENT
        value = payload.get(name, ABSENT)
        if value is ABSENT:
            near = [key for key in payload if key.casefold() == folded]
            if len(near) == 1:
                return payload[near[0]]
        return value

    return find


def _check_template(ctx: MapperContext) -> None:
    """A template must be JSON when its placeholders are values of their types."""
    template = ctx.template or ""

    def sample(attribute_type: AttributeType) -> str:
        return '"s"' if attribute_type in {AttributeType.STRING, AttributeType.OBJECT} else "1"

    text = template
    for attribute in ctx.schema:
        for spelled in (f"{{{{{attribute.name}}}}}", f"{{{{ {attribute.name} }}}}"):
            text = text.replace(spelled, sample(attribute.type))
    for name in ("_timestamp", "_eventTime", "_now"):
        text = text.replace(f"{{{{{name}}}}}", "1")
    for name in ("_stream", "_streamName", "_app"):
        text = text.replace(f"{{{{{name}}}}}", '"s"')
    try:
        json.loads(text)
    except ValueError as error:
        if "{{" in text:
            return  # an unknown name: the template's own check says which
        raise ConfigError(
            f"the template is not JSON when its placeholders are filled in: {error}",
            key="template",
            hint="placeholders are written as JSON values, with quotes of their own",
        ) from error


JSON_SOURCE: Final = Extension(
    name="json",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="JSON objects, or lists of them.",
    factory=JsonSourceMapper,
    parameters=(
        Parameter(
            "enclosing.element",
            TEXT,
            "Where the event or the list of events stands.",
            default="$",
            aliases=("enclosing-element",),
        ),
        MISSING_PARAMETER,
        Parameter(
            "fail.on.unknown",
            BOOL,
            "A field that is no attribute is an error.",
            default=False,
            aliases=("fail-on-unknown-field",),
        ),
        Parameter("lenient", BOOL, "Numbers and booleans may be written as texts.", default=False),
        IGNORE_PARAMETER,
        Parameter("date-format", TEXT, "How texts become LONG attributes.", optional=True),
        Parameter(
            "tombstone",
            TEXT,
            "A message without a payload is passed over, or gives a row of transport properties and nulls.",
            default="skip",
            choices=("skip", "row"),
        ),
        *TIMESTAMP_PARAMETERS,
    ),
    examples=(
        Example(
            "@source(type='inMemory', topic='trades', @map(type='json', @attributes(symbol='$.s', price='$.quote.p')))"
            " define stream Trades (symbol string, price double);",
            "Fields of nested objects.",
        ),
    ),
)

JSON_SINK: Final = Extension(
    name="json",
    kind=ExtensionKind.SINK_MAPPER,
    description="One JSON object an event, with the names of the attributes.",
    factory=JsonSinkMapper,
    parameters=(
        Parameter("pretty-print", BOOL, "Several lines with indentation.", default=False),
        Parameter("include.nulls", BOOL, "Write null attributes.", default=True, aliases=("include-nulls",)),
        Parameter("nan", TEXT, "How NaN and infinities are written.", default="null", choices=_NAN_CHOICES),
    ),
    examples=(
        Example(
            """@sink(type='log', @map(type='json', @payload('{"s": {{symbol}}}'))) define stream O (symbol string);""",
            "A template; values bring their own quotes.",
        ),
    ),
)
