import threading
from typing import ClassVar

import pytest

from eventflux import (
    ConfigError,
    ErrorStoreError,
    EventFluxManager,
    FileErrorStore,
    MemoryErrorStore,
    RowError,
    RuntimeStoppedError,
    SqliteErrorStore,
    ValidationError,
)
from eventflux.extension import ErrorEntry, Extension, ExtensionKind, Sink
from eventflux.extension.kinds.error_store import EventForm, FailureType, Occurrence
from eventflux.state.error_stores.buffered import BufferedErrorStore
from eventflux.types.errors import ConnectionUnavailableError


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


@pytest.fixture(params=["memory", "sqlite", "file"])
def store(request, tmp_path):
    match request.param:
        case "memory":
            yield MemoryErrorStore()
        case "sqlite":
            with SqliteErrorStore(tmp_path / "errors.db") as made:
                yield made
        case _:
            yield FileErrorStore(tmp_path / "errors")


class Flaky:
    """A function that refuses negative numbers while it is told to."""

    def __init__(self):
        self.refuses = True

    def __call__(self, x):
        if self.refuses and x < 0:
            raise ValueError(f"{x} is negative")
        return x * 10


def entry(**changes):
    facts = {
        "timestamp": 5,
        "app": "a",
        "stream": "S",
        "event": b"\x90",
        "cause": "broken",
        "occurrence": Occurrence.STREAM,
        "event_type": EventForm.EVENT,
        "error_type": FailureType.PROCESSING,
    }
    return ErrorEntry(**{**facts, **changes})


# ---- stores


def test_a_store_gives_back_what_it_was_given(store):
    given = entry(original_payload=b"\x00\xff", stack_trace="trace", attempt=3, where="q/select/0")

    number = store.save(given)

    found = store.load_one(number)
    assert found is not None
    assert found.id == number
    assert (found.original_payload, found.stack_trace, found.attempt, found.where) == (
        b"\x00\xff",
        "trace",
        3,
        "q/select/0",
    )
    assert store.load() == [found]


def test_a_store_finds_entries_by_every_condition(store):
    first = store.save(entry(timestamp=1))
    second = store.save(entry(timestamp=2, stream="T"))
    third = store.save(entry(timestamp=3, app="b", occurrence=Occurrence.SINK))

    def found(**conditions):
        return [each.id for each in store.load(**conditions)]

    assert found() == [first, second, third]
    assert found(app="a") == [first, second]
    assert found(stream="T") == [second]
    assert found(occurrence=Occurrence.SINK) == [third]
    assert found(since=2) == [second, third]
    assert found(until=2) == [first]
    assert found(limit=1) == [first]
    assert store.count() == 3
    assert store.count("b") == 1


def test_a_store_forgets_what_it_is_told_to(store):
    first, second, third = (store.save(entry(timestamp=moment)) for moment in (1, 2, 3))

    assert store.discard([second, second, 999]) == 1
    assert store.purge("a", 3) == 1
    assert store.purge("b", 100) == 0

    assert [each.id for each in store.load()] == [third]
    assert store.load_one(first) is None


def test_entries_outlive_the_process_that_saved_them(tmp_path):
    for make in (lambda: SqliteErrorStore(tmp_path / "errors.db"), lambda: FileErrorStore(tmp_path / "errors")):
        first = make().save(entry(cause="first"))
        again = make()
        assert again.save(entry(cause="second")) > first
        assert [each.cause for each in again.load()] == ["first", "second"]


def test_a_bounded_memory_store_lets_the_oldest_go():
    bounded = MemoryErrorStore(max_entries=2)
    for cause in ("a", "b", "c"):
        bounded.save(entry(cause=cause))
    assert [each.cause for each in bounded.load()] == ["b", "c"]


@pytest.mark.parametrize("make", [SqliteErrorStore, FileErrorStore], ids=["sqlite", "file"])
def test_a_bounded_store_lets_the_oldest_go(make, tmp_path):
    bounded = make(tmp_path / "errors", max_entries=2)
    for cause in ("a", "b", "c", "d"):
        bounded.save(entry(cause=cause))
    assert [each.cause for each in bounded.load()] == ["c", "d"]


class Slow(MemoryErrorStore):
    """A store that waits before it writes."""

    def __init__(self):
        super().__init__()
        self.may_write = threading.Event()

    def save(self, given):
        self.may_write.wait(10)
        return super().save(given)


