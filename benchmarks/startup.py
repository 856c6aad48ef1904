"""Start: time of `import eventflux`, and from the shell to the first output of the command line."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import inputs
from benchmarks.goals import IMPORT_MS, START_TO_FIRST_OUTPUT_MS
from benchmarks.measure import Table

RUNS = 10
HEAVY = ("numpy", "rich", "asyncio")
APP = """
CREATE STREAM Trade (ts BIGINT, symbol STRING, price DOUBLE, volume BIGINT, account BIGINT)
WITH ('type' = 'source', 'extension' = 'file', 'format' = 'json', 'file.path' = '{path}', 'file.mode' = 'once');
CREATE STREAM Out (symbol STRING, value DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO Out SELECT symbol, price * volume AS value FROM Trade WHERE price > 500.0;
"""


def import_milliseconds(runs: int = RUNS) -> float:
    """Median time of the import in a fresh interpreter whose own start is not counted."""
    code = "import time; t = time.perf_counter(); import eventflux; print(time.perf_counter() - t)"
    taken = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        taken.append(float(done.stdout) * 1000)
    return statistics.median(taken)


def heavy_modules() -> list[str]:
    """Modules that the import brings along and should not."""
    code = f"import sys, eventflux, json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    found: list[str] = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    return found


def first_output_milliseconds(runs: int = RUNS) -> float | None:
    """Median time from exec to the first line of output; None where the command is not installed."""
    command = shutil.which("eventflux", path=str(Path(sys.executable).parent)) or shutil.which("eventflux")
    if command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "trades.jsonl"
        inputs.write_json_lines(inputs.trades(100), data)
        app = Path(folder) / "app.sql"
        app.write_text(APP.format(path=data), encoding="utf-8")
        taken = [_first_line(command, app) for _ in range(runs + 1)]
    return statistics.median(taken[1:]) * 1000


def _first_line(command: str, app: Path) -> float:
    started = time.perf_counter()
    with subprocess.Popen(
        [command, "run", str(app)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.startswith("{"):
                seconds = time.perf_counter() - started
                process.kill()
                return seconds
        raise RuntimeError(f"no output: {process.stderr.read()[-1000:]}")


def measure() -> Table:
    table = Table(["what", "median", "floor -> goal", "verdict"])

    def add(what: str, found: float, goal: tuple[float, float]) -> None:
        verdict = "goal" if found <= goal[1] else "floor" if found <= goal[0] else "BELOW"
        table.add([what, f"{found:.0f} ms", f"{goal[0]:g} -> {goal[1]:g} ms", verdict], what=what, milliseconds=found)

    add("import eventflux", import_milliseconds(), IMPORT_MS)
    heavy = heavy_modules()
    table.add(["heavy modules imported", ", ".join(heavy) or "none", "none", "" if heavy else "goal"], modules=heavy)
    first = first_output_milliseconds()
    if first is not None:
        add("eventflux run, first output", first, START_TO_FIRST_OUTPUT_MS)
    return table
