"""The apps of examples/grpc do what their page says."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.grpc.apps import free_port, wait
from tests.grpc.test_connectors import _listens

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "grpc"
RUN = (
    "import pathlib, sys, eventflux; manager = eventflux.EventFluxManager(plugins=False);"
    "manager.set_extension('grpc', 'eventflux_grpc.plugin');"
    "runtime = manager.create_eventflux_app_runtime(pathlib.Path(sys.argv[1])); runtime.start();"
    "runtime.wait_finished(60); manager.shutdown()"
)


def test_averages_come_out(tmp_path):
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "GRPC_PORT": str(port),
        "GRPC_URL": f"grpc://127.0.0.1:{port}",
    }
    with (tmp_path / "out").open("wb") as out:
        server = subprocess.Popen([sys.executable, "-c", RUN, str(EXAMPLE / "prices.sql")], env=environment, stdout=out)
        try:
            wait(lambda: _listens(port), "the server did not start")
            lines = "".join(json.dumps({"symbol": "ACME", "price": price}) + "\n" for price in (10.0, -1.0, 20.0))
            subprocess.run(
                [sys.executable, "-c", RUN, str(EXAMPLE / "feed.sql")],
                env=environment,
                input=lines.encode(),
                check=True,
            )
            wait(lambda: (tmp_path / "out").read_text().count("\n") == 2, "no averages")
        finally:
            server.kill()
            server.wait()
    found = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert found == [{"symbol": "ACME", "average": 10.0}, {"symbol": "ACME", "average": 15.0}]
