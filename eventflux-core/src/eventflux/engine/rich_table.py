"""An EventBatch as a table on a terminal; loaded only when rich prints one."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from eventflux.engine.native_types import EventBatch
from eventflux.types.attribute_type import AttributeType

ROWS_SHOWN: Final = 50


def rich_table(batch: EventBatch) -> Table:
    """Timestamps and attributes of the first rows; rows that leave a window are dimmed."""
    count = len(batch)
    table = Table(title=f"{batch.stream}: {count} event{'' if count == 1 else 's'}")
    table.add_column("timestamp", justify="right", style="cyan")
    for name, code in zip(batch.names, batch.types, strict=True):
        table.add_column(name, justify="right" if AttributeType(code).is_numeric else "left")
    for event in batch[:ROWS_SHOWN]:
        values = ("" if value is None else str(value) for value in event.data)
        table.add_row(str(event.timestamp), *values, style="dim" if event.is_expired else None)
    if count > ROWS_SHOWN:
        table.caption = f"{count - ROWS_SHOWN} more"
    return table
