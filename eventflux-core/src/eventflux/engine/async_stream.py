"""Async streams: options of a ring, and the figures that it gives."""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eventflux.types.record import record


class Backpressure(enum.IntEnum):
    """What a sender does when the ring is full. The value is the native code."""

    BLOCK = 0
    BLOCK_TIMEOUT = 1
    DROP_NEWEST = 2
    DROP_OLDEST = 3
    BACKOFF = 4
    FAIL = 5


class IdleWait(enum.IntEnum):
    """How the consumer waits for rows. The value is the native code."""

    BLOCKING = 0
    YIELDING = 1
    SPINNING = 2


@record(frozen=True, slots=True, kw_only=True)
class RingOptions:
    """Options of an async stream's ring.

    `buffer_size` is rounded up to a power of two. `timeout_ms` None: no limit (always so for BLOCK).
    """

    buffer_size: int = 4096
    batch_size_max: int | None = None
    backpressure: Backpressure = Backpressure.BLOCK
    timeout_ms: float | None = None
    backoff_initial_ms: float = 1.0
    backoff_max_ms: float = 100.0
    backoff_multiplier: float = 2.0
    idle: IdleWait = IdleWait.BLOCKING

    @property
    def native(self) -> tuple[int, int, int, int, int, int, float, int]:
        """In the order of the native call, times in nanoseconds."""
        timeout_ns = -1 if self.timeout_ms is None else round(self.timeout_ms * 1e6)
        return (
            self.buffer_size,
            self.batch_size_max or self.buffer_size,
            int(self.backpressure),
            timeout_ns,
            round(self.backoff_initial_ms * 1e6),
            round(self.backoff_max_ms * 1e6),
            self.backoff_multiplier,
            int(self.idle),
        )


_WINDOWS_S: Final = (60.0, 300.0, 900.0)


def bucket_bounds(bucket: int) -> tuple[int, int]:
    """Durations (from, to) in nanoseconds that a bucket of the native histograms counts."""
    if bucket < 8:
        return bucket, bucket + 1
    shift = bucket // 4 - 1
    low = (4 + bucket % 4) << shift
    return low, low + (1 << shift)


@record(frozen=True, slots=True, kw_only=True)
class Latency:
    """Durations in microseconds; all 0 while nothing was counted."""

    avg_us: float
    max_us: float
    p50_us: float
    p95_us: float
    p99_us: float

    @classmethod
    def of(cls, histogram: tuple[Sequence[int], int, int]) -> Latency:
        """From bucket counts, the sum and the highest duration in nanoseconds."""
        counts, total, highest = histogram
        number = sum(counts)
        quantiles = [_quantile(counts, number, share) / 1000 for share in (0.5, 0.95, 0.99)]
        average = total / number / 1000 if number else 0.0
        return cls(
            avg_us=average,
            max_us=highest / 1000,
            p50_us=min(quantiles[0], highest / 1000),
            p95_us=min(quantiles[1], highest / 1000),
            p99_us=min(quantiles[2], highest / 1000),
        )


def _quantile(counts: Sequence[int], number: int, share: float) -> float:
    """Upper bound of the bucket that holds the quantile, in nanoseconds."""
    wanted = math.ceil(number * share)
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return float(bucket_bounds(bucket)[1])
    return 0.0


