"""A receiver that is killed, again and again: what it has acknowledged stands in its file, nothing is missing."""

import re
import signal
import socket
import subprocess
import sys

RECEIVER = """
import sys
from eventflux import EventFluxManager
port, path = sys.argv[1:]
with EventFluxManager(plugins=False) as manager:
    runtime = manager.create_eventflux_app_runtime(f'''
        CREATE STREAM S (k STRING, n INT) WITH ('type' = 'source', 'extension' = 'tcp', 'tcp.host' = '127.0.0.1',
            'tcp.port' = '{port}', 'tcp.ack' = 'true');
        CREATE STREAM O (n INT) WITH ('type' = 'sink', 'extension' = 'file', 'file.path' = '{path}',
            'format' = 'json');
        INSERT INTO O SELECT n FROM S;''')
    runtime.start()
    print("ready", flush=True)
    sys.stdin.read()
"""


def _start(port, path):
    command = [sys.executable, "-c", RECEIVER, str(port), str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def _end(process, how):
    if how is signal.SIGKILL:
        process.kill()
    process.communicate(timeout=30)


def test_no_event_is_missing_when_the_receiver_is_killed(sender, tmp_path):
    path = tmp_path / "received.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = _start(port, path)
    options = {"tcp.ack": "true", "error.strategy": "retry", "error.retry.max-attempts": "1000"}
    here = sender(port, {**options, "error.retry.initial-delay": "20", "error.retry.max-delay": "50"})
    sent = 0
    for _ in range(3):
        for _ in range(300):
            here.send(("x", sent))
            sent += 1
        _end(process, signal.SIGKILL)  # acknowledgements are under way, and messages too
        process = _start(port, path)
    here.send_many([("x", number) for number in range(sent, sent + 1000)])
    sent += 1000
    here.runtime.shutdown()
    _end(process, None)
    # A line may be cut where the process died, and the next one stand behind it.
    received = [int(number) for number in re.findall(r'\{"n":(\d+)\}', path.read_text())]
    assert set(received) == set(range(sent))
    assert received[-1] == sent - 1
    assert here.runtime.metrics().connectors["sink/O/tcp/0"].failed == 0
