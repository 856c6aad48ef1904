from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflux import AttributeType, EventFluxManager, InMemoryTable, Schema
from eventflux.extension import Extension, ExtensionKind
from eventflux.state.tables.eviction import eviction

INT = AttributeType.INT

APP = """
define stream S (k int, v int);
define stream R (k int);
@store(type='cache', max_size='{size}', policy='{policy}'{options}) {key} define table T (k int, v int);
from S insert into T;
from R join T on T.k == R.k select T.v as v insert into O;
"""


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


def made(manager, *, size, policy="FIFO", options="", key="@PrimaryKey('k')", name="app"):
    text = APP.format(size=size, policy=policy, options=options, key=key)
    runtime = manager.create_eventflux_app_runtime(text, name=name, playback=True)
    runtime.start()
    return runtime


def held(runtime):
    return [event.data[0] for event in runtime.query("from T select k order by k")]


def test_the_oldest_row_goes_first(manager):
    runtime = made(manager, size=2)
    runtime.input_handler("S").send_batch([(1, 1), (2, 2), (3, 3)], [1, 2, 3])
    assert held(runtime) == [2, 3]


def test_the_row_that_was_not_used_for_the_longest_time_goes(manager):
    runtime = made(manager, size=2, policy="LRU")
    runtime.input_handler("S").send_batch([(1, 1), (2, 2)], [1, 2])
    runtime.input_handler("R").send((1,), 3)
    runtime.input_handler("S").send((3, 3), 4)
    assert held(runtime) == [1, 3]


def test_the_row_that_was_used_least_goes(manager):
    runtime = made(manager, size=2, policy="LFU")
    runtime.input_handler("S").send_batch([(1, 1), (2, 2)], [1, 2])
    runtime.input_handler("R").send_batch([(1,), (1,), (2,)], [3, 4, 5])
    runtime.input_handler("S").send((3, 3), 6)
    assert held(runtime) == [1, 3]
    runtime.input_handler("R").send((1,), 7)
    runtime.input_handler("S").send((4, 4), 8)
    assert held(runtime) == [1, 4]


def test_rows_are_gone_after_the_retention_period_of_the_apps_time(manager):
    runtime = made(manager, size=10, options=", retention.period='10 sec'")
    runtime.input_handler("S").send((1, 1), 1_000)
    runtime.input_handler("S").send((2, 2), 6_000)
    runtime.advance_time(10_999)
    assert held(runtime) == [1, 2]
    runtime.advance_time(11_000)
    assert held(runtime) == [2]
    runtime.input_handler("S").send((1, 9), 12_000)
    runtime.advance_time(16_000)
    assert held(runtime) == [1]


def test_a_row_of_a_key_that_is_there_is_dropped(manager):
    runtime = made(manager, size=10)
    told = []
    runtime.on_exception(lambda failure: told.append(failure.message))
    runtime.input_handler("S").send_batch([(1, 1), (1, 2)], [1, 2])
    assert [event.data for event in runtime.query("from T select k, v")] == [(1, 1)]
    assert len(told) == 1
    assert "primary key" in told[0]


@pytest.mark.parametrize("policy", ["FIFO", "LRU", "LFU"])
@pytest.mark.parametrize("key", ["", "@PrimaryKey('k')"], ids=["no key", "key"])
def test_rows_are_in_snapshots(manager, policy, key):
    options = ", retention.period='10 sec'"
    first = made(manager, size=3, policy=policy, key=key, options=options)
    first.input_handler("S").send_batch([(1, 1), (2, 2), (3, 3)], [1_000, 2_000, 3_000])
    snapshot = first.snapshot()
    manager.shutdown()
    second = made(manager, size=3, policy=policy, key=key, options=options)
    second.restore(snapshot)
    assert held(second) == [1, 2, 3]
    second.input_handler("S").send((4, 4), 4_000)
    assert held(second) == [2, 3, 4]
    second.advance_time(14_000)
    assert held(second) == []


