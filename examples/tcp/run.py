"""Runs the two apps, each in a process of its own: `python run.py [sql | eventfluxql]`."""

import subprocess
import sys
from pathlib import Path

from eventflux import EventFluxManager

HERE = Path(__file__).parent


def receive(language: str) -> None:
    """The second process: tells its port, and runs until its standard input ends."""
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(HERE / f"receiver.{language}", variables={"PORT": "0"})
        with runtime:
            print(runtime.sources[0].source.port, flush=True)
            sys.stdin.read()


def send(language: str, port: str) -> None:
    """The first process: runs until the file is at its end."""
    places = {"PORT": port, "READINGS": str(HERE / "readings.csv")}
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(HERE / f"sender.{language}", variables=places)
        with runtime:
            runtime.wait_finished()


def main(language: str) -> None:
    command = [sys.executable, __file__, language, "receive"]
    receiver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    send(language, receiver.stdout.readline().strip())
    printed, _ = receiver.communicate()
    print(printed, end="")


if __name__ == "__main__":
    language = sys.argv[1] if len(sys.argv) > 1 else "sql"
    if sys.argv[2:] == ["receive"]:
        receive(language)
    else:
        main(language)
