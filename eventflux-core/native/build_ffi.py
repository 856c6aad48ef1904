"""Builds the compiled modules of `eventflux.engine`.

`_native` is cffi (API mode, limited API) over everything below `native/src`; `_native_testing` is the same objects plus
`native/testing`, with internal functions declared, for the tests only. Both come from one build path, used by
`setup.py` for wheels and by developers:

    python eventflux-core/native/build_ffi.py --inplace            # _native, next to the sources
    python eventflux-core/native/build_ffi.py --inplace --testing  # and _native_testing

An object is compiled again when its source, a header it includes, or its command line has changed. Objects lie in
`native/_build/<flavour>`, so that sanitizer, debug and release builds do not disturb each other.

Files of `cdef/` and `cdef_testing/` are concatenated in the order of their names. Their `#include` lines go to the C
side of the generated module, everything else is what cffi parses.

Environment: CC, CFLAGS, LDFLAGS; EVENTFLUX_WERROR=1 (warnings are errors), EVENTFLUX_DEBUG=1 (assertions, no
optimisation), EVENTFLUX_SANITIZE=address,undefined, EVENTFLUX_COVERAGE=1, EVENTFLUX_LTO=1 (optimise across files, as
setup.py does for wheels on Linux), EVENTFLUX_BUILD_TESTING=1 (as --testing), EVENTFLUX_JOBS=n.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cffi

NATIVE = Path(__file__).resolve().parent
PACKAGE = NATIVE.parent
ENGINE = PACKAGE / "src" / "eventflux" / "engine"
MODULE = "eventflux.engine._native"
TESTING_MODULE = "eventflux.engine._native_testing"
LIMITED_API = "0x030A0000"

WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Wvla")
# A cdef that disagrees with its header must fail the build: these two are what the C compiler says of it.
MISMATCHES = ("-Werror=incompatible-pointer-types", "-Werror=int-conversion")


class BuildError(Exception):
    """The compiler or the linker refused; its output has been printed."""


@dataclass(frozen=True)
class Flavour:
    """What distinguishes one build from another: read from the environment once."""

    sanitize: str = ""
    debug: bool = False
    coverage: bool = False
    lto: bool = False
    werror: bool = False
    limited_api: bool = True

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Flavour:
        def is_set(name: str) -> bool:
            return environment.get(name, "") not in ("", "0")

        sanitize = environment.get("EVENTFLUX_SANITIZE", "").strip()
        debug, coverage = is_set("EVENTFLUX_DEBUG"), is_set("EVENTFLUX_COVERAGE")
        return cls(
            sanitize=sanitize,
            debug=debug,
            coverage=coverage,
            lto=is_set("EVENTFLUX_LTO") and not (sanitize or debug or coverage),
            werror=is_set("EVENTFLUX_WERROR"),
            limited_api=not sysconfig.get_config_var("Py_GIL_DISABLED"),
        )

    @property
    def name(self) -> str:
        parts = []
        if self.sanitize:
            parts.append(self.sanitize.replace(",", "-"))
        parts += [part for part in ("debug", "coverage", "lto") if getattr(self, part)]
        parts = parts or ["release"]
        return "-".join(parts if self.limited_api else [*parts, sysconfig.get_config_var("SOABI") or "full-api"])

    @property
    def suffix(self) -> str:
        """File name suffix of a module; `.abi3.so` loads on every Python from 3.10."""
        return ".abi3.so" if self.limited_api else str(sysconfig.get_config_var("EXT_SUFFIX"))

    @property
    def code_generation(self) -> list[str]:
        flags = ["-std=c11", "-fPIC", "-pthread", "-fvisibility=hidden", "-D_POSIX_C_SOURCE=200809L"]
        # The same bits everywhere: no fused multiply-add. Pages hold rows of any type: no type-based aliasing.
        flags += ["-ffp-contract=off", "-fno-math-errno", "-fno-strict-aliasing"]
        if self.sanitize:
            flags += ["-O1", "-g", "-fno-omit-frame-pointer", f"-fsanitize={self.sanitize}", "-DEF_DEBUG=1"]
            if "undefined" in self.sanitize:
                flags.append("-fno-sanitize-recover=undefined")
        elif self.debug:
            flags += ["-O0", "-g", "-DEF_DEBUG=1"]
        elif self.coverage:
            flags += ["-O0", "-g", "--coverage", "-DEF_DEBUG=1"]
        else:
            flags += ["-O3", "-DNDEBUG"]
        if self.lto:
            flags.append("-flto=auto")
        if self.limited_api:
            flags.append(f"-DPy_LIMITED_API={LIMITED_API}")
        return flags

    @property
    def warnings(self) -> list[str]:
        # What a sanitizer makes of the code draws warnings that the code itself does not.
        return [*WARNINGS, *MISMATCHES, *(["-Werror"] if self.werror and not self.sanitize else [])]


def version() -> str:
    """The version of the distribution, which the compiled module reports as its own."""
    found = re.search(r'^version = "([^"]+)"', (PACKAGE / "pyproject.toml").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError("pyproject.toml has no version")
    return found.group(1)


def cdef_files(*, testing: bool) -> list[Path]:
    folders = ["cdef", "cdef_testing"] if testing else ["cdef"]
    return [file for folder in folders for file in sorted((NATIVE / folder).glob("*.cdef.h"))]


def make_ffi(module: str, *, testing: bool) -> cffi.FFI:
    """The cffi builder of a module: declarations from the cdef files, includes from their `#include` lines."""
    declarations: list[str] = []
    includes: list[str] = []
    for file in cdef_files(testing=testing):
        for line in file.read_text().splitlines():
            is_include = line.lstrip().startswith("#include")
            (includes if is_include else declarations).append(line)
    ffi = cffi.FFI()
    ffi.cdef("\n".join(declarations))
    ffi.set_source(module, "\n".join(dict.fromkeys(includes)) + "\n")
    return ffi


def generate(module: str, target: Path, *, testing: bool) -> None:
    """Write the C source of a module, unless nothing it depends on has changed (parsing a cdef takes a second)."""
    digest = hashlib.sha256(cffi.__version__.encode())
    for file in [Path(__file__), *cdef_files(testing=testing)]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    stamp = target.with_suffix(".stamp")
    if target.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    make_ffi(module, testing=testing).emit_c_code(str(target))
    stamp.write_text(digest.hexdigest())


def dependencies(file: Path) -> list[Path]:
    """The prerequisites listed in a make-style dependency file."""
    text = file.read_text().replace("\\\n", " ")
    return [Path(name.replace("\\ ", " ")) for name in re.split(r"(?<!\\)\s+", text.partition(":")[2]) if name]


def is_current(target: Path, inputs: Iterable[Path], command: list[str]) -> bool:
    """Whether `target` was made by this command and is no older than any input."""
    record = target.with_name(target.name + ".cmd")
    if not target.exists() or not record.exists() or record.read_text() != shlex.join(command):
        return False
    made = target.stat().st_mtime_ns
    return all(file.exists() and file.stat().st_mtime_ns <= made for file in inputs)


def run(command: list[str], target: Path) -> None:
    """Run one compiler command and note it beside its output."""
    # The output must not look newer than a source that is saved while the compiler reads it.
    started = time.time_ns()
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.stdout:
        sys.stderr.write(result.stdout)
    if result.returncode != 0:
        target.unlink(missing_ok=True)
        raise BuildError(f"failed: {shlex.join(command)}")
    os.utime(target, ns=(started, started))
    target.with_name(target.name + ".cmd").write_text(shlex.join(command))


class Builder:
    """Compiles the sources of one flavour and links modules of them."""

    def __init__(self, flavour: Flavour, *, jobs: int) -> None:
        self.flavour = flavour
        self.jobs = jobs
        self.folder = NATIVE / "_build" / flavour.name
        self.compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
        link = shlex.split(sysconfig.get_config_var("LDSHARED") or "cc -shared")
        self.linker = self.compiler + link[len(shlex.split(sysconfig.get_config_var("CC") or "cc")) :]
        self.compiled = 0

    def includes(self) -> list[str]:
        paths = sysconfig.get_paths()
        python = dict.fromkeys((paths["include"], paths["platinclude"]))
        own = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}", f"-I{NATIVE}"]
        return own + [part for path in python for part in ("-isystem", path)]

    def command(self, source: Path, target: Path, *, generated: bool) -> list[str]:
        checks = list(MISMATCHES) if generated else self.flavour.warnings
        extra = shlex.split(os.environ.get("CFLAGS", ""))
        define = [f'-DEF_VERSION="{version()}"'] if source == NATIVE / "src" / "version.c" else []
        flags = [*self.flavour.code_generation, *checks, *define, *extra, *self.includes()]
        dependency_file = target.with_suffix(".d")
        return [*self.compiler, *flags, "-MMD", "-MF", str(dependency_file), "-c", str(source), "-o", str(target)]

    def compile(self, sources: Iterable[Path], *, generated: bool = False) -> list[Path]:
        """Compile what is not current; all errors are shown, not only the first."""
        objects: list[Path] = []
        waiting: list[tuple[list[str], Path]] = []
        for source in sources:
            inside = source.relative_to(self.folder if generated else NATIVE)
            target = self.folder / "objects" / inside.with_suffix(".o")
            target.parent.mkdir(parents=True, exist_ok=True)
            objects.append(target)
            command = self.command(source, target, generated=generated)
            made_from = target.with_suffix(".d")
            inputs = [source, *(dependencies(made_from) if made_from.exists() else [source.with_suffix(".missing")])]
            if not is_current(target, inputs, command):
                waiting.append((command, target))
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            running = [pool.submit(run, command, target) for command, target in waiting]
        failures = [error for future in running if (error := future.exception()) is not None]
        if failures:
            raise failures[0]
        self.compiled += len(waiting)
        return objects

    def link(self, objects: list[Path], target: Path) -> None:
        flags = [
            flag for flag in self.flavour.code_generation if flag.startswith(("-O", "-g", "-fsan", "-flto", "--cov"))
        ]
        strip = ["-Wl,-s"] if sys.platform == "linux" and self.flavour.name.startswith(("release", "lto")) else []
        extra = shlex.split(os.environ.get("LDFLAGS", ""))
        linked = self.folder / "linked" / target.name
        linked.parent.mkdir(parents=True, exist_ok=True)
        command = [*self.linker, *flags, *strip, *map(str, objects), *extra, "-lm", "-o", str(linked)]
        if not is_current(linked, objects, command):
            run(command, linked)
        content = linked.read_bytes()
        if not target.exists() or target.read_bytes() != content:
            # A fresh inode: a process that has the old module loaded keeps its pages.
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(target.name + ".new")
            fresh.write_bytes(content)
            fresh.chmod(0o755)
            fresh.replace(target)

    def module(self, name: str, output: Path, *, testing: bool = False) -> Path:
        """Build one module into a folder; returns the file."""
        short = name.rpartition(".")[2]
        generated = self.folder / "generated" / f"{short}.c"
        generate(name, generated, testing=testing)
        sources = sorted((NATIVE / "src").rglob("*.c"))
        if testing:
            sources += sorted((NATIVE / "testing").rglob("*.c"))
        objects = self.compile(sources) + self.compile([generated], generated=True)
        target = output / (short + self.flavour.suffix)
        self.link(objects, target)
        return target


def build(output: Path, *, native: bool = True, testing: bool = False, jobs: int | None = None) -> list[Path]:
    """Build the modules asked for into `output`; returns their files."""
    flavour = Flavour.from_environment()
    if jobs is None:
        jobs = int(os.environ.get("EVENTFLUX_JOBS") or os.cpu_count() or 1)
    builder = Builder(flavour, jobs=jobs)
    builder.folder.mkdir(parents=True, exist_ok=True)
    with (builder.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = [builder.module(MODULE, output)] if native else []
        if testing:
            files.append(builder.module(TESTING_MODULE, output, testing=True))
    names = ", ".join(file.name for file in files)
    sys.stdout.write(f"{flavour.name}: {builder.compiled} compiled; {names} in {output}\n")
    return files


def installed_engine() -> Path:
    """The folder of the installed `eventflux.engine`: tests on a wheel put `_native_testing` there."""
    spec = importlib.util.find_spec("eventflux")
    if spec is None or not spec.submodule_search_locations:
        raise BuildError("eventflux is not installed for this Python")
    return Path(spec.submodule_search_locations[0]) / "engine"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the compiled modules of eventflux.engine.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--inplace", action="store_true", help="into the source tree, for editable installs")
    where.add_argument("--installed", action="store_true", help="into the installed eventflux of this Python")
    where.add_argument("--output", type=Path, help="into this folder")
    parser.add_argument("--testing", action="store_true", help="build _native_testing too")
    parser.add_argument("--only-testing", action="store_true", help="build _native_testing alone")
    parser.add_argument("--jobs", type=int, help="objects compiled at a time (default: one a core)")
    options = parser.parse_args(arguments)
    wants_testing = options.testing or os.environ.get("EVENTFLUX_BUILD_TESTING", "") not in ("", "0")
    try:
        output = ENGINE if options.inplace else installed_engine() if options.installed else options.output.resolve()
        build(
            output,
            native=not options.only_testing,
            testing=wants_testing or options.only_testing,
            jobs=options.jobs,
        )
    except BuildError as error:
        sys.stderr.write(f"build_ffi: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
