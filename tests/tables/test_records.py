"""Rows that a table could not take are kept in the error store, and put back."""

import pytest

from eventflux import ConfigError, ErrorStoreError, EventFluxManager, InMemoryTable, MemoryErrorStore
from eventflux.extension.kinds.error_store import EventForm, FailureType, Occurrence
from eventflux.types.errors import ConnectionUnavailableError

APP = """
@app:name('app')
define stream S (k string, v int);
define stream U (k string, v int);
define stream W (k string, v int);
define stream D (k string);
@store(type='gate', on.error='STORE') @PrimaryKey('k') define table T (k string, v int);
from S insert into T;
from U update or insert into T set T.v = T.v + v on T.k == k;
from W select k, v update T set T.v = v on T.k == k;
from D delete T on T.k == k;
"""


class Gate(InMemoryTable):
    """A store that is shut or open."""

    is_shut = False

    def __init__(self):
        super().__init__()

    def _atomically(self, change):
        if Gate.is_shut:
            raise ConnectionUnavailableError("the gate is shut")
        return super()._atomically(change)


@pytest.fixture
def manager():
    Gate.is_shut = False
    with EventFluxManager(plugins=False) as made:
        made.add_table_factory("gate", Gate)
        yield made


def held(runtime):
    return sorted(event.data for event in runtime.query("from T select k, v"))


def test_what_was_to_be_written_is_kept_and_written_later(manager):
    store = MemoryErrorStore()
    manager.set_error_store(store)
    runtime = manager.create_eventflux_app_runtime(APP, playback=True)
    told = []
    runtime.on_exception(told.append)
    runtime.start()
    runtime.input_handler("S").send_batch([("a", 1), ("b", 2)], [1, 2])
    Gate.is_shut = True
    runtime.input_handler("S").send(("c", 3), 3)
    runtime.input_handler("U").send_batch([("a", 10), ("d", 4)], [4, 5])
    runtime.input_handler("W").send(("b", 7), 6)
    runtime.input_handler("D").send(("c",), 7)

    assert [
        (each.stream, each.occurrence, each.event_type, each.error_type, each.attempt) for each in store.load()
    ] == [
        ("T", Occurrence.TABLE_ADD, EventForm.TABLE_RECORD, FailureType.TRANSPORT, 1),
        ("T", Occurrence.TABLE_UPDATE_OR_ADD, EventForm.TABLE_RECORD, FailureType.TRANSPORT, 1),
        ("T", Occurrence.TABLE_UPDATE_OR_ADD, EventForm.TABLE_RECORD, FailureType.TRANSPORT, 1),
        ("T", Occurrence.TABLE_UPDATE, EventForm.TABLE_RECORD, FailureType.TRANSPORT, 1),
        ("T", Occurrence.TABLE_DELETE, EventForm.TABLE_RECORD, FailureType.TRANSPORT, 1),
    ]
    assert runtime.replay_errors() == 0
    assert {each.attempt for each in store.load()} == {2}

    Gate.is_shut = False
    assert held(runtime) == [("a", 1), ("b", 2)]
    assert runtime.replay_errors() == 5
    assert held(runtime) == [("a", 11), ("b", 7), ("d", 4)]
    assert store.count() == 0
    assert told == []


def test_a_row_that_the_store_refuses_is_kept_alone(manager):
    store = MemoryErrorStore()
    manager.set_error_store(store)
    runtime = manager.create_eventflux_app_runtime(APP, playback=True)
    runtime.start()
    runtime.input_handler("S").send_batch([("a", 1), ("a", 2), ("b", 3)], [1, 2, 3])
    assert held(runtime) == [("a", 1), ("b", 3)]
    (kept,) = store.load()
    assert kept.error_type is FailureType.PROCESSING
    assert "primary key" in kept.cause


def test_an_entry_finds_its_change_in_a_new_process(manager):
    store = MemoryErrorStore()
    manager.set_error_store(store)
    runtime = manager.create_eventflux_app_runtime(APP, playback=True)
    runtime.start()
    Gate.is_shut = True
    runtime.input_handler("U").send(("a", 10), 1)
    manager.shutdown()
    Gate.is_shut = False
    with EventFluxManager(plugins=False) as second:
        second.add_table_factory("gate", Gate)
        second.set_error_store(store)
        again = second.create_eventflux_app_runtime(APP, playback=True)
        again.start()
        assert again.replay_errors() == 1
        assert held(again) == [("a", 10)]


def test_an_entry_of_a_change_that_is_gone_stays(manager):
    store = MemoryErrorStore()
    manager.set_error_store(store)
    runtime = manager.create_eventflux_app_runtime(APP, playback=True)
    runtime.start()
    Gate.is_shut = True
    runtime.input_handler("U").send(("a", 10), 1)
    manager.shutdown()
    other = APP.replace("T.v + v", "v")
    runtime = manager.create_eventflux_app_runtime(other, playback=True)
    runtime.start()
    with pytest.raises(ErrorStoreError, match="nothing does 'upsert on"):
        runtime.replay_errors()
    assert store.count() == 1


def test_storing_rows_of_a_table_needs_a_store(manager):
    with pytest.raises(ConfigError, match="no error store"):
        manager.create_eventflux_app_runtime(APP)
