"""What the entry point names: a scalar function and a window."""

import json
from collections import deque

from eventflux.extension import Example, Parameter, VectorizedScalarFunction, Window, extension, scalar_function

EVENTFLUX_API = (1, 0)


@scalar_function(
    "scale",
    namespace="{{ package }}",
    description="A number times a factor.",
    parameters=[
        Parameter("value", ("DOUBLE",), "The number.", dynamic=True),
        Parameter("factor", ("DOUBLE",), "The factor.", dynamic=True),
    ],
    returns="DOUBLE",
    vectorized=True,
    examples=[Example("select {{ package }}:scale(price, 1.2) as gross", "The price with tax.")],
)
class Scale(VectorizedScalarFunction):
    """Called once a batch, with a column an argument."""

    def execute(self, columns):
        """One value a row."""
        return [
            None if value is None or factor is None else value * factor for value, factor in zip(*columns, strict=True)
        ]


@extension(
    name="lastRows",
    namespace="{{ package }}",
    kind="window",
    description="The last n rows.",
    parameters=[Parameter("n", ("INT",), "How many rows it holds.", minimum=1)],
)
class LastRows(Window):
    """One instance a query and partition key."""

    def init(self, params, schema, ctx):
        """The arguments, in the order of their declaration."""
        self.length = params[0].value
        self.rows = deque()

    def process(self, batch, out):
        """A row that enters a full window lets the oldest go first."""
        for row, timestamp in zip(batch.rows(), batch.timestamps, strict=True):
            if len(self.rows) == self.length:
                out.expired([self.rows.popleft()])
            self.rows.append(row)
            out.current([row], [timestamp])

    @property
    def size(self):
        """Rows held: a metric."""
        return len(self.rows)

    def serialize(self):
        """The state for a checkpoint."""
        return json.dumps(list(self.rows)).encode()

    def deserialize(self, data):
        """Take over what `serialize` gave."""
        self.rows = deque(tuple(row) for row in json.loads(data))


def eventflux_register_functions(registry):
    """Scalar functions."""
    registry.register(Scale)


def eventflux_register_windows(registry):
    """Windows."""
    registry.register(LastRows)
