"""An app between peers that come and go, send what is malformed, and are slower than it: for minutes, if asked.

``EVENTFLUX_SOAK_SECONDS=600 pytest tests/soak`` is what is run before a release; without it a few seconds are.
Nothing that was accepted is lost, memory and descriptors are flat, and the process ends when it is told to.
"""

import json
import logging
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.soak.peers import LineSender, Receiver, WebSender, WireSender

SECONDS = float(os.environ.get("EVENTFLUX_SOAK_SECONDS", "8"))
LONG_ENOUGH = 60  # below that memory says nothing: buffers and caches are still filling
DRAIN_SECONDS = 60

logger = logging.getLogger("tests.soak")

APP = """
CREATE STREAM Dead (originalEvent STRING, errorMessage STRING, errorType STRING, "timestamp" BIGINT, attemptCount INT,
    streamName STRING) WITH ('type' = 'sink', 'extension' = 'file', 'file.path' = '{folder}/dead', 'format' = 'json');
CREATE STREAM Web (peer STRING, n BIGINT) WITH ('type' = 'source', 'extension' = 'http', 'http.mode' = 'webhook',
    'http.host' = '127.0.0.1', 'http.port' = '{web}', 'http.path' = '/in', 'format' = 'json',
    'error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
CREATE STREAM Wire (peer STRING, n BIGINT) WITH ('type' = 'source', 'extension' = 'tcp', 'tcp.host' = '127.0.0.1',
    'tcp.port' = '{wire}', 'tcp.ack' = 'true', 'format' = 'json',
    'error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
CREATE STREAM Lines (peer STRING, n BIGINT) WITH ('type' = 'source', 'extension' = 'file',
    'file.path' = '{folder}/lines', 'file.poll.interval.ms' = '50', 'format' = 'json',
    'error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
CREATE STREAM Out (peer STRING, n BIGINT) WITH ('type' = 'sink', 'extension' = 'file', 'file.path' = '{folder}/out',
    'format' = 'json');
CREATE STREAM Slow (peer STRING, n BIGINT) WITH ('type' = 'sink', 'extension' = 'http',
    'http.url' = 'http://127.0.0.1:{slow}/', 'http.batch.size' = '200', 'http.retry.max-attempts' = '1',
    'http.validation' = 'none',
    'format' = 'json', 'async.enabled' = 'true', 'async.buffer_size' = '256', 'error.strategy' = 'retry',
    'error.retry.max-attempts' = '100000', 'error.retry.initial-delay' = '20ms', 'error.retry.max-delay' = '200ms');
CREATE STREAM Counts (peer STRING, total BIGINT);
INSERT INTO Out SELECT peer, n FROM Web;
INSERT INTO Out SELECT peer, n FROM Wire;
INSERT INTO Out SELECT peer, n FROM Lines;
INSERT INTO Slow SELECT peer, n FROM Out;
INSERT INTO Counts SELECT peer, COUNT(*) AS total FROM Out WINDOW('time', 1 SEC) GROUP BY peer;
"""


def _free_ports(count):
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Running:
    """The app in a process of its own, and what the system says of it."""

    def __init__(self, folder: Path, ports):
        text = folder / "app.sql"
        text.write_text(APP.format(folder=folder, **ports))
        (folder / "lines").touch()
        self._log = (folder / "log").open("ab")
        command = [sys.executable, "-m", "eventflux", "run", str(text), "--http-port", "off", "--no-config"]
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=folder)
        self.bytes, self.descriptors, self.threads = [], [], []

    def wait_for(self, ports):
        until = time.monotonic() + 30
        for port in ports:
            while True:
                assert self.process.poll() is None, "the app did not start"
                assert time.monotonic() < until, "the app does not listen"
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)

    def look(self):
        assert self.process.poll() is None, "the process died"
        own = Path(f"/proc/{self.process.pid}")
        facts = dict(line.split(":", 1) for line in (own / "status").read_text().splitlines())
        self.bytes.append(int(facts["VmRSS"].split()[0]) * 1024)
        self.threads.append(int(facts["Threads"]))
        self.descriptors.append(len(list((own / "fd").iterdir())))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()


def _rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.timeout(int(SECONDS) + 240)
def test_nothing_is_lost_and_nothing_grows(tmp_path):
    web, wire, slow = _free_ports(3)
    with ExitStack() as stack:
        app = Running(tmp_path, {"web": web, "wire": wire, "slow": slow})
        stack.callback(app.close)
        receiver = stack.enter_context(Receiver(slow, 1))
        app.wait_for([web, wire])
        senders = [
            *(WebSender(f"web{seed}", web, seed) for seed in range(3)),
            *(WireSender(f"wire{seed}", wire, seed) for seed in range(3)),
            LineSender("lines", tmp_path / "lines", 7),
        ]
        for sender in senders:
            stack.enter_context(sender)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(0.5)
            app.look()
        for sender in senders:
            sender.stop()
        accepted = {(sender.name, n) for sender in senders for n in sender.accepted}
        receiver.take_the_rest(lambda: accepted <= receiver.taken, DRAIN_SECONDS)
        time.sleep(0.5)
        app.look()
        quiet = app.threads[-1], app.descriptors[-1]
        assert app.stop() == 0, (tmp_path / "log").read_text()[-4000:]

    assert not [sender.failure for sender in senders if sender.failure is not None]
    assert all(sender.accepted for sender in senders)
    assert receiver.outages > 0
    assert receiver.refused > 0
    out = Counter((row["peer"], row["n"]) for row in _rows(tmp_path / "out"))
    assert not accepted - out.keys(), "accepted, and not in the file"
    assert not accepted - receiver.taken, "accepted, and not at the slow receiver"
    dead = Counter(row["streamName"] for row in _rows(tmp_path / "dead"))
    for stream, kind in (("Web", WebSender), ("Wire", WireSender), ("Lines", LineSender)):
        malformed = sum(sender.malformed for sender in senders if isinstance(sender, kind))
        assert dead[stream] >= malformed, stream
    threads, descriptors = quiet
    assert threads <= min(app.threads[:8]) + 8, app.threads
    assert descriptors <= min(app.descriptors[:8]) + 16, app.descriptors
    if SECONDS >= LONG_ENOUGH:
        quarter = len(app.bytes) // 4
        before, after = (statistics.median(part) for part in (app.bytes[quarter : 2 * quarter], app.bytes[-quarter:]))
        logger.info("%d accepted, %d outages, memory %d -> %d", len(accepted), receiver.outages, before, after)
        assert after <= before * 1.1 + 8 * 2**20, f"memory grew from {before} to {after}"
