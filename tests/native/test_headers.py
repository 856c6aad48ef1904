"""Every header of the engine stands by itself."""

import shlex
import subprocess
import sysconfig
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "eventflux-core" / "native"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Wvla", "-Werror"]
HEADERS = sorted([*(NATIVE / "src").rglob("*.h"), *(NATIVE / "include").rglob("*.h")])


def _check(headers: list[Path]) -> str:
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
    includes = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}", "-isystem", sysconfig.get_paths()["include"]]
    command = [*compiler, "-std=c11", "-D_POSIX_C_SOURCE=200809L", *WARNINGS, "-fsyntax-only", "-x", "c", *includes]
    # Nothing of a header is used here: what is static and unused is no fault of it.
    command += ["-Wno-unused-function", "-Wno-unused-const-variable", *map(str, headers)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_headers_compile_alone() -> None:
    assert HEADERS
    assert _check(HEADERS) == ""


def test_a_header_that_needs_another_is_noticed(tmp_path: Path) -> None:
    alone = tmp_path / "alone.h"
    alone.write_text("static inline uint32_t f(void) { return 1; }\n")
    assert "uint32_t" in _check([alone])


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: str(header.relative_to(NATIVE)))
def test_headers_do_not_know_python(header: Path) -> None:
    if header.name != "host.h":
        assert "Python.h" not in header.read_text()
