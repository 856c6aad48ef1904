"""What a process holds of the system: outages of its peers must leave nothing behind."""

import gc
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

KILLS = int(os.environ.get("EVENTFLUX_KILLS", "2"))
"""How often tests of outages kill a peer; twenty before a release."""


@dataclass(frozen=True)
class Footprint:
    """Of this process now: threads, open sockets, bytes in memory."""

    threads: int
    sockets: int
    memory: int

    @classmethod
    def now(cls):
        gc.collect()
        sockets = 0
        for link in Path("/proc/self/fd").iterdir():
            try:
                sockets += str(link.readlink()).startswith("socket:")
            except OSError:  # closed since it was listed
                continue
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return cls(threads=threading.active_count(), sockets=sockets, memory=int(status["VmRSS"].split()[0]) * 1024)


def nothing_was_left_behind(before, seconds=15):
    """Threads and sockets are no more than before, memory is about the same; what is still ending gets a while."""
    until = time.monotonic() + seconds
    while True:
        now = Footprint.now()
        if now.threads <= before.threads and now.sockets <= before.sockets:
            break
        assert time.monotonic() < until, f"{before} became {now}: {[each.name for each in threading.enumerate()]}"
        time.sleep(0.2)
    assert now.memory <= before.memory * 1.1 + 16 * 2**20, f"{before} became {now}"
