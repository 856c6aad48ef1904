import gzip
import time

import pytest
import zstandard

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, CorruptStateError
from eventflux.types.schema import Schema

INT, STRING = AttributeType.INT, AttributeType.STRING
SCHEMA = Schema.of(n=INT)


@pytest.fixture
def sink(app, tmp_path):
    """Makes an app with a file sink on `tmp_path / "out"`."""

    def make(schema=SCHEMA, format_="json", **options):
        properties = {"type": "sink", "extension": "file", "format": format_, "file.path": str(tmp_path / "out")}
        properties |= {key.replace("__", "."): value for key, value in options.items()}
        return app(schema, properties)

    return make


def test_payloads_are_appended_line_by_line(sink, tmp_path):
    for numbers in ((1, 2), (3,)):
        app = sink()
        app.sink.start()
        app.publish(*[(number,) for number in numbers])
        app.sink.stop()
    assert (tmp_path / "out").read_text() == '{"n":1}\n{"n":2}\n{"n":3}\n'
    assert app.sink.events == 1


def test_a_file_can_be_begun_anew(sink, tmp_path):
    (tmp_path / "out").write_text("old\n")
    app = sink(file__append="false")
    app.sink.start()
    app.publish((1,))
    app.sink.stop()
    assert (tmp_path / "out").read_text() == '{"n":1}\n'


def test_a_header_stands_once_at_the_top_of_each_file(sink, tmp_path):
    for _ in range(2):
        app = sink(format_="csv", **{"csv.include-header": "true"})
        app.sink.start()
        app.publish((1,))
        app.sink.stop()
    assert (tmp_path / "out").read_text() == "n\n1\n1\n"


def test_events_may_name_their_file(sink, tmp_path):
    app = sink(Schema.of(name=STRING, n=INT), file__path=str(tmp_path / "{{name}}.jsonl"))
    app.sink.start()
    app.publish(("a", 1), ("b", 2), ("a", 3))
    app.sink.stop()
    assert (tmp_path / "a.jsonl").read_text() == '{"name":"a","n":1}\n{"name":"a","n":3}\n'
    assert (tmp_path / "b.jsonl").read_text() == '{"name":"b","n":2}\n'


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_files_are_rotated_by_size_and_no_event_spans_two(sink, tmp_path, compression):
    app = sink(file__rotate__size__bytes="100", file__rotate__compression=compression)
    app.sink.start()
    app.publish(*[(number,) for number in range(50)])
    app.publish(*[(number,) for number in range(50, 60)])
    app.sink.stop()
    rolled = sorted(tmp_path.glob("out.*"))
    assert len(rolled) >= 5
    texts = []
    for path in rolled:
        data = path.read_bytes()
        if compression == "gzip":
            assert path.suffix == ".gz"
            data = gzip.decompress(data)
        elif compression == "zstd":
            assert path.suffix == ".zst"
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        assert len(data) <= 100
        texts.append(data.decode())
    texts.append((tmp_path / "out").read_text())
    written = sorted("".join(texts).splitlines(), key=lambda line: int(line[5:-1]))
    assert written == [f'{{"n":{number}}}' for number in range(60)]


def test_an_event_larger_than_the_limit_has_a_file_of_its_own(sink, tmp_path):
    app = sink(Schema.of(s=STRING), file__rotate__size__bytes="20")
    app.sink.start()
    app.publish(("x" * 100,), ("y",), ("z" * 100,))
    app.sink.stop()
    sizes = sorted(len(path.read_text().splitlines()) for path in tmp_path.glob("out*"))
    assert sizes == [1, 1, 1]


def test_files_are_rotated_by_time(sink, tmp_path, environment, monkeypatch):
    app = sink(file__rotate__interval__ms="1000")
    now = environment.wall_clock()
    monkeypatch.setattr(type(environment), "wall_clock", lambda _self: now)
    app.sink.start()
    app.publish((1,))
    now += 999
    app.publish((2,))
    now += 1
    app.publish((3,))
    app.sink.stop()
    [rolled] = tmp_path.glob("out.*")
    assert rolled.read_text() == '{"n":1}\n{"n":2}\n'
    assert rolled.name.endswith("Z")
    assert (tmp_path / "out").read_text() == '{"n":3}\n'


def test_lines_may_wait_to_be_written(sink, tmp_path):
    app = sink(file__flush__interval__ms="50", file__fsync="true")
    app.sink.start()
    app.publish((1,))
    assert (tmp_path / "out").read_text() == ""
    end = time.monotonic() + 10
    while not (tmp_path / "out").read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    app.publish((2,))
    app.sink.flush()
    assert (tmp_path / "out").read_text() == '{"n":1}\n{"n":2}\n'


def test_going_back_to_a_position_cuts_what_lies_behind_it(sink, tmp_path):
    first = sink()
    first.sink.start()
    first.publish((1,))
    state = first.sink.save()
    first.publish((2,))
    first.sink.stop()
    second = sink()
    second.sink.load(state)
    second.sink.start()
    second.publish((3,))
    second.sink.stop()
    assert (tmp_path / "out").read_text() == '{"n":1}\n{"n":3}\n'


def test_going_back_to_a_position_undoes_rotations(sink, tmp_path):
    options = {"file__rotate__size__bytes": "20"}
    first = sink(**options)
    first.sink.start()
    first.publish((1,))
    state = first.sink.save()
    first.publish(*[(number,) for number in range(2, 9)])
    first.sink.stop()
    second = sink(**options)
    second.sink.load(state)
    second.sink.start()
    second.publish((9,))
    second.sink.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == '{"n":1}\n{"n":9}\n'


def test_a_position_in_a_file_that_is_gone_changes_nothing(sink, tmp_path, caplog):
    first = sink()
    first.sink.start()
    first.publish((1,))
    state = first.sink.save()
    first.sink.stop()
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "out").write_text("other\n")
    second = sink()
    second.sink.load(state)
    second.sink.start()
    second.publish((2,))
    second.sink.stop()
    assert (tmp_path / "out").read_text() == 'other\n{"n":2}\n'
    assert "not the one of the checkpoint" in caplog.text


def test_a_damaged_position_is_refused(sink):
    with pytest.raises(CorruptStateError):
        sink().sink.load(b"\x01")


def test_the_directory_must_exist(sink, tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        sink(file__path=str(tmp_path / "none" / "out")).sink.start()


def test_compression_without_rotation_is_refused(sink):
    with pytest.raises(ConfigError, match=r"needs rotate\.size\.bytes"):
        sink(file__rotate__compression="gzip")


def test_an_event_that_cannot_be_written_fails_alone(sink, tmp_path, environment, monkeypatch):
    app = sink(format_="bytes")
    app.sink.start()
    app.publish((b"a",), (5,), ("c",))
    app.sink.stop()
    assert (tmp_path / "out").read_text() == "a\nc\n"
    assert app.sink.failures.counts.by_action == {"drop": 1}


def test_a_full_disk_drops_events_and_goes_on(sink, tmp_path):
    app = sink()
    app.sink.start()
    app.publish((1,))
    writer = app.sink.sink._writers[str(tmp_path / "out")]
    write = writer._file.write

    def full(_data):
        raise OSError(28, "No space left on device")

    writer._file.write = full
    app.publish((2,))
    writer._buffer.clear()
    writer._file.write = write
    app.publish((3,))
    app.sink.stop()
    assert (tmp_path / "out").read_text() == '{"n":1}\n{"n":3}\n'
    assert app.sink.failures.counts.total == 1
