"""The workloads a to l: input, app, sizes."""

from dataclasses import dataclass
from pathlib import Path

QUERIES = Path(__file__).with_name("queries")
AGGREGATION_QUERY = (
    "from TradeAggregation within 1699999200000L, 1700006400000L per 'seconds' select symbol, total, avg_price, n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One app and what it is fed with."""

    name: str
    title: str
    source: str
    """Name of the input in `inputs.INPUTS`."""
    stream: str | None
    """The stream of the rows; None: the input's `stream` column names it."""
    rate: int | None = None
    """Events a second of event time where it is not the input's own."""
    quick: int = 20_000
    size: int = 1_000_000
    siddhi_size: int = 1_000_000
    output: tuple[str, ...] = ()
    """Attributes of Out, in order."""
    is_playback: bool = True
    has_table: bool = False
    on_demand: str | None = None
    """The query that gives the rows to check where no stream does."""

    def app(self, language: str) -> str:
        return self.app_file(language).read_text(encoding="utf-8")

    def app_file(self, language: str) -> Path:
        """The app in "sql" or "eventfluxql"."""
        return QUERIES / f"{self.name}.{language}"


def _all() -> list[Workload]:
    trade = {"source": "trades", "stream": "Trade"}
    tick = {"source": "ticks", "stream": "Tick"}
    grouped = ("symbol", "total", "avg_price", "n")
    return [
        Workload(name="a", title="filter, project", **trade, output=("symbol", "value"), is_playback=False),
        Workload(name="b", title="length window", **trade, output=("avg_price",), is_playback=False),
        Workload(
            name="c",
            title="tumbling group by",
            **trade,
            rate=100_000,
            quick=200_000,
            output=(*grouped, "low", "high"),
        ),
        Workload(name="d", title="sliding group by", **trade, output=grouped),
        Workload(
            name="e",
            title="stream join",
            source="orders",
            stream=None,
            siddhi_size=20_000,
            output=("id", "ordered", "paid"),
        ),
        Workload(
            name="f",
            title="table look-up",
            **trade,
            output=("symbol", "name", "value"),
            is_playback=False,
            has_table=True,
        ),
        Workload(name="g", title="pattern", source="ab", stream=None, siddhi_size=20_000, output=("id", "p1", "p2")),
        Workload(name="h", title="sequence", **tick, output=("p1", "p2", "p3"), is_playback=False),
        Workload(name="i", title="partitioned pattern", **tick, output=("id", "p1", "p2")),
        Workload(name="j", title="incremental aggregation", **trade, output=grouped, on_demand=AGGREGATION_QUERY),
        Workload(
            name="k",
            title="JSON lines, file to file",
            **trade,
            rate=100_000,
            quick=200_000,
            output=grouped,
            is_playback=False,
        ),
        Workload(name="l", title="Kafka to Kafka", source="ab", stream=None, output=("id", "p1", "p2")),
    ]


WORKLOADS = {workload.name: workload for workload in _all()}
IN_MEMORY = tuple(name for name in WORKLOADS if name not in {"k", "l"})
