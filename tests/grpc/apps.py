"""Apps that tests run in their own process, or in another one that is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from eventflux import EventFluxManager


def wait(condition, what="it did not come", seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(text, name="App"):
    """A manager with an app that runs; close the manager."""
    manager = EventFluxManager(plugins=False)
    manager.set_extension("grpc", "eventflux_grpc.plugin")
    runtime = manager.create_eventflux_app_runtime(text, name=name)
    try:
        runtime.start()
    except BaseException:
        manager.shutdown()
        raise
    return manager, runtime


class Server:
    """An app with a source, and what came."""

    def __init__(self, schema="n long", options="", mapping="", name="Server", format="json", port=0):
        self.rows = []
        text = f"""
            @source(type='grpc', host='127.0.0.1', port='{port}'{options}, @map(type='{format}'{mapping}))
            define stream In ({schema});
        """
        self.manager, self.runtime = started(text, name)
        self.runtime.add_callback("In", lambda events: self.rows.extend(event.data for event in events))

    @property
    def port(self):
        return self.runtime.sources[0].source.port

    @property
    def url(self):
        return f"grpc://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.manager.shutdown()


class Client:
    """An app with a sink."""

    def __init__(self, url, schema="n long", options="", format="json", name="Client", payload=""):
        text = f"""
            @sink(type='grpc', url='{url}'{options}, @map(type='{format}'{payload}))
            define stream Out ({schema});
        """
        self.manager, self.runtime = started(text, name)

    def send(self, rows):
        self.runtime.input_handler("Out").send_many(rows)

    @property
    def counts(self):
        return self.runtime.metrics().connectors["sink/Out/grpc/0"]

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.manager.shutdown()


class Process:
    """A server of a process of its own, which writes the numbers that came to a file, one a line."""

    def __init__(self, port: int, file: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(Path.cwd())])}
        self._process = subprocess.Popen([sys.executable, __file__, str(port), str(file)], env=environment)
        self.port = port

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.kill()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def main() -> None:
    port, file = sys.argv[1:]
    manager, _ = started(f"""
        @source(type='grpc', host='127.0.0.1', port='{port}', @map(type='json'))
        define stream In (n long);
        @sink(type='file', path='{file}', @map(type='csv'))
        define stream Out (n long);
        from In select n insert into Out;
    """)
    with manager:
        time.sleep(120)


if __name__ == "__main__":
    main()
