"""Columns of an EventBatch by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventflux.engine._native import ffi
from eventflux.types.attribute_type import AttributeType

if TYPE_CHECKING:
    from eventflux.engine.native_types import EventBatch

_FORMAT: Final = {
    AttributeType.BOOL: ("?", 1),
    AttributeType.INT: ("i", 4),
    AttributeType.LONG: ("q", 8),
    AttributeType.FLOAT: ("f", 4),
    AttributeType.DOUBLE: ("d", 8),
}


class Columns(Mapping[str, Sequence[Any]]):
    """Attribute name -> its values: a read-only memoryview of numbers where none is null, else a list."""

    __slots__ = ("_batch",)

    def __init__(self, batch: EventBatch) -> None:
        self._batch = batch

    def __getitem__(self, name: str) -> Sequence[Any]:
        try:
            index = self._batch.names.index(name)
        except ValueError:
            raise KeyError(name) from None
        memory = self._batch._column_memory(index)  # noqa: SLF001 - the native half of this class
        if memory is None:
            return self._batch._column_values(index)  # noqa: SLF001
        element, width = _FORMAT[AttributeType(self._batch.types[index])]
        return _view(self._batch, memory, element, width)

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch.names)

    def __len__(self) -> int:
        return len(self._batch.names)

    def __repr__(self) -> str:
        return f"Columns({', '.join(self._batch.names)}; {len(self._batch)} rows)"


def _view(batch: EventBatch, memory: tuple[int, int], element: str, width: int) -> Sequence[Any]:
    address, rows = memory
    start, count, step = batch._extent  # noqa: SLF001 - as above
    if count == 0:
        return ()
    # The memory belongs to the batch's block: the view keeps the batch alive through the destructor.
    pointer = ffi.gc(ffi.cast("char *", address), lambda _: batch)
    memory_of_block: Any = memoryview(ffi.buffer(pointer, rows * width))
    view: memoryview[Any] = memory_of_block.cast("B").cast(element).toreadonly()
    last = start + (count - 1) * step
    stop = last + (1 if step > 0 else -1)
    return view[start : stop if stop >= 0 else None : step]
