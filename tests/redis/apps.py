"""Apps that tests run in their own process, or in another one that is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from eventflux import EventFluxManager

COPY = """
    @source(type='redis-stream', url='{url}', stream='in', start='0', consumer='one', block.ms='20', @map(type='json'))
    define stream In (n long);
    @sink(type='redis-stream', url='{url}', stream='out', @map(type='json'))
    define stream Out (n long, total long);
    from In select n, sum(n) as total insert into Out;
"""


def wait(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def started(text, name="App", store=None):
    """A manager with an app that runs; close the manager."""
    manager = EventFluxManager(plugins=False)
    manager.set_extension("redis", "eventflux_redis.plugin")
    if store is not None:
        manager.set_persistence_store(store)
    runtime = manager.create_eventflux_app_runtime(text, name=name)
    runtime.start()
    return manager, runtime


class Process:
    """An app in a process of its own: `COPY`, with checkpoints in Redis every so many seconds if asked for."""

    def __init__(self, url: str, *, checkpoint_seconds: float | None = None) -> None:
        arguments = [url, "" if checkpoint_seconds is None else str(checkpoint_seconds)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(Path.cwd())])}
        self._process = subprocess.Popen([sys.executable, __file__, *arguments], env=environment)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def main() -> None:
    from eventflux_redis import RedisPersistenceStore

    url, seconds = sys.argv[1:]
    store = RedisPersistenceStore(url) if seconds else None
    manager, runtime = started(COPY.format(url=url), store=store)
    with manager:
        while True:
            time.sleep(float(seconds or 60))
            if store is not None:
                runtime.persist()


if __name__ == "__main__":
    main()
