"""A file of lines through the engine into a file of lines, natively."""

import json
import random

import pytest

from eventflux.engine.builder import EngineBuilder
from eventflux.engine.codecs import send_native
from eventflux.engine.engine import Engine
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = AttributeType
SCHEMA = Schema.of(b=BOOL, i=INT, n=LONG, f=FLOAT, d=DOUBLE, s=STRING)
ROWS = 20_000


class EngineRows:
    """Rows enter an engine, as they do through an input handler."""

    def __init__(self, target):
        self._target = target
        self.native_rows = 0

    def send(self, row, timestamp=None):
        return self._target.send(row, timestamp)

    def send_many(self, rows, timestamps=None):
        return self._target.send_many(rows, timestamps)

    def send_native_batch(self, rows):
        self.native_rows += rows.rows
        return send_native(self._target, rows)


def rows():
    random_ = random.Random(5)
    for number in range(ROWS):
        row = (
            random_.random() < 0.5,
            random_.randrange(-(2**31), 2**31),
            number,
            random_.randrange(-1000, 1000) / 8,
            random_.choice([random_.random() * 1e6, float(number), 1e-7 * number]),
            random_.choice(["", "short", "a text of more than twelve bytes", 'quo"ted, ä\n', "\x01"]),
        )
        yield tuple(None if random_.random() < 0.05 else value for value in row)


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_what_goes_in_comes_out(app, tmp_path, format_):
    given = list(rows())
    path = tmp_path / f"in.{format_}"
    writer = app(SCHEMA, {"type": "sink", "extension": "file", "format": format_, "file.path": str(path)})
    writer.sink.start()
    writer.publish(*[row for row in given if format_ == "json" or "\n" not in (row[5] or "")])
    writer.sink.stop()
    text = path.read_text()
    source = {"type": "source", "extension": "file", "file.path": str(path), "file.mode": "once", "format": format_}
    reader = app(SCHEMA, source | {f"{format_}.timestamp": "n", "error.strategy": "drop"})
    sink = app(SCHEMA, {"type": "sink", "extension": "file", "format": format_, "file.path": str(tmp_path / "out")})
    sink.sink.start()
    with Engine(playback=True) as engine:
        builder = EngineBuilder(engine)
        node = builder.stream("S", SCHEMA.types)
        builder.seal()
        layout = engine.layout("S", SCHEMA)
        target = EngineRows(engine.input(node, layout))
        timestamps = []

        def publish(batch):
            timestamps.extend(batch.timestamps)
            sink.sink.publish(batch)

        engine.listen(node, layout, publish)
        reader.source.feed._rows = target
        reader.source.feed._send_native = target.send_native_batch
        reader.source.start()
        assert reader.finished.wait(30)
        reader.source.stop()
        engine.deliver()
        sink.sink.stop()
    with_time = [
        line
        for line in text.splitlines()
        if (json.loads(line)["n"] if format_ == "json" else line.split(",")[2]) not in {None, ""}
    ]
    assert (tmp_path / "out").read_text().splitlines() == with_time
    assert target.native_rows == len(with_time) == len(timestamps)
    assert timestamps == sorted(timestamps)
    assert reader.source.feed._failures.counts.total == text.count("\n") - len(with_time)
