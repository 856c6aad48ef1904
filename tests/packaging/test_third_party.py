"""Wheels of this repository and a third party's plug-in, installed into an environment with nothing else in it."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LD_PRELOAD", "PYTHONMALLOC")}


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=CLEAN, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheels and the plug-in."""
    folder = tmp_path_factory.mktemp("third-party")
    wheels = folder / "wheels"
    sources = [ROOT / "eventflux-core", ROOT / "plugin-template"]
    _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, *sources, cwd=folder)
    venv.create(folder / "environment", with_pip=True)
    interpreter = folder / "environment" / "bin" / "python"
    _run(interpreter, "-m", "pip", "install", "-q", *sorted(wheels.glob("*.whl")), cwd=folder)
    return interpreter


@pytest.mark.timeout(300)
def test_core_imports_from_its_wheel_with_its_required_dependencies_alone(python: Path, tmp_path: Path) -> None:
    code = "import eventflux, eventflux.extension, eventflux.engine._native as native; print(native.__file__)"
    assert str(python.parents[1]) in _run(python, "-c", code, cwd=tmp_path)


@pytest.mark.timeout(300)
def test_plug_in_is_found_through_its_entry_point(python: Path, tmp_path: Path) -> None:
    code = (
        "from eventflux.extension import PluginManager; registry = PluginManager().registry;"
        "print([info.distribution for info in registry.infos() if info.namespace == 'example'])"
    )
    assert _run(python, "-c", code, cwd=tmp_path).strip() == "['eventflux-example', 'eventflux-example']"


@pytest.mark.timeout(300)
def test_tests_of_the_plug_in_pass_where_only_wheels_are_installed(python: Path, tmp_path: Path) -> None:
    _run(python, "-m", "pip", "install", "-q", "pytest", cwd=tmp_path)
    tests = shutil.copytree(ROOT / "plugin-template" / "tests", tmp_path / "tests")
    assert "6 passed" in _run(python, "-m", "pytest", "-q", tests, cwd=tmp_path)
