"""The text that Prometheus reads, in its own form and in that of OpenMetrics; and a collector for its client."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from eventflux.observability.families import Family, families
from eventflux.observability.rates import Rates
from eventflux.runtime.app_runtime import EventFluxAppRuntime

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def exposition(
    runtimes: Sequence[EventFluxAppRuntime],
    rates: Rates,
    *,
    labels: Mapping[str, str] | None = None,
    is_open_metrics: bool = False,
) -> str:
    """The figures of apps as text.

    Args:
        runtimes: The apps; the label `app` tells them apart.
        rates: What was seen before.
        labels: That every sample gets.
        is_open_metrics: In the form of OpenMetrics.
    """
    merged: dict[str, tuple[Family, list[str]]] = {}
    for runtime in runtimes:
        constant = {"app": runtime.name, **(labels or {})}
        for family in families(runtime, rates):
            _, lines = merged.setdefault(family.name, (family, []))
            lines += _lines(family, constant)
    text: list[str] = []
    for name, (family, lines) in sorted(merged.items()):
        shown = name if is_open_metrics or family.kind != "counter" else f"{name}_total"
        text += [f"# HELP {shown} {_escaped_help(family.help)}", f"# TYPE {shown} {family.kind}", *lines]
    if is_open_metrics:
        text.append("# EOF")
    return "\n".join(text) + "\n"


def prometheus_collector(runtime: EventFluxAppRuntime) -> Any:
    """A collector of an app's figures for `prometheus_client`: `REGISTRY.register(prometheus_collector(runtime))`.

    Raises:
        ImportError: `prometheus_client` is not installed.
    """
    core = importlib.import_module("prometheus_client.core")
    kinds = {
        "counter": core.CounterMetricFamily,
        "gauge": core.GaugeMetricFamily,
        "histogram": core.HistogramMetricFamily,
    }
    rates = Rates(time.monotonic)

    class Collector:
        """Reads the figures when it is asked."""

        def collect(self) -> Iterator[Any]:
            rates.look(runtime.name, runtime.metrics().streams)
            for family in families(runtime, rates):
                names = list(dict.fromkeys(["app", *(name for sample in family.samples for name in sample.labels)]))
                made = kinds[family.kind](family.name, family.help, labels=names)
                for sample in family.samples:
                    given = {"app": runtime.name, **sample.labels}
                    values = [given.get(name, "") for name in names]
                    if sample.durations is None:
                        made.add_metric(values, sample.value)
                    else:
                        buckets = [(_bound(bound), count) for bound, count in sample.durations.cumulated()]
                        made.add_metric(values, buckets, sample.durations.seconds)
                yield made

    return Collector()


def _lines(family: Family, constant: Mapping[str, str]) -> Iterable[str]:
    name = f"{family.name}_total" if family.kind == "counter" else family.name
    for sample in family.samples:
        given = ",".join(f'{key}="{_escaped(value)}"' for key, value in {**constant, **sample.labels}.items())
        if sample.durations is None:
            yield f"{name}{{{given}}} {_number(sample.value)}"
            continue
        for bound, count in sample.durations.cumulated():
            yield f'{name}_bucket{{{given},le="{_bound(bound)}"}} {count}'
        yield f"{name}_sum{{{given}}} {_number(sample.durations.seconds)}"
        yield f"{name}_count{{{given}}} {sample.durations.count}"


def _bound(seconds: float) -> str:
    return "+Inf" if math.isinf(seconds) else f"{seconds:.6f}".rstrip("0")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
