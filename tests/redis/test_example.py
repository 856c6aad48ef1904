"""The app of examples/redis does what its page says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.redis.apps import wait

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "redis"

pytestmark = pytest.mark.service


def test_averages_come_out(server, client):
    environment = {**os.environ, "REDIS_URL": server.url, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code = (
        "import pathlib, sys, time, eventflux; manager = eventflux.EventFluxManager(plugins=False);"
        "manager.set_extension('redis', 'eventflux_redis.plugin');"
        "manager.create_eventflux_app_runtime(pathlib.Path(sys.argv[1])).start(); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(EXAMPLE / "app.sql")], env=environment)
    try:
        for price in (10.0, 20.0):
            client.xadd("trades", {"data": json.dumps({"symbol": "ACME", "price": price, "volume": 5})})
        wait(lambda: client.xlen("averages") == 2, "no averages")
    finally:
        process.kill()
        process.wait()
    found = [json.loads(fields[b"data"]) for _, fields in client.xrange("averages")]
    assert found == [{"symbol": "ACME", "average": 10.0}, {"symbol": "ACME", "average": 15.0}]
