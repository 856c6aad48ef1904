"""Shells and terminals: completion, the live view, colours."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.processes import environment, eventflux
from tests.needs import lacking

APP = """\
@app:name('Shop')
CREATE STREAM Orders (id INT) WITH ('type'='source', 'extension'='file', 'format'='json', 'file.path'='in.jsonl');
CREATE STREAM Buffered (id INT) WITH ('async.enabled'='true');
INSERT INTO Buffered SELECT id FROM Orders;
INSERT INTO Counted SELECT COUNT(*) AS n FROM Buffered;
"""


def on_a_terminal(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What a command shows on a terminal."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "eventflux_cli", *arguments],
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        cwd=folder,
        env=environment({"TERM": "xterm-256color", "COLUMNS": "120", **(env or {})}),
    )
    os.close(secondary)
    shown = bytearray()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([primary], [], [], 0.1)[0]:
            try:
                data = os.read(primary, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        elif process.poll() is not None:
            break
    process.wait(timeout=10)
    os.close(primary)
    return shown.decode(errors="replace")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.sql").write_text(APP, "utf-8")
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(1000)), "utf-8")
    return tmp_path


def test_the_live_view_shows_streams_rates_buffers_and_connections(shop: Path) -> None:
    shown = on_a_terminal(
        shop, "run", "shop.sql", "--live", "--duration", "1.5", "--http-port", "off", "--log-level", "error"
    )
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "running" in plain
    for name in ("Orders", "Buffered", "Counted", "source/Orders/file/0", "connected", "events/s", "p99"):
        assert name in plain, plain
    assert re.search(r"Orders\s+1,000", plain)


def test_off_a_terminal_there_is_no_live_view(shop: Path) -> None:
    done = eventflux("run", "shop.sql", "--live", "--duration", "0.5", "--http-port", "off", cwd=shop)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_colours_only_where_they_are_wanted(shop: Path) -> None:
    (shop / "shop.test.yaml").write_text("steps: [{send: Orders, row: [1]}]\nexpect: {Buffered: [[1]]}\n", "utf-8")
    assert "\x1b[32mPASS" in on_a_terminal(shop, "test")
    assert "\x1b[32m" not in on_a_terminal(shop, "test", env={"NO_COLOR": "1"})
    assert "\x1b[32mPASS" in eventflux("test", "--color", "always", cwd=shop).stdout
    assert "\x1b" not in eventflux("test", cwd=shop).stdout


def completed(line: str) -> list[str]:
    """What bash offers at the end of a line."""
    script = eventflux("completion", "bash").stdout
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    call = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _eventflux"
    ask = f"{script}\n{call}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, timeout=60, cwd="/")
    return done.stdout.split()


def test_bash_completes_commands_options_and_values() -> None:
    if shutil.which("bash") is None:
        lacking("bash", "apt-get install bash")
    assert completed("eventflux va") == ["validate"]
    assert {"run", "test", "config", "completion"} <= set(completed("eventflux "))
    assert completed("eventflux run --persist") == ["--persistence-dir"]
    assert completed("eventflux run --log-level ") == ["debug", "info", "warning", "error"]
    assert completed("eventflux config val") == ["validate"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_that_they_read(shell: str) -> None:
    script = eventflux("completion", shell).stdout
    assert "persistence-dir" in script
    if shutil.which(shell) is None:
        lacking(shell, f"apt-get install {shell}")
    check = {"zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}[shell]
    done = subprocess.run(check, input=script, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_command_has_help_that_says_what_it_does() -> None:
    listed = eventflux("--help").stdout
    names = re.findall(r"^  ([a-z]+) {2,}", listed.partition("commands:")[2], re.MULTILINE)
    assert len(names) > 12
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md").read_text()
    for name in names:
        done = eventflux(name, "--help")
        assert done.returncode == 0, done.stderr
        assert f"eventflux {name}" in page or name == "init", f"{name} is not in docs/reference/command-line.md"
