"""Arrow data of any library, through the PyCapsule interface: schema and arrays, held until they have been used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflux.engine._native import ffi, lib
from eventflux.engine.native_types import host
from eventflux.engine.status import no_memory, text
from eventflux.types.errors import EventDataError

if TYPE_CHECKING:
    from eventflux.engine._native import CData


class Arrays:
    """A schema and arrays of it. Owns what it took out of a stream, else keeps the capsules."""

    def __init__(self, schema: CData, first: CData, count: int, *, alloc: CData | None, keeper: object) -> None:
        self.schema = schema
        self.first = first
        self._count = count
        self._alloc = alloc
        self._keeper = keeper

    def __len__(self) -> int:
        return self._count

    def at(self, index: int) -> CData:
        """Array number `index`."""
        array: CData = lib.ef_arrow_array_at(self.first, index)
        return array

    def field_names(self) -> list[str]:
        """Names of the fields of a struct.

        Raises:
            EventDataError: The arrays are no structs: a single column is not rows.
        """
        count = lib.ef_arrow_fields(self.schema)
        if count < 0:
            raise EventDataError("the Arrow data is a single column, not rows", expected="a table or a record batch")
        return [text(lib.ef_arrow_field_name(self.schema, index)) for index in range(count)]

    def close(self) -> None:
        """Release the arrays."""
        if self._alloc is not None:
            lib.ef_arrow_arrays_free(self._alloc, self.first, self._count)
            lib.ef_arrow_schema_free(self._alloc, self.schema)
            self._alloc = None
        self._keeper = None


def import_array(_alloc: CData, source: Any) -> Arrays:
    """The one array of an object with `__arrow_c_array__`."""
    schema_capsule, array_capsule = source.__arrow_c_array__()
    schema = ffi.cast("struct ArrowSchema *", host.capsule(schema_capsule, "arrow_schema"))
    array = ffi.cast("struct ArrowArray *", host.capsule(array_capsule, "arrow_array"))
    # The capsules release what they hold when they die.
    return Arrays(schema, array, 1, alloc=None, keeper=(schema_capsule, array_capsule))


def import_stream(alloc: CData, source: Any) -> Arrays:
    """All arrays of an object with `__arrow_c_stream__`.

    Raises:
        EventDataError: The stream failed.
    """
    capsule = source.__arrow_c_stream__()
    stream = ffi.cast("struct ArrowArrayStream *", host.capsule(capsule, "arrow_array_stream"))
    schema = lib.ef_arrow_schema_new(alloc)
    if schema == ffi.NULL:
        raise no_memory()
    taken: list[CData] = []
    try:
        if lib.ef_arrow_stream_schema(stream, schema) != 0:
            raise EventDataError(f"the Arrow stream failed: {text(lib.ef_arrow_stream_error(stream))}", got=source)
        while True:
            one = ffi.new("struct ArrowArray *")
            if lib.ef_arrow_stream_next(stream, one) != 0:
                raise EventDataError(f"the Arrow stream failed: {text(lib.ef_arrow_stream_error(stream))}", got=source)
            if lib.ef_arrow_is_end(one):
                break
            taken.append(one)
        arrays = lib.ef_arrow_arrays_new(alloc, len(taken))
        if arrays == ffi.NULL:
            raise no_memory()
    except BaseException:
        for one in taken:
            lib.ef_arrow_release(one)
        lib.ef_arrow_schema_free(alloc, schema)
        raise
    for index, one in enumerate(taken):
        ffi.memmove(lib.ef_arrow_array_at(arrays, index), one, ffi.sizeof("struct ArrowArray"))
    return Arrays(schema, arrays, len(taken), alloc=alloc, keeper=capsule)
