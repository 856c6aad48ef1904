"""The figures of an app as families of samples, by the names that Prometheus sees."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Final, Literal

from eventflux.engine.version import __version__
from eventflux.io.durations import DurationCounts
from eventflux.observability.rates import Rates
from eventflux.runtime.app_runtime import EventFluxAppRuntime
from eventflux.runtime.lifecycle import RuntimeState
from eventflux.runtime.metrics import Metrics
from eventflux.types.record import record

FamilyKind = Literal["counter", "gauge", "histogram"]
_TABLES: Final = frozenset({"table"})


@record(frozen=True, slots=True)
class Sample:
    """One number with its labels, or counts of durations."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    durations: DurationCounts | None = None


@record(frozen=True, slots=True)
class Family:
    """All samples of one name. Counters are named without `_total`."""

    name: str
    kind: FamilyKind
    help: str
    samples: tuple[Sample, ...]


def families(runtime: EventFluxAppRuntime, rates: Rates) -> list[Family]:
    """Everything that is known of an app now; families without samples are left out."""
    metrics = runtime.metrics()
    if runtime.statistics_level == "off":
        return list(_of_app(runtime, metrics))
    found = [
        *_of_app(runtime, metrics),
        *_of_streams(metrics, rates),
        *_of_queries(runtime, metrics),
        *_of_connectors(metrics),
        *_of_state(metrics),
        *_of_outside(metrics),
        *_of_durations(metrics),
        *_of_checkpoints(runtime),
        *_of_failures(metrics),
        *_of_time(metrics),
    ]
    return [family for family in found if family.samples]


def _of_app(runtime: EventFluxAppRuntime, metrics: Metrics) -> Iterable[Family]:
    build = {"version": __version__, "python": platform.python_version()}
    yield Family("eventflux_build_info", "gauge", "Versions.", (Sample(1, build),))
    yield Family("eventflux_uptime_seconds", "gauge", "Since the start of the app.", (Sample(runtime.uptime_seconds),))
    states = tuple(Sample(float(state.value == metrics.state), {"state": state.value}) for state in RuntimeState)
    yield Family("eventflux_app_state", "gauge", "1 for the state that the app is in.", states)
    memory = Sample(metrics.memory_bytes, {"area": "engine"})
    yield Family("eventflux_memory_bytes", "gauge", "Bytes that the engine holds.", (memory,))


def _of_streams(metrics: Metrics, rates: Rates) -> Iterable[Family]:
    def each(values: Mapping[str, float]) -> tuple[Sample, ...]:
        return tuple(Sample(value, {"stream": name}) for name, value in values.items())

    yield Family("eventflux_stream_events", "counter", "Rows that reached a stream.", each(dict(metrics.streams)))
    yield Family("eventflux_stream_throughput", "gauge", "Rows a second, over a minute.", each(rates.of(metrics.app)))
    buffers = metrics.async_streams
    yield Family(
        "eventflux_stream_buffer_depth",
        "gauge",
        "Rows that wait in a buffer.",
        each({name: figures.queue_depth for name, figures in buffers.items()}),
    )
    yield Family(
        "eventflux_stream_buffer_capacity",
        "gauge",
        "Rows that a buffer holds.",
        each({name: figures.queue_capacity for name, figures in buffers.items()}),
    )
    yield Family(
        "eventflux_stream_buffer_utilization",
        "gauge",
        "Share of a buffer that is full.",
        each({name: figures.queue_depth / figures.queue_capacity for name, figures in buffers.items()}),
    )
    yield Family(
        "eventflux_stream_dropped",
        "counter",
        "Rows that had no room.",
        tuple(
            Sample(value, {"stream": name, "reason": reason})
            for name, figures in buffers.items()
            for reason, value in (
                ("newest", figures.dropped_newest),
                ("oldest", figures.dropped_oldest),
                ("rejected", figures.events_rejected),
            )
        ),
    )
    yield Family(
        "eventflux_stream_backpressure_seconds",
        "counter",
        "Time that senders waited for room.",
        each({name: figures.backpressure_wait_ms / 1000 for name, figures in buffers.items()}),
    )
    yield Family(
        "eventflux_stream_backpressure_events",
        "counter",
        "How often a sender found no room.",
        each({name: figures.queue_full_events for name, figures in buffers.items()}),
    )
    yield Family(
        "eventflux_stream_consume_latency_seconds",
        "gauge",
        "From the buffer to the end of the rows' run.",
        tuple(
            Sample(value / 1e6, {"stream": name, "quantile": quantile})
            for name, figures in buffers.items()
            for quantile, value in (
                ("0.5", figures.consume_latency.p50_us),
                ("0.95", figures.consume_latency.p95_us),
                ("0.99", figures.consume_latency.p99_us),
            )
        ),
    )


