"""Runs the meters app: `python run.py [app.sql | app.eventfluxql]`."""

import sys
from pathlib import Path

from eventflux import EventFluxManager

MINUTE = 60_000
READINGS = [
    ("north", 1 * MINUTE, 10),
    ("south", 9 * MINUTE, 30),
    ("north", 8 * MINUTE, 20),
    ("north", 16 * MINUTE, 5),
    ("south", 14 * MINUTE, 40),
    ("south", 18 * MINUTE, 1),
    ("north", 13 * MINUTE, 99),
    ("south", 21 * MINUTE, 2),
]


def main(app: Path) -> None:
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback("Quarter", lambda events: print("quarter:", *(event.data for event in events)))
        runtime.add_callback("Missed", lambda events: print("missed:", *(event.data for event in events)))
        with runtime:
            for reading in READINGS:
                runtime.input_handler("Reading").send(reading)
        # The app ends, and with it the quarter that was not over.


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
