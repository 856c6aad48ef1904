"""Build the wheels that would be published and check them: stable ABI, contents, size, licences, no testing module."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 2_000_000
LICENSES = ("LICENSE-APACHE", "LICENSE-MIT")


def problems(wheel: Path) -> list[str]:
    """What is wrong with a wheel by our own rules."""
    found = []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if wheel.stat().st_size > LARGEST:
        found.append(f"{wheel.stat().st_size:,} bytes, more than {LARGEST:,}")
    if not any(name.endswith("/py.typed") for name in names):
        found.append("no py.typed")
    found += [f"no {name}" for name in LICENSES if not any(entry.endswith(f"/{name}") for entry in names)]
    found += [f"{name} is for tests" for name in names if "_native_testing" in name]
    return found


def main() -> int:
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        sources = [f"./{file.parent.name}" for file in sorted(ROOT.glob("eventflux-*/pyproject.toml"))]
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", folder, *sources]
        subprocess.run(build, check=True, cwd=ROOT)
        for wheel in sorted(Path(folder).glob("*.whl")):
            found = problems(wheel)
            contents = ["check-wheel-contents", str(wheel)]
            if wheel.name.startswith("eventflux_cli"):
                # What `eventflux new` copies are files of other projects, not modules of this one (W004).
                contents += ["--ignore", "W004"]
            checks = [contents]
            if "abi3" in wheel.name:
                checks.append(["abi3audit", "--strict", str(wheel)])
            for check in checks:
                if subprocess.run(check, check=False).returncode != 0:
                    found.append(f"{check[0]} refuses it")
            print(f"{wheel.name}: {'; '.join(found) or 'ok'}")
            failed |= bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
