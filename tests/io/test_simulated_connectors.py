"""Connectors in the simulated environment: back-off takes hours in no time, a crash at any I/O step doubles nothing."""

import pytest

from eventflux.environment.simulated import SimulatedEnvironment
from eventflux.environment.simulated_files import SimulatedCrashError
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

SCHEMA = Schema.of(n=AttributeType.LONG)
SOURCE = {"type": "source", "extension": "file", "format": "json", "file.path": "in", "file.poll.interval.ms": "100"}
ROTATING = {"file.rotate.size.bytes": "20"}
SINK = {"type": "sink", "extension": "file", "format": "json", "file.path": "out"}


@pytest.fixture
def simulated(registry, app_type):
    """Makes the connectors of a stream in a simulated environment."""

    def make(environment, properties):
        return app_type(registry, environment, SCHEMA, properties)

    return make


def put(environment, path, text, mode="a"):
    file = environment.files.open(path, mode)
    file.write(text.encode())
    file.sync()
    file.close()
    environment.files.sync_directory(".")


def lines(*numbers):
    return "".join(f'{{"n":{number}}}\n' for number in numbers)


def test_a_missing_file_is_tried_again_with_growing_delays(simulated):
    environment = SimulatedEnvironment(1)
    app = simulated(environment, SOURCE | {"file.require.exists": "true", "file.mode": "once"})
    app.source.start()
    attempts = []
    for seconds in (4.9, 0.2, 10, 15, 30, 60, 60, 120, 300, 300):
        environment.run_for(seconds)
        attempts.append(app.source.connection.attempts)
    assert attempts == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    put(environment, "in", lines(1))
    environment.run_for(300)
    assert [row[0] for row in app.rows.rows] == [1]
    app.source.stop()


def test_following_looks_as_often_as_it_is_told(simulated):
    environment = SimulatedEnvironment(1)
    app = simulated(environment, SOURCE)
    put(environment, "in", lines(1))
    app.source.start()
    environment.run_for(1)
    put(environment, "in", lines(2))
    started = environment.monotonic()
    assert environment.run_until(lambda: len(app.rows.rows) == 2, seconds=10)
    assert environment.monotonic() - started <= 0.1001
    app.source.stop()
    assert not environment.errors


def written(files):
    names = sorted(name for name in files.names(".") if name.startswith("out."))
    return "".join(files.open(name, "r").read().decode() for name in [*names, "out"])


@pytest.mark.parametrize("options", [{}, ROTATING], ids=["one file", "rotating"])
@pytest.mark.parametrize("seed", range(3))
def test_a_sink_that_crashes_anywhere_writes_everything_once(simulated, seed, options):
    """At-least-once sending from the last checkpoint, made exactly once by the position that the checkpoint holds."""
    step = 0
    crashes = 0
    while True:
        environment = SimulatedEnvironment(seed * 1000 + step)
        files = environment.files
        files.sync_directory(".")
        files.crash_after(step)
        checkpoint = (0, None)
        crashed = False
        app = simulated(environment, SINK | options)
        try:
            app.sink.start()
            for number in range(6):
                app.publish((number,))
                if number % 2:
                    state = app.sink.save()
                    checkpoint = (number + 1, state)
            app.sink.stop()
        except SimulatedCrashError:
            crashed = True
            crashes += 1
        files.disarm()
        if crashed:
            files.restart()
            again = simulated(environment, SINK | options)
            again.sink.load(checkpoint[1])
            if checkpoint[1] is None:
                for name in files.names("."):
                    files.remove(name)
            again.sink.start()
            for number in range(checkpoint[0], 6):
                again.publish((number,))
            again.sink.stop()
        assert written(files) == lines(*range(6)), step
        if not crashed:
            break
        step += 1
    assert crashes > 10
