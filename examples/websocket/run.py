"""Runs the app between a device and a viewer: `python run.py [app.sql | app.eventfluxql]`."""

import json
import sys
from pathlib import Path

from websockets.sync.client import connect

from eventflux import EventFluxManager

MEASURED = [("cellar", 12.0), ("attic", 30.0), ("cellar", 13.0), ("attic", 33.0)]


def main(app: Path) -> None:
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app, variables={"IN_PORT": "0", "OUT_PORT": "0"})
        with runtime:
            devices = f"ws://127.0.0.1:{runtime.sources[0].source.port}/devices"
            viewers = f"ws://127.0.0.1:{runtime.sinks[0].sink.port}/"
            with connect(viewers) as viewer, connect(devices) as device:
                while not any(figure.value for figure in runtime.sinks[0].figures()):
                    pass  # the viewer is about to be let in
                for name, celsius in MEASURED:
                    device.send(json.dumps({"device": name, "celsius": celsius}))
                    print(viewer.recv())


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
