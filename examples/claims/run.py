"""Runs the claims app twice, the second time where the first one ended: `python run.py [app.sql | app.eventfluxql]`."""

import sys
import tempfile
from pathlib import Path

from eventflux import EventFluxManager

MONDAY = 1_704_067_200_000  # 2024-01-01
DAY = 86_400_000
POLICIES = [("p1", "car", 5000.0), ("p2", "home", 90000.0), ("p3", "car", 2500.0)]
DAYS = [
    [("p1", "120.50", MONDAY), ("p2", "4000", MONDAY), ("p1", "a lot", MONDAY + DAY)],
    [("p3", "80", MONDAY + DAY), ("p9", "10", MONDAY + DAY), ("p1", "19.5", MONDAY)],
]


def work(app: Path, database: Path, number: int) -> None:
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app, playback=True, variables={"CLAIMS_DB": str(database)})
        runtime.add_callback("Rejected", lambda events: print("rejected:", *(event.data for event in events)))
        with runtime:
            if number == 0:
                runtime.table_input_handler("Policies").add(POLICIES)
            runtime.input_handler("Claims").send_many(DAYS[number], MONDAY)
            print("policies:", len(runtime.query("from Policies select policy")))
            for per in ("days", "years"):
                rows = runtime.query(
                    f"from ByKind within '2024-**-** **:**:**' per '{per}' "
                    "select AGG_TIMESTAMP, kind, total, claims order by AGG_TIMESTAMP, kind"
                )
                for event in rows:
                    print(f"{per}:", *event.data)


def main(app: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(len(DAYS)):
            work(app, Path(folder) / "claims.db", number)


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
