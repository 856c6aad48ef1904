"""Redis stream to Redis stream through a filter, beside a loop that one would write with redis-py, in the same batches.

python -m benchmarks.redis_streams [entries]    # needs redis-server and eventflux-redis
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis

from benchmarks.goals import REDIS_STREAMS
from eventflux import EventFluxManager

BATCH = 1000
ROUNDS = 3
APP = """
    @source(type='redis-stream', url='{url}', stream='in', start='0', count='{batch}', @map(type='json'))
    define stream Trades (symbol string, price double, volume int);
    @sink(type='redis-stream', url='{url}', stream='out', @map(type='json'))
    define stream Alerts (symbol string, price double);
    from Trades[price > 100] select symbol, price insert into Alerts;
"""


@contextmanager
def server() -> Iterator[int]:
    """The port of a redis-server that keeps everything in memory."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        process = subprocess.Popen([*command, "--appendonly", "no", "--loglevel", "warning"])
        try:
            while True:
                try:
                    redis.Redis(port=port).ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


def fill(client: redis.Redis, entries: int) -> None:
    client.flushall()
    for start in range(0, entries, BATCH):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, start + BATCH):
            trade = {"symbol": "ACME", "price": float(number % 200), "volume": number}
            pipeline.xadd("in", {"data": json.dumps(trade)})
        pipeline.execute()


def expected(entries: int) -> int:
    """Of every two hundred prices ninety-nine are above a hundred."""
    return entries // 200 * 99 + max(0, entries % 200 - 101)


def by_hand(client: redis.Redis, entries: int) -> float:
    """Seconds of the loop: read a batch, filter, add what is left, acknowledge."""
    client.xgroup_create("in", "loop", "0")
    started = time.perf_counter()
    done = 0
    while done < entries:
        found = client.xreadgroup("loop", "one", {"in": ">"}, count=BATCH)
        read = found[0][1]
        done += len(read)
        pipeline = client.pipeline(transaction=False)
        for _, fields in read:
            trade = json.loads(fields[b"data"])
            if trade["price"] > 100:
                pipeline.xadd("out", {"data": json.dumps({"symbol": trade["symbol"], "price": trade["price"]})})
        pipeline.execute()
        client.xack("in", "loop", *[identity for identity, _ in read])
    return time.perf_counter() - started


def by_eventflux(client: redis.Redis, entries: int) -> float:
    """Seconds from the start of the app until everything is out and acknowledged; creating the app is not in it."""
    port = client.connection_pool.connection_kwargs["port"]
    with EventFluxManager() as manager:
        text = APP.format(url=f"redis://127.0.0.1:{port}", batch=BATCH)
        runtime = manager.create_eventflux_app_runtime(text, name="bench")
        started = time.perf_counter()
        runtime.start()
        while client.xlen("out") < expected(entries) or client.xpending("in", "eventflux-bench")["pending"]:
            time.sleep(0.05)  # rarely: whoever looks takes time from those who work
        return time.perf_counter() - started


def main(entries: int) -> int:
    with server() as port:
        client = redis.Redis(port=port, protocol=2)
        rates: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, run in (("redis-py loop", by_hand), ("eventflux", by_eventflux)):
                rates[name] = max(rates.get(name, 0.0), _rate(client, entries, run))
    ratio = rates["eventflux"] / rates["redis-py loop"]
    for name, rate in rates.items():
        print(f"{name:14} {rate:>10,.0f} entries/s")
    print(f"ratio {ratio:.2f}: {REDIS_STREAMS.verdict(ratio)} (floor {REDIS_STREAMS.floor}, goal {REDIS_STREAMS.goal})")
    return 0


def _rate(client: redis.Redis, entries: int, run: Callable[[redis.Redis, int], float]) -> float:
    fill(client, entries)
    seconds = run(client, entries)
    found = client.xlen("out")
    if found != expected(entries):
        sys.exit(f"{found} entries came out, not {expected(entries)}")
    return entries / seconds


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
