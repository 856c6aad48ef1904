"""Runs the rooms app: `python run.py [app.sql | app.eventfluxql]`."""

import sys
from pathlib import Path

from eventflux import EventFluxManager

READINGS = [
    ("kitchen", 20.0),
    ("cellar", 12.0),
    ("kitchen", 21.0),
    ("cellar", 12.5),
    ("kitchen", 28.0),
    ("attic", 25.0),
]


def main(app: Path) -> None:
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback("Jump", lambda events: print("jump:", *(event.data for event in events)))
        runtime.add_callback("Outside", lambda events: print("outside:", *(event.data for event in events)))
        with runtime:
            for reading in READINGS:
                runtime.input_handler("Reading").send(reading)


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
