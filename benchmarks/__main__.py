"""`python -m benchmarks`: figures of EventFlux beside baselines measured in the same run.

Without a name of a measurement it takes the rates beside Siddhi and the bare C loops. `--quick` checks outputs and
checksums of every input way in both languages and takes no time: CI runs that.
"""

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import batch, file_to_file, kafka_to_kafka, latency, rates, silence, startup, wire
from benchmarks.goals import (
    BATCH_ENGINES,
    BYTES_A_PARTIAL_MATCH,
    BYTES_A_RETAINED_EVENT,
    DELAY_IN_SILENCE_MS,
    MILLION_KEYS_MB,
    PARTITIONED_SHARE,
)
from benchmarks.measure import PAIRS, Table, rate_text
from benchmarks.subject import INPUT_WAYS
from benchmarks.workloads import IN_MEMORY, WORKLOADS

MEASUREMENTS = (
    "rates",
    "batch",
    "files",
    "kafka",
    "latency",
    "memory",
    "partitions",
    "patterns",
    "silence",
    "soak",
    "start",
    "wire",
)
SOAKED = ("c", "d")
WAITING = (100, 10_000, 100_000, 1_000_000)


def machine() -> str:
    """One line that a figure must not be quoted without."""
    model = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        names = [line.partition(":")[2].strip() for line in cpu_info.read_text().splitlines() if "model name" in line]
        model = f"{names[0]} x {len(names)}" if names else model
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    version = importlib.metadata.version("eventflux-core")
    return (
        f"{model}; {platform.platform()}; Python {platform.python_version()}; eventflux-core {version} {commit}".strip()
    )


def _alone(module: str, arguments: list[str]) -> dict[str, Any]:
    """A figure that comes from a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer


def memory() -> Table:
    table = Table(["what", "bytes an event", "floor -> goal", "verdict"])
    found = _alone("memory", ["retained", "1000000"])
    floor, goal = BYTES_A_RETAINED_EVENT
    value = found["bytes_per_event"]
    verdict = "goal" if value <= goal else "floor" if value <= floor else "BELOW"
    row = ["event of 4 attributes in #window.length(1000000)", f"{value:.0f}", f"{floor:g} -> {goal:g}", verdict]
    table.add(row, **found)
    return table


def soak(events: int) -> Table:
    table = Table(["workload", "events", "rate", "resident, settled", "resident, end", "growth an event"])
    for name in SOAKED:
        found = _alone("memory", ["soak", name, str(events)])
        table.add(
            [
                name,
                f"{found['events']:,}",
                f"{found['events_per_second'] / 1e6:.2f} M/s",
                f"{found['resident_mb_settled']:.1f} MB",
                f"{found['resident_mb_end']:.1f} MB",
                f"{found['growth_bytes_per_event']:.3f} bytes",
            ],
            workload=name,
            **found,
        )
    return table


def patterns() -> Table:
    """How flat the cost of an event is in the matches that wait, their memory, and that it stays level."""
    table = Table(["what", "matches that wait", "ns an event", "bytes a match beside its row", "floor", "verdict"])
    for n in WAITING:
        found = _alone("patterns", ["waiting", str(n)])
        # Of few the fixed memory of the operator would be most.
        small = found["bytes_per_match"] <= BYTES_A_PARTIAL_MATCH or n < WAITING[-1]
        verdict = "WRONG" if not found["right"] else "floor" if small else "BELOW"
        cells = ["g", f"{n:,}", f"{found['ns_per_event']:.0f}", f"{found['bytes_per_match']:.1f}"]
        table.add([*cells, f"{BYTES_A_PARTIAL_MATCH:g} of {WAITING[-1]:,}", verdict], **found)
    found = _alone("patterns", ["soak", "10000000"])
    growth = f"{found['growth_bytes_per_event']:.3f} bytes an event"
    table.add([f"g, {found['events']:,} events", f"{found['waiting']:,}", "", growth, "", ""], **found)
    return table


def partitions(keys: int = 1_000_000, pairs: int = 3) -> Table:
    """Partition and GROUP BY in turn, each in a process of its own."""
    table = Table(["form", "keys", "rate, new keys", "rate", "share of group", "resident", "verdict"])
    best: dict[str, dict[str, Any]] = {}
    for _ in range(pairs):
        for form in ("group", "partition"):
            found = _alone("partitions", ["run", form, str(keys), str(2 * keys)])
            if form not in best or found["events_per_second"] > best[form]["events_per_second"]:
                best[form] = found
    for form, found in best.items():
        share = found["events_per_second"] / best["group"]["events_per_second"]
        is_reached = share >= PARTITIONED_SHARE and found["resident_mb"] <= MILLION_KEYS_MB * keys / 1e6
        verdict = "WRONG" if not found["right"] else "" if form == "group" else "goal" if is_reached else "BELOW"
        cells = [form, f"{keys:,}", rate_text(found["new_keys_per_second"]), rate_text(found["events_per_second"])]
        table.add([*cells, f"{share:.2f}", f"{found['resident_mb']:.0f} MB", verdict], share=share, **found)
    return table


def silent(keys: int = 1_000_000, seconds: int = 10) -> Table:
    """How late what time alone makes due is, and how late the sender's own thread was woken meanwhile."""
    table = Table(["what waits", "keys", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "sender, max", "waiting", "verdict"])
    for form in silence.FORMS:
        found = _alone("silence", ["run", form, str(keys), str(seconds)])
        late = [f"{found[name]:.1f}" for name in ("p50_ms", "p99_ms", "p99.9_ms", "max_ms", "sender_late_ms")]
        is_reached = found["p99.9_ms"] <= DELAY_IN_SILENCE_MS
        verdict = "WRONG" if not found["right"] else "goal" if is_reached else "BELOW"
        table.add([form, f"{found['keys']:,}", *late, f"{found['waiting_mb']:.0f} MB", verdict], **found)
    return table


