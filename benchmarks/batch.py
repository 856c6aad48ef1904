"""Columns beside batch engines: EventFlux with Arrow in and columns out, Polars and DuckDB on one thread."""

from benchmarks.baselines.batch_engines import BatchEngine
from benchmarks.expected import expected
from benchmarks.goals import BATCH_ENGINES
from benchmarks.measure import Table, interleave, rate_text
from benchmarks.rates import WrongAnswerError, refused
from benchmarks.subject import Subject
from benchmarks.workloads import WORKLOADS
from eventflux import EventFluxError


def measure(names: list[str], *, pairs: int) -> Table:
    table = Table(["workload", "EventFlux", "engine", "its rate", "ratio", "spread", "floor -> goal", "verdict"])
    for name in names:
        workload = WORKLOADS[name]
        wanted = expected(name, workload.size)
        for engine, goal in BATCH_ENGINES[name].items():
            try:
                subject = Subject(workload, workload.size, "arrow", "batch")
                subject.run()
            except EventFluxError as error:
                refused(table, [f"{name} {workload.title}"], error)
                continue
            with subject, BatchEngine(engine, workload, workload.size) as peer:
                for who, found in (("EventFlux", subject.verify()), (engine, peer.verify())):
                    if found != wanted:
                        raise WrongAnswerError(f"{who} on {name}: {found}, expected {wanted}")
                taken = interleave(
                    subject.run,
                    peer.run,
                    subject_events=workload.size,
                    baseline_events=workload.size,
                    pairs=pairs,
                    least_seconds=0.2,
                )
            low, high = taken.spread
            table.add(
                [
                    f"{name} {workload.title}",
                    rate_text(taken.subject_rate),
                    engine,
                    rate_text(taken.baseline_rate),
                    f"{taken.ratio:.2f}",
                    f"{low:.2f}..{high:.2f}",
                    f"{goal.floor:g} -> {goal.goal:g}",
                    goal.verdict(taken.ratio),
                ],
                workload=name,
                baseline=engine,
                rate=taken.subject_rate,
                baseline_rate=taken.baseline_rate,
                ratio=taken.ratio,
                spread=taken.spread,
            )
    return table