def test_a_buffer_lets_senders_go_on_and_questions_wait():
    slow = Slow()
    buffered = BufferedErrorStore(slow, buffer_size=10)
    for cause in ("a", "b", "c"):
        assert buffered.save(entry(cause=cause)) == 0
    assert MemoryErrorStore.count(slow) == 0
    slow.may_write.set()
    assert [each.cause for each in buffered.load()] == ["a", "b", "c"]
    assert buffered.count("a") == 3
    buffered.close()
    buffered.close()
    with pytest.raises(ErrorStoreError, match="closed"):
        buffered.save(entry())


def test_a_full_buffer_may_lose_entries(caplog):
    slow = Slow()
    buffered = BufferedErrorStore(slow, buffer_size=1, drop_when_full=True)
    for number in range(10):
        buffered.save(entry(cause=str(number)))
    assert buffered.dropped >= 8
    assert "it is lost" in caplog.text
    slow.may_write.set()
    buffered.close()
    assert slow.count() == 10 - buffered.dropped


def test_closing_a_buffer_writes_what_waits(tmp_path):
    buffered = BufferedErrorStore(SqliteErrorStore(tmp_path / "errors.db"), buffer_size=100)
    for number in range(50):
        buffered.save(entry(cause=str(number)))
    buffered.close()
    with SqliteErrorStore(tmp_path / "errors.db") as again:
        assert again.count() == 50


@pytest.mark.parametrize("kind", ["sqlite", "file", "memory"])
@pytest.mark.parametrize("size", [0, 16])
def test_the_configuration_names_an_error_store(tmp_path, kind, size):
    config = {"error_store": {"type": kind, "path": str(tmp_path / "errors"), "buffer_size": size}}
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(
            "@OnError(action='STORE') define stream S (a object); from S select sizeOfSet(a) as n insert into O;"
        )
        runtime.start()
        runtime.input_handler("S").send(("no set",))
        assert manager.error_store is not None
        assert [each.stream for each in manager.error_store.load()] == ["S"]
        assert runtime.replay_errors() == 0
        assert [each.attempt for each in manager.error_store.load()] == [2]
    assert manager.error_store is None


def test_an_error_store_that_is_not_there_is_refused():
    with (
        EventFluxManager({"error_store": {"type": "tape"}}, plugins=False) as manager,
        pytest.raises(ConfigError, match="no error store 'tape'"),
    ):
        manager.create_eventflux_app_runtime("define stream S (x int); from S select x insert into O;")


def test_a_store_that_cannot_be_used_says_so(tmp_path):
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(ErrorStoreError, match="cannot be used"):
        SqliteErrorStore(tmp_path / "file" / "errors.db")
    with pytest.raises(ErrorStoreError, match="failed"):
        FileErrorStore(tmp_path / "file" / "errors")


# ---- streams

APPS = {
    "eventfluxql": """
        @OnError(action='STORE') define stream S (x int);
        from S select flaky(x) as y insert into O;
    """,
    "sql": """
        CREATE STREAM S (x INT) WITH ('error.strategy' = 'store');
        INSERT INTO O SELECT flaky(x) AS y FROM S;
    """,
}


@pytest.mark.parametrize("text", APPS.values(), ids=APPS)
def test_failed_rows_are_stored_and_replayed_into_their_stream(manager, store, text):
    flaky = Flaky()
    manager.add_scalar_function("flaky", flaky, returns="int", params=["int"])
    manager.set_error_store(store)
    runtime = manager.create_eventflux_app_runtime(text, name="app", playback=True)
    seen = []
    runtime.add_callback("O", lambda events: seen.extend((event.timestamp, *event.data) for event in events))
    runtime.start()

    runtime.input_handler("S").send_batch([(1,), (-2,), (3,)], [10, 11, 12])
    runtime.input_handler("S").send((-4,), 13)

    assert seen == [(10, 10), (12, 30)]
    stored = store.load(app="app")
    assert [(each.stream, each.occurrence, each.cause, each.attempt) for each in stored] == [
        ("S", Occurrence.STREAM, "ValueError: -2 is negative", 1),
        ("S", Occurrence.STREAM, "ValueError: -4 is negative", 1),
    ]

    assert runtime.replay_errors([stored[0].id]) == 0
    assert [(each.cause, each.attempt) for each in store.load()] == [
        ("ValueError: -4 is negative", 1),
        ("ValueError: -2 is negative", 2),
    ]

    flaky.refuses = False
    assert runtime.replay_errors() == 2
    assert store.count() == 0
    assert seen[2:] == [(13, -40), (11, -20)]


