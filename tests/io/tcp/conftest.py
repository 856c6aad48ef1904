"""Apps that are connected by TCP."""

import threading
import time

import pytest

from eventflux import EventFluxManager

SOURCE = """
    CREATE STREAM S (k STRING, n INT) WITH (
        'type' = 'source', 'extension' = 'tcp', 'tcp.host' = '127.0.0.1', 'tcp.port' = '{port}'{more});
"""
SINK = """
    CREATE STREAM O (k STRING, n INT) WITH (
        'type' = 'sink', 'extension' = 'tcp', 'tcp.url' = 'tcp://127.0.0.1:{port}'{more});
"""


def _more(options):
    return "".join(f", '{name}' = '{value}'" for name, value in options.items())


class Receiver:
    """An app with a tcp source."""

    def __init__(self, manager, port, options):
        self.runtime = manager.create_eventflux_app_runtime(SOURCE.format(port=port, more=_more(options)))
        self.rows = []
        self._changed = threading.Condition()
        self.runtime.add_callback("S", self._take)
        self.runtime.start()

    def _take(self, events):
        with self._changed:
            self.rows.extend(event.data for event in events)
            self._changed.notify_all()

    @property
    def source(self):
        return self.runtime.sources[0]

    @property
    def port(self):
        return self.source.source.port

    def wait(self, count, seconds=20):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.rows) >= count, seconds), len(self.rows)
        return self.rows


class Sender:
    """An app with a tcp sink."""

    def __init__(self, manager, port, options, *, start=True):
        self.runtime = manager.create_eventflux_app_runtime(SINK.format(port=port, more=_more(options)))
        if start:
            self.runtime.start()
        self.send = self.runtime.input_handler("O").send
        self.send_many = self.runtime.input_handler("O").send_many

    @property
    def sink(self):
        return self.runtime.sinks[0]


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


@pytest.fixture
def receiver(manager):
    return lambda port=0, **options: Receiver(manager, port, options.get("options", {}))


@pytest.fixture
def sender(manager):
    return lambda port, options=None, **more: Sender(manager, port, options or {}, **more)


@pytest.fixture
def eventually():
    def wait(condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait
