"""A RabbitMQ server of a test's own: started from Debian's package on free ports in a folder, killed at will."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import amqp
import pytest
from tests.needs import lacking

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def require():
    """The program; without it the test is skipped, or fails where services must be there."""
    found = PROGRAM if PROGRAM.exists() else shutil.which("rabbitmq-server")
    if found is None:
        lacking("RabbitMQ", "apt-get install rabbitmq-server")
    return str(found)


def _free_port():
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port


class RabbitServer:
    """One node; durable queues and persistent messages survive SIGKILL."""

    def __init__(self, folder: Path, configuration: str = "") -> None:
        self.folder = folder
        self.port = _free_port()
        self.tls_port = _free_port()
        self._distribution, self._mapper = _free_port(), _free_port()
        self.process = None
        self._names = None  # Erlang's port mapper; the node would start one that outlives it
        folder.mkdir(parents=True)
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n" + configuration.replace("TLS_PORT", str(self.tls_port))
        )

    def start(self) -> None:
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        mapper = shutil.which("epmd")
        if self._names is None and mapper is not None:
            self._names = subprocess.Popen([mapper, "-port", str(self._mapper), "-address", "127.0.0.1"])
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [require()], env=environment, stdout=out, stderr=out, cwd=self.folder, start_new_session=True
            )
        deadline = time.monotonic() + 90
        while True:
            try:
                self.connection().close()
                return
            except (OSError, amqp.exceptions.AMQPError):
                if self.process.poll() is not None or time.monotonic() >= deadline:
                    self.stop()
                    pytest.fail(f"RabbitMQ did not start: {(self.folder / 'out').read_text()[-3000:]}")
                time.sleep(0.2)

    def connection(self) -> amqp.Connection:
        made = amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=5)
        try:
            made.connect()
        except BaseException:
            made.collect()
            raise
        return made

    def kill(self) -> None:
        """SIGKILL to the node and what it has started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
