"""Run the acceptance areas of acceptance-areas.txt and compare what passes with what has passed before.

acceptance.py FOLDER             # FOLDER holds run.py and its scenarios
acceptance.py FOLDER --measure   # run every area, write the counts into acceptance-areas.txt where they have risen

The last line is `N passed, N failed`, counted in scenarios of the listed areas. Status 1 if an area passes fewer than
its number, or has no scenario.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIST = Path(__file__).resolve().with_name("acceptance-areas.txt")


def minimums() -> dict[str, int]:
    """Area -> scenarios that have to pass, from the list."""
    lines = (line.split("#")[0].split() for line in LIST.read_text(encoding="utf-8").splitlines())
    return {fields[0]: int(fields[1]) for fields in lines if fields}


def run(folder: Path, areas: list[str]) -> dict[str, dict[str, int]]:
    """Area -> verdict -> number of scenarios; every area if none is named."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "results.json"
        chosen = [option for area in areas for option in ("--area", area)]
        command = [sys.executable, str(folder / "run.py"), *chosen, "--jobs", "2", "--json", str(answer)]
        subprocess.run(command, check=False, cwd=scratch)
        if not answer.exists():
            return {}
        counts: dict[str, dict[str, int]] = json.loads(answer.read_text(encoding="utf-8"))["areas"]
        return counts


def check(folder: Path) -> int:
    """Run the listed areas; the exit status."""
    wanted = minimums()
    counts = run(folder, list(wanted)) if wanted else {}
    passed = failed = 0
    worse = []
    for area, minimum in wanted.items():
        verdicts = counts.get(area, {})
        passed += verdicts.get("pass", 0)
        failed += verdicts.get("total", 0) - verdicts.get("pass", 0)
        if verdicts.get("pass", 0) < minimum or not verdicts.get("total"):
            worse.append(
                f"{area}: {verdicts.get('pass', 0)} of {verdicts.get('total', 0)} pass, {minimum} passed before"
            )
    for line in worse:
        print(f"WORSE {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if worse else 0


def measure(folder: Path) -> int:
    """Run everything and raise the numbers in the list."""
    head = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    known = minimums()
    for area, verdicts in run(folder, []).items():
        if verdicts.get("pass", 0) > known.get(area, 0):
            known[area] = verdicts["pass"]
    LIST.write_text("\n".join([*head, *(f"{area} {known[area]}" for area in sorted(known))]) + "\n", encoding="utf-8")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the acceptance areas of acceptance-areas.txt.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--measure", action="store_true", help="run every area and raise the numbers in the list")
    options = parser.parse_args()
    return measure(options.folder) if options.measure else check(options.folder)


if __name__ == "__main__":
    sys.exit(main())
