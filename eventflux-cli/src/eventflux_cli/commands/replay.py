"""`eventflux replay`: run an app over recorded events, in the time of the events."""

from __future__ import annotations

import argparse
import heapq
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from eventflux import ConfigError, EventBatch, EventFluxAppRuntime
from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.moments import moment
from eventflux_cli.records import Record, read_records, row_writer
from eventflux_cli.settings import load_settings, load_variables, open_manager
from eventflux_cli.terminal import say

_BATCH: Final = 4096
_LONGEST_SLEEP: Final = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("app", metavar="APP", help="file with an app; its sources, sinks and stores are left out")
    parser.add_argument(
        "--input", action="append", default=[], metavar="STREAM=FILE", help="events of a stream (repeatable)"
    )
    parser.add_argument("--timestamp-field", metavar="NAME", help="field with the time of an event")
    parser.add_argument("--speed", default="max", metavar="max|1x|10x", help="as fast as it goes, or in real time")
    parser.add_argument("--from", dest="first", metavar="TIME", help="leave out events before")
    parser.add_argument("--to", dest="last", metavar="TIME", help="leave out events after; the clock ends there")
    parser.add_argument(
        "--output", action="append", default=[], metavar="STREAM=FILE", help="where a stream goes; - is standard output"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    inputs = _pairs(options.input, "--input")
    if not inputs:
        say("eventflux replay: name the events: --input STREAM=FILE")
        return ExitCode.USAGE
    factor = _factor(options.speed)
    first, last = moment(options.first), moment(options.last)
    counts: dict[str, int] = {}
    failures: list[str] = []
    with ExitStack() as stack:
        config = load_settings(options)
        manager = stack.enter_context(open_manager(options, config))
        runtime = manager.create_sandbox_eventflux_app_runtime(
            Path(options.app), playback=True, variables=load_variables(options.define)
        )
        runtime.on_exception(lambda failure: failures.append(str(failure)))
        _connect_outputs(runtime, options, inputs, counts, stack)
        runtime.start()
        streams = [
            _of_stream(runtime, stream, Path(file), options.timestamp_field, (first, last)) for stream, file in inputs
        ]
        # Equal timestamps go in the order of the command line, so that two runs give the same.
        merged = heapq.merge(*streams, key=lambda entry: (entry[0][0], entry[2]))
        sent = _send_all(runtime, merged, factor)
        if last is not None:
            runtime.advance_time(last)
    for failure in failures[:10]:
        logging.getLogger("eventflux.cli").warning("%s", failure)
    if not options.quiet:
        rows = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        say(f"{sent:,} events in; out: {rows or 'none'}; {len(failures)} failures")
    return ExitCode.RUNTIME if failures else ExitCode.SUCCESS


def _pairs(texts: list[str], option: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for text in texts:
        stream, separator, file = text.partition("=")
        if not separator or not stream or not file:
            raise ConfigError(f"{option} {text!r}: expected STREAM=FILE", key=option)
        pairs.append((stream, file))
    return pairs


def _factor(speed: str) -> float | None:
    """How much faster than real time; None: as fast as it goes."""
    if speed == "max":
        return None
    try:
        factor = float(speed.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if factor <= 0:
        raise ConfigError(
            f"--speed {speed!r}: expected max, or a multiple of real time such as 1x or 10x", key="--speed"
        )
    return factor


_Entry = tuple[Record, str, int]


def _of_stream(
    runtime: EventFluxAppRuntime,
    stream: str,
    file: Path,
    timestamp_field: str | None,
    bounds: tuple[int | None, int | None],
) -> Iterator[_Entry]:
    schema = runtime.input_handler(stream).definition
    first, last = bounds
    order = list(runtime.streams).index(stream)
    for record in read_records(file, stream, schema, timestamp_field):
        if (first is None or record[0] >= first) and (last is None or record[0] <= last):
            yield record, stream, order


def _connect_outputs(
    runtime: EventFluxAppRuntime,
    options: argparse.Namespace,
    inputs: list[tuple[str, str]],
    counts: dict[str, int],
    stack: ExitStack,
) -> None:
    wanted = _pairs(options.output, "--output")
    fed = {stream for stream, _ in inputs}
    is_default = not wanted
    wanted = wanted or [(name, "-") for name in runtime.streams if name not in fed]
    for stream, file in wanted:
        counts[stream] = 0
        names = tuple(attribute.name for attribute in runtime.streams.get(stream, runtime.windows.get(stream, ())))
        write, out = row_writer(file, ("stream", *names) if is_default else names, sys.stdout)
        if out is not sys.stdout:
            stack.callback(out.close)
        runtime.add_callback(stream, _listener(stream, write, counts, prefix=(stream,) if is_default else ()))


def _listener(
    stream: str, write: Callable[[int, tuple[Any, ...]], None], counts: dict[str, int], prefix: tuple[str, ...]
) -> Callable[[EventBatch], None]:
    def take(events: EventBatch) -> None:
        for event in events:
            write(event.timestamp, (*prefix, *event.data))
        counts[stream] += len(events)

    return take


def _send_all(runtime: EventFluxAppRuntime, entries: Iterator[_Entry], factor: float | None) -> int:
    """Send runs of events of one stream together; each is an event of its own."""
    sent = 0
    stream: str | None = None
    rows: list[tuple[Any, ...]] = []
    timestamps: list[int] = []
    began: tuple[float, int] | None = None

    def flush() -> None:
        nonlocal sent
        if stream is not None and rows:
            sent += runtime.input_handler(stream).send_many(rows, timestamps)
            rows.clear()
            timestamps.clear()

    for (timestamp, row), name, _ in entries:
        if name != stream or len(rows) >= _BATCH or (factor is not None and timestamps and timestamp > timestamps[-1]):
            flush()
        stream = name
        if factor is not None:
            began = began or (time.monotonic(), timestamp)
            _sleep_until(began[0] + (timestamp - began[1]) / 1000 / factor)
        rows.append(row)
        timestamps.append(timestamp)
    flush()
    return sent


def _sleep_until(due: float) -> None:
    while (left := due - time.monotonic()) > 0:
        time.sleep(min(left, _LONGEST_SLEEP))
