"""Columns and Arrow data into a stream: no Python loop over rows, no copy where the layout is the engine's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventflux.engine import arrow
from eventflux.engine._native import ffi, lib
from eventflux.engine.native_types import Input
from eventflux.engine.status import new_error, no_memory, text
from eventflux.engine.values import data_error, plain_value, shown, timestamp_of
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventDataError

if TYPE_CHECKING:
    from eventflux.engine._native import CData
    from eventflux.engine.engine import Engine

_LAYOUTS: Final = {
    ("?", 1): lib.EF_LAYOUT_BOOL_BYTES,
    ("f", 4): lib.EF_LAYOUT_FLOAT32,
    ("d", 8): lib.EF_LAYOUT_FLOAT64,
    ("e", 2): lib.EF_LAYOUT_FLOAT16,
    ("int", 1): lib.EF_LAYOUT_INT8,
    ("int", 2): lib.EF_LAYOUT_INT16,
    ("int", 4): lib.EF_LAYOUT_INT32,
    ("int", 8): lib.EF_LAYOUT_INT64,
    ("uint", 1): lib.EF_LAYOUT_UINT8,
    ("uint", 2): lib.EF_LAYOUT_UINT16,
    ("uint", 4): lib.EF_LAYOUT_UINT32,
    ("uint", 8): lib.EF_LAYOUT_UINT64,
}
_KINDS: Final = dict.fromkeys("bhilqn", "int") | dict.fromkeys("BHILQN", "uint")


class _Rows:
    """Source columns of one call, and what must live as long as they do."""

    def __init__(self, engine: Engine, target: Input) -> None:
        self._engine = engine
        self._input = target
        self._layout = target.layout
        self._alloc = lib.ef_engine_alloc(engine.handle)
        self._keepers: list[object] = []
        self._count: int | None = None
        types = ffi.new("ef_type[]", list(self._layout.types))
        self.native: CData = lib.ef_source_rows_new(self._alloc, len(types), types)
        if self.native == ffi.NULL:
            raise no_memory()

    @property
    def timestamp_index(self) -> int:
        return len(self._layout.names)

    def close(self) -> None:
        lib.ef_source_rows_free(self.native)
        for keeper in self._keepers:
            if isinstance(keeper, arrow.Arrays):
                keeper.close()
        self._keepers.clear()

    def keep(self, owner: object) -> None:
        self._keepers.append(owner)

    def name(self, index: int) -> str:
        return "timestamp" if index == self.timestamp_index else self._layout.names[index]

    def check(self, status: int, index: int, value: object, error: CData) -> None:
        """Raise EventDataError where the native side refused a whole column."""
        if status >= 0:
            return
        if status == lib.EF_NO_MEMORY:
            raise no_memory()
        stream, name = self._layout.stream, self.name(index)
        row = error.row if error.row >= 0 else None
        place = f"stream {stream}, attribute {name}" if row is None else f"stream {stream}, row {row}, attribute {name}"
        expected = "moments or milliseconds since the epoch"
        if index < self.timestamp_index:
            expected = AttributeType(self._layout.types[index]).name
        raise EventDataError(
            f"{place} ({expected}): {text(error.message)}",
            stream=stream,
            row=row,
            attribute=name,
            expected=expected,
            got=value,
        )

    def place(self, index: int, value: Any) -> None:
        """Take a column in whatever form it comes."""
        if hasattr(value, "__arrow_c_array__"):
            self._place_arrow(index, value, arrow.import_array(self._alloc, value))
        elif hasattr(value, "__arrow_c_stream__"):
            self._place_arrow(index, value, arrow.import_stream(self._alloc, value))
        elif not self._place_buffer(index, value):
            self._place_values(index, value)

    def _place_arrow(self, index: int, value: object, arrays: arrow.Arrays) -> None:
        self.keep(arrays)
        error = new_error()
        if len(arrays) == 1:
            status = lib.ef_source_rows_array(self.native, index, arrays.schema, arrays.at(0), error)
        else:
            status = lib.ef_source_rows_chunks(self.native, index, arrays.schema, arrays.first, len(arrays), error)
        self.check(status, index, value, error)

    def _place_buffer(self, index: int, value: Any) -> bool:
        mask = None
        if type(value).__module__.startswith("numpy.ma"):
            mask, value = value.mask, value.data
            mask = mask if getattr(mask, "ndim", 0) == 1 else None
        if index == self.timestamp_index and getattr(getattr(value, "dtype", None), "kind", None) == "M":
            value = value.astype("datetime64[ms]").astype("int64")
        try:
            view = memoryview(value)
        except (TypeError, ValueError, BufferError):
            return False
        described = _describe(view)
        if described is None:
            return False
        layout, unit = described
        if not view.contiguous:
            view = memoryview(view.tobytes())
        count = len(value)
        data = ffi.from_buffer("char[]", view)
        mask_data = ffi.NULL
        if mask is not None:
            mask_data = ffi.from_buffer("char[]", memoryview(mask).tobytes())
        self.keep((data, mask_data, value))
        error = new_error()
        status = lib.ef_source_rows_buffer(self.native, index, layout, data, len(data), count, unit, mask_data, error)
        self.check(status, index, value, error)
        return True

    def _place_values(self, index: int, value: Any) -> None:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise EventDataError(
                f"stream {self._layout.stream}, attribute {self.name(index)}: {shown(value)} is not a column",
                stream=self._layout.stream,
                attribute=self.name(index),
                expected="a sequence, an array or an Arrow array",
                got=value,
            )
        to_list = getattr(value, "tolist", None)
        values = to_list() if callable(to_list) else value if isinstance(value, (list, tuple)) else list(value)
        if type(values) not in (list, tuple):
            values = list(values)
        if index == self.timestamp_index:
            moments = memoryview(_int64(timestamp_of(each) for each in values))
            self._place_buffer(index, moments)
            return
        self.length(index, len(values), value)
        self._input._pack_column(_address(self.native), index, values)  # noqa: SLF001 - the native half of this class

    def place_rows(self, rows: Any, timestamps: Any) -> None:
        """Take whole rows and their timestamps, which must be given."""
        if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
            raise EventDataError(
                f"stream {self._layout.stream}: {shown(rows)} is neither columns nor rows",
                stream=self._layout.stream,
                expected="a mapping from attributes to columns, or a sequence of rows",
                got=rows,
            )
        self._input._pack_rows(_address(self.native), rows, timestamps)  # noqa: SLF001 - the native half of this class

    def length(self, index: int, count: int, value: object) -> None:
        """Refuse a list whose length differs before its values are looked at."""
        if self._count is None:
            self._count = count
        if self._count != count:
            raise EventDataError(
                f"stream {self._layout.stream}, attribute {self.name(index)}: {count} values for {self._count} rows",
                stream=self._layout.stream,
                attribute=self.name(index),
                expected=f"{self._count} values",
                got=value,
            )

    def push(self, *, chunk: bool) -> int:
        """Send the rows, which must have been verified."""
        return self._input._push_rows(_address(self.native), chunk)  # noqa: SLF001 - as above

    def verify(self) -> None:
        """Check all values.

        Raises:
            EventDataError: One does not fit.
        """
        column, row = ffi.new("uint32_t *"), ffi.new("int64_t *")
        fault = lib.ef_source_rows_check(self.native, column, row)
        if fault != lib.EF_SOURCE_GOOD:
            self._raise(fault, column[0], row[0])

    def _raise(self, fault: int, column: int, row: int) -> None:
        if fault == lib.EF_SOURCE_MEMORY:
            raise no_memory()
        if column == self.timestamp_index:
            raise EventDataError(
                f"stream {self._layout.stream}, row {row}: the timestamp is null or out of range",
                stream=self._layout.stream,
                row=row,
                expected="milliseconds since the epoch",
            )
        if fault == lib.EF_SOURCE_LAYOUT:
            raise EventDataError(
                f"stream {self._layout.stream}, row {row}, attribute {self.name(column)}: the memory is malformed",
                stream=self._layout.stream,
                row=row,
                attribute=self.name(column),
            )
        reason = "text" if fault == lib.EF_SOURCE_TEXT else "range"
        raise data_error(self._layout.stream, self.name(column), row, self._layout.types[column], _Unshown(), reason)


class _Unshown:
    """Stands for a value that was never a Python object."""

    def __repr__(self) -> str:
        return "another value"


def _address(pointer: CData) -> int:
    return int(ffi.cast("uintptr_t", pointer))


def _int64(values: Iterable[int]) -> Any:
    listed = list(values)
    data = ffi.new("int64_t[]", listed)
    return memoryview(ffi.buffer(data, len(listed) * 8)).cast("B").cast("q") if listed else memoryview(b"").cast("q")


def _describe(view: memoryview) -> tuple[int, int] | None:
    """Native layout and units a value of a one-dimensional buffer, None: not one that is read in place."""
    if view.ndim != 1:
        return None
    form = view.format.lstrip("@=<")  # ">" stays, and is found in no table: such values are converted one by one
    if form.endswith("w") and (form[:-1].isdigit() or form == "w"):
        return lib.EF_LAYOUT_UCS4, view.itemsize // 4
    layout = _LAYOUTS.get((_KINDS.get(form, form), view.itemsize))
    return None if layout is None else (layout, 1)


def send_columns(
    engine: Engine, target: Input, columns: Mapping[str, Any], timestamps: Any = None, *, chunk: bool = False
) -> int:
    """Send rows given as columns.

    Args:
        engine: The engine of the input.
        target: Where they go.
        columns: Attribute name -> values, each attribute exactly once: a sequence, a NumPy array, an Arrow array.
        timestamps: None for the clock, one moment for all, or one a row.
        chunk: Whether they are one chunk; else each is an event of its own.

    Returns:
        Rows accepted.

    Raises:
        EventDataError: A column is missing, unknown, of another length or type, or has a value out of range; no row
            has entered.
    """
    layout = target.layout
    _check_names(layout.stream, layout.names, list(columns))
    rows = _Rows(engine, target)
    try:
        for index, name in enumerate(layout.names):
            rows.place(index, columns[name])
        _place_timestamps(rows, timestamps)
        rows.verify()
        return rows.push(chunk=chunk)
    finally:
        rows.close()


def send_merged(engine: Engine, parts: Sequence[tuple[Input, Any, Any]]) -> int:
    """Send rows of several streams given as columns or as rows, the lowest timestamp first.

    Args:
        engine: The engine of the inputs.
        parts: An input, its columns as in `send_columns` (a mapping) or its rows as in `send_many`, its timestamps (one
            moment for all, or one a row).

    Returns:
        Rows accepted.

    Raises:
        EventDataError: Columns or rows do not fit their stream, or timestamps are missing; no row has entered.
    """
    prepared: list[_Rows] = []
    try:
        for target, given, timestamps in parts:
            layout = target.layout
            if isinstance(given, Mapping):
                _check_names(layout.stream, layout.names, list(given))
            if timestamps is None:
                raise EventDataError(
                    f"stream {layout.stream}: rows that are merged with those of other streams need timestamps",
                    stream=layout.stream,
                    expected="milliseconds since the epoch",
                )
            rows = _Rows(engine, target)
            prepared.append(rows)
            if not isinstance(given, Mapping):
                rows.place_rows(given, timestamps)
                continue
            for index, name in enumerate(layout.names):
                rows.place(index, given[name])
            _place_timestamps(rows, timestamps)
            rows.verify()
        if not parts:
            return 0
        inputs = tuple(target for target, _, _ in parts)
        return inputs[0]._push_merged(inputs, tuple(_address(rows.native) for rows in prepared))  # noqa: SLF001 - as above
    finally:
        for rows in prepared:
            rows.close()


def send_arrow(
    engine: Engine, target: Input, data: Any, timestamp_column: str | None = None, *, chunk: bool = False
) -> int:
    """Send the rows of anything with the Arrow PyCapsule interface: a table, a batch, a stream of batches.

    Args:
        engine: The engine of the input.
        target: Where they go.
        data: Its fields are the attributes, by name.
        timestamp_column: The field that holds the timestamps; None: the clock gives them.
        chunk: Whether all rows are one chunk; else each is an event of its own.

    Returns:
        Rows accepted.

    Raises:
        EventDataError: The fields do not fit the attributes; no row has entered.
    """
    alloc = lib.ef_engine_alloc(engine.handle)
    if hasattr(data, "__arrow_c_stream__"):
        arrays = arrow.import_stream(alloc, data)
    elif hasattr(data, "__arrow_c_array__"):
        arrays = arrow.import_array(alloc, data)
    else:
        raise TypeError(f"{shown(data)} has no Arrow PyCapsule interface")
    try:
        return _send_arrays(engine, target, data, arrays, timestamp_column, chunk=chunk)
    finally:
        arrays.close()


def _send_arrays(
    engine: Engine, target: Input, data: object, arrays: arrow.Arrays, timestamp_column: str | None, *, chunk: bool
) -> int:
    layout = target.layout
    fields = arrays.field_names()
    needed = [*layout.names]
    if timestamp_column is not None and timestamp_column not in needed:
        needed.append(timestamp_column)
    _check_names(layout.stream, tuple(needed), fields)
    if chunk and len(arrays) > 1:
        raise EventDataError(
            f"stream {layout.stream}: {len(arrays)} record batches cannot be one chunk",
            stream=layout.stream,
            got=data,
            hint="combine them first, for instance with pyarrow's combine_chunks()",
        )
    prepared: list[_Rows] = []
    error = new_error()
    try:
        for batch in range(len(arrays)):
            rows = _Rows(engine, target)
            prepared.append(rows)
            array = arrays.at(batch)
            if lib.ef_arrow_has_nulls(array):
                raise EventDataError(
                    f"stream {layout.stream}: a row as a whole is null", stream=layout.stream, got=data
                )
            for index, name in enumerate(layout.names):
                field = fields.index(name)
                status = lib.ef_source_rows_field(rows.native, index, arrays.schema, array, field, error)
                rows.check(status, index, data, error)
            if timestamp_column is not None:
                index, field = rows.timestamp_index, fields.index(timestamp_column)
                status = lib.ef_source_rows_field(rows.native, index, arrays.schema, array, field, error)
                rows.check(status, index, data, error)
            rows.verify()
        return sum(rows.push(chunk=chunk) for rows in prepared)
    finally:
        for rows in prepared:
            rows.close()


def _place_timestamps(rows: _Rows, timestamps: Any) -> None:
    if timestamps is None:
        return
    moment = plain_value(timestamps)
    if isinstance(moment, int) or hasattr(moment, "tzinfo"):
        lib.ef_source_rows_moment(rows.native, timestamp_of(moment))
    else:
        rows.place(rows.timestamp_index, timestamps)


def _check_names(stream: str, wanted: tuple[str, ...], given: list[str]) -> None:
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    repeated = [name for name in wanted if given.count(name) > 1]
    if not missing and not unknown and not repeated:
        return
    what = "no column" if missing else "no attribute" if unknown else "more than one column"
    name = (missing or unknown or repeated)[0]
    raise EventDataError(
        f"stream {stream}: {what} {name!r}",
        stream=stream,
        attribute=name,
        expected=", ".join(wanted),
        got=given,
        hint=f"{stream} has: {', '.join(wanted)}",
    )
