"""The build of the native module, on a tree of two sources."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "pyproject.toml": 'version = "1.2.3"\n',
    "native/src/version.h": "const char *ef_version(void);\n",
    "native/src/version.c": '#include "version.h"\nconst char *ef_version(void) { return EF_VERSION; }\n',
    "native/src/area/answer.h": "int answer(void);\n",
    "native/src/area/answer.c": '#include "area/answer.h"\nint answer(void) { return 42; }\n',
    "native/cdef/a.cdef.h": '#include "version.h"\nconst char *ef_version(void);\n',
    "native/cdef/b.cdef.h": '#include "area/answer.h"\nint answer(void);\n',
    "native/testing/probe.h": "int probe(void);\n",
    "native/testing/probe.c": '#include "testing/probe.h"\nint probe(void) { return 7; }\n',
    "native/cdef_testing/probe.cdef.h": '#include "testing/probe.h"\nint probe(void);\n',
}


@pytest.fixture
def build_ffi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build script, looking at a small tree of its own."""
    for name in [name for name in os.environ if name.startswith("EVENTFLUX_")]:
        monkeypatch.delenv(name)
    # No compiler may be loaded with a sanitizer for this.
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    spec = importlib.util.spec_from_file_location("build_ffi", ROOT / "eventflux-core" / "native" / "build_ffi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "build_ffi", module)
    spec.loader.exec_module(module)
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    monkeypatch.setattr(module, "NATIVE", tmp_path / "native")
    return module


def _build(build_ffi: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, testing: bool = False) -> int:
    """How many objects a build compiled."""
    time.sleep(0.02)  # the clock of the file system ticks more slowly than the test
    build_ffi.build(tmp_path / "out", testing=testing, jobs=2)
    line = capsys.readouterr().out.splitlines()[-1]
    return int(line.split(": ")[1].split()[0])


def _call(folder: Path, module: str, expression: str) -> str:
    code = f"from {module} import ffi, lib; print({expression})"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_build_compiles_only_what_changed(
    build_ffi: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _build(build_ffi, tmp_path, capsys) == 3  # two sources and the generated module
    assert _build(build_ffi, tmp_path, capsys) == 0
    (tmp_path / "native/src/area/answer.h").touch()
    assert _build(build_ffi, tmp_path, capsys) == 2  # the source and the generated module include it
    (tmp_path / "native/src/area/answer.c").write_text('#include "area/answer.h"\nint answer(void) { return 43; }\n')
    assert _build(build_ffi, tmp_path, capsys) == 1
    assert _call(tmp_path / "out", "_native", "lib.answer()") == "43"


def test_the_module_reports_the_version_of_the_distribution(
    build_ffi: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _build(build_ffi, tmp_path, capsys)
    assert _call(tmp_path / "out", "_native", "ffi.string(lib.ef_version()).decode()") == "1.2.3"
    (tmp_path / "pyproject.toml").write_text('version = "1.2.4"\n')
    assert _build(build_ffi, tmp_path, capsys) == 1
    assert _call(tmp_path / "out", "_native", "ffi.string(lib.ef_version()).decode()") == "1.2.4"


def test_the_testing_module_adds_its_own_functions_to_the_same_objects(
    build_ffi: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _build(build_ffi, tmp_path, capsys)
    assert _build(build_ffi, tmp_path, capsys, testing=True) == 2  # its source and its generated module
    assert _call(tmp_path / "out", "_native_testing", "lib.probe() + lib.answer()") == "49"
    assert _call(tmp_path / "out", "_native", "hasattr(lib, 'probe')") == "False"


def test_a_declaration_that_disagrees_with_its_header_fails_the_build(
    build_ffi: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "native/cdef/b.cdef.h").write_text('#include "area/answer.h"\nint *answer(void);\n')
    with pytest.raises(build_ffi.BuildError):
        _build(build_ffi, tmp_path, capsys)


def test_sanitizers_have_a_folder_of_their_own(build_ffi: ModuleType) -> None:
    flavour = build_ffi.Flavour.from_environment({"EVENTFLUX_SANITIZE": "address,undefined"})
    assert flavour.name != build_ffi.Flavour.from_environment({}).name
    assert "-fsanitize=address,undefined" in flavour.code_generation
