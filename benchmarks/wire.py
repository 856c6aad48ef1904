"""Events over sockets: an app that takes them on one core, in a process of its own, and a sender beside it.

python -m benchmarks.wire receive http json 0 false    # the receiving process: prints its port, then what it counted
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.goals import EVENTS_OVER_HTTP, ROWS_OVER_TCP
from benchmarks.measure import Table, rate_text

HTTP_BATCHES = (1, 10, 100, 1000)
TCP_FORMATS = ("msgpack", "json", "csv")
TCP_ROWS = 2_000_000
SECONDS = 3.0
_BLOCK = 50_000
_RECEIVER = """
CREATE STREAM S (symbol STRING, price DOUBLE, volume INT) WITH ('type' = 'source', 'extension' = '{kind}',
    '{kind}.port' = '0', '{kind}.host' = '127.0.0.1', 'format' = '{format}'{more});
INSERT INTO O SELECT symbol, price FROM S WHERE price > 100;
"""
_SENDER = """
CREATE STREAM O (symbol STRING, price DOUBLE, volume INT) WITH ('type' = 'sink', 'extension' = 'tcp',
    'tcp.url' = 'tcp://127.0.0.1:{port}', 'tcp.ack' = '{ack}', 'format' = '{format}');
"""


def receive(kind: str, format_: str, wanted: int, ack: str) -> None:
    """Take events on one core until so many have come, or standard input ends."""
    from eventflux import EventFluxManager

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    more = ", 'http.mode' = 'webhook'" if kind == "http" else f", 'tcp.ack' = '{ack}'"
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(_RECEIVER.format(kind=kind, format=format_, more=more))
        runtime.start()
        print(runtime.sources[0].source.port, flush=True)
        if wanted:
            while runtime.sources[0].feed.events < wanted:
                time.sleep(0.002)
        else:
            sys.stdin.read()
        print(json.dumps({"at": time.monotonic(), "events": runtime.sources[0].feed.events}), flush=True)


def _receiver(kind: str, format_: str, wanted: int = 0, ack: str = "false") -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "benchmarks.wire", "receive", kind, format_, str(wanted), ack]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def _rows(count: int) -> list[dict[str, object]]:
    return [
        {"symbol": f"S{number % 1000:04d}", "price": 100.0 + number % 7, "volume": number} for number in range(count)
    ]


def over_http(batch: int, content_type: str, seconds: float) -> dict[str, Any]:
    """Send requests of so many events for a while; what was acknowledged and what has come."""
    rows = [json.dumps(row) for row in _rows(batch)]
    lines = content_type == "application/x-ndjson"
    body = ("\n".join(rows) if lines else f"[{','.join(rows)}]").encode()
    process, port = _receiver("http", "json")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    acknowledged, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        connection.request("POST", "/", body, {"Content-Type": content_type})
        answer = connection.getresponse()
        answer.read()
        acknowledged += batch if answer.status == 200 else 0
    took = time.perf_counter() - started
    connection.close()
    told, _ = process.communicate()
    came = json.loads(told)["events"]
    return {"rate": came / took, "acknowledged": acknowledged, "came": came, "right": came == acknowledged}


def over_tcp(format_: str, ack: str, rows: int) -> dict[str, Any]:
    """Send rows from another app; until the last one has come."""
    from eventflux import EventFluxManager

    process, port = _receiver("tcp", format_, rows, ack)
    block = _rows(min(_BLOCK, rows))
    columns = {name: [row[name] for row in block] for name in ("symbol", "price", "volume")}
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(_SENDER.format(port=port, ack=ack, format=format_))
        runtime.start()
        handler = runtime.input_handler("O")
        started = time.monotonic()
        for _ in range(rows // len(block)):
            handler.send_columns(columns)
        told, _ = process.communicate()
    found = json.loads(told)
    return {"rate": rows / (found["at"] - started), "came": found["events"], "right": found["events"] == rows}


def measure(*, seconds: float = SECONDS, rows: int = TCP_ROWS) -> Table:
    """All ways, beside what is asked for."""
    table = Table(["way", "events a second", "asked for", "nothing lost", "verdict"])

    def add(way: str, goal: int, run: Callable[[], dict[str, Any]]) -> None:
        found = run()
        reached = "goal" if found["rate"] >= goal else "BELOW"
        verdict = "WRONG" if not found["right"] else reached if goal else ""
        asked = rate_text(goal) if goal else ""
        table.add([way, rate_text(found["rate"]), asked, str(found["right"]).lower(), verdict], way=way, **found)

    for batch in HTTP_BATCHES:
        goal = EVENTS_OVER_HTTP if batch >= 100 else 0
        add(f"http, {batch} in a JSON list", goal, lambda b=batch: over_http(b, "application/json", seconds))
    add(
        "http, 1000 lines of JSON",
        EVENTS_OVER_HTTP,
        lambda: over_http(1000, "application/x-ndjson", seconds),
    )
    for format_ in TCP_FORMATS:
        for ack in ("false", "true"):
            way = f"tcp, {format_}{', acknowledged' if ack == 'true' else ''}"
            add(way, ROWS_OVER_TCP, lambda f=format_, a=ack: over_tcp(f, a, rows))
    return table


if __name__ == "__main__":
    receive(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