def _of_queries(runtime: EventFluxAppRuntime, metrics: Metrics) -> Iterable[Family]:
    rows_in: list[Sample] = []
    rows_out: list[Sample] = []
    for query in runtime.queries:
        chain = [node for node in metrics.operators if node.name.startswith(f"{query}/")]
        if chain:
            rows_in.append(Sample(chain[0].rows_in, {"query": query}))
            rows_out.append(Sample(chain[-1].rows_out, {"query": query}))
    yield Family("eventflux_query_events_in", "counter", "Rows that a query took.", tuple(rows_in))
    yield Family("eventflux_query_events_out", "counter", "Rows that a query gave.", tuple(rows_out))


def _of_connectors(metrics: Metrics) -> Iterable[Family]:
    for role, verb in (("source", "delivered"), ("sink", "sent")):
        counts = [(name.split("/"), each) for name, each in metrics.connectors.items() if name.startswith(f"{role}/")]
        labelled = [
            ({"stream": parts[1], "type": parts[2], **({"number": parts[3]} if parts[3] != "0" else {})}, each)
            for parts, each in counts
        ]
        yield Family(
            f"eventflux_{role}_events",
            "counter",
            f"Events that a {role} has {verb}.",
            tuple(Sample(each.events, labels) for labels, each in labelled),
        )
        yield Family(
            f"eventflux_{role}_bytes",
            "counter",
            f"Bytes of the payloads that a {role} has {verb}.",
            tuple(Sample(each.bytes, labels) for labels, each in labelled),
        )
        yield Family(
            f"eventflux_{role}_failed",
            "counter",
            f"Events that failed at a {role}.",
            tuple(Sample(each.failed, labels) for labels, each in labelled),
        )
        if role == "sink":
            yield Family(
                "eventflux_sink_retries",
                "counter",
                "How often a sink has tried something again.",
                tuple(Sample(each.retries, labels) for labels, each in labelled),
            )
        yield Family(
            f"eventflux_{role}_connected",
            "gauge",
            f"1 while a {role} is connected.",
            tuple(Sample(float(each.state in {"connected", "paused"}), labels) for labels, each in labelled),
        )
        yield Family(
            f"eventflux_{role}_reconnects",
            "counter",
            f"How often a {role} has lost its connection and found it again.",
            tuple(Sample(each.reconnects, labels) for labels, each in labelled),
        )
    figures: dict[str, list[Sample]] = {}
    for name, each in metrics.connectors.items():
        for figure in each.figures:
            figures.setdefault(figure.name, []).append(Sample(figure.value, {**figure.labels, "connector": name}))
    for name, samples in figures.items():
        yield Family(f"eventflux_{name}", "gauge", "What a connector says of itself.", tuple(samples))


def _of_state(metrics: Metrics) -> Iterable[Family]:
    holders = [node for node in metrics.operators if node.rows_held or node.operator in _TABLES]
    tables = [(node.name.split("/", 1)[0], node) for node in holders if node.operator in _TABLES]
    yield Family(
        "eventflux_table_rows",
        "gauge",
        "Rows in a table.",
        tuple(Sample(node.rows_held, {"table": name}) for name, node in tables),
    )
    yield Family(
        "eventflux_table_bytes",
        "gauge",
        "Bytes of a table.",
        tuple(Sample(node.memory_bytes, {"table": name}) for name, node in tables),
    )
    labels = [({"component": node.name, "kind": node.operator}, node) for node in holders]
    yield Family(
        "eventflux_state_rows",
        "gauge",
        "Rows that an operator holds.",
        tuple(Sample(node.rows_held, each) for each, node in labels),
    )
    yield Family(
        "eventflux_state_bytes",
        "gauge",
        "Bytes that an operator holds.",
        tuple(Sample(node.memory_bytes, each) for each, node in labels),
    )


