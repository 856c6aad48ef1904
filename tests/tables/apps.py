"""One app over a table, whatever keeps its rows, and what is done with it."""

from __future__ import annotations

from typing import Any

from eventflux import EventFluxManager

APP = """
define stream S (k string, v long, d double, b bool);
define stream U (k string, v long, d double, b bool);
define stream P (k string, n long);
define stream A (n long, m long);
define stream D (k string, n long);
define stream J (k string, n long);
{table} define table T (k string, v long, d double, b bool);
@info(name='add') from S insert into T;
@info(name='upsert') from U update or insert into T set T.v = T.v + v, T.d = d on T.k == k;
@info(name='set') from P select k, n update T set T.v = n, T.b = not (T.b) on T.k == k and T.v < n;
@info(name='all') from A select n, m update T set T.v = T.v * n on T.v > m or T.b == true;
@info(name='drop') from D delete T on T.k == k and not (T.v > n);
@info(name='join') from J join T on J.k == T.k select J.k as k, T.v as v, T.d as d, T.b as b insert into Joined;
@info(name='range') from J join T on T.v > J.n and str:length(T.k) < 3 select J.n as n, T.k as k insert into Ranged;
@info(name='outer') from J left outer join T on T.v == J.n select J.n as n, T.k as k insert into Outer;
@info(name='in') from J[(T.k == k and T.v != n) in T] select k insert into Known;
@info(name='not') from J[not ((T.k == k) in T)] select k insert into Unknown;
"""

STEPS: tuple[tuple[str, list[tuple[Any, ...]]], ...] = (
    ("S", [("a", 1, 1.5, True), ("b", 2, None, False), ("c", None, 2.5, None)]),
    ("S", [("d", 4, 0.0, True)]),
    ("J", [("a", 0), ("zz", 1), ("c", 2), (None, None)]),
    ("U", [("a", 10, 3.5, False), ("e", 5, 4.5, True), ("e", 1, 5.5, True), ("c", 1, 6.5, False)]),
    ("J", [("e", 5), ("c", None), ("b", 2)]),
    ("P", [("a", 100), ("b", 1), ("c", 7), ("q", 3)]),
    ("A", [(2, 50), (3, 1_000)]),
    ("J", [("a", 600), ("e", 0)]),
    ("S", [("f", -5, -0.5, False), ("g'; DROP TABLE T; --", 9, 1e300, True), ("ünï\u20ac😀", 2**40, 0.1, None)]),
    ("J", [("g'; DROP TABLE T; --", 0), ("ünï\u20ac😀", 5), ("f", -10)]),
    ("D", [("a", 10_000), ("b", 0), ("e", 1)]),
    ("J", [("a", 0), ("b", 0), ("e", 0), ("f", 2)]),
)

QUERIES = (
    "from T select k, v, d, b order by k",
    "from T on v > 3 and d < 100.0 select k order by k",
    "from T on v is null or b == true select k order by k",
    "from T on not (v > 3) select k order by k",
    "from T select sum(v) as total, count() as n",
    "select 'new' as k, 77L as v, 0.5 as d, true as b insert into T",
    "update T set T.v = T.v + 1L on T.k == 'new'",
    "from T on k == 'new' select v, d, b",
    "delete T on T.v == 78L",
    "delete T on T.k == 'nobody'",
    "from T on k == 'new' select v",
)

LISTENED = ("Joined", "Ranged", "Outer", "Known", "Unknown")


def run(manager: EventFluxManager, table: str, *, text: str = APP, name: str = "app") -> list[Any]:
    """Everything that the app says, in a form that does not depend on the order of a table's rows."""
    runtime = manager.create_eventflux_app_runtime(text.replace("{table}", table), name=name, playback=True)
    heard: list[Any] = []
    failures: list[str] = []
    for stream in LISTENED:
        runtime.add_callback(
            stream, lambda events, stream=stream: heard.extend((stream, e.timestamp, e.data) for e in events)
        )
    runtime.on_exception(lambda failure: failures.append(failure.where))
    runtime.start()
    said: list[Any] = []
    clock = 1000
    for is_chunk in (True, False):
        for stream, rows in STEPS:
            handler = runtime.input_handler(stream)
            timestamps = list(range(clock, clock + len(rows)))
            clock += len(rows)
            if is_chunk:
                handler.send_batch(rows, timestamps)
            else:
                handler.send_many(rows, timestamps)
            said.append(sorted(heard, key=repr))
            heard.clear()
        for query in QUERIES:
            found = runtime.query(query)
            said.append((query, found if isinstance(found, int) else [event.data for event in found]))
        said.append(("failures", sorted(failures)))
        failures.clear()
        runtime.query("delete T on T.k == 'd' or T.k == 'f'")
    runtime.shutdown()
    return said