@record(frozen=True, slots=True, kw_only=True)
class AsyncMetrics:
    """Figures of one async stream since its start."""

    events_published: int
    events_consumed: int
    events_dropped: int
    dropped_newest: int
    dropped_oldest: int
    events_rejected: int
    batches_processed: int
    queue_full_events: int
    backpressure_waits: int
    backpressure_wait_ms: float
    timeouts: int
    backoff_ms: float
    processing_errors: int
    throughput_events_per_sec: tuple[float, float, float]
    publish_latency: Latency
    consume_latency: Latency
    queue_depth: int
    queue_capacity: int
    uptime_seconds: float

    @property
    def avg_publish_latency_us(self) -> float:
        """Mean of the time from call to ring."""
        return self.publish_latency.avg_us

    @property
    def max_publish_latency_us(self) -> float:
        """Longest of the time from call to ring."""
        return self.publish_latency.max_us

    @property
    def p50_publish_latency_us(self) -> float:
        """Median of the time from call to ring."""
        return self.publish_latency.p50_us

    @property
    def p95_publish_latency_us(self) -> float:
        """95th percentile of the time from call to ring."""
        return self.publish_latency.p95_us

    @property
    def p99_publish_latency_us(self) -> float:
        """99th percentile of the time from call to ring."""
        return self.publish_latency.p99_us

    @property
    def avg_consume_latency_us(self) -> float:
        """Mean of the time from ring to done."""
        return self.consume_latency.avg_us

    @property
    def max_consume_latency_us(self) -> float:
        """Longest of the time from ring to done."""
        return self.consume_latency.max_us

    @property
    def p50_consume_latency_us(self) -> float:
        """Median of the time from ring to done."""
        return self.consume_latency.p50_us

    @property
    def p95_consume_latency_us(self) -> float:
        """95th percentile of the time from ring to done."""
        return self.consume_latency.p95_us

    @property
    def p99_consume_latency_us(self) -> float:
        """99th percentile of the time from ring to done."""
        return self.consume_latency.p99_us

    @property
    def queue_utilization(self) -> float:
        """Share of the ring that is filled, 0 to 1."""
        return self.queue_depth / self.queue_capacity

    @property
    def consumer_lag(self) -> int:
        """Events that have entered and were not yet run."""
        return max(0, self.events_published - self.events_consumed - self.dropped_oldest)

    @property
    def error_rate(self) -> float:
        """Share of the batches that failed."""
        return self.processing_errors / self.batches_processed if self.batches_processed else 0.0

    @property
    def drop_rate(self) -> float:
        """Share of the events offered that were lost."""
        offered = self.events_published + self.dropped_newest
        return self.events_dropped / offered if offered else 0.0

    @property
    def health_score(self) -> float:
        """1 is well, 0 is ill: errors, lost events and slow sends lower it."""
        slow = min(self.publish_latency.max_us / 10_000, 1.0)
        return max(0.0, min(1.0, 1.0 - 2 * self.error_rate - self.drop_rate - 0.5 * slow))

    @property
    def is_healthy(self) -> bool:
        return self.error_rate < 0.01 and self.drop_rate < 0.05 and self.publish_latency.max_us < 10_000


@dataclass(slots=True)
class RingMeter:
    """Turns the figures of a ring into metrics; keeps the moving rates between readings."""

    started_s: float = field(default_factory=time.monotonic)
    _read_s: float = 0.0
    _consumed: int = 0
    _rates: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def read(self, figures: Mapping[str, Any]) -> AsyncMetrics:
        """Metrics now."""
        now = time.monotonic()
        before = self._read_s or self.started_s
        if now > before:
            rate = (figures["consumed"] - self._consumed) / (now - before)
            for index, window in enumerate(_WINDOWS_S):
                # An exponentially weighted mean; what came between two readings counts as evenly spread.
                weight = 1.0 if not self._read_s else 1.0 - math.exp(-(now - before) / window)
                self._rates[index] += weight * (rate - self._rates[index])
            self._read_s, self._consumed = now, figures["consumed"]
        return AsyncMetrics(
            events_published=figures["published"],
            events_consumed=figures["consumed"],
            events_dropped=figures["dropped_newest"] + figures["dropped_oldest"],
            dropped_newest=figures["dropped_newest"],
            dropped_oldest=figures["dropped_oldest"],
            events_rejected=figures["rejected"],
            batches_processed=figures["batches"],
            queue_full_events=figures["full"],
            backpressure_waits=figures["waits"],
            backpressure_wait_ms=figures["wait_ns"] / 1e6,
            timeouts=figures["timeouts"],
            backoff_ms=figures["backoff_ns"] / 1e6,
            processing_errors=figures["errors"],
            throughput_events_per_sec=(self._rates[0], self._rates[1], self._rates[2]),
            publish_latency=Latency.of(figures["publish"]),
            consume_latency=Latency.of(figures["consume"]),
            queue_depth=figures["depth"],
            queue_capacity=figures["capacity"],
            uptime_seconds=now - self.started_s,
        )
