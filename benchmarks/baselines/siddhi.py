"""Siddhi 5.1 in a JVM of its own, called through its Java API; the jars come with the PySiddhi wheel on PyPI.

The process stays up for all runs of a workload, so that its compiler has settled when it is compared. Needs java and
javac (17 or later) and pip.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from benchmarks import cache
from benchmarks.checksum import Result
from benchmarks.workloads import Workload

DISTRIBUTION = "PySiddhi==5.1.0"
JARS_IN_WHEEL = "__PySiddhiProxy/target/lib/"
SOURCE = Path(__file__).with_name("SiddhiBaseline.java")
JAVA = ("java", "-Xmx6g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off")


def is_available() -> bool:
    return shutil.which("java") is not None and shutil.which("javac") is not None


def _class_path() -> str:
    """Download the jars and compile the driver where that has not been done."""
    folder = cache.FOLDER / "siddhi"
    jars = folder / JARS_IN_WHEEL
    if not jars.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), DISTRIBUTION]
        subprocess.run(download, check=True)
        with zipfile.ZipFile(next(folder.glob("PySiddhi-*.whl"))) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(JARS_IN_WHEEL)])
    path = f"{jars}/*{os.pathsep}{folder}"
    compiled = folder / "SiddhiBaseline.class"
    if not compiled.exists() or compiled.stat().st_mtime < SOURCE.stat().st_mtime:
        compile_it = ["javac", "-proc:none", "-nowarn", "-cp", path, "-d", str(folder), str(SOURCE)]
        subprocess.run(compile_it, check=True)
    return path


class Siddhi:
    """One workload on Siddhi; a context manager that owns the process."""

    def __init__(self, workload: Workload, n: int) -> None:
        arguments = [str(workload.app_file("eventfluxql"))]
        arguments += [str(cache.input_file(workload.source, n, workload.rate)), workload.stream or "-"]
        if workload.has_table:
            arguments += [str(cache.input_file("products", 100_000)), "LoadProduct"]
        self.workload = workload
        self.process = subprocess.Popen(
            [*JAVA, "-cp", _class_path(), "SiddhiBaseline", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def _answer(self) -> list[str]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"Siddhi stopped with status {self.process.wait()}")
        return line.split()

    def _ask(self, request: str) -> list[str]:
        assert self.process.stdin is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self._answer()

    def verify(self, batch: int = 1) -> Result:
        """One run that computes the checksum."""
        query = f" {self.workload.on_demand}" if self.workload.on_demand else ""
        _, outputs, checksum, _ = self._ask(f"verify {batch}{query}")
        return Result(int(outputs), checksum)

    def run(self, batch: int = 1) -> float:
        """Seconds of one run."""
        return float(self._ask(f"run {batch}")[0])

    def latency(self, rate: int) -> list[float]:
        """Outputs, then p50, p99, p99.9 and the maximum in microseconds."""
        return [float(word) for word in self._ask(f"latency {rate}")]