def _of_outside(metrics: Metrics) -> Iterable[Family]:
    yield Family(
        "eventflux_table_operation_seconds",
        "histogram",
        "What a store took for an operation.",
        tuple(
            Sample(counts.seconds, {"table": table, "operation": operation}, counts)
            for table, operations in metrics.tables.items()
            for operation, counts in operations.items()
        ),
    )


def _of_durations(metrics: Metrics) -> Iterable[Family]:
    """What is known with the level `detail`."""
    yield Family(
        "eventflux_query_latency_seconds",
        "histogram",
        "What a query took for what came together.",
        tuple(Sample(counts.seconds, {"query": query}, counts) for query, counts in metrics.queries.items()),
    )
    yield Family(
        "eventflux_mapper_seconds",
        "histogram",
        "What a mapper took at a time.",
        tuple(
            Sample(
                each.mapping.seconds,
                {
                    "stream": stream,
                    "direction": "in" if role == "source" else "out",
                    "format": each.format,
                    "n": number,
                },
                each.mapping,
            )
            for (role, stream, _, number), each in (
                (name.split("/"), each) for name, each in metrics.connectors.items()
            )
            if each.mapping is not None
        ),
    )
    yield Family(
        "eventflux_operator_seconds",
        "counter",
        "What an operator took.",
        tuple(
            Sample(node.busy_ns / 1e9, {"operator": node.name, "kind": node.operator})
            for node in metrics.operators
            if node.busy_ns
        ),
    )
    rows = [({"operator": node.name, "kind": node.operator}, node) for node in metrics.operators if node.busy_ns]
    for direction, verb in (("in", "took"), ("out", "gave")):
        yield Family(
            f"eventflux_operator_rows_{direction}",
            "counter",
            f"Rows that an operator {verb}.",
            tuple(Sample(node.rows_in if direction == "in" else node.rows_out, labels) for labels, node in rows),
        )


def _of_checkpoints(runtime: EventFluxAppRuntime) -> Iterable[Family]:
    figures = runtime.checkpoint_figures
    counts = (Sample(figures.saved, {"result": "success"}), Sample(figures.failed, {"result": "failure"}))
    yield Family("eventflux_checkpoint", "counter", "Checkpoints.", counts)
    if figures.last_success_ms is not None:
        yield Family("eventflux_checkpoint_seconds", "gauge", "Of the last one.", (Sample(figures.seconds),))
        yield Family("eventflux_checkpoint_bytes", "gauge", "Of the last one.", (Sample(figures.size_bytes),))
        yield Family(
            "eventflux_checkpoint_last_success_timestamp_seconds",
            "gauge",
            "When the last one was saved.",
            (Sample(figures.last_success_ms / 1000),),
        )
    if figures.restore_seconds is not None:
        yield Family("eventflux_restore_seconds", "gauge", "Of the last restore.", (Sample(figures.restore_seconds),))


def _of_failures(metrics: Metrics) -> Iterable[Family]:
    callbacks = {name: count for name, count in metrics.failures.items() if name.startswith("callback ")}
    yield Family(
        "eventflux_errors",
        "counter",
        "Failures by what failed.",
        tuple(Sample(count, {"element": name}) for name, count in metrics.failures.items()),
    )
    yield Family(
        "eventflux_callback_errors",
        "counter",
        "Exceptions of callbacks.",
        tuple(Sample(count, {"target": name.removeprefix("callback ")}) for name, count in callbacks.items()),
    )


def _of_time(metrics: Metrics) -> Iterable[Family]:
    yield Family(
        "eventflux_watermark_seconds",
        "gauge",
        "How far the time of a stream has come.",
        tuple(
            Sample(time.watermark / 1000, {"stream": name})
            for name, time in metrics.event_time.items()
            if time.watermark is not None
        ),
    )
    yield Family(
        "eventflux_stream_late_events",
        "counter",
        "Rows behind the watermark.",
        tuple(Sample(time.late_rows, {"stream": name}) for name, time in metrics.event_time.items()),
    )
