"""A running app as those see it who operate it: metrics, probes, signals, logs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.processes import eventflux, start

APP = """\
@app:name('Shop')
CREATE STREAM Orders (id INT, price DOUBLE)
  WITH ('type'='source', 'extension'='file', 'format'='json', 'file.path'='in.jsonl', 'file.poll.interval.ms'='20');
CREATE STREAM Big (id INT) WITH ('type'='sink', 'extension'='file', 'format'='json', 'file.path'='out.jsonl');
CREATE STREAM Buffered (id INT) WITH ('async.enabled'='true', 'async.buffer_size'='64');
CREATE TABLE Seen (id INT PRIMARY KEY, price DOUBLE);
@info(name='big') INSERT INTO Big SELECT id FROM Orders WHERE price > 10;
INSERT INTO Seen SELECT id, price FROM Orders;
INSERT INTO Counted SELECT COUNT(*) AS n FROM Orders;
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.sql").write_text(APP, "utf-8")
    feed(tmp_path, 1, 100)
    return tmp_path


def feed(folder: Path, first: int, last: int) -> None:
    with (folder / "in.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": number, "price": float(number)}) + "\n" for number in range(first, last + 1))


class App:
    """A running app: its process, and what it said on standard error so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        self.said: list[str] = []
        self.port = 0
        for line in process.stderr:
            self.said.append(line)
            found = re.search(r"http://[^:]+:(\d+)/metrics", line)
            if found:
                self.port = int(found[1])
                return
        raise AssertionError("".join(self.said))

    def get(self, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def json(self, path: str, body: bytes | None = None) -> Any:
        return json.loads(self.get(path, body=body)[1])

    def metric(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        assert found, self.get("/metrics")[1]
        return float(found[1])

    def until(self, name: str, value: float) -> None:
        deadline = time.monotonic() + 30
        while self.metric(name) != value:
            assert time.monotonic() < deadline, self.get("/metrics")[1]
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=60)
        return self.process.returncode, "".join(self.said) + rest


@contextmanager
def running(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[App]:
    process = start("run", "shop.sql", "--http-port", "0", *arguments, cwd=folder, env=env)
    try:
        yield App(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


SENT = 'eventflux_stream_events_total{app="Shop",stream="Orders"}'


def test_metrics_are_what_was_sent(shop: Path) -> None:
    with running(shop, "--set", "observability.metrics.labels.zone=a") as app:
        app.until('eventflux_stream_events_total{app="Shop",zone="a",stream="Orders"}', 100)
        constant = 'app="Shop",zone="a"'
        assert app.metric(f'eventflux_query_events_in_total{{{constant},query="big"}}') == 100
        assert app.metric(f'eventflux_query_events_out_total{{{constant},query="big"}}') == 90
        assert app.metric(f'eventflux_source_events_total{{{constant},stream="Orders",type="file"}}') == 100
        assert app.metric(f'eventflux_sink_events_total{{{constant},stream="Big",type="file"}}') == 90
        assert app.metric(f'eventflux_source_connected{{{constant},stream="Orders",type="file"}}') == 1
        assert app.metric(f'eventflux_table_rows{{{constant},table="Seen"}}') == 100
        assert app.metric(f'eventflux_stream_buffer_capacity{{{constant},stream="Buffered"}}') == 64
        assert app.metric(f'eventflux_app_state{{{constant},state="running"}}') == 1
        assert app.metric(f"eventflux_uptime_seconds{{{constant}}}") > 0
        status, text = app.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
        assert (status, text.splitlines()[-1]) == (200, "# EOF")
        assert "# TYPE eventflux_stream_events counter" in text


def test_the_text_is_what_prometheus_reads(shop: Path) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    open_metrics = pytest.importorskip("prometheus_client.openmetrics.parser")
    with running(shop) as app:
        app.until(SENT, 100)
        families = {family.name: family for family in parser.text_string_to_metric_families(app.get("/metrics")[1])}
        assert families["eventflux_stream_events"].type == "counter"
        assert {sample.labels["app"] for family in families.values() for sample in family.samples} == {"Shop"}
        text = app.get("/metrics", {"Accept": "application/openmetrics-text"})[1]
        assert {family.name for family in open_metrics.text_string_to_metric_families(text)} == set(families)


def test_probes_in_each_phase(shop: Path) -> None:
    with running(shop, "--set", "observability.http.control=true") as app:
        app.until(SENT, 100)
        assert app.get("/live") == (200, '{"status": "alive"}')
        assert app.get("/ready") == (200, '{"status": "ready", "reasons": []}')
        health = app.json("/health")
        assert (health["status"], health["state"], health["queries_running"]) == ("healthy", "running", 3)
        assert health["checks"]["source/Orders/file/0"] == {"status": "healthy", "message": "connected"}
        assert app.json("/pause", b"")["state"] == "paused"
        assert app.get("/ready")[0] == 503
        assert app.json("/ready")["reasons"][0] == "the app is paused"
        assert app.json("/health")["status"] == "degraded"
        assert app.get("/health")[0] == 200
        assert app.json("/resume", b"")["state"] == "running"
        assert app.get("/ready")[0] == 200
        assert app.get("/nothing")[0] == 404


def test_a_sink_that_is_not_there_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text(
        "from eventflux import ConnectionUnavailableError\n"
        "from eventflux.extension import Sink, extension\n"
        "@extension(name='away', kind='sink', description='Not there.')\n"
        "class Away(Sink):\n"
        "    def configure(self, ctx): pass\n"
        "    def connect(self): raise ConnectionUnavailableError('nobody is there')\n"
        "    def disconnect(self): pass\n"
        "    def publish(self, payloads, dynamic): pass\n"
        "def eventflux_register_sinks(registry): registry.register(Away)\n",
        "utf-8",
    )
    (tmp_path / "shop.sql").write_text(
        "@app:name('Shop') CREATE STREAM S (a INT); "
        "CREATE STREAM O (a INT) WITH ('type'='sink', 'extension'='away', 'format'='json'); "
        "INSERT INTO O SELECT a FROM S;",
        "utf-8",
    )
    with running(tmp_path, "-e", "away.py") as app:
        assert app.get("/ready")[0] == 503
        assert app.json("/ready")["reasons"] == ["sink/O/away/0 is retrying"]
        assert app.json("/health")["status"] == "degraded"
        assert app.get("/live")[0] == 200


def test_control_is_off_unless_it_is_switched_on(shop: Path) -> None:
    with running(shop) as app:
        assert app.get("/query", body=b"SELECT * FROM Seen")[0] == 403
    with running(
        shop, "--set", "observability.http.control=true", "--set", "observability.http.control_token=t0p"
    ) as app:
        assert app.get("/query", body=b"SELECT * FROM Seen")[0] == 401
        app.until(SENT, 100)
        text = "SELECT id FROM Seen WHERE id < 3 ORDER BY id"
        status, answer = app.get("/query", {"X-EventFlux-Token": "t0p"}, text.encode())
        assert (status, json.loads(answer)) == (200, {"columns": ["id"], "rows": [[1], [2]]})
        info = app.json("/info")
        assert info["configuration"]["observability"]["http"]["control_token"] == "****"
        assert (info["apps"][0]["name"], info["apps"][0]["state"]) == ("Shop", "running")


def test_query_send_and_tail_of_a_running_app(shop: Path) -> None:
    with running(shop, "--set", "observability.http.control=true") as app:
        app.until(SENT, 100)
        url = f"http://127.0.0.1:{app.port}"
        found = eventflux("query", "SELECT id FROM Seen WHERE id = 7", "--url", url, "--output", "json")
        assert json.loads(found.stdout) == [{"id": 7}]
        refused = eventflux("query", "SELECT * FROM Nope", "--url", url)
        assert refused.returncode == 4
        assert "Nope" in refused.stderr
        tail = start("tail", "Big", "--url", url, "--limit", "2")
        sent = 0
        deadline = time.monotonic() + 30
        while tail.poll() is None and time.monotonic() < deadline:
            done = eventflux("send", "Orders", f"[[{1000 + sent}, 99.0]]", "--url", url)
            assert (done.returncode, done.stdout) == (0, "1 accepted\n")
            sent += 1
        out, _ = tail.communicate(timeout=30)
        assert [sorted(json.loads(line)) for line in out.splitlines()] == [["data", "timestamp"]] * 2
        wrong = eventflux("send", "Orders", '[["x", 1]]', "--url", url)
        assert wrong.returncode == 4
        assert "Orders" in wrong.stderr


def test_sigterm_under_load_loses_nothing(shop: Path) -> None:
    with running(shop, "--persistence-dir", "state") as app:
        app.until(SENT, 100)
        feed(shop, 101, 30_000)
        time.sleep(0.05)
        code, said = app.end()
        assert code == 0, said
    taken = (shop / "out.jsonl").read_text("utf-8").splitlines()
    with running(shop, "--persistence-dir", "state") as app:
        assert "revision" in "".join(app.said)
        app.until('eventflux_query_events_out_total{app="Shop",query="big"}', 29_990 - len(taken))
        code, said = app.end(signal.SIGINT)
        assert code == 0, said
    ids = [json.loads(line)["id"] for line in (shop / "out.jsonl").read_text("utf-8").splitlines()]
    assert ids == list(range(11, 30_001))


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "from eventflux.extension import Sink, extension, Parameter\n"
        "@extension(name='slow', kind='sink', description='Never done.', default_format='json')\n"
        "class Slow(Sink):\n"
        "    def configure(self, ctx): pass\n"
        "    def connect(self): pass\n"
        "    def disconnect(self): time.sleep(60)\n"
        "    def publish(self, payloads, dynamic): pass\n"
        "def eventflux_register_sinks(registry): registry.register(Slow)\n",
        "utf-8",
    )
    (tmp_path / "shop.sql").write_text(
        "@app:name('Shop') CREATE STREAM S (a INT); "
        "CREATE STREAM O (a INT) WITH ('type'='sink', 'extension'='slow', 'format'='json'); "
        "INSERT INTO O SELECT a FROM S;",
        "utf-8",
    )
    with running(tmp_path, "-e", "slow.py") as app:
        app.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert app.process.poll() is None
        assert app.get("/ready")[0] == 503
        assert app.json("/health")["state"] == "draining"
        assert app.end()[0] == 130
    with running(tmp_path, "-e", "slow.py", "--set", "runtime.shutdown_timeout=200ms") as app:
        code, said = app.end()
        assert code == 4
        assert "could not be drained in time" in said


def test_usr1_saves_and_usr2_dumps(shop: Path) -> None:
    with running(shop, "--persistence-dir", "state") as app:
        app.until(SENT, 100)
        app.process.send_signal(signal.SIGUSR1)
        app.until('eventflux_checkpoint_total{app="Shop",result="success"}', 1)
        assert app.metric('eventflux_checkpoint_bytes{app="Shop"}') > 0
        app.process.send_signal(signal.SIGUSR2)
        time.sleep(0.5)
        _, said = app.end()
    assert "native plan" in said
    assert "MainThread" in said


def test_logs_are_json_lines_off_a_terminal_and_hold_no_secrets(shop: Path) -> None:
    secret = {"SECRET": "hunter2hunter2"}
    with running(
        shop, "--set", "redis.password='${SECRET}'", "--persistence-dir", "state", "--define", "X=1", env=secret
    ) as app:
        app.until(SENT, 100)
        _, said = app.end()
    records = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    messages = [record["message"] for record in records]
    assert any(re.fullmatch(r"app 'Shop': revision \d+_Shop saved, \d+ bytes", message) for message in messages)
    assert all(record["app"] == "Shop" and record["timestamp"].endswith("Z") for record in records)
    assert {"level", "logger"} <= set(records[0])
    assert "hunter2" not in said


def test_log_lines_for_people_and_into_files(shop: Path) -> None:
    with running(shop, "--log-format", "console", "--set", "observability.logging.output=app.log") as app:
        app.until(SENT, 100)
        app.end()
    assert re.search(r"INFO eventflux.runtime: app 'Shop' runs", (shop / "app.log").read_text("utf-8"))


def test_a_restored_revision_can_be_chosen(shop: Path) -> None:
    for last in (100, 200):
        with running(shop, "--persistence-dir", "state") as app:
            app.until('eventflux_table_rows{app="Shop",table="Seen"}', last)
            assert app.end()[0] == 0
        feed(shop, last + 1, last + 100)
    revisions = sorted(path.name for path in (shop / "state").rglob("*_Shop*"))
    first = re.match(r"\d+_Shop", revisions[0])[0]
    (shop / "in.jsonl").write_text("", "utf-8")
    with running(shop, "--persistence-dir", "state", "--restore", first) as app:
        assert f"revision {first} restored" in "".join(app.said)
        assert app.metric('eventflux_table_rows{app="Shop",table="Seen"}') == 100
    missing = eventflux("run", "shop.sql", "--persistence-dir", "state", "--restore", "nope", cwd=shop)
    assert missing.returncode == 6
    assert "no revision 'nope'" in missing.stderr
    early = eventflux("run", "shop.sql", "--persistence-dir", "state", "--restore", "2001-01-01T00:00:00Z", cwd=shop)
    assert early.returncode == 6


def test_watch_goes_on_with_the_new_text(shop: Path) -> None:
    with running(shop, "--watch") as app:
        app.until(SENT, 100)
        (shop / "shop.sql").write_text("SELEC nonsense;", "utf-8")
        time.sleep(1.0)
        feed(shop, 101, 110)
        app.until('eventflux_table_rows{app="Shop",table="Seen"}', 110)
        (shop / "shop.sql").write_text(APP.replace("price > 10", "price > 115"), "utf-8")
        time.sleep(1.0)
        feed(shop, 111, 120)
        app.until('eventflux_table_rows{app="Shop",table="Seen"}', 120)
        assert app.metric('eventflux_query_events_out_total{app="Shop",query="big"}') == 5
        code, said = app.end()
        assert code == 0
        assert "changed, but wrong: goes on as before" in said


def test_an_explicit_port_that_is_taken_is_an_error(shop: Path) -> None:
    with running(shop) as app:
        taken = eventflux("run", "shop.sql", "--http-port", str(app.port), cwd=shop)
        assert taken.returncode == 5
        assert "cannot listen" in taken.stderr
        assert eventflux("run", "shop.sql", "--http-port", "many", cwd=shop).returncode == 3


def test_ends_by_themselves(shop: Path) -> None:
    for arguments in (("--until-idle", "300ms"), ("--duration", "500ms"), ("--limit", "50")):
        done = eventflux("run", "shop.sql", "--http-port", "off", *arguments, cwd=shop)
        assert done.returncode == 0, done.stderr
        assert "Shop: 100 events in, 90 out" in done.stderr


def test_one_process_runs_one_app(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.sql").write_text(f"@app:name('{name.upper()}') CREATE STREAM S (x INT);", "utf-8")
    done = eventflux("run", "a.sql", "b.sql", cwd=tmp_path)
    assert done.returncode == 2
    assert "one process runs one app; these are A, B" in done.stderr
    both = eventflux("run", "a.sql", "--sqlite", "x", "--persistence-dir", "y", cwd=tmp_path)
    assert both.returncode == 2
