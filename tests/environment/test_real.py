import os
import threading

import pytest

from eventflux.environment.real import RealEnvironment


@pytest.fixture
def environment():
    return RealEnvironment(seed=3)


def test_files_are_read_written_renamed_and_removed(environment, tmp_path):
    files = environment.files
    path = str(tmp_path / "d" / "f")
    files.make_directory(str(tmp_path / "d"))
    file = files.open(path, "w")
    assert file.write(b"hello") == 5
    assert file.tell() == 5
    file.seek(1)
    file.write(memoryview(b"E"))
    file.flush()
    file.sync()
    file.close()
    file.close()
    append = files.open(path, "a")
    append.write(bytearray(b"!"))
    append.close()
    reader = files.open(path, "r")
    assert (reader.read(2), reader.read(), reader.read()) == (b"hE", b"llo!", b"")
    reader.seek(4)
    buffer = bytearray(10)
    assert reader.readinto(memoryview(buffer)) == 2
    files.rename(path, str(tmp_path / "d" / "g"))
    files.sync_directory(str(tmp_path / "d"))
    assert files.names(str(tmp_path / "d")) == ["g"]
    assert files.status(str(tmp_path / "d" / "g")).identity == reader.status().identity
    reader.close()
    cut = files.open(str(tmp_path / "d" / "g"), "r+")
    cut.truncate(2)
    assert cut.status().size == 2
    cut.close()
    files.remove(str(tmp_path / "d" / "g"))
    assert files.status(str(tmp_path / "d" / "g")) is None
    assert files.status(str(tmp_path)).is_directory
    with pytest.raises(FileNotFoundError):
        files.open(path, "r")


def test_a_pipe_is_no_regular_file(environment, tmp_path):
    os.mkfifo(tmp_path / "p")
    assert not environment.files.status(str(tmp_path / "p")).is_regular


def test_clocks_timers_and_threads(environment):
    before = environment.monotonic(), environment.wall_clock()
    environment.sleep(0.01)
    assert environment.monotonic() - before[0] >= 0.01
    assert environment.wall_clock() - before[1] >= 5
    flag = environment.waiter()
    timer = environment.call_later(0.01, flag.set)
    assert flag.wait(10)
    timer.cancel()
    environment.call_later(60, flag.clear).cancel()
    names = []
    worker = environment.start_thread(lambda: names.append(threading.current_thread().name), name="eventflux-test")
    worker.join(10)
    assert names == ["eventflux-test"]
    assert not worker.is_alive()
    assert worker.name == "eventflux-test"


def test_randomness_follows_the_seed(environment):
    assert environment.random.random() == RealEnvironment(seed=3).random.random()
