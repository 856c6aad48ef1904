"""JSON lines, file to file (k, k-wide): whole processes, start included, beside a hand-written loop and Polars.

python -m benchmarks.file_to_file run k.sql    # one run of EventFlux; INPUT and OUTPUT name the files
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks import cache
from benchmarks.checksum import Result, result_of_rows
from benchmarks.expected import expected
from benchmarks.goals import FILES
from benchmarks.measure import Table, interleave, rate_text
from benchmarks.workloads import QUERIES

APPS = ("k", "k-wide")
OUTPUT = {"k": ("symbol", "total", "avg_price", "n"), "k-wide": ("symbol", "value")}
EXPECTED_AS = {"k": "k", "k-wide": "a"}
"""Prices and volumes do not depend on the rate of the input, so k-wide gives what a gives."""


def run_app(app: Path) -> None:
    """Run an app until its sources have finished."""
    from eventflux import EventFluxManager

    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.start()
        while any(source.state not in ("finished", "disconnected", "destroyed") for source in runtime.sources):
            time.sleep(0.002)
        runtime.shutdown()


def result_of_file(path: Path, workload: str) -> Result:
    names = OUTPUT[workload]
    with path.open(encoding="utf-8") as lines:
        found = (json.loads(line) for line in lines)
        # A double without a fraction may be written as an integer: the attribute's type decides.
        kinds = [float if name in ("avg_price", "value") else None for name in names]
        return result_of_rows(
            [kind(row[name]) if kind else row[name] for name, kind in zip(names, kinds, strict=True)] for row in found
        )


def _command(who: str, workload: str, source: Path, target: Path, language: str) -> tuple[list[str], dict[str, str]]:
    if who == "eventflux":
        app = QUERIES / f"{workload}.{language}"
        command = [sys.executable, "-m", "benchmarks.file_to_file", "run", str(app)]
        return command, {"INPUT": str(source), "OUTPUT": str(target)}
    return [sys.executable, "-m", "benchmarks.baselines.file_loops", who, workload, str(source), str(target)], {}


def timed(who: str, workload: str, n: int, target: Path, *, language: str = "sql", threads: int = 1) -> float:
    """Seconds of one process that reads the input of n rows and writes `target`."""
    source = cache.input_file("trades", n, 100_000, suffix="jsonl")
    command, environment = _command(who, workload, source, target, language)
    environment = {**os.environ, **environment, "POLARS_MAX_THREADS": str(threads)}
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def check(n: int) -> Table:
    table = Table(["workload", "language", "outputs", "verdict"])
    with tempfile.TemporaryDirectory() as folder:
        for workload in APPS:
            wanted = expected(EXPECTED_AS[workload], n)
            for language in ("sql", "eventfluxql"):
                target = Path(folder) / f"{workload}-{language}.jsonl"
                timed("eventflux", workload, n, target, language=language)
                found = result_of_file(target, workload)
                verdict = "right" if found == wanted else f"WRONG: expected {wanted.outputs} {wanted.checksum}"
                table.add(
                    [workload, language, str(found.outputs), verdict],
                    workload=workload,
                    language=language,
                    right=found == wanted,
                )
    return table


def measure(n: int, *, pairs: int) -> Table:
    table = Table(["workload", "EventFlux", "peer", "rate", "ratio", "spread", "floor -> goal", "verdict"])
    with tempfile.TemporaryDirectory() as folder:
        for workload in APPS:
            wanted = expected(EXPECTED_AS[workload], n)
            ours, theirs = Path(folder) / "ours.jsonl", Path(folder) / "theirs.jsonl"
            for peer, goal in FILES.items():
                name, threads = ("msgspec", 1) if peer == "msgspec loop" else ("polars", 2)
                taken = interleave(
                    partial(timed, "eventflux", workload, n, ours),
                    partial(timed, name, workload, n, theirs, threads=threads),
                    subject_events=n,
                    baseline_events=n,
                    pairs=pairs,
                    least_seconds=0,
                )
                for who, target in (("EventFlux", ours), (peer, theirs)):
                    if result_of_file(target, workload) != wanted:
                        raise ValueError(f"{who} wrote something else on {workload}")
                low, high = taken.spread
                table.add(
                    [
                        workload,
                        rate_text(taken.subject_rate),
                        f"{peer}, {threads} thread{'s' if threads > 1 else ''}",
                        rate_text(taken.baseline_rate),
                        f"{taken.ratio:.2f}",
                        f"{low:.2f}..{high:.2f}",
                        f"{goal.floor:g} -> {goal.goal:g}",
                        goal.verdict(taken.ratio),
                    ],
                    workload=workload,
                    baseline=peer,
                    rate=taken.subject_rate,
                    ratio=taken.ratio,
                    spread=taken.spread,
                )
    return table


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "run":
        run_app(Path(arguments[1]))
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
