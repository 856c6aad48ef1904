"""How an app is: alive, ready, healthy, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum, unique
from typing import Final

from eventflux.extension.kinds.persistence_store import Reachability
from eventflux.runtime.checkpoint_figures import CheckpointFigures
from eventflux.runtime.lifecycle import RuntimeState
from eventflux.runtime.metrics import Metrics
from eventflux.types.record import record

_LATE_CHECKPOINTS: Final = 3
_CONNECTED: Final = frozenset({"connected", "finished"})
_FULL_MEMORY: Final = 0.9


@unique
class HealthStatus(str, Enum):
    """Of an app or of one check."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    def __str__(self) -> str:
        return self.value


@record(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    status: HealthStatus
    message: str = ""


@record(frozen=True, slots=True, kw_only=True)
class Health:
    """How an app is.

    Attributes:
        app: Its name.
        state: Where it stands in its life.
        status: The worst of its checks.
        is_ready: It takes input, and everything is connected.
        reasons: Why it is not ready.
        uptime_seconds: Since its start; 0 while it is not started.
        queries_running: Its queries, while it runs.
        streams_active: Streams that rows have reached.
        memory_bytes: Bytes that the engine holds.
        checks: By name: pipeline, buffers, checkpoint, memory, state store, and each source, sink and table outside.
    """

    app: str
    state: str
    status: HealthStatus
    is_ready: bool
    reasons: tuple[str, ...] = ()
    uptime_seconds: float = 0.0
    queries_running: int = 0
    streams_active: int = 0
    memory_bytes: int = 0
    checks: Mapping[str, Check] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """As the health endpoint shows it."""
        return {
            "app": self.app,
            "status": self.status.value,
            "state": self.state,
            "ready": self.is_ready,
            "reasons": list(self.reasons),
            "uptime_seconds": round(self.uptime_seconds, 3),
            "queries_running": self.queries_running,
            "streams_active": self.streams_active,
            "memory_bytes": self.memory_bytes,
            "checks": {
                name: {"status": check.status.value, "message": check.message} for name, check in self.checks.items()
            },
        }


def examine(
    metrics: Metrics,
    *,
    queries: int,
    uptime_seconds: float,
    checkpoints: CheckpointFigures,
    checkpoint_interval_ms: int | None,
    now_ms: int,
    memory_limit: int,
    stores: Mapping[str, Reachability],
) -> Health:
    """The health that figures show."""
    checks: dict[str, Check] = {"pipeline": _pipeline(metrics)}
    reasons: list[str] = []
    is_running = metrics.state == RuntimeState.RUNNING.value
    if not is_running:
        reasons.append(f"the app is {metrics.state}")
    for name, counts in metrics.connectors.items():
        is_there = counts.state in _CONNECTED or not is_running
        status = HealthStatus.HEALTHY if is_there else HealthStatus.DEGRADED
        checks[name] = Check(status=status, message=counts.state)
        if not is_there:
            reasons.append(f"{name} is {counts.state}")
    for name, figures in metrics.async_streams.items():
        status = HealthStatus.HEALTHY if figures.is_healthy else HealthStatus.DEGRADED
        checks[f"buffer/{name}"] = Check(status=status, message=f"health score {figures.health_score:.2f}")
    if checkpoint_interval_ms is not None and is_running:
        checks["checkpoint"] = _checkpoint(checkpoints, checkpoint_interval_ms, now_ms, uptime_seconds)
    for name, store in stores.items():
        status = HealthStatus.HEALTHY if store.is_healthy else HealthStatus.DEGRADED
        checks[name] = Check(status=status, message=store.message)
    if memory_limit:
        is_full = metrics.memory_bytes > _FULL_MEMORY * memory_limit
        checks["memory"] = Check(
            status=HealthStatus.DEGRADED if is_full else HealthStatus.HEALTHY,
            message=f"{metrics.memory_bytes} of {memory_limit} bytes",
        )
    order = list(HealthStatus)
    status = max((check.status for check in checks.values()), key=order.index)
    return Health(
        app=metrics.app,
        state=metrics.state,
        status=status,
        is_ready=not reasons,
        reasons=tuple(reasons),
        uptime_seconds=uptime_seconds,
        queries_running=queries if is_running else 0,
        streams_active=sum(rows > 0 for rows in metrics.streams.values()),
        memory_bytes=metrics.memory_bytes,
        checks=checks,
    )


def _pipeline(metrics: Metrics) -> Check:
    match metrics.state:
        case RuntimeState.FAILED.value:
            return Check(status=HealthStatus.UNHEALTHY, message="the app has failed")
        case RuntimeState.PAUSED.value:
            return Check(status=HealthStatus.DEGRADED, message="the app is paused")
        case _:
            return Check(status=HealthStatus.HEALTHY, message=metrics.state)


def _checkpoint(figures: CheckpointFigures, interval_ms: int, now_ms: int, uptime_seconds: float) -> Check:
    """The last checkpoint is to be younger than three intervals; right after the start there need not be one."""
    allowed = _LATE_CHECKPOINTS * interval_ms
    age = uptime_seconds * 1000 if figures.last_success_ms is None else now_ms - figures.last_success_ms
    age = min(age, uptime_seconds * 1000)
    if age > allowed:
        return Check(status=HealthStatus.DEGRADED, message=f"the last checkpoint is {age / 1000:.0f} s old")
    return Check(status=HealthStatus.HEALTHY, message=f"{figures.saved} saved, {figures.failed} failed")