def quick(names: list[str]) -> list[tuple[str, Table]]:
    tables = []
    in_memory = [name for name in names if name in IN_MEMORY]
    if in_memory:
        tables.append(("checks", rates.check(in_memory)))
    if "k" in names:
        tables.append(("checks, file to file", file_to_file.check(WORKLOADS["k"].quick)))
    if "l" in names:
        tables.append(("checks, Kafka to Kafka", kafka_to_kafka.check(WORKLOADS["l"].quick)))
    tables.append(("checks, over sockets", wire.measure(seconds=0.2, rows=20_000)))
    return tables


def measured(what: str, names: list[str], options: argparse.Namespace) -> Table:
    match what:
        case "rates":
            return rates.measure([name for name in names if name in IN_MEMORY], pairs=options.pairs, ways=options.ways)
        case "batch":
            return batch.measure([name for name in names if name in BATCH_ENGINES], pairs=options.pairs)
        case "files":
            return file_to_file.measure(WORKLOADS["k"].size, pairs=options.pairs)
        case "kafka":
            return kafka_to_kafka.measure(WORKLOADS["l"].size, pairs=options.pairs)
        case "latency":
            chosen = [name for name in names if name in latency.RATES]
            return latency.measure(chosen, seconds=options.seconds, checkpoints=options.checkpoints)
        case "memory":
            return memory()
        case "partitions":
            return partitions()
        case "patterns":
            return patterns()
        case "silence":
            return silent()
        case "soak":
            return soak(options.events)
        case "start":
            return startup.measure()
        case "wire":
            return wire.measure(seconds=min(options.seconds, wire.SECONDS))
    raise ValueError(what)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measurements", nargs="*", metavar="MEASUREMENT", help=", ".join(MEASUREMENTS))
    parser.add_argument("-w", "--workloads", default=",".join(WORKLOADS), help="names, separated by commas")
    parser.add_argument("--quick", action="store_true", help="check answers only")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="interleaved pairs (default %(default)s)")
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(INPUT_WAYS), help="input ways")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a latency run")
    parser.add_argument("--checkpoints", action="store_true", help="latency also with a checkpoint each second")
    parser.add_argument("--events", type=int, default=50_000_000, help="length of the soak")
    parser.add_argument("--json", type=Path, help="write the figures to this file, one object a line")
    options = parser.parse_args()
    names = options.workloads.split(",")
    unknown = [name for name in names if name not in WORKLOADS]
    unknown += [what for what in options.measurements if what not in MEASUREMENTS]
    unknown += [way for way in options.ways if way not in INPUT_WAYS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    print(machine(), flush=True)
    if options.quick:
        tables = quick(names)
    else:
        tables = [(what, measured(what, names, options)) for what in options.measurements or ["rates"]]
    failed = False
    for what, table in tables:
        print(f"\n{what}\n{table.text()}", flush=True)
        failed |= any(record.get("right") is False for record in table.records)
    if options.json:
        with options.json.open("w", encoding="utf-8") as out:
            for what, table in tables:
                out.writelines(json.dumps({"measurement": what, **record}) + "\n" for record in table.records)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
