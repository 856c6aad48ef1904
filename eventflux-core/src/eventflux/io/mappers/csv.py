"""CSV, in both directions.

Source: one record a line; a quoted field may hold delimiters, quotes (doubled) and, where the source cuts no lines,
line ends. Without a header, field i is attribute i; with one, fields are found by name. Sink: one record an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from eventflux.engine.codecs import LineDecoder, LineEncoder, native_columns
from eventflux.extension.connectors import TRANSPORT_PROPERTY
from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch
from eventflux.io.conversion import text_converter
from eventflux.io.field_paths import ABSENT
from eventflux.io.mappers.json import encode_value, short_float
from eventflux.io.mappers.native_lines import NativeLines, native_time
from eventflux.io.mappers.source_fields import (
    BOOL,
    IGNORE_PARAMETER,
    INT,
    MISSING_PARAMETER,
    TEXT,
    TIMESTAMP_PARAMETERS,
    Field,
    Find,
    TimestampField,
    by_name,
    is_transport_property,
    read_row,
    transport_property,
)
from eventflux.io.templates import Template, plain_text
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError

_OTHER: Final = -1
_IN_VALUES: Final = frozenset("0123456789+-.einfatrulsNI")  # what numbers, true and false are made of
_LAST_FIELD: Final = 65_534
_SPECIAL: Final = {"\\t": "\t", "tab": "\t", "\\n": "\n", "\\r\\n": "\r\n", "space": " "}


class CsvSourceMapper(SourceMapper):
    """Records -> rows."""

    _fields: tuple[Field, ...] | None
    _timestamp: TimestampField | None

    def configure(self, ctx: MapperContext) -> None:
        options = ctx.options
        self._ctx = ctx
        self._delimiter = one_character(options.text("delimiter"), "delimiter")
        self._quote = one_character(options.text("quote"), "quote")
        escape = options.optional_text("escape")
        self._escape = None if escape is None or escape == self._quote else one_character(escape, "escape")
        self._has_header = options.flag("header")
        self._skip = options.integer("skip-lines")
        self._null = options.optional_text("null")
        self._fail_on_missing = options.flag("fail.on.missing")
        self._ignore_errors = options.flag("ignore-parse-errors")
        self._date_format = options.optional_text("date-format")
        self._timestamp = None
        self._fields = None
        self._native: NativeLines | None = None
        self.start_of_input()
        if not self._has_header:
            self._bind(None)

    def start_of_input(self) -> None:
        self._to_skip = self._skip
        self._header_due = self._has_header

    @property
    def header_payloads(self) -> int:
        return self._skip + int(self._has_header)

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        mapped = MappedRows()
        if self._timestamp is not None:
            mapped.timestamps = []
        for record in self._records(payload, mapped):
            if self._to_skip:
                self._to_skip -= 1
                continue
            try:
                if self._header_due:
                    self._bind([value for value, _ in split_record(record, self._delimiter, self._quote, self._escape)])
                    self._header_due = False
                    if self._timestamp is not None and mapped.timestamps is None:
                        mapped.timestamps = []
                    continue
                self._map_record(record, properties, mapped)
            except MappingError as error:
                if not self._ignore_errors:
                    error.payload = record
                    mapped.errors.append(error)
        return mapped

    def map_block(self, block: bytes, delimiter: bytes) -> Iterator[MappedColumns] | None:
        if delimiter != b"\n":
            return None
        return self._runs(block) if self._header_due or self._to_skip else self._native_runs(block, 0)

    def _runs(self, block: bytes) -> Iterator[MappedColumns]:
        """The lines at the top go the general way, which finds the fields; then the native one may be there."""
        start = 0
        while (self._header_due or self._to_skip) and start < len(block):
            end = block.index(b"\n", start)
            yield MappedColumns(start=start, end=start, rejected=block[start:end])
            start = end + 1
        runs = self._native_runs(block, start)
        if runs is not None:
            yield from runs
            return
        while start < len(block):
            end = block.index(b"\n", start)
            yield MappedColumns(start=start, end=start, rejected=block[start:end])
            start = end + 1

    def _native_runs(self, block: bytes, start: int) -> Iterator[MappedColumns] | None:
        return None if self._native is None else self._native.runs(block, start)

    def _native_lines(self, names: Sequence[str] | None) -> NativeLines | None:
        """The native decoder, where every attribute is one field of a type that it knows."""
        ctx = self._ctx
        fields = [
            self._field_index(ctx.mapping.get(attribute.name), attribute.name, position, names)
            for position, attribute in enumerate(ctx.schema)
        ]
        time = native_time(ctx, lambda name: isinstance(self._field_index(name, name, None, names), int))
        types = list(ctx.schema.types)
        if time is None or AttributeType.OBJECT in types or self._escape is not None or self._date_format is not None:
            return None
        time_field, extra = time
        if extra is not None:
            fields.append(self._field_index(extra[0], extra[0], None, names))
            types.append(extra[1])
        known = [field for field in fields if field is not None]
        is_missing_known = self._fail_on_missing and len(known) != len(fields)
        if _OTHER in known or len(set(known)) != len(known) or max(known, default=0) > _LAST_FIELD or is_missing_known:
            return None
        if not (self._delimiter.isascii() and self._quote.isascii()):
            return None
        return NativeLines(
            LineDecoder.csv(
                types,
                fields,
                visible=len(ctx.schema),
                delimiter=self._delimiter,
                quote=self._quote,
                null=self._null,
                time=time_field,
                fail_on_missing=self._fail_on_missing,
            )
        )

    def _field_index(
        self, where: str | None, name: str, position: int | None, names: Sequence[str] | None
    ) -> int | None:
        """The index of the field of an attribute; None: the records have none, `_OTHER`: it comes from elsewhere."""
        if where is not None and is_transport_property(where):
            return _OTHER
        if where is not None and where.isdecimal():
            return int(where)
        if names is None:
            return position
        found = by_name(where or name, names)
        return None if found is None else names.index(found)

    def _map_record(self, record: str, properties: Mapping[str, object], mapped: MappedRows) -> None:
        values = [
            None if (value == "" and not quoted) or (self._null is not None and value == self._null) else value
            for value, quoted in split_record(record, self._delimiter, self._quote, self._escape)
        ]
        row = read_row(self._fields or (), values, properties, fail_on_missing=self._fail_on_missing)
        if self._timestamp is not None and mapped.timestamps is not None:
            mapped.timestamps.append(self._timestamp.value(row, values, properties))
        mapped.rows.append(row)

    def _records(self, payload: Payload, mapped: MappedRows) -> Iterator[str]:
        if isinstance(payload, (bytes, bytearray, memoryview)):
            try:
                text = bytes(payload).decode("utf-8-sig" if self._header_due else "utf-8")
            except UnicodeDecodeError as error:
                if not self._ignore_errors:
                    mapped.errors.append(MappingError(f"not UTF-8: {error}", payload=payload))
                return
        elif isinstance(payload, str):
            text = payload
        else:
            mapped.errors.append(
                MappingError(f"a CSV payload must be a text, got {type(payload).__name__}", payload=payload)
            )
            return
        yield from split_lines(text, self._quote)

    def _bind(self, header: Sequence[str] | None) -> None:
        ctx = self._ctx
        names = None if header is None else [name.strip() for name in header]
        self._fields = tuple(
            Field(
                attribute.name,
                self._finder(ctx.mapping.get(attribute.name), attribute.name, position, names),
                text_converter(attribute.type, date_format=self._date_format),
            )
            for position, attribute in enumerate(ctx.schema)
        )
        self._timestamp = TimestampField.of(ctx, lambda name: self._finder(name, name, None, names))
        self._native = self._native_lines(names)

    def _finder(self, where: str | None, name: str, position: int | None, names: Sequence[str] | None) -> Find:
        if where is not None and is_transport_property(where):
            return transport_property(where[len(TRANSPORT_PROPERTY) :])
        if where is not None and where.isdecimal():
            return _field(int(where))
        if names is None:
            if position is None or where is not None:
                raise ConfigError(
                    f"{where or name!r} is not the index of a field",
                    key=f"mapping.{name}",
                    hint="set 'header' if the first line names the fields",
                )
            return _field(position)
        found = by_name(where or name, names)
        if found is None:
            if where is not None:
                raise MappingError(f"the header has no field {where!r}: {', '.join(names)}")
            return _nothing
        return _field(names.index(found))


class CsvSinkMapper(SinkMapper):
    """Rows -> records."""

    _template: Template | None

    def configure(self, ctx: MapperContext) -> None:
        options = ctx.options
        self._delimiter = one_character(options.text("delimiter"), "delimiter")
        self._quote = one_character(options.text("quote"), "quote")
        self._quote_all = options.flag("quote.all")
        self._null = options.text("null")
        names = options.optional_text("header-names")
        self._names = list(ctx.schema.names) if names is None else [name.strip() for name in names.split(",")]
        if len(self._names) != len(ctx.schema):
            raise ConfigError(
                f"header-names has {len(self._names)} names, stream {ctx.stream!r} has {len(ctx.schema)} attributes",
                key="header-names",
            )
        self._has_header = options.flag("include-header")
        self._encoders = tuple(value_text(attribute.type) for attribute in ctx.schema)
        self._template = None
        self._native: LineEncoder | None = None
        separators = self._delimiter + self._quote
        is_plain = separators.isascii() and not any(character in _IN_VALUES for character in separators)
        if ctx.template is None and is_plain and AttributeType.OBJECT not in ctx.schema.types:
            self._native = LineEncoder.csv(
                ctx.schema,
                delimiter=self._delimiter,
                quote=self._quote,
                quote_all=self._quote_all,
                null=self._null,
            )
        if ctx.named_templates:
            raise ConfigError("the csv mapper takes one template", key="template")
        if ctx.template is not None:
            self._template = Template(
                ctx.template,
                ctx.schema,
                app_name=ctx.app_name,
                stream=ctx.stream,
                encode=self._quoted,
                now=ctx.now,
            )

    @property
    def header(self) -> bytes | None:
        if not self._has_header:
            return None
        return self._delimiter.join(self._quoted(name) for name in self._names).encode()

    def map_block(self, batch: RowBatch, delimiter: bytes) -> bytes | None:
        if self._native is None or delimiter != b"\n":
            return None
        columns = native_columns(batch)
        return None if columns is None else self._native.encode(*columns)

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        if self._template is not None:
            return [self._template.render(event).encode() for event in events]
        return [
            self._delimiter.join(
                self._null if value is None else self._quoted(encode(value))
                for encode, value in zip(self._encoders, event.data, strict=True)
            ).encode()
            for event in events
        ]

    def _quoted(self, value: object) -> str:
        text = plain_text(value)
        special = self._delimiter in text or self._quote in text or "\n" in text or "\r" in text or text == self._null
        if self._quote_all or special:
            return f"{self._quote}{text.replace(self._quote, self._quote * 2)}{self._quote}"
        return text


def split_lines(text: str, quote: str) -> Iterator[str]:
    """The records of a text: lines, except that a quoted field may hold line ends; empty lines are passed over."""
    if quote not in text:
        yield from (line for line in map(_without_return, text.split("\n")) if line)
        return
    pending: list[str] = []
    is_open = False
    for line in text.split("\n"):
        pending.append(line)
        if line.count(quote) % 2:
            is_open = not is_open
        if not is_open:
            record = _without_return("\n".join(pending))
            pending.clear()
            if record:
                yield record
    if pending:
        yield "\n".join(pending)


def _without_return(line: str) -> str:
    return line.removesuffix("\r")


def split_record(record: str, delimiter: str, quote: str, escape: str | None) -> Iterator[tuple[str, bool]]:
    """The fields of a record, and whether each was quoted.

    Raises:
        MappingError: A quote isn't closed, or something stands behind a closing one.
    """
    if quote not in record and (escape is None or escape not in record):
        for value in record.split(delimiter):
            yield value, False
        return
    position, end = 0, len(record)
    while True:
        quoted = position < end and record[position] == quote
        parts: list[str] = []
        if quoted:
            position = _quoted_field(record, position + 1, quote, escape, parts)
            if position < end and record[position] != delimiter:
                raise MappingError(f"text behind a closing quote at character {position + 1}")
        else:
            while position < end and record[position] != delimiter:
                if record[position] == escape and position + 1 < end:
                    position += 1
                parts.append(record[position])
                position += 1
        yield "".join(parts), quoted
        if position >= end:
            return
        position += 1


def _quoted_field(record: str, position: int, quote: str, escape: str | None, parts: list[str]) -> int:
    end = len(record)
    while position < end:
        character = record[position]
        if escape is not None and character == escape and position + 1 < end:
            parts.append(record[position + 1])
            position += 2
        elif character != quote:
            parts.append(character)
            position += 1
        elif position + 1 < end and record[position + 1] == quote:
            parts.append(quote)
            position += 2
        else:
            return position + 1
    raise MappingError("a quote is not closed")


def one_character(text: str, key: str) -> str:
    r"""An option that must be one character; ``\t`` and ``tab`` are the tabulator.

    Raises:
        ConfigError: It isn't one.
    """
    found = _SPECIAL.get(text, text)
    if len(found) != 1:
        raise ConfigError(f"{key} must be one character, not {text!r}", key=key, value=text)
    return found


def value_text(wanted: AttributeType) -> Callable[[object], str]:
    """How values of a type are written as plain text; null aside."""
    match wanted:
        case AttributeType.FLOAT:
            return lambda value: short_float(value) if isinstance(value, float) else plain_text(value)
        case AttributeType.OBJECT:
            return lambda value: value if isinstance(value, str) else encode_value(value)
        case _:
            return plain_text


def _field(index: int) -> Find:
    def find(payload: object, _properties: Mapping[str, object]) -> object:
        if isinstance(payload, list) and index < len(payload):
            return payload[index]
        return ABSENT

    return find


def _nothing(_payload: object, _properties: Mapping[str, object]) -> object:
    return ABSENT


_DELIMITER: Final = Parameter("delimiter", TEXT, "One character; \\t is the tabulator.", default=",")
_QUOTE: Final = Parameter("quote", TEXT, "One character around fields that need it.", default='"')

CSV_SOURCE: Final = Extension(
    name="csv",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="Comma-separated values, a record an event.",
    factory=CsvSourceMapper,
    parameters=(
        _DELIMITER,
        _QUOTE,
        Parameter(
            "escape",
            TEXT,
            "A character that takes the next one literally; without it quotes are doubled.",
            optional=True,
        ),
        Parameter("header", BOOL, "The first line names the fields.", default=False, aliases=("has-header",)),
        Parameter("skip-lines", INT, "How many lines to pass over at the beginning.", default=0, minimum=0),
        Parameter("null", TEXT, "A text that means null, beside the empty unquoted field.", optional=True),
        MISSING_PARAMETER,
        IGNORE_PARAMETER,
        Parameter("date-format", TEXT, "How texts become LONG attributes.", optional=True),
        *TIMESTAMP_PARAMETERS,
    ),
    examples=(
        Example(
            "CREATE STREAM Flights (carrier STRING, delay INT) WITH ('type' = 'source', 'extension' = 'file', "
            "'file.path' = 'flights.csv', 'format' = 'csv', 'csv.header' = 'true');",
            "Fields by the names in the first line.",
        ),
    ),
)

CSV_SINK: Final = Extension(
    name="csv",
    kind=ExtensionKind.SINK_MAPPER,
    description="Comma-separated values, a record an event.",
    factory=CsvSinkMapper,
    parameters=(
        _DELIMITER,
        _QUOTE,
        Parameter("quote.all", BOOL, "Quote every field.", default=False, aliases=("quote-all",)),
        Parameter("null", TEXT, "How null is written.", default=""),
        Parameter("include-header", BOOL, "Begin files with a line of names.", default=False, aliases=("header",)),
        Parameter("header-names", TEXT, "The names of that line, instead of the attributes'.", optional=True),
    ),
    examples=(
        Example(
            "@sink(type='file', path='out.csv', @map(type='csv', include-header='true')) define stream O (a int);",
            "A file that begins with the names.",
        ),
    ),
)
