"""format, query, replay, bench, new."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from tests.cli.processes import eventflux

from eventflux import EventFluxManager

APP = """\
@app:name('Shop')
CREATE STREAM Orders (id INT, customer STRING, price DOUBLE);
CREATE TABLE Seen (customer STRING PRIMARY KEY, last DOUBLE);
INSERT INTO Big SELECT id, price FROM Orders WHERE price > 10;
UPSERT INTO Seen SELECT customer, price AS last FROM Orders ON Seen.customer = customer;
INSERT INTO Minute SELECT COUNT(*) AS n FROM Orders WINDOW('timeBatch', 1 MINUTE);
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.sql").write_text(APP, "utf-8")
    return tmp_path


def test_format_checks_shows_and_writes(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("create stream S (a int);insert into O select a from S;\n", "utf-8")
    wanted = "CREATE STREAM S (a int);\nINSERT INTO O SELECT a FROM S;\n"
    check = eventflux("format", "--check", "a.sql", cwd=tmp_path)
    assert (check.returncode, check.stderr) == (1, "a.sql: would change\n")
    assert "+INSERT INTO O SELECT a FROM S;" in eventflux("format", "--diff", "a.sql", cwd=tmp_path).stdout
    assert (tmp_path / "a.sql").read_text("utf-8") != wanted
    assert eventflux("format", "a.sql", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.sql").read_text("utf-8") == wanted
    assert eventflux("format", "--check", "a.sql", cwd=tmp_path).returncode == 0
    assert eventflux("format", "--stdin", stdin="create stream S (a int);").stdout == "CREATE STREAM S (a int);\n"
    (tmp_path / "b.sql").write_text("SELEC", "utf-8")
    wrong = eventflux("format", "b.sql", "c.sql", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "b.sql:1:1" in wrong.stderr
    assert "c.sql: cannot be read" in wrong.stderr


@pytest.mark.parametrize("kind", ["persistence-dir", "sqlite"])
def test_query_asks_the_last_saved_state(shop: Path, kind: str) -> None:
    place = shop / "state"
    config = {"persistence": {"type": "sqlite" if kind == "sqlite" else "file", "path": str(place)}}
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(shop / "shop.sql")
        runtime.start()
        runtime.input_handler("Orders").send_many([(1, "ann", 5.0), (2, "bob", 50.0)])
    arguments = (
        "query",
        "SELECT customer, last FROM Seen ORDER BY customer",
        "--app",
        "shop.sql",
        f"--{kind}",
        "state",
    )
    table = eventflux(*arguments, cwd=shop)
    assert table.returncode == 0, table.stderr
    assert table.stdout == "customer  last\nann       5.0\nbob       50.0\n"
    assert "2 rows" in table.stderr
    found = eventflux(*arguments, "--output", "json", "-q", cwd=shop)
    assert json.loads(found.stdout) == [{"customer": "ann", "last": 5.0}, {"customer": "bob", "last": 50.0}]
    assert eventflux(*arguments, "--output", "csv", cwd=shop).stdout.splitlines() == [
        "customer,last",
        "ann,5.0",
        "bob,50.0",
    ]
    changed = eventflux(
        "query", "DELETE FROM Seen WHERE last < 10", "--app", "shop.sql", f"--{kind}", "state", cwd=shop
    )
    assert changed.stdout == "1 rows changed\n"
    again = eventflux(*arguments, "--output", "json", cwd=shop)
    assert len(json.loads(again.stdout)) == 2, "asking saves nothing"


def test_query_writes_arrow(shop: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    done = eventflux("query", "SELECT * FROM Seen", "out.arrow", "--app", "shop.sql", "--output", "arrow", cwd=shop)
    assert done.returncode == 0, done.stderr
    with pyarrow.ipc.open_file(shop / "out.arrow") as file:
        assert file.schema.names == ["customer", "last"]


def test_query_is_told_what_is_wrong(shop: Path) -> None:
    assert eventflux("query", "SELECT 1", cwd=shop).returncode == 2
    wrong = eventflux("query", "SELECT nope FROM Seen", "--app", "shop.sql", cwd=shop)
    assert wrong.returncode == 1
    assert "nope" in wrong.stderr
    nobody = eventflux("query", "SELECT * FROM Seen", "--url", "http://127.0.0.1:9", cwd=shop)
    assert nobody.returncode == 5
    assert "cannot be reached" in nobody.stderr


def test_replay_goes_in_the_time_of_the_events(shop: Path) -> None:
    rows = [
        {"timestamp": 61_000, "id": 3, "customer": "c", "price": 30.0},
        {"timestamp": 62_000, "id": 4, "customer": "d", "price": 3.0},
    ]
    (shop / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (shop / "a.csv").write_text("ts,id,customer,price,more\n1000,1,a,5,x\n2000,2,b,50,\n", "utf-8")
    out = ("--output", "Big=big.jsonl", "--output", "Minute=minute.csv")
    done = eventflux(
        "replay", "shop.sql", "--input", "Orders=a.csv", "--input", "Orders=b.jsonl", "--to", "130000", *out, cwd=shop
    )
    assert done.returncode == 0, done.stderr
    assert (shop / "big.jsonl").read_text("utf-8").splitlines() == [
        '{"timestamp": 2000, "id": 2, "price": 50.0}',
        '{"timestamp": 61000, "id": 3, "price": 30.0}',
    ]
    assert (shop / "minute.csv").read_text("utf-8").splitlines()[0] == "timestamp,n"
    first = (shop / "minute.csv").read_bytes()
    again = eventflux(
        "replay", "shop.sql", "--input", "Orders=b.jsonl", "--input", "Orders=a.csv", "--to", "130000", *out, cwd=shop
    )
    assert again.returncode == 0
    assert (shop / "minute.csv").read_bytes() == first
    shown = eventflux("replay", "shop.sql", "--input", "Orders=a.csv", "--from", "1970-01-01T00:00:01.500Z", cwd=shop)
    assert [json.loads(line) for line in shown.stdout.splitlines()] == [
        {"timestamp": 2000, "stream": "Big", "id": 2, "price": 50.0}
    ]


def test_replay_in_real_time_waits(shop: Path) -> None:
    (shop / "a.csv").write_text("ts,id,customer,price\n0,1,a,50\n3000,2,b,50\n", "utf-8")
    done = eventflux("replay", "shop.sql", "--input", "Orders=a.csv", "--speed", "10x", "--output", "Big=-", cwd=shop)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert eventflux("replay", "shop.sql", "--input", "Orders=a.csv", "--speed", "fast", cwd=shop).returncode == 3


def test_replay_is_told_what_is_wrong(shop: Path) -> None:
    (shop / "a.csv").write_text("when,id,customer,price\n0,1,a,fifty\n", "utf-8")
    wrong = eventflux("replay", "shop.sql", "--input", "Orders=a.csv", cwd=shop)
    assert wrong.returncode == 4
    assert "a.csv:2: price: could not convert" in wrong.stderr
    (shop / "a.csv").write_text("when,id,customer,price\n0,1,a,50\n", "utf-8")
    untimed = eventflux("replay", "shop.sql", "--input", "Orders=a.csv", cwd=shop)
    assert "row 1 has no timestamp" in untimed.stderr
    named = eventflux("replay", "shop.sql", "--input", "Orders=a.csv", "--timestamp-field", "when", cwd=shop)
    assert named.returncode == 0
    assert eventflux("replay", "shop.sql", "--input", "Orders", cwd=shop).returncode == 3
    assert "no stream 'Odrers'" in eventflux("replay", "shop.sql", "--input", "Odrers=a.csv", cwd=shop).stderr


def test_bench_measures(shop: Path) -> None:
    small = ("--events", "20000", "--batch", "1000", "--repeat", "2")
    done = eventflux("bench", "shop.sql", *small, "--json", "--latency", cwd=shop)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["stream"], result["events"], len(result["rates"])) == ("Orders", 20000, 2)
    # Prices are random between 0 and 1000: all but about one in a hundred are over the limit.
    assert 19_000 < result["rows_out"]["Big"] < 20_000
    assert result["lowest"] <= result["median"] <= result["highest"]
    assert set(result["latency_us"]) == {"p50", "p95", "p99", "max"}
    (shop / "base.json").write_text(done.stdout, "utf-8")
    compared = eventflux("bench", "shop.sql", *small, "--baseline", "base.json", "--fail-below", "1e12", cwd=shop)
    assert compared.returncode == 1
    assert "times the baseline" in compared.stdout
    same = json.loads(
        eventflux("bench", "shop.sql", *small, "--seed", "1", "--threads", "2", "--json", cwd=shop).stdout
    )
    assert same["rows_out"]["Big"] == result["rows_out"]["Big"]


def test_bench_takes_recorded_events(shop: Path) -> None:
    (shop / "a.csv").write_text("ts,id,customer,price\n0,1,a,5\n1,2,b,50\n", "utf-8")
    arguments = (
        "--events",
        "1000",
        "--batch",
        "100",
        "--repeat",
        "1",
        "--warmup",
        "0",
        "--generator",
        "a.csv",
        "--json",
    )
    done = eventflux("bench", "shop.sql", *arguments, cwd=shop)
    assert json.loads(done.stdout)["rows_out"]["Big"] == 500


def test_new_makes_an_app_that_is_valid_and_passes_its_tests(tmp_path: Path) -> None:
    made = eventflux("new", "alarms", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "alarms"
    assert eventflux("validate", cwd=folder).returncode == 0
    assert eventflux("test", cwd=folder).returncode == 0
    assert eventflux("format", "--check", "app.sql", cwd=folder).returncode == 0
    ran = eventflux(
        "run", "--no-summary", cwd=folder, stdin='{"sensor": "a", "value": 120.0}\n{"sensor": "b", "value": 2}\n'
    )
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"sensor": "a", "value": 120.0})
    assert eventflux("new", "alarms", cwd=tmp_path).returncode == 1
    assert eventflux("new", "no name", cwd=tmp_path).returncode == 2


def test_the_kafka_app_passes_its_tests(tmp_path: Path) -> None:
    assert eventflux("init", "orders", "--template", "kafka", cwd=tmp_path).returncode == 0
    done = eventflux("test", cwd=tmp_path / "orders")
    assert done.returncode == 0, done.stdout + done.stderr


def test_explain_shows_one_query_or_one_plan(shop: Path) -> None:
    whole = eventflux("explain", "shop.sql", cwd=shop).stdout
    assert [line for line in whole.splitlines() if line in {"logical plan", "native plan", "drivers"}] == [
        "logical plan",
        "native plan",
        "drivers",
    ]
    native = eventflux("explain", "shop.sql", "--native", cwd=shop).stdout
    assert "logical plan" not in native
    assert "filter" in native
    one = eventflux("explain", "shop.sql", "query2", "--logical", cwd=shop).stdout
    assert "query query2" in one
    assert "query query1" not in one
    document = json.loads(eventflux("explain", "shop.sql", "query1", "--format", "json", cwd=shop).stdout)
    assert document["logical_plan"][0] == "query query1"
    missing = eventflux("explain", "shop.sql", "query9", cwd=shop)
    assert missing.returncode == 1
    assert "there are: query1" in missing.stderr


def test_explain_runs_events_and_shows_what_operators_did(shop: Path) -> None:
    rows = [{"id": n, "customer": "ann", "price": float(n), "timestamp": 1000 + n} for n in range(100)]
    (shop / "orders.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = eventflux("explain", "shop.sql", "--analyze", "Orders=orders.jsonl", "--format", "json", cwd=shop)
    assert done.returncode == 0, done.stderr
    found = {each["operator"]: each for each in json.loads(done.stdout)["operators"]}
    assert (found["query1/filter/0"]["rows_in"], found["query1/filter/0"]["rows_out"]) == (100, 89)
    assert found["query1/filter/0"]["milliseconds"] >= 0
    assert sum(each["milliseconds"] for each in found.values()) > 0
    # a batch that is only counted is held as its one group
    assert [each["rows_held"] for name, each in found.items() if name.startswith("query3/select")] == [1]
    # the only stream that nothing writes into need not be named, and a table shows the same
    table = eventflux("explain", "shop.sql", "query1", "--analyze", "orders.jsonl", cwd=shop).stdout.splitlines()
    assert table[0].split() == [
        "operator",
        "kind",
        "rows",
        "in",
        "rows",
        "out",
        "calls",
        "rows",
        "held",
        "milliseconds",
    ]
    assert all(line.startswith("query1/") for line in table[1:])
    wrong = eventflux("explain", "shop.sql", "--analyze", "Nobody=orders.jsonl", cwd=shop)
    assert wrong.returncode != 0
    assert "Nobody" in wrong.stderr


def test_events_of_no_plain_stream_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(
        "CREATE STREAM A (n INT); CREATE STREAM B (n INT); INSERT INTO C SELECT n FROM A;", "utf-8"
    )
    done = eventflux("explain", "a.sql", "--analyze", "a.jsonl", cwd=tmp_path)
    assert done.returncode == 3
    assert "STREAM=FILE, with one of: A, B" in done.stderr


def test_explain_draws_the_plan(shop: Path) -> None:
    text = eventflux("explain", "shop.sql", "--format", "dot", cwd=shop).stdout
    assert text.startswith('digraph "Shop" {\n')
    assert text.endswith("}\n")
    assert 'label="query query1";' in text
    streams = {line.split()[0] for line in text.splitlines() if "shape=box" in line}
    edges = [tuple(line.strip(" ;").split(" [")[0].split(" -> ")) for line in text.splitlines() if " -> " in line]
    nodes = {line.split()[0] for line in text.splitlines() if "shape=" in line}
    assert edges
    assert all(source in nodes and target in nodes for source, target in edges)
    assert any(source in streams for source, _ in edges)
    if shutil.which("dot"):
        drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=False)
        assert drawn.returncode == 0, drawn.stderr


def test_validate_finds_out_what_cannot_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = "'type' = 'source', 'extension' = 'file', 'file.require.exists' = 'true', 'format' = 'json'"
    apps = {
        "good": f"CREATE STREAM A (n INT) WITH ({file}, 'file.path' = 'there.jsonl');",
        "gone": f"CREATE STREAM B (n INT) WITH ({file}, 'file.path' = 'missing.jsonl');",
        "away": "CREATE STREAM C (n INT) WITH ('type' = 'sink', 'extension' = 'tcp', "
        f"'tcp.url' = 'tcp://127.0.0.1:{port}', 'format' = 'json');",
        "wrong": "CREATE STREAM D (n NUMBERISH);",
    }
    for name, text in apps.items():
        (tmp_path / f"{name}.sql").write_text(text, "utf-8")
    (tmp_path / "there.jsonl").touch()
    assert eventflux("validate", "good.sql", "gone.sql", "away.sql", cwd=tmp_path).returncode == 0
    assert eventflux("validate", "--connect", "good.sql", cwd=tmp_path).returncode == 0
    done = eventflux("validate", "--connect", "good.sql", "gone.sql", "away.sql", cwd=tmp_path)
    assert done.returncode == 5
    assert "gone.sql: source file of stream B" in done.stderr
    assert "away.sql: sink tcp of stream C" in done.stderr
    assert "good.sql" not in done.stderr
    assert eventflux("validate", "--connect", "wrong.sql", cwd=tmp_path).returncode == 1
