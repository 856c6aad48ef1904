import errno

import pytest

from eventflux.environment.simulated import SimulatedEnvironment, SimulationStuckError
from eventflux.environment.simulated_files import SimulatedCrashError


def history(seed):
    """What some tasks that take turns do, in order."""
    environment = SimulatedEnvironment(seed)
    seen = []

    def work(name):
        for step in range(5):
            seen.append((name, step, environment.monotonic()))
            environment.sleep(environment.random.random() if step % 2 else 0)

    workers = [environment.start_thread(lambda name=name: work(name), name=name) for name in "abc"]
    for worker in workers:
        worker.join()
    return seen


def test_the_same_seed_gives_the_same_history():
    assert history(1) == history(1)
    assert any(history(seed) != history(1) for seed in range(2, 6))


def test_time_passes_only_when_all_wait():
    environment = SimulatedEnvironment(1, start_ms=1000)
    environment.sleep(3600)
    assert environment.monotonic() == 3600
    assert environment.wall_clock() == 3_601_000
    environment.jump_clock(-5000)
    assert environment.wall_clock() == 3_596_000
    assert environment.monotonic() == 3600


def test_timers_fire_in_order_and_can_be_cancelled():
    environment = SimulatedEnvironment(1)
    fired = []
    environment.call_later(2, lambda: fired.append(("b", environment.monotonic())))
    environment.call_later(1, lambda: fired.append(("a", environment.monotonic())))
    environment.call_later(1.5, lambda: fired.append(("x", environment.monotonic()))).cancel()
    environment.run_for(10)
    assert fired == [("a", 1), ("b", 2)]


def test_a_waiter_wakes_and_gives_up():
    environment = SimulatedEnvironment(1)
    flag = environment.waiter()
    assert not flag.wait(5)
    assert environment.monotonic() == 5
    environment.call_later(1, flag.set)
    assert flag.wait(10)
    assert environment.monotonic() == 6
    flag.clear()
    assert not flag.is_set()
    assert environment.run_until(lambda: environment.monotonic() >= 7, seconds=2)


def test_waiting_for_ever_is_reported():
    environment = SimulatedEnvironment(1)
    with pytest.raises(SimulationStuckError, match="all wait for ever"):
        environment.waiter().wait()
    worker = environment.start_thread(lambda: environment.waiter().wait(), name="w")
    with pytest.raises(SimulationStuckError):
        worker.join()


def test_what_ends_a_task_is_kept():
    environment = SimulatedEnvironment(1)
    worker = environment.start_thread(lambda: 1 / 0, name="w")
    worker.join()
    assert not worker.is_alive()
    assert [type(error) for error in environment.errors] == [ZeroDivisionError]


def test_files_are_read_written_renamed_and_removed():
    files = SimulatedEnvironment(1).files
    files.make_directory("a/b")
    file = files.open("a/b/f", "w")
    file.write(b"hello")
    file.seek(1)
    file.write(b"E")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x")
    append = files.open("a/b/f", "a")
    append.write(b"!")
    reader = files.open("a/./b/f", "r")
    assert (reader.read(2), reader.read(), reader.read()) == (b"hE", b"llo!", b"")
    reader.seek(4)
    buffer = bytearray(10)
    assert reader.readinto(memoryview(buffer)) == 2
    files.rename("a/b/f", "a/g")
    assert files.names("a") == ["b", "g"]
    assert files.names("a/b") == []
    assert files.status("a/g").identity == reader.status().identity
    files.open("a/g", "r+").truncate(2)
    assert files.status("a/g").size == 2
    files.remove("a/g")
    assert files.status("a/g") is None
    for call in (lambda: files.open("a/g", "r"), lambda: files.remove("a/g"), lambda: files.open("zz/f", "w")):
        with pytest.raises(FileNotFoundError):
            call()


def test_a_crash_keeps_what_is_durable_and_a_beginning_of_the_rest():
    sizes = set()
    for seed in range(40):
        files = SimulatedEnvironment(seed).files
        file = files.open("f", "w")
        file.write(b"durable ")
        file.sync()
        files.sync_directory(".")
        file.write(b"written")
        files.crash()
        with pytest.raises(SimulatedCrashError):
            files.status("f")
        files.restart()
        content = files.open("f", "r").read()
        assert b"durable written".startswith(content)
        assert content.startswith(b"durable ")
        sizes.add(len(content))
    assert min(sizes) == 8
    assert max(sizes) == 15
    assert len(sizes) > 3


def test_a_name_without_a_synced_directory_may_be_lost():
    outcomes = set()
    for seed in range(20):
        files = SimulatedEnvironment(seed).files
        old = files.open("f", "w")
        old.write(b"old")
        old.sync()
        files.sync_directory(".")
        new = files.open("f.tmp", "w")
        new.write(b"new")
        new.sync()
        files.rename("f.tmp", "f")
        files.crash()
        files.restart()
        outcomes.add(files.open("f", "r").read())
    assert outcomes == {b"old", b"new"}


def test_a_rename_with_a_synced_directory_is_kept():
    for seed in range(20):
        files = SimulatedEnvironment(seed).files
        new = files.open("f.tmp", "w")
        new.write(b"new")
        new.sync()
        files.rename("f.tmp", "f")
        files.sync_directory(".")
        files.crash()
        files.restart()
        assert files.names(".") == ["f"]


def write_durably(files):
    file = files.open("f", "w")
    file.write(b"abc")
    file.sync()


def test_the_machine_can_stop_at_any_step():
    for step in range(3):
        files = SimulatedEnvironment(step).files
        files.crash_after(step)
        with pytest.raises(SimulatedCrashError):
            write_durably(files)
        files.restart()
        assert step == 0 or files.steps == step + 1


def test_a_step_can_fail_once():
    files = SimulatedEnvironment(1).files
    file = files.open("f", "w")
    files.fail_after(1, errno.ENOSPC)
    file.write(b"a")
    with pytest.raises(OSError, match="ENOSPC"):
        file.write(b"b")
    file.write(b"c")
    assert files.open("f", "r").read() == b"ac"


def test_syncs_can_be_lost():
    files = SimulatedEnvironment(3).files
    files.lost_sync_chance = 1.0
    file = files.open("f", "w")
    file.write(b"abc")
    file.sync()
    assert file._inode.durable == b""