def test_replaying_without_a_store_or_an_unknown_entry_is_an_error(manager):
    runtime = manager.create_eventflux_app_runtime("define stream S (x int); from S select x insert into O;")
    runtime.start()
    with pytest.raises(ErrorStoreError, match="no error store"):
        runtime.replay_errors()
    manager.set_error_store(MemoryErrorStore())
    other = manager.create_eventflux_app_runtime(
        "define stream S (x int); from S select x insert into O;", name="other"
    )
    other.start()
    with pytest.raises(ErrorStoreError, match="no entry 7"):
        other.replay_errors([7])


def test_storing_needs_a_store(manager):
    with pytest.raises(ConfigError, match="no error store"):
        manager.create_eventflux_app_runtime(
            "@OnError(action='STORE') define stream S (x int); from S select x insert into O;"
        )


def test_a_failing_app_stops(manager):
    manager.add_scalar_function("flaky", Flaky(), returns="int", params=["int"])
    runtime = manager.create_eventflux_app_runtime(
        "CREATE STREAM S (x INT) WITH ('error.strategy' = 'fail'); INSERT INTO O SELECT flaky(x) AS y FROM S;"
    )
    told = []
    runtime.on_exception(told.append)
    runtime.start()

    runtime.input_handler("S").send((-1,))

    assert runtime.state == "failed"
    assert "-1 is negative" in told[0].message
    with pytest.raises(RuntimeStoppedError):
        runtime.input_handler("S").send((1,))


