"""`eventflux state`, and `eventflux errors replay` of a running app."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.processes import eventflux
from tests.cli.test_operations import running
from tests.needs import lacking

from eventflux import EventFluxManager

APP = """\
@app:name('Shop')
define stream S (a int);
from S#window.length(5) select sum(a) as total insert into O;
"""


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    config = {"persistence": {"type": "file", "path": str(tmp_path / "state"), "revisions_to_keep": 9}}
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(APP)
        runtime.start()
        for number in range(4):
            runtime.input_handler("S").send((number,))
            runtime.persist()
        manager.set_persistence_store(None)
    return tmp_path


def state(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = eventflux("state", *arguments, "--persistence-dir", "state", "--app", "Shop", cwd=folder)
    return done.returncode, done.stdout, done.stderr


def test_revisions_and_their_parts(saved: Path) -> None:
    code, out, _ = state(saved, "list", "--json")
    revisions = json.loads(out)
    assert (code, len(revisions)) == (0, 4)
    assert all(each["revision"].endswith("_Shop") and each["bytes"] > 0 and each["parts"] > 0 for each in revisions)
    parts = json.loads(state(saved, "inspect", "--json")[1])
    assert "length" in {part["kind"] for part in parts}
    changed = json.loads(state(saved, "diff", revisions[0]["revision"], "--json")[1])
    assert {row["change"] for row in changed} == {"changed"}
    first = json.loads(state(saved, "inspect", "--json", "--revision", revisions[0]["revision"])[1])
    assert [part["component"] for part in first] == [part["component"] for part in parts]
    assert state(saved, "inspect", "--revision", "nope")[0] == 6
    assert state(saved, "inspect", "--at", "2001-01-01T00:00:00Z")[0] == 6


def test_what_is_damaged_is_named(saved: Path) -> None:
    assert state(saved, "verify")[0] == 0
    newest = json.loads(state(saved, "list", "--json")[1])[-1]["revision"]
    file = next(path for path in (saved / "state").rglob("*") if path.is_file() and newest in path.name)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    code, out, _ = state(saved, "verify")
    assert code == 6
    assert [line.endswith(": ok") for line in out.splitlines() if line.startswith(newest.split("_")[0][:6])] == [
        True,
        True,
        True,
        False,
    ]
    assert json.loads(state(saved, "list", "--json")[1])[-1]["parts"] == "damaged"


def test_a_state_moves_from_store_to_store(saved: Path) -> None:
    _, revision, _ = state(saved, "export", "one.bin")
    moved = eventflux("state", "import", "one.bin", "--sqlite", "other.db", "--app", "Shop", cwd=saved)
    assert (moved.returncode, moved.stdout) == (0, revision)
    listed = eventflux("state", "list", "--sqlite", "other.db", "--app", "Shop", "--json", cwd=saved)
    assert [each["revision"] for each in json.loads(listed.stdout)] == [revision.strip()]
    wrong = eventflux("state", "import", "one.bin", "--sqlite", "other.db", "--app", "Other", cwd=saved)
    assert wrong.returncode == 6
    assert state(saved, "prune", "--keep", "1")[1] == "3 revisions deleted\n"
    assert len(json.loads(state(saved, "list", "--json")[1])) == 1
    assert eventflux("state", "list", "--app", "Shop", cwd=saved).returncode == 3


def test_failed_events_are_replayed_in_a_running_app(tmp_path: Path) -> None:
    gate = tmp_path / "closed"
    gate.write_text("", "utf-8")
    body = f"import os\n    if os.path.exists({str(gate)!r}): raise ValueError('the gate is closed')\n"
    body += "    return data[0] // 2"
    text = (
        "@app:name('Shop') @OnError(action='STORE') define stream S (a int);\n"
        f"define function half[python] return int {{\n    {body}\n}};\n"
        "from S select half(a) as h insert into O;\n"
    )
    (tmp_path / "shop.sql").write_text(text, "utf-8")
    settings = ("error_store.type=sqlite", "error_store.path=errors.db", "observability.http.control=true")
    overrides = [part for each in settings for part in ("--set", each)]
    with running(tmp_path, *overrides, "--print", "O") as app:
        url = f"http://127.0.0.1:{app.port}"
        assert eventflux("send", "S", "[[2], [4], [6]]", "--url", url).stdout == "3 accepted\n"
        listed = eventflux("errors", "list", "--store", "errors.db", "--output", "json", cwd=tmp_path)
        entries = json.loads(listed.stdout)
        assert [entry["stream"] for entry in entries] == ["S"] * 3
        assert all("the gate is closed" in entry["cause"] for entry in entries)
        shown = eventflux("errors", "show", "--store", "errors.db", "--id", str(entries[0]["id"]), cwd=tmp_path)
        assert json.loads(shown.stdout)["events"][0]["data"] == [2]
        discarded = eventflux("errors", "discard", "--store", "errors.db", "--id", str(entries[2]["id"]), cwd=tmp_path)
        assert discarded.stdout == "1 entries discarded\n"
        gate.unlink()
        replayed = eventflux("errors", "replay", "--url", url, cwd=tmp_path)
        assert replayed.stdout == "2 entries replayed\n", replayed.stderr
        left = eventflux("errors", "list", "--store", "errors.db", "--output", "json", cwd=tmp_path)
        assert json.loads(left.stdout) == []
        app.process.terminate()
        out, _ = app.process.communicate(timeout=60)
    assert [line.split(" ")[-1] for line in out.splitlines()] == ["[1]", "[2]"]
    assert eventflux("errors", "replay").returncode == 2


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    server = shutil.which("redis-server")
    if server is None or importlib.util.find_spec("eventflux_redis") is None:
        lacking("Redis", "apt-get install redis-server, python -m pip install ./eventflux-redis")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [server, "--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.service
def test_state_in_redis(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "shop.sql").write_text(
        "@app:name('Shop') @source(type='stdin', @map(type='json')) define stream S (a int);\n"
        "@sink(type='stdout', @map(type='json')) define stream O (total long);\n"
        "from S select sum(a) as total insert into O;\n",
        "utf-8",
    )
    plugin = ("-e", "eventflux_redis.plugin")
    for wanted in (3, 6):
        done = eventflux(
            "run", "shop.sql", "--redis", redis_url, "--http-port", "off", *plugin, cwd=tmp_path, stdin='{"a": 3}\n'
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"total": wanted}
    listed = eventflux("state", "list", "--redis", redis_url, "--app", "Shop", "--json", *plugin, cwd=tmp_path)
    assert len(json.loads(listed.stdout)) == 2
    nobody = eventflux("run", "shop.sql", "--redis", "redis://127.0.0.1:9", "--http-port", "off", *plugin, cwd=tmp_path)
    assert nobody.returncode in {5, 6}
    assert "Traceback" not in nobody.stderr
