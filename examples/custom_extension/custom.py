"""The extension of custom.c in Python: the window custom:lastRows(n), and the function custom:plus(a, b).

eventflux run -e examples/custom_extension/custom.py examples/custom_extension/app.eventfluxql
"""

import json
from collections import deque

from eventflux.extension import Parameter, Window, extension, scalar_function


@scalar_function(
    "plus",
    namespace="custom",
    description="The sum of two numbers.",
    parameters=[Parameter("a", ("DOUBLE",), "", dynamic=True), Parameter("b", ("DOUBLE",), "", dynamic=True)],
    returns="DOUBLE",
)
def plus(a, b):
    return None if a is None or b is None else a + b


@extension(
    name="lastRows",
    namespace="custom",
    kind="window",
    description="The last n rows.",
    parameters=[Parameter("n", ("INT",), "How many rows it holds.", minimum=1)],
)
class LastRows(Window):
    def init(self, params, schema, ctx):
        self._rows = deque()
        self._length = params[0].value

    def process(self, batch, out):
        for row, timestamp in zip(batch.rows(), batch.timestamps, strict=True):
            if len(self._rows) == self._length:
                out.expired([self._rows.popleft()])
            self._rows.append(row)
            out.current([row], [timestamp])

    def serialize(self):
        return json.dumps(list(self._rows)).encode()

    def deserialize(self, data):
        self._rows = deque(tuple(row) for row in json.loads(data))


def eventflux_register_functions(registry):
    registry.register(plus)


def eventflux_register_windows(registry):
    registry.register(LastRows)
