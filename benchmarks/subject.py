"""EventFlux on a workload, through its public API."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import pyarrow as pa
from typing_extensions import Self

from benchmarks import inputs
from benchmarks.checksum import MASK, Result, result_of_columns
from benchmarks.workloads import Workload
from eventflux import EventBatch, EventFluxAppRuntime, EventFluxManager, InputHandler

InputWay = Literal["row", "rows", "columns", "arrow"]
OutputWay = Literal["batch", "rows"]
INPUT_WAYS: tuple[InputWay, ...] = ("row", "rows", "columns", "arrow")
OUTPUT_WAYS: tuple[OutputWay, ...] = ("batch", "rows")
MERGED = "*"
ROWS_A_CALL: dict[InputWay, int] = {"row": 1, "rows": 1000, "columns": 10_000, "arrow": 10_000}


@dataclass(frozen=True, slots=True)
class Call:
    """One prepared call: what goes in, on which stream; MERGED: on several, merged by time."""

    stream: str
    data: Any
    timestamps: Any


def prepare(workload: Workload, n: int, way: InputWay) -> list[Call]:
    """The input in the form of the input way.

    Where there are two streams, a call of many rows or of columns merges both by time.
    """
    columns = inputs.INPUTS[workload.source](n, **({} if workload.rate is None else {"rate": workload.rate}))
    ts = columns.pop("ts")
    names = columns.pop("stream", None)
    if names is not None and way != "row":
        return _merged(columns, ts, names, way)
    if names is None:
        assert workload.stream is not None
        runs = [(workload.stream, 0, n)]
    else:
        runs, start = [], 0
        for name, run in groupby(names.tolist()):
            length = sum(1 for _ in run)
            runs.append((name, start, start + length))
            start += length
    step = ROWS_A_CALL[way]
    pieces = [
        (stream, lower, min(lower + step, end)) for stream, start, end in runs for lower in range(start, end, step)
    ]
    if way in ("row", "rows"):
        rows = inputs.rows(columns)
        times = ts.tolist()
        if way == "row":
            return [Call(stream, rows[lower], times[lower]) for stream, lower, _ in pieces]
        return [Call(stream, rows[lower:upper], times[lower:upper]) for stream, lower, upper in pieces]
    if way == "columns":
        return [
            Call(stream, {name: column[lower:upper] for name, column in columns.items()}, ts[lower:upper])
            for stream, lower, upper in pieces
        ]
    table = pa.table({"ts": ts, **columns}).combine_chunks()
    whole = table.to_batches()[0] if n else pa.RecordBatch.from_pylist([], schema=table.schema)
    return [Call(stream, whole.slice(lower, upper - lower), None) for stream, lower, upper in pieces]


def _merged(columns: inputs.Columns, ts: Any, names: Any, way: InputWay) -> list[Call]:
    streams = sorted(set(names.tolist()))
    calls = []
    for lower in range(0, len(ts), ROWS_A_CALL[way]):
        piece = slice(lower, lower + ROWS_A_CALL[way])
        data = {}
        for stream in streams:
            chosen = names[piece] == stream
            part = {name: column[piece][chosen] for name, column in columns.items()}
            times = ts[piece][chosen]
            match way:
                case "rows":
                    data[stream] = (inputs.rows(part), times.tolist())
                case "arrow":
                    data[stream] = ({name: pa.array(column) for name, column in part.items()}, times)
                case _:
                    data[stream] = (part, times)
        calls.append(Call(MERGED, data, None))
    return calls


class Run:
    """A fresh app: sends prepared calls, counts what comes out."""

    def __init__(
        self, manager: EventFluxManager, workload: Workload, language: str, output: OutputWay, *, verify: bool = False
    ) -> None:
        self.workload = workload
        self.outputs = 0
        self.checksum = 0
        self.runtime: EventFluxAppRuntime = manager.create_eventflux_app_runtime(workload.app(language))
        if workload.on_demand is None:
            callback = self.verify_batch if verify else self._taker_of_rows() if output == "rows" else self._take_batch
            self.runtime.add_callback("Out", callback)
        self.runtime.start()
        if workload.has_table:
            self._load_table()

    def _load_table(self) -> None:
        columns = inputs.products()
        self.runtime.input_handler("LoadProduct").send_many(inputs.rows(columns))

    def _take_batch(self, events: EventBatch) -> None:
        self.outputs += len(events)

    def _taker_of_rows(self) -> Callable[[EventBatch], None]:
        """A callback that makes a tuple and a Python call of each row."""

        def take(_row: tuple[object, ...]) -> None:
            self.outputs += 1

        def take_rows(events: EventBatch) -> None:
            for row in events.rows():
                take(row)

        return take_rows

    def verify_batch(self, events: EventBatch) -> None:
        found = result_of_columns([events.columns[name] for name in self.workload.output])
        self.outputs += found.outputs
        self.checksum = (self.checksum + int(found.checksum, 16)) & MASK

    def send(self, calls: list[Call], way: InputWay) -> float:
        """Seconds from the first send until the last output has reached the callback."""
        if calls and calls[0].stream == MERGED:
            started = time.perf_counter()
            for call in calls:
                self.runtime.send_merged(call.data)
            return time.perf_counter() - started
        handlers: dict[str, InputHandler] = {
            stream: self.runtime.input_handler(stream) for stream in {call.stream for call in calls}
        }
        sends: dict[str, Callable[..., Any]] = {}
        for stream, handler in handlers.items():
            match way:
                case "row":
                    sends[stream] = handler.send
                case "rows":
                    sends[stream] = handler.send_many
                case "columns":
                    sends[stream] = handler.send_columns
                case "arrow":
                    sends[stream] = handler.send_arrow
        steps = [(sends[call.stream], call.data, call.timestamps) for call in calls]
        only = next(iter(sends.values())) if len(sends) == 1 else None
        started = time.perf_counter()
        if way == "arrow":
            for send, data, _ in steps:
                send(data, timestamp_column="ts")
        elif only is not None:
            for _, data, timestamps in steps:
                only(data, timestamps)
        else:
            for send, data, timestamps in steps:
                send(data, timestamps)
        return time.perf_counter() - started

    def query(self, text: str) -> EventBatch:
        found = self.runtime.query(text)
        assert not isinstance(found, int)
        return found

    def close(self) -> None:
        self.runtime.shutdown()


class Subject:
    """One workload, one input way, one output way."""

    def __init__(self, workload: Workload, n: int, way: InputWay, output: OutputWay, language: str = "sql") -> None:
        self.workload, self.way, self.output, self.language = workload, way, output, language
        self.calls = prepare(workload, n, way)
        self.manager = EventFluxManager()

    def verify(self) -> Result:
        """The run that computes the checksum: it warms up, too."""
        run = Run(self.manager, self.workload, self.language, self.output, verify=True)
        run.send(self.calls, self.way)
        if self.workload.on_demand is not None:
            run.verify_batch(run.query(self.workload.on_demand))
        run.close()
        return Result(run.outputs, f"{run.checksum:016x}")

    def run(self) -> float:
        """Seconds of one run."""
        run = Run(self.manager, self.workload, self.language, self.output)
        seconds = run.send(self.calls, self.way)
        run.close()
        return seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.shutdown()
