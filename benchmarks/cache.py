"""Files that benchmarks make once: inputs, compiled baselines, downloaded jars."""

import os
import tempfile
from pathlib import Path

from benchmarks import inputs

FOLDER = Path(os.environ.get("EVENTFLUX_BENCHMARK_CACHE", Path.home() / ".cache" / "eventflux-benchmarks"))


def input_file(name: str, n: int, rate: int | None = None, *, suffix: str = "csv") -> Path:
    """The file of an input (csv or jsonl), written when it is not there yet."""
    path = FOLDER / f"{name}-{n}-{rate or 'own'}.{suffix}"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        columns = inputs.INPUTS[name](n, **({} if rate is None else {"rate": rate}))
        write = inputs.write_csv if suffix == "csv" else inputs.write_json_lines
        with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
            fresh = Path(scratch) / path.name
            write(columns, fresh)
            fresh.replace(path)
    return path