def test_failed_rows_go_to_a_dead_letter_stream(manager):
    manager.add_scalar_function("flaky", Flaky(), returns="int", params=["int"])
    runtime = manager.create_eventflux_app_runtime(
        """
        CREATE STREAM Dead (streamName STRING, originalEvent STRING, errorMessage STRING, attemptCount INT);
        CREATE STREAM S (x INT) WITH ('error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
        INSERT INTO O SELECT flaky(x) AS y FROM S;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("Dead", lambda events: seen.extend(event.data for event in events))
    runtime.start()

    runtime.input_handler("S").send((-1,), 5)

    assert seen == [("S", '{"x": -1}', "ValueError: -1 is negative", 1)]


def test_rows_that_are_logged_are_told_to_the_listener_with_their_event(manager):
    manager.add_scalar_function("flaky", Flaky(), returns="int", params=["int"])
    runtime = manager.create_eventflux_app_runtime(
        "define stream S (x int); from S select flaky(x) as y insert into O;", playback=True
    )
    told = []
    runtime.on_exception(told.append)
    runtime.start()

    runtime.input_handler("S").send_batch([(1,), (-2,), (-3,)], [1, 2, 3])

    assert [[event.data for event in failure.events] for failure in told] == [[(-2,)], [(-3,)]]


# ---- fault streams


def test_an_error_is_an_error_for_a_callback(manager):
    runtime = manager.create_eventflux_app_runtime(
        """
        @OnError(action='STREAM') define stream S (a object);
        from S select sizeOfSet(a) as n insert into O;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("!S", lambda events: seen.extend(event.data for event in events))
    runtime.start()

    runtime.input_handler("S").send(("no set",), 1)

    ((value, error),) = seen
    assert value == "no set"
    assert isinstance(error, RowError)
    assert str(error) == "sizeOfSet: the object is not a set"
    assert runtime.streams["!S"].names == ("a", "_error")


def test_failures_beside_each_other_reach_the_fault_stream_once_each(manager):
    manager.add_scalar_function("flaky", Flaky(), returns="int", params=["int"])
    runtime = manager.create_eventflux_app_runtime(
        """
        @OnError(action='STREAM') define stream S (x int);
        from S select flaky(x) as y insert into O;
        from !S select count() as n insert into E;
        """
    )
    seen = []
    runtime.add_callback("E", lambda events: seen.extend(event.data[0] for event in events))
    runtime.start()
    threads = [
        threading.Thread(target=runtime.input_handler("S").send_many, args=([(-1,), (1,)] * 50,)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == list(range(1, 201))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("define stream S (x int); from !S select x insert into O;", "no fault stream '!S'"),
        ("@OnError(action='LOG') define stream S (x int); from !S select x insert into O;", "no fault stream"),
        ("@OnError(action='SHRUG') define stream S (x int); from S select x insert into O;", "LOG, STREAM or STORE"),
        ("@OnError(action='STREAM') define stream S (_error int); from S select _error insert into O;", "'_error'"),
        ("@OnError(action='STREAM') define stream S (x int); from S select x insert into !S;", "cannot insert|insert"),
    ],
    ids=["undefined", "logged", "unknown action", "attribute of that name", "insert"],
)
def test_a_fault_stream_that_cannot_be_is_refused(manager, text, message):
    with pytest.raises(ValidationError, match=message):
        manager.create_eventflux_app_runtime(text)


# ---- sinks


class Door(Sink):
    """A sink that is shut or open."""

    is_open = False
    received: ClassVar[list[object]] = []

    def configure(self, ctx):
        pass

    def connect(self):
        if not Door.is_open:
            raise ConnectionUnavailableError("the door is shut")

    def publish(self, payloads, dynamic):
        if not Door.is_open:
            raise ConnectionUnavailableError("the door is shut")
        Door.received.extend(payload.data for payload in payloads)

    def disconnect(self):
        pass


@pytest.fixture
def door(manager):
    declaration = Extension(name="door", kind=ExtensionKind.SINK, factory=Door, default_format="passThrough")
    manager.context.registry.register(declaration)
    Door.is_open = False
    Door.received = []
    return Door


def test_what_a_sink_could_not_send_is_stored_and_replayed_to_it_alone(manager, door, store):
    manager.set_error_store(store)
    runtime = manager.create_eventflux_app_runtime(
        """
        @sink(type='door', on.error='STORE') define stream Out (x int);
        from Out select x insert into Beside;
        """,
        name="app",
        playback=True,
    )
    beside = []
    runtime.add_callback("Beside", lambda events: beside.extend(event.data for event in events))
    runtime.start()
    for number in range(100):
        runtime.input_handler("Out").send((number,), number)
    assert store.count("app") == 100
    assert {each.occurrence for each in store.load()} == {Occurrence.SINK}

    door.is_open = True
    runtime.sinks[0].connection.try_once()
    assert runtime.replay_errors() == 100

    assert door.received == [(number,) for number in range(100)]
    assert len(beside) == 100
    assert store.count() == 0


def test_what_a_sink_could_not_send_goes_to_the_fault_stream(manager, door):
    runtime = manager.create_eventflux_app_runtime(
        """
        @OnError(action='STREAM') @sink(type='door', on.error='STREAM') define stream Out (x int);
        from !Out select x, convert(_error, 'string') as why insert into E;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("E", lambda events: seen.extend((event.timestamp, *event.data) for event in events))
    runtime.start()

    runtime.input_handler("Out").send((7,), 5)

    assert [(timestamp, x) for timestamp, x, _ in seen] == [(5, 7)]
    assert "ConnectionUnavailableError" in seen[0][2]


def test_a_sink_of_a_stream_without_fault_stream_logs_instead(manager, door, caplog):
    runtime = manager.create_eventflux_app_runtime(
        "@sink(type='door', on.error='STREAM') define stream Out (x int);", playback=True
    )
    runtime.start()

    runtime.input_handler("Out").send((7,), 5)

    assert "has no fault stream" in caplog.text


def test_a_waiting_sink_stops_its_stream_until_it_is_connected(manager, door, monkeypatch, caplog):
    monkeypatch.setattr("eventflux.io.sink_runtime.WAIT_SECONDS", 0.01)
    runtime = manager.create_eventflux_app_runtime(
        "@sink(type='door', on.error='WAIT') define stream Out (x int);", playback=True
    )
    runtime.start()
    sender = threading.Thread(target=runtime.input_handler("Out").send, args=((7,), 5))
    sender.start()
    sender.join(0.1)
    assert sender.is_alive()

    door.is_open = True
    sender.join(10)

    assert door.received == [(7,)]
    assert caplog.text.count("its stream waits: ") == 1  # the first of a minute


def test_a_payload_that_could_not_be_mapped_is_replayed_into_the_mapper(manager, store, tmp_path):
    manager.set_error_store(store)
    (tmp_path / "in.json").write_text('{"x": 1}\nnonsense\n')
    runtime = manager.create_eventflux_app_runtime(
        f"""
        CREATE STREAM S (x INT) WITH ('type' = 'source', 'extension' = 'file', 'format' = 'json',
            'file.path' = '{tmp_path / "in.json"}', 'file.mode' = 'once', 'error.strategy' = 'store');
        INSERT INTO O SELECT x FROM S;
        """,
        name="app",
    )
    runtime.start()
    assert runtime.wait_finished(10)

    (stored,) = store.load()
    assert stored.occurrence is Occurrence.BEFORE_SOURCE_MAPPING
    assert stored.original_payload == b"nonsense"
    assert runtime.replay_errors() == 0
    assert [each.attempt for each in store.load()] == [2]
