"""`example:latest`: a window that holds the newest event of each value of an attribute."""

from collections.abc import Iterable, Sequence

import msgpack

from eventflux.extension import (
    BoundParameter,
    Example,
    Parameter,
    Row,
    RowBatch,
    Schema,
    Window,
    WindowContext,
    WindowOutput,
    extension,
)


@extension(
    name="latest",
    namespace="example",
    kind="window",
    description="Holds the newest event of each value of an attribute; an event expires when its value comes again.",
    parameters=[Parameter("attribute", ("STRING",), "Name of the attribute.")],
    examples=[
        Example(
            "from Trade#window.example:latest('symbol') select symbol, price, count() as symbols insert into Newest;",
            "Each trade, and how many symbols have been traded so far.",
        )
    ],
)
class Latest(Window):
    """One instance a query and partition key."""

    def init(self, params: Sequence[BoundParameter], schema: Schema, ctx: WindowContext) -> None:
        """Find the attribute."""
        name = params[0].value
        names = [attribute.name for attribute in schema]
        if name not in names:
            raise ValueError(f"latest: no attribute {name!r}, there are {', '.join(names)}")
        self.place = names.index(name)
        self.held: dict[object, Row] = {}

    def process(self, batch: RowBatch, out: WindowOutput) -> None:
        """The former event of the same value leaves before the new one enters."""
        for row, timestamp in zip(batch.rows(), batch.timestamps, strict=True):
            # Taken out first, so that the events stay in order of arrival.
            former = self.held.pop(row[self.place], None)
            if former is not None:
                out.expired([former])
            self.held[row[self.place]] = row
            out.current([row], [timestamp])

    def find(self) -> Iterable[Row]:
        """The events held, oldest first."""
        return list(self.held.values())

    @property
    def size(self) -> int:
        """How many values have been seen."""
        return len(self.held)

    def serialize(self) -> bytes:
        """The events held; the attribute's place follows from the app."""
        packed: bytes = msgpack.packb(list(self.held.values()))
        return packed

    def deserialize(self, data: bytes) -> None:
        """The key is part of each event."""
        self.held = {row[self.place]: tuple(row) for row in msgpack.unpackb(data)}
