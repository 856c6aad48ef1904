"""`eventflux new`: what it makes works, and copier makes the same."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.processes import environment, eventflux
from tests.needs import lacking

ROOT = Path(__file__).resolve().parents[2]
COMPILER = shutil.which("cc") or shutil.which("gcc")


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".copier-answers.yml"
    }


@pytest.mark.parametrize("template", ["basic", "kafka", "plugin", "c-plugin"])
def test_copier_makes_the_same(tmp_path: Path, template: str) -> None:
    if importlib.util.find_spec("copier") is None:
        lacking("copier", "python -m pip install copier")
    assert eventflux("new", "my-thing", "--template", template, cwd=tmp_path).returncode == 0
    command = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", "--trust", "--data", "name=my-thing"]
    subprocess.run([*command, str(ROOT / "templates" / template), str(tmp_path / "other")], check=True, timeout=120)
    made = files_of(tmp_path / "my-thing")
    assert made
    assert files_of(tmp_path / "other") == made
    assert not any("{{" in text for name, text in made.items() if not name.endswith((".c", ".sql")))


@pytest.mark.parametrize("template", ["plugin", "c-plugin"])
def test_a_plug_in_is_built_and_passes_its_tests(tmp_path: Path, template: str) -> None:
    if template == "c-plugin" and COMPILER is None:
        lacking("C compiler", "apt-get install gcc libc6-dev")
    assert eventflux("new", "my-plugin", "--template", template, cwd=tmp_path).returncode == 0
    folder = tmp_path / "my-plugin"
    place = tmp_path / "installed"
    # As `pip install .`, into a folder of its own; what it needs is there already.
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*install, "--target", str(place), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    env = environment()
    env["PYTHONPATH"] = f"{place}:{env.get('PYTHONPATH', '')}"
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "tests"]
    ran = subprocess.run(tests, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    listed = eventflux("extensions", "my_plugin:lastRows", env={"PYTHONPATH": env["PYTHONPATH"]})
    assert "window my_plugin:lastRows (my-plugin)" in listed.stdout
