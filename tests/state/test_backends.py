"""What every state backend of the core does."""

import subprocess
import sys
import threading

import pytest

from eventflux import EventFluxManager, InMemoryBackend, RevisionNotFoundError, SqliteBackend, StateBackendError
from eventflux.extension import StateBackend


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def monotonic(self):
        return self.seconds

    def wall_clock(self):
        return int(self.seconds * 1000)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def backend(request, tmp_path, clock):
    if request.param == "memory":
        made = InMemoryBackend(monotonic=clock.monotonic)
    else:
        made = SqliteBackend(tmp_path / "state.db", wall_clock=clock.wall_clock)
    made.initialize()
    yield made
    made.shutdown()


def test_it_keeps_to_the_protocol(backend):
    assert isinstance(backend, StateBackend)


def test_the_example_of_the_page(backend):
    backend.set("key1", b"value1")
    assert backend.get("key1") == b"value1"
    backend.checkpoint("checkpoint_1")
    backend.set("key1", b"modified")
    backend.set("counter", b"1")
    backend.restore("checkpoint_1")
    assert backend.get("key1") == b"value1"
    assert backend.get("counter") is None


def test_keys_come_and_go(backend):
    for key in ("a%", "a_b", "ab", "ü"):
        backend.set(key, key.encode())
    backend.set("ab", b"\x00\xff")
    assert backend.get("ab") == b"\x00\xff"
    assert list(backend.keys("a")) == ["a%", "a_b", "ab"]
    assert list(backend.keys("a_")) == ["a_b"]
    assert list(backend.keys()) == ["a%", "a_b", "ab", "ü"]
    assert backend.exists("ü")
    assert backend.delete("ü")
    assert not backend.delete("ü")
    assert not backend.exists("ü")
    assert backend.get("ü") is None


def test_values_expire(backend, clock):
    backend.set("short", b"x", ttl_seconds=10)
    backend.set("long", b"y")
    backend.checkpoint("c")
    clock.seconds += 9
    assert backend.exists("short")
    clock.seconds += 1
    assert backend.get("short") is None
    assert not backend.exists("short")
    assert not backend.delete("short")
    assert list(backend.keys()) == ["long"]
    backend.restore("c")
    assert list(backend.keys()) == ["long"]  # its time has gone by meanwhile
    with pytest.raises(ValueError, match="at least 1"):
        backend.set("a", b"", ttl_seconds=0)


def test_checkpoints_are_named_replaced_and_forgotten(backend):
    with pytest.raises(RevisionNotFoundError, match="no checkpoint 'x'") as caught:
        backend.restore("x")
    assert caught.value.hint == "nothing has been checkpointed yet"
    backend.checkpoint("c")
    backend.set("a", b"1")
    backend.checkpoint("c")
    backend.delete("a")
    backend.restore("c")
    assert backend.get("a") == b"1"
    assert backend.delete_checkpoint("c")
    assert not backend.delete_checkpoint("c")
    with pytest.raises(RevisionNotFoundError):
        backend.restore("c")


def test_after_shutdown_every_call_is_refused(backend):
    backend.shutdown()
    backend.shutdown()
    with pytest.raises(StateBackendError, match="shut down"):
        backend.get("a")
    backend.initialize()
    backend.set("a", b"1")
    assert backend.get("a") == b"1"


def test_a_checkpoint_is_of_one_moment(backend):
    """Two keys are written one after the other: no checkpoint has the second without the first."""
    done = threading.Event()

    def write():
        for number in range(300):
            backend.set("first", b"%d" % number)
            backend.set("second", b"%d" % number)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    number = 0
    while not done.is_set():
        backend.checkpoint(f"c{number}")
        number += 1
    writer.join()
    for each in range(number):
        backend.restore(f"c{each}")
        first, second = (int(backend.get(key) or b"-1") for key in ("first", "second"))
        assert first - second in {0, 1}


def test_sqlite_outlives_the_process(tmp_path):
    code = (
        "import os, sys; from eventflux import SqliteBackend; backend = SqliteBackend(sys.argv[1]);"
        "backend.initialize();"
        "backend.set('a', b'1'); backend.checkpoint('c'); backend.set('a', b'2'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "state.db")], check=False)
    backend = SqliteBackend(tmp_path / "state.db")
    backend.initialize()
    assert backend.get("a") == b"2"
    backend.restore("c")
    assert backend.get("a") == b"1"
    backend.shutdown()


def test_a_database_that_cannot_be_opened(tmp_path):
    with pytest.raises(StateBackendError, match="cannot be used"):
        SqliteBackend(tmp_path).initialize()


def test_backends_are_found_by_their_names(tmp_path):
    with EventFluxManager(plugins=False) as manager:
        registry = manager.context.registry
        assert isinstance(registry.get("state_backend", "in-memory").factory(), InMemoryBackend)
        assert isinstance(registry.get("state_backend", "sqlite").factory(db_path=tmp_path / "x"), SqliteBackend)
