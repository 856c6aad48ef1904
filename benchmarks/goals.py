"""The goals of speed: what a capability must reach (floor), and where it is going (goal), as ratios to a baseline.

A later record raises a goal. `limit_share` is the part of the bare C loop's rate that columns are to reach.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """Ratio to the baseline's rate."""

    floor: float
    goal: float

    def verdict(self, ratio: float) -> str:
        if ratio >= self.goal:
            return "goal"
        return "floor" if ratio >= self.floor else "BELOW"


SIDDHI: dict[str, dict[str, Goal]] = {
    "a": {"row": Goal(0.25, 0.7), "rows": Goal(0.6, 1.3), "columns": Goal(4, 10)},
    "b": {"row": Goal(0.3, 0.7), "rows": Goal(0.8, 2), "columns": Goal(4, 10)},
    "c": {"row": Goal(1, 2), "rows": Goal(3, 8), "columns": Goal(8, 25)},
    "d": {"row": Goal(0.8, 1.5), "rows": Goal(2, 5), "columns": Goal(5, 15)},
    "e": {"row": Goal(150, 300), "rows": Goal(400, 1000), "columns": Goal(600, 1500)},
    "f": {"row": Goal(1, 2), "rows": Goal(3, 7), "columns": Goal(6, 15)},
    "g": {"row": Goal(120, 250), "rows": Goal(300, 700), "columns": Goal(500, 1200)},
    "h": {"row": Goal(2, 3), "rows": Goal(5, 12), "columns": Goal(15, 45)},
    "i": {"row": Goal(4, 7), "rows": Goal(10, 25), "columns": Goal(25, 70)},
    "j": {"row": Goal(2, 4), "rows": Goal(5, 12), "columns": Goal(10, 30)},
}
"""Workload -> input way -> ratio to Siddhi's best; `arrow` shares the goal of `columns`."""

LIMIT_SHARE = {"a": 1 / 4, "b": 1 / 10, "c": 1 / 4, "d": 1 / 4, "e": 1 / 4, "f": 1 / 4, "g": 1 / 4, "j": 1 / 4}
"""Workload -> goal of columns as a share of the bare C loop."""

BATCH_ENGINES: dict[str, dict[str, Goal]] = {
    "a": {"polars": Goal(0.3, 0.8), "duckdb": Goal(0.3, 0.8)},
    "b": {"duckdb": Goal(1, 1)},
    "c": {"polars": Goal(0.4, 1), "duckdb": Goal(0.4, 1)},
    "d": {"duckdb": Goal(1, 1)},
    "f": {"polars": Goal(0.4, 1), "duckdb": Goal(0.4, 1)},
}
"""Workload -> engine -> ratio of columns to it, one thread each."""

FILES = {"msgspec loop": Goal(0.5, 1.2), "polars": Goal(0.25, 0.6)}
"""JSON lines, file to file: ratio to the rate of a peer."""

KAFKA = Goal(0.3, 0.6)
"""Kafka to Kafka: ratio to the rate at which the client alone consumes and drops."""

REDIS_STREAMS = Goal(3, 4)
"""Redis stream to Redis stream: ratio to the rate of a loop written with redis-py, in the same batches."""

GRPC_ROWS_A_SECOND = (200_000, 1_000_000)
"""Floor and goal of a gRPC stream on loopback."""

LATENCY_P50_US = (5.0, 2.0)
LATENCY_TAIL_ABOVE_EMPTY_US = (100.0, 30.0)
BYTES_A_RETAINED_EVENT = (96.0, 64.0)
BYTES_A_PARTIAL_MATCH = 64.0
PARTITIONED_SHARE = 1 / 3
"""Of the rate of GROUP BY, with a million keys."""
MILLION_KEYS_MB = 400.0
"""Resident memory of a million keys with a small aggregate each."""
DELAY_IN_SILENCE_MS = 20.0
"""p99.9 behind the deadline, with a million keys that wait."""
START_TO_FIRST_OUTPUT_MS = (400.0, 200.0)
IMPORT_MS = (150.0, 90.0)
"""Floor, goal: here less is better."""


def goal_of(workload: str, way: str) -> Goal | None:
    return SIDDHI.get(workload, {}).get("columns" if way == "arrow" else way)


EVENTS_OVER_HTTP = 20_000
"""Events a second that a webhook takes on one core, in requests of a hundred or more."""
ROWS_OVER_TCP = 1_000_000
"""Rows a second from one process to another."""
