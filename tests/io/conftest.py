"""Sources and sinks without an app: rows end in a list, events come from one."""

import threading
from dataclasses import dataclass, field

import pytest

from eventflux.builtin import plugin as builtin_plugin
from eventflux.environment.real import RealEnvironment
from eventflux.extension import ExtensionRegistry, MapperContext, PluginManager, parse_options
from eventflux.extension.connectors import stream_settings
from eventflux.extension.settings import Setting
from eventflux.io import plugin as io_plugin
from eventflux.io.failures import FailureOutlets
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.io.stream_io import AppPlace, build_connectors
from eventflux.types.errors import EventDataError, UndefinedStreamError


@dataclass(frozen=True)
class Event:
    timestamp: int
    data: tuple
    is_expired: bool = False


class Batch:
    """Events with columns, as a callback gets them."""

    def __init__(self, schema, events):
        self.events = list(events)
        self.columns = {
            name: [event.data[position] for event in self.events] for position, name in enumerate(schema.names)
        }

    def __len__(self):
        return len(self.events)

    def __iter__(self):
        return iter(self.events)


@dataclass
class RecordedRows:
    """Where rows of a stream end. Rows for which `refuses` is true are refused as the engine does."""

    rows: list = field(default_factory=list)
    timestamps: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    refuses: object = None

    def _check(self, rows):
        for index, row in enumerate(rows):
            if self.refuses is not None and self.refuses(row):
                raise EventDataError("the stream refuses the row", row=index)

    def send(self, row, timestamp=None):
        return self.send_many([row], None if timestamp is None else [timestamp])

    def send_many(self, rows, timestamps=None):
        self._check(rows)
        self.rows.extend(rows)
        self.timestamps.extend([None] * len(rows) if timestamps is None else timestamps)
        self.calls.append(len(rows))
        return len(rows)

    def send_columns(self, columns, timestamps=None):
        rows = list(zip(*columns.values(), strict=True))
        return self.send_many(rows, None if timestamps is None else list(timestamps))


class App:
    """The connectors of one stream, and the streams that failed events go to."""

    def __init__(self, registry, environment, schema, properties, streams=None, error_store=None):
        self.schema = schema
        self.rows = RecordedRows()
        self.finished = threading.Event()
        self.failures = []
        self.streams = {name: (other, RecordedRows()) for name, other in (streams or {}).items()}
        settings, problems = stream_settings(
            "S", schema, properties=[Setting(key, value, key) for key, value in properties.items()], registry=registry
        )
        assert not problems, problems
        outlets = FailureOutlets(
            stream_input=lambda name: self._stream(name)[1],
            stream_schema=lambda name: self._stream(name)[0],
            error_store=error_store,
            fail=self.failures.append,
        )
        place = AppPlace(
            app_name="App",
            environment=environment,
            now=environment.wall_clock,
            outlets=outlets,
            on_finished=lambda _source: self.finished.set(),
            on_failure=self.failures.append,
        )
        self.sources, self.sinks = build_connectors(settings, "S", schema, self.rows, place)

    def _stream(self, name):
        if name not in self.streams:
            raise UndefinedStreamError(name=name, available=tuple(self.streams))
        return self.streams[name]

    @property
    def source(self):
        return self.sources[0]

    @property
    def sink(self):
        return self.sinks[0]

    def run_to_end(self, seconds=20):
        self.source.start()
        assert self.finished.wait(seconds), (self.source.state, self.failures)
        self.source.stop()
        return self.rows.rows

    def publish(self, *rows, timestamp=1000):
        self.sink.publish(Batch(self.schema, [Event(timestamp + index, row) for index, row in enumerate(rows)]))

    def close(self):
        for each in (*self.sources, *self.sinks):
            each.stop()
            each.destroy()


@pytest.fixture(scope="session")
def registry() -> ExtensionRegistry:
    return PluginManager((builtin_plugin, io_plugin), plugins=False).registry


@pytest.fixture(scope="session")
def app_type():
    return App


@pytest.fixture
def environment():
    return RealEnvironment(seed=1)


@pytest.fixture
def app(registry, environment):
    """Makes the connectors of a stream from its schema and WITH properties."""
    made = []

    def make(schema, properties, **more):
        made.append(App(registry, environment, schema, properties, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()
    InMemoryBroker.reset()


@pytest.fixture(scope="session")
def mapper(registry):
    """Makes a configured mapper."""

    def make(kind, name, schema, options=None, **context):
        declaration = registry.get(kind, name)
        parsed, problems = parse_options(declaration, options or {})
        assert not problems, problems
        made = declaration.factory()
        made.configure(MapperContext(app_name="App", stream="S", schema=schema, options=parsed, **context))
        return made

    return make


@pytest.fixture(scope="session")
def events():
    return lambda *rows: [Event(1000 + index, row) for index, row in enumerate(rows)]


@pytest.fixture(scope="session")
def batch():
    return lambda schema, *rows: Batch(schema, [Event(1000 + index, row) for index, row in enumerate(rows)])
