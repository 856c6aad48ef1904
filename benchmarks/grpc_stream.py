"""Rows from one app to another through a gRPC stream on loopback, acknowledged and not, compressed and not.

python -m benchmarks.grpc_stream [rows]    # needs eventflux-grpc
"""

import sys
import time

from benchmarks.goals import GRPC_ROWS_A_SECOND
from eventflux import EventBatch, EventFluxManager

ROWS_A_CALL = 10_000
ROUNDS = 3
SCHEMA = "symbol string, price double, volume int"
VARIANTS = {"acknowledged": "", "not acknowledged": ", ack='false'", "zstd": ", compression='zstd'"}


def timed(rows: int, options: str) -> float:
    """Seconds until all rows have reached a callback behind the source."""
    with EventFluxManager() as manager:
        server = manager.create_eventflux_app_runtime(
            f"@source(type='grpc', host='127.0.0.1', port='0', @map(type='json')) define stream In ({SCHEMA});",
            name="in",
        )
        seen = 0

        def count(events: EventBatch) -> None:
            nonlocal seen
            seen += len(events)

        server.add_callback("In", count)
        server.start()
        url = f"grpc://127.0.0.1:{getattr(server.sources[0].source, 'port')}"  # noqa: B009 - of this source only
        client = manager.create_eventflux_app_runtime(
            f"@sink(type='grpc', url='{url}'{options}, @map(type='json')) define stream Out ({SCHEMA});", name="out"
        )
        client.start()
        handler = client.input_handler("Out")
        call = [("ACME", float(number % 200), number) for number in range(ROWS_A_CALL)]
        started = time.perf_counter()
        for _ in range(rows // ROWS_A_CALL):
            handler.send_many(call)
        while seen < rows:
            time.sleep(0.001)
        return time.perf_counter() - started


def main(rows: int) -> int:
    floor, goal = GRPC_ROWS_A_SECOND
    for name, options in VARIANTS.items():
        rate = rows / min(timed(rows, options) for _ in range(ROUNDS))
        verdict = "goal" if rate >= goal else "floor" if rate >= floor else "BELOW"
        print(f"{name:17} {rate:>10,.0f} rows/s: {verdict} (floor {floor:,}, goal {goal:,})")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000))
