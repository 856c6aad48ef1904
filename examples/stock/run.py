"""Runs the stock app: `python run.py [app.sql | app.eventfluxql]`."""

import sys
from pathlib import Path

from eventflux import EventFluxManager


def main(app: Path) -> None:
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback("Short", lambda events: print("short:", *(event.data for event in events)))
        with runtime:
            runtime.table_input_handler("Stock").update_or_insert([("bolt", 10), ("nut", 0)], on="Stock.sku == sku")
            orders = runtime.input_handler("Orders")
            orders.send((1, "bolt", 4))
            orders.send((2, "bolt", 7))
            runtime.input_handler("Delivery").send_many([("bolt", 5), ("washer", 3)])
            orders.send((3, "bolt", 7))
            orders.send((4, "screw", 1))
            for event in runtime.query("SELECT sku, qty FROM Stock ORDER BY sku"):
                print(*event.data)
            print(runtime.query("DELETE FROM Stock WHERE qty = ?", [0]), "removed")


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
