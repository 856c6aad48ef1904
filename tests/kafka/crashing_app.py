"""An app between two topics, as a process that kills itself at a step of its protocol; see test_crashes.py.

python crashing_app.py ADDRESS IN OUT STORE|- POINT PASSES
"""

import os
import signal
import sys
import time

from eventflux import EventFluxManager, FilePersistenceStore
from eventflux_kafka.commits import OffsetCommits
from eventflux_kafka.sink import KafkaSink
from eventflux_kafka.source import KafkaSource

APP = """
    @source(type='kafka', brokers='{address}', topic='{incoming}', group='crashing', auto.offset.reset='earliest',
            max.poll.records='100', commit.interval='1ms', client.session.timeout.ms='1000',
            client.heartbeat.interval.ms='200', @map(type='json'))
    define stream S (id long);
    @sink(type='kafka', brokers='{address}', topic='{outgoing}', linger.ms='50', @map(type='json'))
    define stream Out (id long, n long);
    from S select id, count() as n insert into Out;
"""
POINTS = {
    "before rows enter": (KafkaSource, "_deliver", "before"),
    "after rows entered": (KafkaSource, "_deliver", "after"),
    "before sinks are flushed": (KafkaSink, "flush", "before"),
    "after sinks have acknowledged": (KafkaSink, "flush", "after"),
    "before the checkpoint is saved": (FilePersistenceStore, "save", "before"),
    "after the checkpoint is saved": (FilePersistenceStore, "save", "after"),
    "before offsets are committed": (OffsetCommits, "commit", "before"),
    "after offsets are committed": (OffsetCommits, "commit", "after"),
}


def kill_at(point: str, passes: int) -> None:
    """Have the process killed when it passes a point for the n-th time."""
    owner, name, when = POINTS[point]
    step = getattr(owner, name)
    left = [passes]

    def die_in_time():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(*arguments, **named):
        if when == "before":
            die_in_time()
        found = step(*arguments, **named)
        if when == "after":
            die_in_time()
        return found

    setattr(owner, name, wrapped)


def main(address: str, incoming: str, outgoing: str, store: str, point: str, passes: str) -> None:
    if point != "-":
        kill_at(point, int(passes))
    with EventFluxManager() as manager:
        if not any(info.name == "kafka" for info in manager.extensions("source")):
            manager.set_extension("kafka", "eventflux_kafka.plugin")
        if store != "-":
            manager.set_persistence_store(FilePersistenceStore(store))
        app = APP.format(address=address, incoming=incoming, outgoing=outgoing)
        runtime = manager.create_eventflux_app_runtime(app, name="crashing")
        runtime.start()
        while True:  # until it is killed
            time.sleep(0.02)
            if store != "-":
                runtime.persist()


if __name__ == "__main__":
    main(*sys.argv[1:])
