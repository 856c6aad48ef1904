"""A redis-server of its own for tests: on a free port, in a folder of its own, killed and started again at will."""

import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis
from tests.needs import lacking

PROGRAM = shutil.which("redis-server")


def require() -> str:
    """The program; where it is missing the test is skipped, or fails if services are required."""
    if PROGRAM is None:
        lacking("Redis", "apt-get install redis-server")
    return PROGRAM


def free_port() -> int:
    """A port that nobody has, 10,000 above it neither: that is where a node of a cluster talks to others."""
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        try:
            for each in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
        except OSError:
            continue
        return port


class RedisServer:
    """One server; what was answered survives SIGKILL."""

    def __init__(self, folder: Path, *options: str, port: int | None = None, tls: bool = False) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._options = options
        self._tls = tls
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        port = ("--port", "0", "--tls-port") if self._tls else ("--port",)
        command = [
            *(require(), *port, str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning", *self._options),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                if self._tls or self.client().ping():
                    return
            except (OSError, redis.RedisError):
                if self.process.poll() is not None or time.monotonic() >= deadline:
                    self.stop()
                    pytest.fail(f"redis-server did not start: {(self.folder / 'log').read_text()}")
                time.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def client(self, **more) -> redis.Redis:
        return redis.Redis(port=self.port, protocol=2, **more)
