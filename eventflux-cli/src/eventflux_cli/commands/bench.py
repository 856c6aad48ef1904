"""`eventflux bench`: how fast an app runs on this machine: columns in, results counted in the engine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from eventflux import EventFluxAppRuntime, EventFluxError, EventFluxManager
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.load_generation import Batch, random_batches, recorded_batches
from eventflux_cli.settings import load_settings, load_variables, open_manager
from eventflux_cli.terminal import say

_LATENCY_EVENTS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was measured. Rates in events a second, latencies in microseconds."""

    app: str
    stream: str
    events: int
    batch: int
    threads: int
    rates: tuple[float, ...]
    median: float
    lowest: float
    highest: float
    rows_out: dict[str, int]
    peak_rss_bytes: int
    machine: str
    latency_us: dict[str, float] | None = None
    ratio_to_baseline: float | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("app", metavar="APP", help="file with an app; its sources, sinks and stores are left out")
    parser.add_argument("--stream", metavar="S", help="where events enter; the first defined stream")
    parser.add_argument("--events", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--batch", type=int, default=10_000, metavar="N", help="rows a call; 1: row by row")
    parser.add_argument(
        "--generator", default="schema", metavar="FILE|schema", help="random values, or the events of a file"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random values")
    parser.add_argument("--warmup", type=int, metavar="N", help="events before each measurement; a tenth")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="measurements, each of a new app")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="senders")
    parser.add_argument("--latency", action="store_true", help="also: time of single rows, send to callback")
    parser.add_argument("--baseline", metavar="FILE", help="result of an earlier --json to compare with")
    parser.add_argument("--fail-below", type=float, metavar="RATE", help="end with 1 if the median is lower")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    if min(options.events, options.batch, options.repeat, options.threads) < 1:
        say("eventflux bench: --events, --batch, --repeat and --threads are at least 1")
        return ExitCode.USAGE
    config = load_settings(options)
    rates: list[float] = []
    rows_out: dict[str, int] = {}
    latency: dict[str, float] | None = None
    stream = ""
    with open_manager(options, config) as manager:
        batches: list[Batch] = []
        for number in range(options.repeat):
            runtime = _made(manager, options)
            stream = options.stream or next(iter(runtime.streams))
            batches = batches or _batches(runtime, stream, options)
            rate, rows_out = _measure(runtime, stream, batches, options)
            rates.append(rate)
            if not (options.json or options.quiet):
                say(f"run {number + 1}: {rate:,.0f} events/s")
        if options.latency:
            latency = _latency(_made(manager, options), stream, batches)
    result = Result(
        app=options.app,
        stream=stream,
        events=options.events,
        batch=options.batch,
        threads=options.threads,
        rates=tuple(round(rate) for rate in rates),
        median=round(statistics.median(rates)),
        lowest=round(min(rates)),
        highest=round(max(rates)),
        rows_out=rows_out,
        peak_rss_bytes=_peak_rss(),
        machine=f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {platform.system()}",
        latency_us=latency,
        ratio_to_baseline=_ratio(options.baseline, statistics.median(rates)),
    )
    print(json.dumps(asdict(result)) if options.json else _shown(result))
    if options.fail_below is not None and result.median < options.fail_below:
        say(f"{result.median:,.0f} events/s is below {options.fail_below:,.0f}")
        return ExitCode.NEGATIVE
    return ExitCode.SUCCESS


def _made(manager: EventFluxManager, options: argparse.Namespace) -> EventFluxAppRuntime:
    runtime = manager.create_sandbox_eventflux_app_runtime(
        Path(options.app), playback=True, variables=load_variables(options.define)
    )
    runtime.start()
    return runtime


def _batches(runtime: EventFluxAppRuntime, stream: str, options: argparse.Namespace) -> list[Batch]:
    schema = runtime.input_handler(stream).definition
    warmup = options.events // 10 if options.warmup is None else options.warmup
    count = options.events + warmup
    if options.generator == "schema":
        return random_batches(schema, count, options.batch, options.seed)
    return recorded_batches(Path(options.generator), stream, schema, count, options.batch)


def _measure(
    runtime: EventFluxAppRuntime, stream: str, batches: Sequence[Batch], options: argparse.Namespace
) -> tuple[float, dict[str, int]]:
    """Send everything; only what comes behind the warm-up is timed."""
    handler = runtime.input_handler(stream)
    warmup = sum(len(batch) for batch in batches) - options.events
    position = timed = 0

    def send(some: Sequence[Batch]) -> None:
        for batch in some:
            if len(batch) == 1:
                handler.send(next(batch.rows()), batch.timestamps[0])
            else:
                handler.send_columns(batch.columns, batch.timestamps)

    while position < len(batches) and warmup > 0:
        send(batches[position : position + 1])
        warmup -= len(batches[position])
        position += 1
    left = batches[position:]
    timed = sum(len(batch) for batch in left)
    before = runtime.metrics().streams
    senders = [
        threading.Thread(target=send, args=(left[index :: options.threads],)) for index in range(options.threads)
    ]
    began = time.perf_counter()
    if len(senders) == 1:
        send(left)
    else:
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    seconds = time.perf_counter() - began
    after = runtime.metrics().streams
    runtime.close()
    rows = {name: count - before.get(name, 0) for name, count in after.items() if name != stream}
    return timed / seconds, rows


def _latency(runtime: EventFluxAppRuntime, stream: str, batches: Sequence[Batch]) -> dict[str, float]:
    """From a call with one row until it returns, with a listener on every other stream."""
    handler = runtime.input_handler(stream)
    for name in runtime.streams:
        if name != stream:
            runtime.add_callback(name, len)
    taken: list[int] = []
    clock = time.perf_counter_ns
    for batch in batches:
        for row, timestamp in zip(batch.rows(), batch.timestamps, strict=True):
            began = clock()
            handler.send(row, timestamp)
            taken.append(clock() - began)
        if len(taken) >= _LATENCY_EVENTS:
            break
    runtime.close()
    taken.sort()
    quantiles = {f"p{share}": taken[min(len(taken) - 1, len(taken) * share // 100)] / 1000 for share in (50, 95, 99)}
    return {**quantiles, "max": taken[-1] / 1000}


def _peak_rss() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


def _ratio(baseline: str | None, median: float) -> float | None:
    if baseline is None:
        return None
    try:
        before: Any = json.loads(Path(baseline).read_text("utf-8"))["median"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EventFluxError(f"the baseline {baseline!r} is no result of --json: {error}") from error
    return round(median / float(before), 3)


def _shown(result: Result) -> str:
    lines = [
        f"{result.app}, stream {result.stream}: {result.median:,.0f} events/s "
        f"(lowest {result.lowest:,.0f}, highest {result.highest:,.0f}; {len(result.rates)} runs)",
        f"  {result.events:,} events in batches of {result.batch:,}, {result.threads} threads",
        f"  out: {', '.join(f'{name} {count:,}' for name, count in result.rows_out.items()) or 'nothing'}",
        f"  peak memory {result.peak_rss_bytes / 1e6:,.0f} MB",
    ]
    if result.latency_us is not None:
        lines.append("  latency " + ", ".join(f"{name} {value:,.1f} us" for name, value in result.latency_us.items()))
    if result.ratio_to_baseline is not None:
        lines.append(f"  {result.ratio_to_baseline:.2f} times the baseline")
    lines.append(f"  {result.machine}")
    return "\n".join(lines)
