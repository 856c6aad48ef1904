"""Build the stress programs of tests/native with ThreadSanitizer and run them.

A stress program is `tests/native/NAME_stress.c`: it has a main of its own, starts threads, checks its own invariants
and returns 0. It is linked against an archive of the engine's sources, so that it pulls in only what it uses.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NATIVE = ROOT / "eventflux-core" / "native"
FLAGS = ["-std=c11", "-O1", "-g", "-pthread", "-fsanitize=thread", "-D_POSIX_C_SOURCE=200809L", "-DEF_DEBUG=1"]


def compile_object(source: Path, target: Path) -> Path:
    includes = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}", f"-I{NATIVE}"]
    subprocess.run(["gcc", *FLAGS, *includes, "-c", str(source), "-o", str(target)], check=True)
    return target


def main() -> int:
    programs = sorted((ROOT / "tests" / "native").glob("*_stress.c"))
    if not programs:
        print("no stress program in tests/native")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        # Only host/ needs Python, and version.c a number from the build: no stress program uses either.
        sources = [
            file
            for file in sorted((NATIVE / "src").rglob("*.c"))
            if file.parent.name != "host" and file.name != "version.c"
        ]
        objects = [
            compile_object(source, Path(scratch) / f"{number}_{source.stem}.o") for number, source in enumerate(sources)
        ]
        archive = Path(scratch) / "libengine.a"
        subprocess.run(["ar", "rcs", str(archive), *map(str, objects)], check=True)
        failed = 0
        for program in programs:
            binary = Path(scratch) / program.stem
            main_object = compile_object(program, binary.with_suffix(".main.o"))
            link = ["gcc", "-fsanitize=thread", "-pthread", str(main_object), str(archive), "-lm", "-o", str(binary)]
            subprocess.run(link, check=True)
            status = subprocess.run([str(binary)], check=False, timeout=300).returncode
            print(f"{program.name}: {'ok' if status == 0 else f'FAILED with status {status}'}")
            failed += status != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
