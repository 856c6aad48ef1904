"""Rates of the workloads in memory, beside Siddhi and the bare loop; and the check of every way without timing."""

from benchmarks.baselines.limits import Limit
from benchmarks.baselines.siddhi import Siddhi, is_available
from benchmarks.expected import expected
from benchmarks.goals import LIMIT_SHARE, goal_of
from benchmarks.measure import Table, interleave, rate_text
from benchmarks.subject import INPUT_WAYS, InputWay, OutputWay, Subject
from benchmarks.workloads import WORKLOADS, Workload
from eventflux import EventFluxError

LANGUAGES = ("sql", "eventfluxql")


class WrongAnswerError(Exception):
    """An engine whose figure would not count."""


def _require(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise WrongAnswerError(f"{what}: {found}, expected {wanted}")


def refused(table: Table, cells: list[str], error: EventFluxError) -> None:
    """An app that EventFlux does not run is a failure of its own row, not of the others."""
    row = [*cells, *[""] * (len(table.header) - len(cells) - 1), f"REFUSED: {str(error).splitlines()[0]}"]
    table.add(row, workload=cells[0], right=False)


def check(names: list[str]) -> Table:
    """Outputs and checksum of every input way in both languages, at the quick size."""
    table = Table(["workload", "language", "input", "outputs", "verdict"])
    for name in names:
        workload = WORKLOADS[name]
        wanted = expected(name, workload.quick)
        for language in LANGUAGES:
            for way in INPUT_WAYS:
                try:
                    with Subject(workload, workload.quick, way, "batch", language) as subject:
                        found = subject.verify()
                except EventFluxError as error:
                    refused(table, [name, language, way, ""], error)
                    continue
                verdict = "right" if found == wanted else f"WRONG: expected {wanted.outputs} {wanted.checksum}"
                table.add(
                    [name, language, way, f"{found.outputs}", verdict],
                    workload=name,
                    language=language,
                    way=way,
                    right=found == wanted,
                )
    return table


def output_ways(way: InputWay) -> tuple[OutputWay, ...]:
    """The way that figures without a name mean comes first."""
    return ("rows",) if way == "row" else ("batch", "rows")


def against_siddhi(workload: Workload, table: Table, *, pairs: int, ways: list[InputWay]) -> None:
    """Each input way beside Siddhi's best way that gives the right answer."""
    n = workload.siddhi_size
    with Siddhi(workload, n) as siddhi:
        wanted = expected(workload.name, n)
        _require(f"Siddhi on {workload.name}", siddhi.verify(), wanted)
        batches = [1] + ([1000] if siddhi.verify(1000) == wanted else [])
        # Its compiler settles late: nine runs a way decide which way is its better one.
        best = {batch: min(siddhi.run(batch) for _ in range(9 if workload.name in "ab" else 4)) for batch in batches}
        batch = min(best, key=lambda one: best[one])
        for way in ways:
            for output in output_ways(way):
                with Subject(workload, workload.size, way, output) as subject:
                    _require(f"{workload.name} by {way}", subject.verify(), expected(workload.name, workload.size))
                    taken = interleave(
                        subject.run,
                        lambda: siddhi.run(batch),
                        subject_events=workload.size,
                        baseline_events=n,
                        pairs=pairs,
                    )
                goal = goal_of(workload.name, way)
                ratio = taken.best_ratio_of_baseline
                low, high = taken.spread
                counts = goal is not None and output == output_ways(way)[0]
                table.add(
                    [
                        f"{workload.name} {workload.title}",
                        way,
                        output,
                        rate_text(taken.subject_rate),
                        f"Siddhi {'Event[]' if batch > 1 else 'rows'} {rate_text(taken.baseline_rate)}",
                        f"{ratio:.2f}",
                        f"{low:.2f}..{high:.2f}",
                        f"{goal.floor:g} -> {goal.goal:g}" if counts and goal else "",
                        goal.verdict(ratio) if counts and goal else "",
                    ],
                    workload=workload.name,
                    way=way,
                    output=output,
                    baseline="siddhi",
                    rate=taken.subject_rate,
                    baseline_rate=taken.baseline_rate,
                    ratio=ratio,
                    spread=taken.spread,
                    subject_seconds=taken.subject,
                    baseline_seconds=taken.baseline,
                )


def against_limit(workload: Workload, table: Table, *, pairs: int) -> None:
    """Columns beside the bare loop."""
    limit = Limit(workload, workload.size)
    _require(f"the bare loop of {workload.name}", limit.verify(), expected(workload.name, workload.size))
    with Subject(workload, workload.size, "arrow", "batch") as subject:
        _require(f"{workload.name} by arrow", subject.verify(), expected(workload.name, workload.size))
        taken = interleave(
            subject.run, limit.run, subject_events=workload.size, baseline_events=workload.size, pairs=pairs
        )
    share = LIMIT_SHARE.get(workload.name)
    low, high = taken.spread
    table.add(
        [
            f"{workload.name} {workload.title}",
            "arrow",
            "batch",
            rate_text(taken.subject_rate),
            f"C loop {rate_text(taken.baseline_rate)}",
            f"{taken.ratio:.3f}",
            f"{low:.3f}..{high:.3f}",
            f"-> {share:g}" if share else "",
            ("goal" if taken.ratio >= share else "not yet") if share else "",
        ],
        workload=workload.name,
        way="arrow",
        output="batch",
        baseline="c",
        rate=taken.subject_rate,
        baseline_rate=taken.baseline_rate,
        ratio=taken.ratio,
        spread=taken.spread,
    )


def measure(names: list[str], *, pairs: int, ways: list[InputWay]) -> Table:
    """All figures of the named workloads."""
    header = ["workload", "input", "output", "EventFlux", "baseline", "ratio", "spread", "floor -> goal", "verdict"]
    table = Table(header)
    for name in names:
        try:
            if is_available():
                against_siddhi(WORKLOADS[name], table, pairs=pairs, ways=ways)
            against_limit(WORKLOADS[name], table, pairs=pairs)
        except EventFluxError as error:
            refused(table, [f"{name} {WORKLOADS[name].title}"], error)
    return table
