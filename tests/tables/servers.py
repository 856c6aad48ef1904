"""Database servers for tests: on a free port, in a folder of their own, stopped and started again at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.needs import lacking


def require(name: str, program: str | None, driver: str) -> str:
    """The program; where it or its driver is missing the test is skipped, or fails if services are required."""
    if program is None:
        lacking(name, "apt-get install postgresql mariadb-server")
    if find_spec(driver) is None:
        lacking(driver, "python -m pip install './eventflux-core[postgres,mysql]'")
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that listens on a port."""

    name = ""
    stop_signal = signal.SIGTERM
    user: str | None = None

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"eventflux-{self.name}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.prepare()
        self.start()

    def prepare(self) -> None:
        """Make the data folder."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    @property
    def url(self) -> str:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, user=self.user, group=self.user)
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, f"{self.name} did not start"
            time.sleep(0.1)

    def answers(self) -> bool:
        raise NotImplementedError

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(command: list[str], user: str | None = None) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, user=user, group=user, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Postgres(Server):
    """A PostgreSQL server; it refuses to be run by root, so root runs it as the user `postgres`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # without waiting for those who are connected

    def prepare(self) -> None:
        if os.getuid() == 0:
            self.user = "postgres"
            shutil.chown(self.folder, self.user, self.user)
        self._programs = Path(os.path.realpath(require("initdb", _postgres(), "psycopg"))).parent
        run([str(self._programs / "initdb"), "-A", "trust", "-U", "tester", "-N", str(self.folder / "data")], self.user)

    def command(self) -> list[str]:
        postgres = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-F", "-h", "127.0.0.1"]
        return [*postgres, "-p", str(self.port), "-k", str(self.folder)]

    @property
    def url(self) -> str:
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def _postgres() -> str | None:
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found or (str(versions[-1]) if versions else None)


class Mysql(Server):
    """A MariaDB or MySQL server."""

    name = "mysql"

    def prepare(self) -> None:
        self._program = require("mariadbd", shutil.which("mariadbd") or shutil.which("mysqld"), "pymysql")
        self._user = [f"--user={'root' if os.getuid() == 0 else os.environ.get('USER', '')}"]
        data = f"--datadir={self.folder / 'data'}"
        maker = shutil.which("mariadb-install-db")
        if maker is not None:
            run([maker, data, *self._user, "--auth-root-authentication-method=normal", "--skip-test-db"])
        else:
            run([self._program, "--initialize-insecure", data, *self._user])

    def command(self) -> list[str]:
        options = [f"--datadir={self.folder / 'data'}", f"--port={self.port}", "--bind-address=127.0.0.1"]
        socket_ = f"--socket={self.folder / 'socket'}"
        return [self._program, "--no-defaults", *options, socket_, *self._user, "--innodb-flush-log-at-trx-commit=0"]

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/events"

    def answers(self) -> bool:
        import pymysql

        try:
            connection = pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=5)
        except pymysql.err.OperationalError:
            return False
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS events")
        return True
