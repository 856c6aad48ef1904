"""Killed between any two steps of securing, an app loses nothing, and says nothing that it has not done.

Each test kills a process with SIGKILL at one step, looks at what is outside, starts it again, and looks at the end.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.kafka.crashing_app import POINTS
from tests.kafka.messages import committed, produce, rest, rows

pytestmark = [pytest.mark.service, pytest.mark.slow]

PROGRAM = Path(__file__).with_name("crashing_app.py")
COUNT = 2000
WITHOUT_STORE = [point for point in POINTS if "checkpoint" not in point]


class Crashing:
    """The app, in and out."""

    def __init__(self, broker, topic, store):
        self.address = broker.address
        self.incoming, self.outgoing = topic(), topic()
        self.store = store
        produce(self.address, self.incoming, rows(range(COUNT)))

    def start(self, point="-", passes=0):
        arguments = [self.address, self.incoming, self.outgoing, str(self.store or "-"), point, str(passes)]
        return subprocess.Popen([sys.executable, str(PROGRAM), *arguments], env={**os.environ})

    def run_until_killed(self, point, passes):
        process = self.start(point, passes)
        try:
            assert process.wait(60) == -9
        finally:
            process.kill()
            process.wait()

    def run_to_the_end(self):
        process = self.start()
        deadline = time.monotonic() + 60
        try:
            while len({row["id"] for row in self.output()}) < COUNT:
                assert process.poll() is None, "it has ended by itself"
                assert time.monotonic() < deadline, "the output is not complete"
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
        return self.output()

    def output(self):
        return [json.loads(message.value()) for message in rest(self.address, self.outgoing)]

    @property
    def committed(self):
        return committed(self.address, "crashing", self.incoming)[0] or 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", WITHOUT_STORE)
def test_without_a_store_only_what_is_in_the_output_is_committed(broker, topic, point):
    crashing = Crashing(broker, topic, None)
    crashing.run_until_killed(point, 4)
    found = {row["id"] for row in crashing.output()}
    assert found >= set(range(crashing.committed)), "an offset is committed whose events are not out"
    assert len(found) < COUNT
    end = crashing.run_to_the_end()
    assert {row["id"] for row in end} == set(range(COUNT))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", POINTS)
def test_with_a_store_state_offsets_and_output_agree(broker, topic, tmp_path, point):
    crashing = Crashing(broker, topic, tmp_path / "store")
    crashing.run_until_killed(point, 4)
    found = {row["id"] for row in crashing.output()}
    assert found >= set(range(crashing.committed))
    end = crashing.run_to_the_end()
    assert {row["id"] for row in end} == set(range(COUNT))
    # A row is the n-th of the input, always: state that is ahead of or behind the offsets would count otherwise.
    assert all(row["n"] == row["id"] + 1 for row in end)