# ---- in front of a store


class Counted(InMemoryTable):
    """A store that counts what it is asked."""

    asked: ClassVar[Counter[str]] = Counter()

    def __init__(self):
        super().__init__()

    def find(self, condition, parameters):
        Counted.asked["find"] += len(parameters)
        return super().find(condition, parameters)

    def rows(self):
        Counted.asked["rows"] += 1
        return super().rows()


@pytest.fixture
def counted(manager):
    manager.context.registry.register(Extension(name="counted", kind=ExtensionKind.STORE, factory=Counted))
    Counted.asked = Counter()
    return Counted


def cached(manager, *, size, options="", key="@PrimaryKey('k')"):
    runtime = manager.create_eventflux_app_runtime(
        f"""
        define stream S (k int, v int);
        define stream R (k int);
        @store(type='counted') @cache(size='{size}'{options}) {key} define table T (k int, v int);
        from S insert into T;
        from R join T on T.k == R.k select T.v as v insert into O;
        """,
        playback=True,
    )
    seen = []
    runtime.add_callback("O", lambda events: seen.extend(event.data[0] for event in events))
    runtime.start()
    return runtime, seen


def test_while_there_is_room_the_store_is_not_asked(manager, counted):
    runtime, seen = cached(manager, size=5)
    runtime.input_handler("S").send_batch([(1, 10), (2, 20)], [1, 2])
    counted.asked.clear()
    runtime.input_handler("R").send_batch([(1,), (2,), (3,)], [3, 4, 5])
    assert seen == [10, 20]
    assert not counted.asked


def test_a_key_that_is_not_there_is_loaded_once(manager, counted):
    runtime, seen = cached(manager, size=2, options=", cache.policy='LRU'")
    runtime.input_handler("S").send_batch([(key, key * 10) for key in range(1, 5)], [1, 2, 3, 4])
    counted.asked.clear()
    runtime.input_handler("R").send((1,), 5)
    runtime.input_handler("R").send((1,), 6)
    assert seen == [10, 10]
    assert counted.asked == {"find": 1}


def test_rows_are_loaded_again_after_the_retention_period(manager, counted):
    runtime, seen = cached(manager, size=5, options=", retention.period='10 sec', purge.interval='1 sec'")
    runtime.input_handler("S").send((1, 10), 1_000)
    counted.asked.clear()
    runtime.input_handler("R").send((1,), 2_000)
    assert not counted.asked
    runtime.input_handler("R").send((1,), 20_000)
    assert seen == [10, 10]
    assert counted.asked["rows"] == 1


# ---- the orders, against slow models


@given(
    st.sampled_from(["FIFO", "LRU", "LFU"]),
    st.lists(st.tuples(st.sampled_from(["add", "use", "remove"]), st.integers(0, 6)), max_size=80),
)
def test_eviction_follows_its_policy(policy, steps):
    order = eviction(policy)
    came: list[int] = []
    used: dict[int, int] = {}
    last: list[int] = []
    for what, place in steps:
        if what == "add" and place not in came:
            order.add(place)
            came.append(place)
            used[place] = 0
            last.append(place)
        elif what == "use" and place in came:
            order.use(place)
            used[place] += 1
            last.remove(place)
            last.append(place)
        elif what == "remove" and place in came:
            order.remove(place)
            came.remove(place)
            last.remove(place)
            del used[place]
        if not came:
            continue
        wanted = {"FIFO": came[0], "LRU": last[0], "LFU": min(came, key=lambda each: (used[each], came.index(each)))}
        assert order.victim() == wanted[policy]


def test_the_definition_of_a_table_may_be_its_attributes():
    table = InMemoryTable(Schema.of(a=INT, b=INT), primary_key=["a"])
    table.insert([(1, 2), (3, 4)])
    with pytest.raises(Exception, match="primary key"):
        table.insert([(5, 6), (1, 7)])
    assert list(table.rows()) == [(1, 2), (3, 4)]
    assert len(table) == 2
