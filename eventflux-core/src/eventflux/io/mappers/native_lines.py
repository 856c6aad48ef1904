"""The native way through a block of lines, with the general way for the lines that it leaves out.

Where many lines are left out the native way is a detour: a block of which more than a quarter was left out makes the
next blocks go the general way at once, for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from eventflux.engine.codecs import LineDecoder, TimeField
from eventflux.extension.kinds.mapper import MappedColumns, MapperContext
from eventflux.types.attribute_type import AttributeType

_LEFT_OUT: Final = 4
_BLOCKS_WITHOUT: Final = 64
_EPOCHS: Final[Mapping[str, tuple[int, int]]] = {
    "auto": (1, 1),
    "epoch-s": (1000, 1),
    "epoch-ms": (1, 1),
    "epoch-us": (1, 1000),
    "epoch-ns": (1, 1_000_000),
}


class NativeLines:
    """One decoder and how well it does."""

    def __init__(self, decoder: LineDecoder) -> None:
        self._decoder = decoder
        self._blocks_without = 0

    def runs(self, block: bytes, start: int = 0) -> Iterator[MappedColumns] | None:
        """The runs of a block of lines, from an offset on; None: take the lines one by one."""
        if self._blocks_without:
            self._blocks_without -= 1
            return None
        return self._runs(block, start)

    def _runs(self, block: bytes, start: int) -> Iterator[MappedColumns]:
        lines = rejected = 0
        while start < len(block):
            decoded = self._decoder.decode(block, start)
            yield MappedColumns(
                native=decoded.rows, payloads=decoded.lines, start=start, end=decoded.behind, rejected=decoded.rejected
            )
            lines += decoded.lines
            rejected += decoded.rejected is not None
            if decoded.end == start:
                break
            start = decoded.end
        if rejected * _LEFT_OUT > lines + rejected and rejected > _LEFT_OUT:
            self._blocks_without = _BLOCKS_WITHOUT


def native_time(
    ctx: MapperContext, field: Callable[[str], bool]
) -> tuple[TimeField | None, tuple[str, AttributeType] | None] | None:
    """How a decoder finds the event's time.

    Args:
        ctx: Of the mapper.
        field: Whether a decoder can find a field of that name that is no attribute.

    Returns:
        The time field, and the name and type of the column that is read for it alone; None: a decoder can't.
    """
    name = ctx.options.optional_text("timestamp")
    if name is None:
        return None, None
    form = ctx.options.text("timestamp-format").casefold()
    position = ctx.schema.position(name)
    if position is not None:
        found = _time_of(ctx.schema[position].type, form, position)
        return None if found is None else (found, None)
    if not field(name):
        return None
    extra = AttributeType.LONG if form in _EPOCHS else AttributeType.STRING
    found = _time_of(extra, form, len(ctx.schema))
    return None if found is None else (found, (name, extra))


def _time_of(attribute_type: AttributeType, form: str, column: int) -> TimeField | None:
    if attribute_type in {AttributeType.INT, AttributeType.LONG} and form in _EPOCHS:
        multiplier, divisor = _EPOCHS[form]
        return TimeField(column=column, multiplier=multiplier, divisor=divisor)
    if attribute_type is AttributeType.STRING and form in {"auto", "iso", "iso-8601", "iso8601"}:
        return TimeField(column=column, is_text=True)
    return None
