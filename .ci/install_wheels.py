"""Build wheels of the distributions of this repository and install them into the Python that runs this.

install_wheels.py                    # all of them
install_wheels.py --testing          # and eventflux.engine._native_testing into the installed package
install_wheels.py eventflux-core     # only these

Tests see what a user gets: a wheel, never the source tree. EVENTFLUX_SANITIZE and the other variables of
eventflux-core/native/build_ffi.py apply.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build and install the wheels of this repository.")
    parser.add_argument("--testing", action="store_true", help="build and install the testing module too")
    parser.add_argument("distributions", nargs="*", help="folders; all if none is named")
    options = parser.parse_args()
    names = options.distributions or sorted(file.parent.name for file in ROOT.glob("eventflux-*/pyproject.toml"))
    for name in names:
        # setuptools keeps modules there that have been deleted since, and puts them into the wheel.
        shutil.rmtree(ROOT / name / "build", ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        run("-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", folder, *(f"./{name}" for name in names))
        wheels = sorted(str(file) for file in Path(folder).glob("*.whl"))
        # Once for the dependencies, once more because pip keeps an installed version of the same number.
        run("-m", "pip", "install", "-q", *wheels)
        run("-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", *wheels)
        print("installed", *(Path(wheel).name for wheel in wheels))
    if options.testing:
        run(str(ROOT / "eventflux-core" / "native" / "build_ffi.py"), "--installed", "--only-testing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
