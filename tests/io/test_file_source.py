import gzip
import os
import threading
import time

import pytest
import zstandard

from eventflux.io.sources.payload_cutter import PayloadCutter
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, CorruptStateError
from eventflux.types.schema import Schema

LONG, STRING = AttributeType.LONG, AttributeType.STRING
SCHEMA = Schema.of(n=LONG)


def lines(*numbers):
    return "".join(f'{{"n": {number}}}\n' for number in numbers)


@pytest.fixture
def source(app, tmp_path):
    """Makes an app with a file source on `tmp_path / "in.jsonl"`."""

    def make(schema=SCHEMA, **options):
        properties = {"type": "source", "extension": "file", "format": "json", "file.path": str(tmp_path / "in.jsonl")}
        properties |= {"file.poll.interval.ms": "10", "file.mode": "once"}
        properties |= {key.replace("__", "."): value for key, value in options.items()}
        return app(schema, {key: value for key, value in properties.items() if value is not None})

    return make


def numbers(app):
    return [row[0] for row in app.rows.rows]


def eventually(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_file_is_read_to_its_end_once(source, tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(1, 2) + "\n\r\n" + '{"n": 3}\r\n{"n": 4}')
    app = source()
    app.run_to_end()
    assert numbers(app) == [1, 2, 3, 4]
    assert app.source.is_finished


def test_bad_lines_are_reported_with_file_and_line(source, tmp_path, caplog):
    (tmp_path / "in.jsonl").write_text(lines(1) + "bad\n" + lines(3))
    app = source()
    app.run_to_end()
    assert numbers(app) == [1, 3]
    assert app.source.feed._failures.counts.by_action == {"drop": 1}
    assert f"{tmp_path}/in.jsonl:2: not JSON" in caplog.text


def test_bad_lines_go_to_the_dead_letter_stream(source, tmp_path, app):
    (tmp_path / "in.jsonl").write_text(lines(1) + "bad\n")
    dead = Schema.of(originalEvent=STRING, errorMessage=STRING, errorType=STRING, timestamp=LONG, streamName=STRING)
    made = app(
        SCHEMA,
        {
            "type": "source",
            "extension": "file",
            "format": "json",
            "file.path": str(tmp_path / "in.jsonl"),
            "file.mode": "once",
            "error.strategy": "dlq",
            "error.dlq.stream": "Dead",
        },
        streams={"Dead": dead},
    )
    made.run_to_end()
    [row] = made.streams["Dead"][1].rows
    assert row[0] == "bad"
    assert row[1].startswith("not JSON")
    assert (row[2], row[4]) == ("MappingError", "S")


def test_a_row_that_the_stream_refuses_goes_alone(source, tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(1, 2, 3, 4, 5))
    app = source()
    app.rows.refuses = lambda row: row[0] in {2, 4}
    app.run_to_end()
    assert numbers(app) == [1, 3, 5]
    assert app.source.feed._failures.counts.total == 2


def test_a_failing_event_can_stop_the_app(source, tmp_path):
    (tmp_path / "in.jsonl").write_text("bad\n")
    app = source(error__strategy="fail")
    app.run_to_end()
    assert "not JSON" in str(app.failures[0])


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_compressed_files_are_read(source, tmp_path, ending):
    text = lines(*range(50_000)).encode()
    half = len(text) // 2
    compress = gzip.compress if ending == "gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"in.jsonl.{ending}"
    path.write_bytes(compress(text[:half]) + compress(text[half:]))
    app = source(file__path=str(path))
    app.run_to_end()
    assert numbers(app) == list(range(50_000))


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_compressed_file_that_ends_too_early_is_reported(source, tmp_path, ending, caplog):
    text = b"".join(b'{"n": %d}\n' % (number * 7919 % 100_003) for number in range(50_000))
    compress = gzip.compress if ending == "gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"in.jsonl.{ending}"
    packed = compress(text)
    path.write_bytes(packed[: len(packed) * 3 // 4])
    app = source(file__path=str(path))
    app.run_to_end()
    assert 10_000 < len(app.rows.rows) < 50_000
    assert app.source.feed._failures.counts.total >= 1


def test_damaged_compression_is_reported_and_what_came_before_is_kept(source, tmp_path, caplog):
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(lines(1, 2).encode()) + b"no gzip at all")
    app = source(file__path=str(path))
    app.run_to_end()
    assert numbers(app) == [1, 2]
    assert "not gzip" in caplog.text


def test_following_reads_on_as_the_file_grows(source, tmp_path):
    path = tmp_path / "in.jsonl"
    app = source(file__mode="follow")
    app.source.start()
    with path.open("w") as file:
        for number in range(20):
            file.write(f'{{"n": {number}')
            file.flush()
            time.sleep(0.002)
            file.write("}\n")
            file.flush()
    eventually(lambda: len(app.rows.rows) == 20)
    app.source.stop()
    assert numbers(app) == list(range(20))


def test_following_from_the_end_passes_over_what_is_there(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(1, 2, 3))
    app = source(file__mode="follow", file__start__position="end")
    app.source.start()
    time.sleep(0.05)
    with path.open("a") as file:
        file.write(lines(4))
    eventually(lambda: app.rows.rows)
    assert numbers(app) == [4]


def test_a_rotated_file_is_read_to_its_end_before_the_new_one(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(1, 2))
    app = source(file__mode="follow")
    app.source.start()
    eventually(lambda: len(app.rows.rows) == 2)
    with path.open("a") as old:
        path.rename(tmp_path / "in.jsonl.1")
        old.write(lines(3) + '{"n": 4}')
        old.flush()
        path.write_text(lines(5))
        eventually(lambda: len(app.rows.rows) == 5)
    assert numbers(app) == [1, 2, 3, 4, 5]


def test_a_truncated_file_begins_anew(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(1, 2, 3))
    app = source(file__mode="follow")
    app.source.start()
    eventually(lambda: len(app.rows.rows) == 3)
    with path.open("r+") as file:
        file.truncate(0)
        time.sleep(0.05)
        file.write(lines(9))
    eventually(lambda: len(app.rows.rows) == 4)
    assert numbers(app)[-1] == 9


def test_a_missing_file_is_waited_for_or_tried_again(source, tmp_path):
    assert source().run_to_end() == []
    app = source(file__require__exists="true")
    app.source.start()
    assert app.source.state.value == "retrying"
    assert app.source.connection.attempts == 1
    app.source.stop()
    with pytest.raises(Exception, match="does not exist"):
        source(file__require__exists="true", connect__retry="none").source.start()


def test_lines_can_be_skipped_at_the_top_of_each_file(source, tmp_path):
    (tmp_path / "in.jsonl").write_text("# one\n# two\n" + lines(1, 2))
    app = source(file__skip__lines="2")
    app.run_to_end()
    assert numbers(app) == [1, 2]


def test_a_line_over_the_limit_is_given_up_alone(source, tmp_path, caplog):
    (tmp_path / "in.jsonl").write_text(lines(1) + "x" * 500_000 + "\n" + lines(2) + "y" * 900_000)
    app = source(file__max__line__bytes="1KB")
    app.run_to_end()
    assert numbers(app) == [1, 2]
    assert app.source.feed._failures.counts.total == 2
    assert "in.jsonl:2: a line is longer than 1000 bytes" in caplog.text


def test_another_delimiter(source, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(b'{"n": 1}\0{"n":\n2}\0')
    app = source(file__delimiter="\\0")
    app.run_to_end()
    assert numbers(app) == [1, 2]


def test_reading_goes_on_at_the_saved_position(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(1, 2))
    first = source()
    first.run_to_end()
    state = first.source.save()
    with path.open("a") as file:
        file.write(lines(3))
    second = source()
    second.source.load(state)
    second.run_to_end()
    assert numbers(second) == [3]


def test_reading_goes_on_in_a_file_that_was_rotated_meanwhile(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(1, 2))
    first = source()
    first.run_to_end()
    state = first.source.save()
    with path.open("a") as file:
        file.write(lines(3))
    path.rename(tmp_path / "in.jsonl.1")
    path.write_text(lines(4))
    second = source(file__mode="follow")
    second.source.load(state)
    second.source.start()
    eventually(lambda: len(second.rows.rows) == 2)
    assert numbers(second) == [3, 4]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_header_is_read_again_when_reading_goes_on(app, tmp_path, ending):
    path = tmp_path / f"in.csv{ending}"
    properties = {
        "type": "source",
        "extension": "file",
        "format": "csv",
        "csv.header": "true",
        "file.path": str(path),
        "file.mode": "once",
        "file.skip.lines": "1",
    }
    content = b"# made\nother,n\nx,1\ny,2\n"
    path.write_bytes(gzip.compress(content) if ending else content)
    first = app(SCHEMA, properties)
    first.run_to_end()
    state = first.source.save()
    content += b"z,3\n"
    if ending:
        with path.open("ab") as file:
            file.write(gzip.compress(b"z,3\n"))
    else:
        with path.open("ab") as file:
            file.write(b"z,3\n")
    second = app(SCHEMA, properties)
    second.source.load(state)
    second.run_to_end()
    assert [row[0] for row in second.rows.rows] == [3]


def test_a_position_moves_only_with_the_rows(source, tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(*range(60_000)))
    app = source()
    seen = []
    original = app.rows.send_many

    def send_many(rows, timestamps=None):
        seen.append((len(app.rows.rows), app.source.save()))
        return original(rows, timestamps)

    app.rows.send_many = send_many
    app.run_to_end()
    assert len(seen) > 2
    for count, state in seen:
        again = source()
        again.source.load(state)
        again.run_to_end()
        assert numbers(again) == list(range(count, 60_000))


def test_a_damaged_position_is_refused(source):
    with pytest.raises(CorruptStateError):
        source().source.load(b"\xc1")


def test_files_of_a_directory_are_read_in_the_order_of_their_names(source, tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "b.jsonl").write_text(lines(2))
    (folder / "a.jsonl").write_text(lines(1))
    (folder / "c.txt").write_text(lines(3))
    (folder / ".hidden.jsonl").write_text(lines(4))
    (folder / "sub.jsonl").mkdir()
    app = source(file__path=None, file__directory=str(folder), file__pattern="*.jsonl")
    app.run_to_end()
    assert numbers(app) == [1, 2]
    again = source(file__path=None, file__directory=str(folder), file__pattern="*.jsonl")
    again.source.load(app.source.save())
    again.run_to_end()
    assert numbers(again) == []


def test_files_that_were_read_can_be_moved_or_deleted(source, tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "a").write_text(lines(1))
    source(file__path=None, file__directory=str(folder), file__after=f"move:{tmp_path}/done").run_to_end()
    assert not list(folder.iterdir())
    assert [path.name for path in (tmp_path / "done").iterdir()] == ["a"]
    (folder / "b").write_text(lines(2))
    source(file__path=None, file__directory=str(folder), file__after="delete").run_to_end()
    assert not list(folder.iterdir())


def test_a_pipe_can_be_read(source, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(lines(1, 2, 3)))
    writer.start()
    app = source(file__path=str(path))
    app.run_to_end()
    writer.join()
    assert numbers(app) == [1, 2, 3]


def test_events_have_the_time_of_a_field(source, tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(5, 6))
    app = source(json__timestamp="n")
    app.run_to_end()
    assert app.rows.timestamps == [5, 6]


def test_replay_keeps_the_pace_of_the_events(source, tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(0, 100, 200, 300))
    app = source(json__timestamp="n", file__replay__speed="2x")
    started = time.monotonic()
    app.run_to_end()
    assert 0.14 < time.monotonic() - started < 5
    assert numbers(app) == [0, 100, 200, 300]
    assert app.rows.calls == [1, 1, 1, 1]


def test_a_paused_source_delivers_nothing(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(1))
    app = source(file__mode="follow")
    app.source.start()
    eventually(lambda: app.rows.rows)
    app.source.pause()
    assert app.source.state.value == "paused"
    time.sleep(0.15)
    with path.open("a") as file:
        file.write(lines(2))
    time.sleep(0.1)
    assert numbers(app) == [1]
    app.source.resume()
    eventually(lambda: len(app.rows.rows) == 2)


def test_nothing_is_delivered_after_a_stop(source, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(lines(*range(10)))
    app = source(file__mode="follow")
    app.source.start()
    app.source.stop()
    app.source.stop()
    count = len(app.rows.rows)
    with path.open("a") as file:
        file.write(lines(11))
    time.sleep(0.05)
    assert len(app.rows.rows) == count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file__path": None}, "either 'path' or 'directory'"),
        ({"file__after": "burn"}, "after must be"),
        ({"file__replay__speed": "fast"}, "replay.speed"),
        ({"file__replay__speed": "0x"}, "replay.speed"),
    ],
)
def test_options_that_cannot_work_are_refused(source, options, message):
    with pytest.raises(ConfigError, match=message):
        source(**options)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 100])
def test_cutting_does_not_depend_on_how_bytes_arrive(size):
    given = b"a\nbb\n\nccc\n" + b"x" * 50 + b"\nd\nlast"
    too_long = []
    cutter = PayloadCutter(b"\n", 10, lambda beginning, number: too_long.append((beginning, number)))
    payloads = {}
    offsets = [0]
    arrivals = [given[start : start + size] for start in range(0, len(given), size)]
    for block, first, offset in [*map(cutter.cut, arrivals), cutter.finish()]:
        for index, payload in enumerate(block.split(b"\n")[:-1]):
            payloads[first + index] = payload
        offsets.append(offset)
    assert {number: payload for number, payload in payloads.items() if payload} == {
        1: b"a",
        2: b"bb",
        4: b"ccc",
        6: b"d",
        7: b"last",
    }
    assert too_long == [(b"x" * 10, 5)]
    assert offsets == sorted(offsets)
    assert offsets[-1] == len(given)
